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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What Python makes of it: `hashlib.sha3_256(b'{"a": 1, "b": "xy"}').hexdigest()`.
    const KNOWN: &str = "f4c6ec37b29d6c1a016bbf34758f52b0c8528f26280c8d3b18aab598dabdc29d";

    #[test]
    fn whatever_serialises_has_the_hash_of_its_canonical_form() {
        let record = json!({"b": " X y", "a": 1, "id": 7, "sha": "s", "archive": null});
        let sha = make_hash(&record).expect("a hash");
        assert_eq!((sha.to_string(), format!("{sha:?}")), (KNOWN.to_owned(), KNOWN.to_owned()));
        assert_eq!((json!(sha), sha), (json!(KNOWN), hash_bytes(b"{\"a\": 1, \"b\": \"xy\"}")));
        assert_eq!(
            (record.sha().expect("a hash"), sha.prefix()),
            (sha, u128::from_be_bytes(sha.0[..16].try_into().expect("16")))
        );
        let other = json!({"a": 2});
        assert_eq!(bulk_hash([&record, &other]).expect("hashes"), [sha, make_hash(&other).expect("a hash")]);
        assert!(make_hash(&json!([1])).is_err() && bulk_hash([&other, &json!(1)]).is_err());
    }

    #[test]
    fn the_columns_that_count_are_chosen_and_the_own_ones_never_do() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let form = |columns: Columns, exact: bool| {
            let record =
                to_record(&json!({"b": "X", "a": 1, "date_created": 1, "c": {"Z": "Y ", "A": []}})).expect("a record");
            let mut form = Vec::new();
            canonical(&record, &HashOptions { columns, exact }, &mut form);
            String::from_utf8(form).expect("UTF-8")
        };
        assert_eq!(form(Columns::All, false), r#"{"a": 1, "b": "x", "c": {"A": [], "Z": "y"}}"#);
        assert_eq!(form(Columns::All, true), r#"{"a": 1, "b": "X", "c": {"A": [], "Z": "Y "}}"#);
        assert_eq!(form(Columns::Only(names(&["b", "id"])), false), r#"{"b": "x"}"#);
        assert_eq!(form(Columns::Except(names(&["c", "a"])), false), r#"{"b": "x"}"#);
        assert_eq!(form(Columns::Only(Vec::new()), false), "{}");
    }
}
