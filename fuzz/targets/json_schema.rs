//! JSON Schema: any schema, and any value that it judges.

use super::Schema;
use crate::fuzzing::halves;

/// A schema, and behind the mark a value: each violation has a place in the value, and the same value gets the same answer.
pub fn json_schema(data: &[u8]) {
    let Some((schema, value)) = halves(data) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("it.json");
    std::fs::write(&path, schema).expect("a file");
    let schema = match Schema::read(&path) {
        Ok(schema) => schema,
        Err(error) => return assert!(error.to_string().contains("it.json"), "{error}"),
    };
    let Ok(violations) = schema.check_text(value) else { return };
    assert_eq!(schema.check_text(value).expect("JSON"), violations);
    let document: serde_json::Value = match serde_json::from_str(value) {
        Ok(document) => document,
        // numbers that serde_json has no room for
        Err(_) => return,
    };
    for violation in violations {
        assert!(!violation.message.is_empty());
        assert!(document.pointer(&violation.pointer).is_some(), "{violation}");
    }
}
