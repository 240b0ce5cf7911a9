//! How rows are written as JSON: names as text, moments in UTC with their `Z`.

use std::fmt::Display;

use chrono::NaiveDateTime;
use serde::Serializer;

/// Anything that prints.
pub(super) fn text<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// A stored moment, for example `2026-11-22T06:00:00.000000Z`.
pub(super) fn moment<S: Serializer>(moment: &NaiveDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&moment.format("%Y-%m-%dT%H:%M:%S%.6fZ"))
}

/// A stored moment, or null.
pub(super) fn moment_or_null<S: Serializer>(value: &Option<NaiveDateTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(it) => moment(it, serializer),
        None => serializer.serialize_none(),
    }
}
