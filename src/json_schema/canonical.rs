//! Values as texts that are equal when JSON Schema calls the values equal: 1 and 1.0, objects in any order.

use crate::record::{Digits, Value};

/// The exact value of a number; `None` for what is none, and for an exponent that nothing stores.
pub(super) fn digits(value: &Value<'_>) -> Option<Digits> {
    match value {
        Value::Integer(number) => Digits::of(&number.to_string()),
        Value::BigInteger(text) | Value::Decimal(text) => Digits::of(text),
        // a float stands for the digits that it prints
        Value::Float(number) => Digits::of(ryu::Buffer::new().format(*number)),
        _ => None,
    }
}

/// The text of a value.
pub(super) fn canonical(value: &Value<'_>) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value<'_>, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Value::Text(letters) => quote(letters, text),
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write(item, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            text.push('{');
            for (name, value) in fields {
                quote(name, text);
                text.push(':');
                write(value, text);
                text.push(',');
            }
            text.push('}');
        }
        // no JSON has bytes
        Value::Bytes(bytes) => text.push_str(&format!("{bytes:?}")),
        number => match digits(number) {
            Some(digits) => digits.write(text),
            None => text.push_str(&shown(number)),
        },
    }
}

fn quote(letters: &str, text: &mut String) {
    text.push_str(&serde_json::Value::from(letters).to_string());
}

/// A value as it is shown to people, whole.
pub(super) fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Integer(number) => number.to_string(),
        Value::BigInteger(text) | Value::Decimal(text) => text.to_string(),
        Value::Float(number) => ryu::Buffer::new().format(*number).trim_end_matches(".0").to_owned(),
        value => canonical(value),
    }
}
