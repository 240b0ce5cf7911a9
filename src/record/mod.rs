//! One record as it comes from a source: names and values, read from JSON or from any `Serialize` type.

mod json;
mod serialize;
mod value;

pub(crate) use json::plain_length;
pub use json::{JsonError, parse_json};
pub use serialize::{to_record, to_value};
pub use value::{Record, Value};
