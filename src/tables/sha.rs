//! The record hash of the framework's own rows that come from no source: groups, parents, objects.

use std::borrow::Cow;

use crate::hash::{HashOptions, record_hash};
use crate::record::{Record, Value};

/// The record hash of a record of plain texts.
pub(super) fn text_sha(fields: &[(&str, &str)]) -> Vec<u8> {
    let fields = fields.iter().map(|(name, value)| (Cow::Borrowed(*name), Value::from(*value))).collect();
    record_hash(&Record { fields }, &HashOptions::default()).0.to_vec()
}
