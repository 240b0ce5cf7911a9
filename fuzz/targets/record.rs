//! JSON beside serde_json, and the canonical form of records.

use serde_json::Value as Theirs;

use crate::hash::{Canonical, HashOptions, Texts, canonical as form_of, hash_bytes, hash_texts, write_json};
use crate::record::{Record, Value, parse_json};

/// serde_json reads no deeper.
const THEIR_DEPTH_MAX: usize = 126;

/// Any text as JSON: it is read as serde_json reads it, and what was read is read again from what is written of it.
pub fn json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // a name by which serde_json tells itself something
    if text.contains("$serde_json") {
        return;
    }
    match (parse_json(text), serde_json::from_str::<Theirs>(text)) {
        (Ok(ours), theirs) => {
            match theirs {
                Ok(theirs) => assert!(is_same(&ours, &theirs), "{ours:?} is not {theirs:?}"),
                Err(_) if depth(&ours) > THEIR_DEPTH_MAX => {}
                // it makes a float of a long integer, of which we keep the digits
                Err(cause) if cause.to_string().starts_with("number out of range") => {}
                Err(cause) => panic!("serde_json refuses {ours:?}: {cause}"),
            }
            let mut written = Vec::new();
            write_json(&ours, &mut written);
            let again = parse_json(std::str::from_utf8(&written).expect("UTF-8")).expect("what was written is JSON");
            assert_eq!(again, ours);
        }
        (Err(error), Ok(theirs)) => {
            let rounds_to_infinity = error.reason.contains("too large");
            assert!(rounds_to_infinity, "we refuse {theirs:?}: {error}");
        }
        (Err(error), Err(_)) => assert!(error.offset <= text.len() && !error.reason.is_empty()),
    }
}

fn is_same(ours: &Value<'_>, theirs: &Theirs) -> bool {
    match (ours, theirs) {
        (Value::Null, Theirs::Null) => true,
        (Value::Bool(one), Theirs::Bool(other)) => one == other,
        (Value::Integer(0), Theirs::Number(other)) => other.as_f64() == Some(0.0),
        (Value::Integer(one), Theirs::Number(other)) => other.as_i64() == Some(*one),
        (Value::BigInteger(digits) | Value::Decimal(digits), Theirs::Number(other)) => {
            is_near(digits.parse().expect("a number"), other.as_f64().expect("a number"))
        }
        (Value::Float(one), Theirs::Number(other)) => is_near(*one, other.as_f64().expect("a number")),
        (Value::Text(one), Theirs::String(other)) => one == other,
        (Value::Array(one), Theirs::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Theirs::Object(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| one.0 == *other.0 && is_same(&one.1, other.1))
        }
        _ => false,
    }
}

/// serde_json may err in the last digit.
fn is_near(one: f64, other: f64) -> bool {
    one == other || (one - other).abs() <= f64::max(one.abs() * 1e-15, f64::from_bits(2))
}

fn depth(value: &Value<'_>) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(fields) => 1 + fields.iter().map(|(_, value)| depth(value)).max().unwrap_or_default(),
        _ => 0,
    }
}

/// Any lines: together they are hashed as they are one by one; the form of a record is what its fields in another order
/// have, and the form of itself.
pub fn canonical(data: &[u8]) {
    let mut texts = Texts::default();
    let mut expected = Vec::new();
    for line in data.split(|byte| *byte == b'\n') {
        // all lengths of a block and around them
        for text in [line, &line.repeat(7)] {
            texts.bytes.extend_from_slice(text);
            texts.ends.push(texts.bytes.len());
            expected.push(hash_bytes(text));
        }
    }
    assert_eq!(hash_texts(&texts), expected);
    let mut kept = Canonical::default();
    for line in data.split(|byte| *byte == b'\n') {
        let Ok(Ok(Value::Object(fields))) = std::str::from_utf8(line).map(parse_json) else { continue };
        let mut record = Record { fields };
        let (mut form, mut again, mut turned) = (Vec::new(), Vec::new(), Vec::new());
        form_of(&record, &HashOptions::default(), &mut form);
        assert_eq!(kept.of(&record, &HashOptions::default()), form);
        let Ok(Value::Object(fields)) = parse_json(std::str::from_utf8(&form).expect("UTF-8")) else {
            panic!("the canonical form is JSON")
        };
        form_of(&Record { fields }, &HashOptions { exact: true, ..HashOptions::default() }, &mut again);
        assert_eq!(again, form);
        record.fields.reverse();
        form_of(&record, &HashOptions::default(), &mut turned);
        assert_eq!(turned, form);
    }
}
