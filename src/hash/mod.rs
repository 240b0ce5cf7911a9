//! Record hash, version 1: what makes two records the same. Pure; any Python user can recompute it.

mod canonical;
mod difference;
#[cfg(target_arch = "x86_64")]
mod lanes;
mod many;
mod number;
mod sha;
mod text;

pub use canonical::{Canonical, Columns, HashOptions, RESERVED, canonical, write_json};
pub use difference::{Difference, obj_diff};
pub use many::{Texts, hash_texts};
pub(crate) use number::{is_float_as_printed, write_float};
pub use sha::Sha;
pub(crate) use text::write_text;

use serde::Serialize;
use sha3::{Digest, Sha3_256};

use crate::error::Result;
use crate::record::{Record, to_record};

/// The hash of one record.
pub fn record_hash(record: &Record<'_>, options: &HashOptions) -> Sha {
    let mut buffer = Vec::with_capacity(256);
    canonical(record, options, &mut buffer);
    hash_bytes(&buffer)
}

/// SHA3-256 of bytes that are in canonical form already.
pub fn hash_bytes(canonical: &[u8]) -> Sha {
    Sha(Sha3_256::digest(canonical).into())
}

/// The hash of anything that serialises to an object, over all columns but the framework's own.
///
/// # Errors
/// When it is no object, or holds NaN or an infinity.
pub fn make_hash<T: Serialize + ?Sized>(record: &T) -> Result<Sha> {
    Ok(record_hash(&to_record(record)?, &HashOptions::default()))
}

/// The hashes of many records, in their order.
///
/// # Errors
/// As [`make_hash`], for the first record that has none.
pub fn bulk_hash<'a, T: Serialize + 'a>(records: impl IntoIterator<Item = &'a T>) -> Result<Vec<Sha>> {
    records.into_iter().map(make_hash).collect()
}

/// What has a record hash. Every `Serialize` type has one without a derive.
pub trait Hashable {
    /// The record hash.
    ///
    /// # Errors
    /// As [`make_hash`].
    fn sha(&self) -> Result<Sha>;
}

impl<T: Serialize> Hashable for T {
    fn sha(&self) -> Result<Sha> {
        make_hash(self)
    }
}
