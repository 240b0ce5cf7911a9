//! From any `Serialize` type to a value. Unlike serde_json it refuses NaN and infinities instead of writing null.

use std::borrow::Cow;
use std::fmt::Display;

use serde::Serialize;
use serde::ser::{self, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant};

use super::value::{Record, Value};
use crate::error::{Error, Result};

type Owned = Value<'static>;

/// A record from anything that serialises to an object: a struct, a map.
///
/// # Errors
/// When it is no object, a name is no text, or a number is NaN or infinite.
pub fn to_record<T: Serialize + ?Sized>(record: &T) -> Result<Record<'static>> {
    match to_value(record)? {
        Value::Object(fields) => Ok(Record { fields }),
        other => Err(Error::failed(format!(
            "take {} as a record: a record is an object with names and values",
            other.kind_name()
        ))),
    }
}

/// A value from anything that serialises.
///
/// # Errors
/// When a name is no text, or a number is NaN or infinite.
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Owned> {
    value.serialize(ToValue).map_err(|Refused(reason)| Error::failed(format!("serialise the record: {reason}")))
}

#[derive(Debug)]
struct Refused(String);

impl Display for Refused {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl ser::Error for Refused {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

struct ToValue;

fn integer<N: TryInto<i64> + Copy + Display>(number: N) -> Owned {
    number.try_into().map_or_else(|_| Value::BigInteger(Cow::Owned(number.to_string())), Value::Integer)
}

impl ser::Serializer for ToValue {
    type Ok = Owned;
    type Error = Refused;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = List;
    type SerializeMap = Fields;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Fields;

    fn serialize_bool(self, flag: bool) -> Result<Owned, Refused> {
        Ok(Value::Bool(flag))
    }
    fn serialize_i8(self, number: i8) -> Result<Owned, Refused> {
        Ok(integer(number))
    }
    fn serialize_i16(self, number: i16) -> Result<Owned, Refused> {
        Ok(integer(number))
    }
    fn serialize_i32(self, number: i32) -> Result<Owned, Refused> {
        Ok(integer(number))
    }
    fn serialize_i64(self, number: i64) -> Result<Owned, Refused> {
        Ok(integer(number))
    }
    fn serialize_i128(self, number: i128) -> Result<Owned, Refused> {
        Ok(integer(number))
    }
    fn serialize_u8(self, number: u8) -> Result<Owned, Refused> {
        Ok(integer(number))
    }
    fn serialize_u16(self, number: u16) -> Result<Owned, Refused> {
        Ok(integer(number))
    }
    fn serialize_u32(self, number: u32) -> Result<Owned, Refused> {
        Ok(integer(number))
    }
    fn serialize_u64(self, number: u64) -> Result<Owned, Refused> {
        Ok(integer(number))
    }
    fn serialize_u128(self, number: u128) -> Result<Owned, Refused> {
        Ok(integer(number))
    }
    /// A 32-bit float counts as what it prints, as JSON libraries write it: 0.1 stays 0.1.
    fn serialize_f32(self, number: f32) -> Result<Owned, Refused> {
        self.serialize_f64(number.to_string().parse().unwrap_or(f64::from(number)))
    }
    fn serialize_f64(self, number: f64) -> Result<Owned, Refused> {
        if number.is_finite() {
            Ok(Value::Float(number))
        } else {
            Err(Refused(format!("{number} is no number of JSON")))
        }
    }
    fn serialize_char(self, character: char) -> Result<Owned, Refused> {
        Ok(Value::from(character.to_string()))
    }
    fn serialize_str(self, text: &str) -> Result<Owned, Refused> {
        Ok(Value::from(text.to_owned()))
    }
    fn serialize_bytes(self, bytes: &[u8]) -> Result<Owned, Refused> {
        Ok(Value::Array(bytes.iter().map(|byte| integer(*byte)).collect()))
    }
    fn serialize_none(self) -> Result<Owned, Refused> {
        Ok(Value::Null)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Owned, Refused> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<Owned, Refused> {
        Ok(Value::Null)
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<Owned, Refused> {
        Ok(Value::Null)
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Owned, Refused> {
        Ok(Value::from(variant))
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Owned, Refused> {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Owned, Refused> {
        Ok(Value::Object(vec![(Cow::Borrowed(variant), value.serialize(self)?)]))
    }
    fn serialize_seq(self, length: Option<usize>) -> Result<List, Refused> {
        Ok(List { variant: None, items: Vec::with_capacity(length.unwrap_or(0)) })
    }
    fn serialize_tuple(self, length: usize) -> Result<List, Refused> {
        self.serialize_seq(Some(length))
    }
    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<List, Refused> {
        self.serialize_seq(Some(length))
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<List, Refused> {
        Ok(List { variant: Some(variant), items: Vec::with_capacity(length) })
    }
    fn serialize_map(self, length: Option<usize>) -> Result<Fields, Refused> {
        Ok(Fields { variant: None, name: None, fields: Vec::with_capacity(length.unwrap_or(0)) })
    }
    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Fields, Refused> {
        self.serialize_map(Some(length))
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Fields, Refused> {
        Ok(Fields { variant: Some(variant), name: None, fields: Vec::with_capacity(length) })
    }
}

/// Wraps a variant's content as serde_json does: `{"Variant": content}`.
fn within(variant: Option<&'static str>, content: Owned) -> Owned {
    match variant {
        Some(variant) => Value::Object(vec![(Cow::Borrowed(variant), content)]),
        None => content,
    }
}

struct List {
    variant: Option<&'static str>,
    items: Vec<Owned>,
}

impl SerializeSeq for List {
    type Ok = Owned;
    type Error = Refused;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        self.items.push(value.serialize(ToValue)?);
        Ok(())
    }
    fn end(self) -> Result<Owned, Refused> {
        Ok(within(self.variant, Value::Array(self.items)))
    }
}

macro_rules! list_like {
    ($($kind:ident $method:ident),*) => {$(
        impl ser::$kind for List {
            type Ok = Owned;
            type Error = Refused;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
                SerializeSeq::serialize_element(self, value)
            }
            fn end(self) -> Result<Owned, Refused> {
                SerializeSeq::end(self)
            }
        }
    )*};
}

list_like!(SerializeTuple serialize_element, SerializeTupleStruct serialize_field, SerializeTupleVariant serialize_field);

struct Fields {
    variant: Option<&'static str>,
    name: Option<String>,
    fields: Vec<(Cow<'static, str>, Owned)>,
}

impl Fields {
    /// Sets a field; of a name that stands twice the last counts, as in JSON.
    fn set(&mut self, name: Cow<'static, str>, value: Owned) {
        match self.fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.fields.push((name, value)),
        }
    }
}

impl SerializeMap for Fields {
    type Ok = Owned;
    type Error = Refused;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), Refused> {
        self.name = Some(match name.serialize(ToValue)? {
            Value::Text(name) => name.into_owned(),
            Value::Integer(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            other => return Err(Refused(format!("{} cannot be a name", other.kind_name()))),
        });
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Refused> {
        let name = self.name.take().ok_or_else(|| Refused("a value came without its name".to_owned()))?;
        self.set(Cow::Owned(name), value.serialize(ToValue)?);
        Ok(())
    }
    fn end(self) -> Result<Owned, Refused> {
        Ok(within(self.variant, Value::Object(self.fields)))
    }
}

impl SerializeStruct for Fields {
    type Ok = Owned;
    type Error = Refused;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Refused> {
        self.set(Cow::Borrowed(name), value.serialize(ToValue)?);
        Ok(())
    }
    fn end(self) -> Result<Owned, Refused> {
        SerializeMap::end(self)
    }
}

impl SerializeStructVariant for Fields {
    type Ok = Owned;
    type Error = Refused;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Refused> {
        SerializeStruct::serialize_field(self, name, value)
    }
    fn end(self) -> Result<Owned, Refused> {
        SerializeMap::end(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Row<'a> {
        name: &'a str,
        share: f32,
        big: u64,
        tags: Vec<Option<&'a str>>,
        kind: Kind,
    }

    #[derive(Serialize)]
    enum Kind {
        Sized { by: i8 },
    }

    #[test]
    fn a_struct_becomes_what_its_json_would_become() {
        let row =
            Row { name: "a", share: 0.1, big: u64::MAX, tags: vec![Some("x"), None], kind: Kind::Sized { by: 3 } };
        let text = serde_json::to_string(&row).expect("JSON");
        let parsed = crate::record::parse_json(&text).expect("JSON").into_owned();
        assert_eq!(to_value(&row).expect("a value"), parsed);
    }

    #[test]
    fn nan_is_refused_and_never_null() {
        let error = to_value(&[f64::NAN]).expect_err("NaN");
        assert!(error.to_string().contains("NaN"), "{error}");
    }
}
