//! XML, read without trust: no document type with declarations, no entities but the five of XML, and limits on depth,
//! size and number of everything.

mod element;
mod parse;
mod write;

pub use element::{Element, Name, Node};
pub use parse::{Limits, parse};
pub(super) use write::Writer;
