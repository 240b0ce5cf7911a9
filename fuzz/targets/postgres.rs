//! Statements, whose names are looked for.

use crate::db::names::{Usage, names};

/// Any text as SQL; in quotes, in dollars and in a comment it names nothing, and as the name of a table just itself.
pub fn statement(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = names(text);
    let quoted = text.replace('\'', "''");
    assert_eq!(names(&format!("SELECT '{quoted}'")).len(), 0);
    let line = text.replace(['\n', '\r'], " ");
    assert_eq!(names(&format!("SELECT 1 -- FROM {line}")).len(), 0);
    if !text.contains("$it$") && !text.ends_with("$it") {
        assert_eq!(names(&format!("SELECT $it${text}$it$")).len(), 0);
    }
    if !text.is_empty() && !text.contains('\0') {
        let name = text.replace('"', "\"\"");
        let found = names(&format!("SELECT * FROM \"{name}\" WHERE a = 1"));
        assert!(found.len() == 1 && found.iter().all(|named| named.usage == Usage::Read), "{found:?}");
    }
}
