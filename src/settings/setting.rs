//! A value of a section of the project's own, as its field asks for it.

use serde::Deserializer;
use serde::de::value::SeqDeserializer;
use serde::de::{Error as _, IntoDeserializer, Visitor};

use crate::error::Result;

/// The failure of a field, in serde's words.
pub(super) type Flaw = serde::de::value::Error;

/// A value of a field: as a file has it, or the text of a variable, which is what its field asks for.
pub(super) enum Setting {
    Written(toml::Value),
    Text(String),
}

impl<'de> IntoDeserializer<'de, Flaw> for Setting {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// A number that a text spells.
macro_rules! from_text {
    ($($method:ident $visit:ident $type:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
            match self {
                Self::Text(text) => {
                    let takes = concat!("it takes a value such as ", stringify!($type));
                    visitor.$visit(text.trim().parse::<$type>().map_err(|cause| Flaw::custom(format!("{takes}: {cause}")))?)
                }
                Self::Written(value) => value.$method(visitor).map_err(Flaw::custom),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Setting {
    type Error = Flaw;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        match self {
            Self::Text(text) => visitor.visit_string(text),
            Self::Written(value) => value.deserialize_any(visitor).map_err(Flaw::custom),
        }
    }

    from_text!(
        deserialize_bool visit_bool bool,
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64, deserialize_f32 visit_f32 f32,
        deserialize_f64 visit_f64 f64
    );

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_newtype_struct(self)
    }

    /// A text with commas is a list.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        match self {
            Self::Text(text) => {
                let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
                let words: Vec<Setting> = words.map(|word| Self::Text(word.to_owned())).collect();
                visitor.visit_seq(SeqDeserializer::new(words.into_iter()))
            }
            Self::Written(value) => value.deserialize_seq(visitor).map_err(Flaw::custom),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Flaw> {
        match self {
            Self::Text(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            Self::Written(value) => value.deserialize_enum(name, variants, visitor).map_err(Flaw::custom),
        }
    }

    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct identifier ignored_any i128 u128
    }
}
