//! AMQP's tables of headers and arguments, as JSON and back.

use amiquip::{AmqpValue, FieldTable};
use serde_json::{Map, Number, Value};

use super::Argument;

/// The arguments of a queue.
pub(super) fn arguments(of: &[(String, Argument)]) -> FieldTable {
    let value = |argument: &Argument| match argument {
        Argument::Text(text) => AmqpValue::LongString(text.clone()),
        Argument::Number(number) => integer(*number),
    };
    of.iter().map(|(name, argument)| (name.clone(), value(argument))).collect()
}

/// Headers as AMQP has them.
pub(super) fn to_table(headers: &Map<String, Value>) -> FieldTable {
    headers.iter().map(|(name, value)| (name.clone(), to_amqp(value))).collect()
}

/// Headers as JSON.
pub(super) fn from_table(table: &FieldTable) -> Map<String, Value> {
    table.iter().map(|(name, value)| (name.clone(), to_json(value))).collect()
}

fn to_amqp(value: &Value) -> AmqpValue {
    match value {
        Value::Null => AmqpValue::Void,
        Value::Bool(flag) => AmqpValue::Boolean(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(number) => integer(number),
            None => AmqpValue::Double(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => AmqpValue::LongString(text.clone()),
        Value::Array(values) => AmqpValue::FieldArray(values.iter().map(to_amqp).collect()),
        Value::Object(fields) => AmqpValue::FieldTable(to_table(fields)),
    }
}

/// What JSON has no form for (a decimal, bytes that are no text) is told by its form in AMQP.
fn to_json(value: &AmqpValue) -> Value {
    match value {
        AmqpValue::Boolean(flag) => Value::Bool(*flag),
        AmqpValue::ShortShortInt(number) => Value::from(*number),
        AmqpValue::ShortShortUInt(number) => Value::from(*number),
        AmqpValue::ShortInt(number) => Value::from(*number),
        AmqpValue::ShortUInt(number) => Value::from(*number),
        AmqpValue::LongInt(number) => Value::from(*number),
        AmqpValue::LongUInt(number) => Value::from(*number),
        AmqpValue::LongLongInt(number) => Value::from(*number),
        AmqpValue::Timestamp(seconds) => Value::from(*seconds),
        AmqpValue::Float(number) => Number::from_f64(f64::from(*number)).map_or(Value::Null, Value::Number),
        AmqpValue::Double(number) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
        AmqpValue::LongString(text) => Value::String(text.clone()),
        AmqpValue::FieldArray(values) => Value::Array(values.iter().map(to_json).collect()),
        AmqpValue::FieldTable(fields) => Value::Object(from_table(fields)),
        AmqpValue::Void => Value::Null,
        other => Value::String(format!("{other:?}")),
    }
}

fn integer(number: i64) -> AmqpValue {
    i32::try_from(number).map_or(AmqpValue::LongLongInt(number), AmqpValue::LongInt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_survive_both_ways() {
        let text = r#"{"a":"text","b":-5,"c":5000000000,"d":true,"e":null,"f":1.5,"g":[{"h":"i"}]}"#;
        let headers: Map<String, Value> = serde_json::from_str(text).expect("headers");
        assert_eq!(from_table(&to_table(&headers)), headers);
    }
}
