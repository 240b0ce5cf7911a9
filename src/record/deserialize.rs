//! Values into any `Deserialize` type. A number that no float holds is what the type asks for: an integer of 128 bits, a float, or
//! its digits as text. A type that takes whatever comes (`serde_json::Value`) is given the digits.

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Error as _, IntoDeserializer, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};

use super::number::float_without_loss;
use super::value::Value;

/// Makes a value of any type of it; `None` where the type does not take it.
pub(crate) fn from_value<T: DeserializeOwned>(value: Value<'_>) -> Option<T> {
    T::deserialize(Node(value)).ok()
}

/// Whether a text may hold a number that no float holds: it has as many digits in a row.
pub(crate) fn may_have_long_numbers(text: &[u8]) -> bool {
    const DIGITS: usize = 16;
    let mut run = 0;
    text.iter().any(|byte| {
        run = match byte {
            b'0'..=b'9' => run + 1,
            b'.' => run,
            _ => 0,
        };
        run >= DIGITS
    })
}

struct Node<'v>(Value<'v>);

type Failure = serde::de::value::Error;

impl<'v> IntoDeserializer<'v> for Node<'v> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl Node<'_> {
    /// The digits of a number.
    fn digits(&self) -> Option<&str> {
        match &self.0 {
            Value::BigInteger(digits) | Value::Decimal(digits) => Some(digits),
            _ => None,
        }
    }
}

/// A number of a type that was asked for by name.
macro_rules! number {
    ($($method:ident $visit:ident $type:ty,)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            match self.digits().map(str::parse::<$type>) {
                Some(Ok(number)) => visitor.$visit(number),
                Some(Err(cause)) => Err(Failure::custom(cause)),
                None => self.deserialize_any(visitor),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(flag),
            Value::Integer(number) => match u64::try_from(number) {
                Ok(number) => visitor.visit_u64(number),
                Err(_) => visitor.visit_i64(number),
            },
            Value::BigInteger(digits) => match digits.parse() {
                Ok(number) => visitor.visit_u64(number),
                Err(_) => visitor.visit_string(digits.into_owned()),
            },
            Value::Float(number) => visitor.visit_f64(number),
            Value::Decimal(digits) => match float_without_loss(&digits) {
                Some(number) => visitor.visit_f64(number),
                None => visitor.visit_string(digits.into_owned()),
            },
            Value::Text(text) => visitor.visit_string(text.into_owned()),
            Value::Bytes(bytes) => visitor.visit_byte_buf(bytes),
            Value::Array(items) => {
                let mut items = SeqDeserializer::new(items.into_iter().map(Node));
                let seen = visitor.visit_seq(&mut items)?;
                items.end().map(|()| seen)
            }
            Value::Object(fields) => {
                let fields = fields.into_iter().map(|(name, value)| (name.into_owned(), Node(value)));
                let mut fields = MapDeserializer::new(fields);
                let seen = visitor.visit_map(&mut fields)?;
                fields.end().map(|()| seen)
            }
        }
    }

    number! {
        deserialize_f32 visit_f32 f32,
        deserialize_f64 visit_f64 f64,
        deserialize_i128 visit_i128 i128,
        deserialize_u128 visit_u128 u128,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match self.0 {
            Value::Text(text) => text.into_owned().into_deserializer().deserialize_enum(name, variants, visitor),
            Value::Object(fields) => {
                let fields = fields.into_iter().map(|(name, value)| (name.into_owned(), Node(value)));
                MapAccessDeserializer::new(MapDeserializer::new(fields)).deserialize_enum(name, variants, visitor)
            }
            other => Node(other).deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map
        struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::record::parse_json;

    #[derive(Debug, PartialEq, Deserialize)]
    enum Kind {
        Plain,
        Sized(u64),
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Row {
        id: u128,
        price: String,
        share: f64,
        kinds: Vec<Kind>,
        note: Option<String>,
        plain: u64,
    }

    #[test]
    fn a_type_is_given_the_digits_that_it_can_hold() {
        let text = r#"{"id": 123456789012345678901234, "price": 12345678901234567.89, "share": 0.12345678901234567890,
            "kinds": ["Plain", {"Sized": 18446744073709551615}], "note": null, "plain": 7}"#;
        let row: Row = from_value(parse_json(text).expect("JSON")).expect("a row");
        let expected = Row {
            id: 123_456_789_012_345_678_901_234,
            price: "12345678901234567.89".to_owned(),
            share: 0.123_456_789_012_345_68,
            kinds: vec![Kind::Plain, Kind::Sized(u64::MAX)],
            note: None,
            plain: 7,
        };
        assert_eq!(row, expected);
        let any: serde_json::Value = from_value(parse_json(text).expect("JSON")).expect("any");
        assert_eq!(any["id"], "123456789012345678901234");
        assert_eq!((&any["price"], &any["plain"]), (&"12345678901234567.89".into(), &7.into()));
        let few = r#"[1.10, 0.30000000000000004, 1e3, -5, 9223372036854775808]"#;
        let read: serde_json::Value = from_value(parse_json(few).expect("JSON")).expect("any");
        assert_eq!(read, serde_json::from_str::<serde_json::Value>(few).expect("JSON"));
        assert_eq!(from_value::<u8>(Value::Text("x".into())), None);
    }

    #[test]
    fn only_long_numbers_are_looked_at_twice() {
        for (text, expected) in [
            ("{\"a\": 123456789012345, \"b-1\": \"2026-11-30\"}", false),
            ("{\"a\": 1234567890123456}", true),
            ("[0.1234567890123456]", true),
            ("[1.5, 22, \"text\"]", false),
        ] {
            assert_eq!(may_have_long_numbers(text.as_bytes()), expected, "{text}");
        }
    }
}
