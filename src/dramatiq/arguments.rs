//! The arguments of a message as types of Rust.

use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Error;

use super::json::{Fields, Json};

/// Reads arguments: a structure takes those without a name in the order of its fields, and the others by name; a map
/// takes those with a name; all else takes the array of those without.
pub(super) fn of<A: DeserializeOwned>(args: &[Json], kwargs: &Fields) -> Result<A, Error> {
    A::deserialize(Arguments { args, kwargs })
}

struct Arguments<'a> {
    args: &'a [Json],
    kwargs: &'a Fields,
}

impl Arguments<'_> {
    /// The array of those without a name, where none has one.
    fn unnamed(&self) -> Result<Json, Error> {
        match self.kwargs.iter().next() {
            None => Ok(Json::array(self.args)),
            Some((name, _)) => Err(Error::custom(format!("`{}` is not known here", name.unwrap_or_default()))),
        }
    }

    fn check_count(&self, count: usize) -> Result<(), Error> {
        match self.args.len() <= count {
            true => Ok(()),
            false => Err(Error::custom(format!("{} are given, and {count} are taken", self.args.len()))),
        }
    }
}

/// It reads from a reader, so that nothing is lent from a text that is put together here.
macro_rules! reader {
    ($json:expr) => {
        &mut serde_json::Deserializer::from_reader($json.text().as_bytes())
    };
}

impl<'de> Deserializer<'de> for Arguments<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        reader!(self.unnamed()?).deserialize_seq(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        self.check_count(length)?;
        reader!(self.unnamed()?).deserialize_tuple(length, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.check_count(length)?;
        reader!(self.unnamed()?).deserialize_tuple_struct(name, length, visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.check_count(0)?;
        self.unnamed().and_then(|_| visitor.visit_unit())
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.check_count(0)?;
        reader!(self.kwargs.to_json()).deserialize_map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.check_count(fields.len())?;
        let named = self.kwargs.to_json();
        let mut text = String::from("{");
        for (field, value) in fields.iter().zip(self.args) {
            text.push_str(&format!("\"{field}\":{},", value.text()));
        }
        match self.kwargs.is_empty() {
            true => text.truncate(text.trim_end_matches(',').len()),
            false => text.push_str(named.text().get(1..named.text().len() - 1).unwrap_or_default()),
        }
        text.push('}');
        reader!(Json::known(text)).deserialize_struct(name, fields, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit_struct seq enum
        identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Letter {
        text: String,
        #[serde(default)]
        pages: Option<u32>,
    }

    fn read<A: DeserializeOwned>(args: &str, kwargs: &str) -> Result<A, String> {
        let args = Json::read(args).expect("JSON").items().expect("an array");
        let kwargs = Json::read(kwargs).expect("JSON").fields().expect("an object");
        of(&args, &kwargs).map_err(|cause| cause.to_string())
    }

    fn letter(text: &str, pages: Option<u32>) -> Letter {
        Letter { text: text.to_owned(), pages }
    }

    #[test]
    fn they_are_taken_in_their_order_and_by_name() {
        assert_eq!(read("[\"a\"]", "{}"), Ok(letter("a", None)));
        assert_eq!(read("[\"a\",2]", "{}"), Ok(letter("a", Some(2))));
        assert_eq!(read("[\"a\"]", "{\"pages\":{}}").map(|_: Letter| ()).map_err(|_| ()), Err(()));
        assert_eq!(read("[\"a\"]", "{\"pages\":3}"), Ok(letter("a", Some(3))));
        assert_eq!(read("[]", "{\"pages\":3,\"text\":\"b\"}"), Ok(letter("b", Some(3))));
        assert_eq!(read("[1,\"x\",[]]", "{}"), Ok((1_u8, "x".to_owned(), Vec::<u8>::new())));
        assert_eq!(read("[7]", "{}"), Ok((7_u128,)));
        assert_eq!(read("[1,2]", "{}"), Ok(vec![1, 2]));
        assert_eq!(read("[]", "{}"), Ok(()));
        assert_eq!(
            read("[]", "{\"a\":{\"b\":1}}"),
            Ok(BTreeMap::from([("a".to_owned(), serde_json::json!({"b": 1}))]))
        );
    }

    #[test]
    fn what_does_not_fit_says_so() {
        for (error, says) in [
            (read::<Letter>("[\"a\",1,2]", "{}").expect_err("too many"), "3 are given"),
            (read::<Letter>("[\"a\"]", "{\"text\":\"b\"}").expect_err("twice"), "duplicate"),
            (read::<Letter>("[]", "{}").expect_err("none"), "missing field `text`"),
            (read::<(u8,)>("[1]", "{\"other\":1}").expect_err("by name"), "`other`"),
            (read::<(u8,)>("[1,2]", "{}").expect_err("too many"), "2 are given"),
            (read::<()>("[1]", "{}").expect_err("one"), "1 are given"),
            (read::<(f64,)>("[NaN]", "{}").expect_err("no number of Rust's JSON"), "expected value"),
        ] {
            assert!(error.contains(says), "{says}: {error}");
        }
    }
}
