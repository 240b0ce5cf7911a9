//! JSON Schema: whether a value has the form that a file describes, in drafts 2020-12 and 07. Numbers are judged by their
//! digits, so that 19.99 is a multiple of 0.01 and no amount is rounded before it is compared. Nothing is fetched:
//! schemas refer to each other inside one folder.
//!
//! This is code of our own because no crate does that: `boon` compares floats and brings 8 crates, `jsonschema` brings 28,
//! and is exact only with a feature of serde_json that changes numbers in the whole program.
//!
//! Two things are stricter than the standard, so that a slip is seen: a keyword that the draft does not have is refused
//! (names of your own begin with `x-`), and `format` is judged for date, time, date-time, ipv4, ipv6, uuid, email, uri,
//! json-pointer and regex; the other formats of the standard say nothing, and one that nobody knows is refused. Patterns
//! run in linear time: look-around and back references are refused.
//!
//! ```
//! use data_collector::json_schema::Schema;
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("validate.json");
//! std::fs::write(&path, r#"{
//!     "required": ["number", "total"],
//!     "properties": {"total": {"type": "number", "multipleOf": 0.01, "maximum": 12345678901234567890.11}}
//! }"#)?;
//! let schema = Schema::read(&path)?;
//! assert!(schema.check_text(r#"{"number": "R-7", "total": 19.99}"#)?.is_empty());
//! let violations = schema.check_text(r#"{"number": "R-7", "total": 12345678901234567890.12}"#)?;
//! assert_eq!(violations[0].pointer, "/total");
//! assert_eq!(violations[0].message, "12345678901234567890.12 is more than 12345678901234567890.11");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod canonical;
mod check;
mod circle;
mod compile;
mod dialect;
mod format;
#[cfg(any(test, fuzzing))]
#[path = "../../fuzz/targets/json_schema.rs"]
pub(crate) mod fuzzing;
mod keywords;
mod library;
mod node;
mod pattern;
mod schema;
#[cfg(test)]
mod tests;
mod violation;

pub use schema::Schema;
pub use violation::Violation;
