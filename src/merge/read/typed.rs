//! From the text of a field to a value: by the kind of its column, and by how the source writes numbers, dates and nothing.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::db::{Form, Kind, as_hashed};
use crate::formats::Notation;
use crate::merge::read::survey::kind_of_field;
use crate::record::{Value, parse_json};

/// How fields of text become values.
#[derive(Debug, Default)]
pub(crate) struct Typing {
    pub(crate) notation: Notation,
    /// The columns of sources that have no header, by name.
    pub(crate) kinds: HashMap<String, Kind>,
}

impl Typing {
    /// The kind of a column.
    pub(crate) fn kind(&self, name: &str) -> Kind {
        self.kinds.get(name).copied().unwrap_or(Kind::Text)
    }

    /// A field as a value of its column's kind. A number is what JSON would have at its place, so the same data has the same
    /// hash from both.
    pub(crate) fn value<'a>(&self, field: Cow<'a, str>, kind: Kind) -> Result<Value<'a>, ()> {
        let field = if self.notation.is_plain() { field } else { self.notation.field(field) };
        Ok(convert(&field, kind, &self.notation)?.unwrap_or(Value::Text(field)))
    }

    /// What a field could hold; `None` for an empty one.
    pub(crate) fn guessed(&self, text: &str) -> Option<Kind> {
        if self.notation.is_plain() {
            return kind_of_field(text);
        }
        let field = self.notation.field(Cow::Borrowed(text));
        match self.notation.guessed(&field) {
            Some(field) => kind_of_field(&field),
            None => Some(Kind::Text),
        }
    }
}

/// A field as a value of its column's kind, `None` for its text.
fn convert(field: &str, kind: Kind, notation: &Notation) -> Result<Option<Value<'static>>, ()> {
    if field.is_empty() {
        return Ok(Some(Value::Null));
    }
    let number = || match parse_json(&notation.number(field).ok_or(())?) {
        Ok(value @ (Value::Integer(_) | Value::BigInteger(_) | Value::Float(_) | Value::Decimal(_))) => {
            Ok(as_hashed(value.into_owned(), kind))
        }
        _ => Err(()),
    };
    Ok(Some(match kind {
        // a date in another form than those that were named would be read as the database pleases
        Kind::Other(Form::Moment { date: true, .. }) if !notation.dates.is_empty() && !is_iso(field) => return Err(()),
        Kind::Text | Kind::Short { .. } | Kind::Other(_) | Kind::Bytes => return Ok(None),
        Kind::Boolean => match field.trim().to_ascii_lowercase().as_str() {
            "true" | "t" => Value::Bool(true),
            "false" | "f" => Value::Bool(false),
            "1" => Value::Integer(1),
            "0" => Value::Integer(0),
            _ => return Err(()),
        },
        Kind::Integer { .. } | Kind::Float | Kind::Real | Kind::Numeric | Kind::Decimal { .. } | Kind::Number => {
            number()?
        }
        Kind::Json => parse_json(field).map_err(|_| ())?.into_owned(),
        Kind::Array(_) => match parse_json(field) {
            Ok(value @ Value::Array(_)) => value.into_owned(),
            _ => return Ok(None),
        },
    }))
}

/// Whether a text begins as a date of ISO 8601 does.
fn is_iso(text: &str) -> bool {
    let bytes = text.trim().as_bytes();
    bytes.len() >= 8 && bytes[..4].iter().all(u8::is_ascii_digit) && bytes[4] == b'-'
}

/// Nested objects as columns of their own: `{"a": {"b": 1}}` as `a.b`. Lists stay. Fails with a name that stands twice.
pub(crate) fn flattened<'a>(
    fields: Vec<(Cow<'a, str>, Value<'a>)>,
    between: &str,
) -> Result<Vec<(Cow<'a, str>, Value<'a>)>, String> {
    let mut flat: Vec<(Cow<'a, str>, Value<'a>)> = Vec::with_capacity(fields.len());
    let has_nested = fields.iter().any(|(_, value)| matches!(value, Value::Object(_)));
    if !has_nested {
        return Ok(fields);
    }
    let mut seen = std::collections::HashSet::new();
    // the fields that are still to be looked at, the next one last
    let mut rest: Vec<(Cow<'a, str>, Value<'a>)> = fields.into_iter().rev().collect();
    while let Some((name, value)) = rest.pop() {
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                let named =
                    inner.into_iter().rev().map(|(own, value)| (Cow::Owned(format!("{name}{between}{own}")), value));
                rest.extend(named);
            }
            value => {
                if !seen.insert(name.clone().into_owned()) {
                    return Err(name.into_owned());
                }
                flat.push((name, value));
            }
        }
    }
    Ok(flat)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_objects_become_columns_in_their_order() {
        let Ok(Value::Object(fields)) = parse_json(r#"{"a":1,"b":{"c":2,"d":{"e":[{"x":1}]},"f":{}},"g":3}"#) else {
            panic!("an object")
        };
        let flat = flattened(fields, ".").expect("columns");
        let names: Vec<&str> = flat.iter().map(|(name, _)| name.as_ref()).collect();
        assert_eq!(names, ["a", "b.c", "b.d.e", "b.f", "g"]);
        let Ok(Value::Object(fields)) = parse_json(r#"{"a.b":1,"a":{"b":2}}"#) else { panic!("an object") };
        assert_eq!(flattened(fields, "."), Err("a.b".to_owned()));
    }

    #[test]
    fn fields_are_read_by_their_notation() {
        let notation = Notation {
            decimal: Some(','),
            dates: vec!["%d.%m.%Y".parse().expect("a pattern")],
            nulls: vec!["-".to_owned()],
            ..Notation::default()
        };
        let typing = Typing { notation, kinds: HashMap::new() };
        let value = |text: &'static str, kind| typing.value(Cow::Borrowed(text), kind);
        let moment = Kind::Other(Form::Moment { date: true, digits: None, zone: false });
        assert_eq!(value("1,5", Kind::Float), Ok(Value::Float(1.5)));
        assert_eq!(value("1.5", Kind::Float), Err(()));
        assert_eq!(value("1,5", Kind::Text), Ok(Value::from("1,5")));
        assert_eq!(value("-", Kind::Text), Ok(Value::Null));
        assert_eq!(value("31.01.2026", moment), Ok(Value::from("2026-01-31")));
        assert_eq!(value("31/01/2026", moment), Err(()));
        assert_eq!(value("2026-01-31", moment), Ok(Value::from("2026-01-31")));
        assert_eq!((typing.guessed("1,5"), typing.guessed("1.5")), (Some(Kind::Float), Some(Kind::Text)));
        assert_eq!(typing.guessed("-"), None);
    }
}
