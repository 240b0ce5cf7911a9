//! One record as it comes from a source: names and values, read from JSON or from any `Serialize` type.

mod deserialize;
mod json;
mod number;
mod serialize;
mod value;

pub(crate) use deserialize::{from_value, may_have_long_numbers};
pub use json::{JsonError, parse_json};
pub(crate) use json::{number_at, plain_length, string_at};
pub use number::{Digits, float_without_loss, is_float};
pub(crate) use number::{PlainNumber, plain_number};
pub use serialize::{to_record, to_value};
pub use value::{Record, Value};
