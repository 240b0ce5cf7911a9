//! What differs between two records, field by field.

use serde::Serialize;

use super::canonical::{HashOptions, write_json};
use crate::error::Result;
use crate::record::{Record, Value, to_record};

/// One field in which two records differ; a side is `None` where the field is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The field.
    pub field: String,
    /// The left value, as JSON.
    pub left: Option<String>,
    /// The right value, as JSON.
    pub right: Option<String>,
}

/// The fields in which two records differ, by the rules of the record hash: case and white space do not count, the
/// framework's own columns are left out. Empty exactly when the hashes are equal.
///
/// # Errors
/// When one of the two is no object, or holds NaN or an infinity.
pub fn obj_diff<L: Serialize + ?Sized, R: Serialize + ?Sized>(left: &L, right: &R) -> Result<Vec<Difference>> {
    let (left, right) = (to_record(left)?, to_record(right)?);
    let mut names: Vec<&str> = left.fields.iter().chain(&right.fields).map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    names.dedup();
    let options = HashOptions::default();
    let differs = |name: &&str| options.takes(name) && alone(&left, name, &options) != alone(&right, name, &options);
    let side = |record: &Record<'_>, name: &str| record.get(name).map(json);
    let difference =
        |name: &str| Difference { field: name.to_owned(), left: side(&left, name), right: side(&right, name) };
    Ok(names.into_iter().filter(differs).map(difference).collect())
}

/// The canonical form of one field.
fn alone(record: &Record<'_>, name: &str, options: &HashOptions) -> Option<Vec<u8>> {
    let value = record.get(name)?;
    let mut out = Vec::new();
    super::canonical(&Record { fields: vec![(name.into(), value.clone())] }, options, &mut out);
    Some(out)
}

fn json(value: &Value<'_>) -> String {
    let mut out = Vec::new();
    write_json(value, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_hash_sees_is_a_difference() {
        let left = serde_json::json!({"id": 1, "name": "A B", "gone": null, "n": 1});
        let right = serde_json::json!({"id": 2, "name": "ab", "n": 1.0});
        let found = obj_diff(&left, &right).expect("records");
        let fields: Vec<&str> = found.iter().map(|difference| difference.field.as_str()).collect();
        assert_eq!(fields, ["gone", "n"]);
        assert_eq!(found[0].right, None);
    }
}
