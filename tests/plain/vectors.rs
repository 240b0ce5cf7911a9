//! The record hash against vectors that CPython made.

use data_collector::hash::{HashOptions, canonical, record_hash};
use data_collector::record::{Record, Value, parse_json};

#[test]
fn every_vector_matches() {
    let vectors = include_str!("../../fixtures/hash/record-hash.ndjson");
    let mut checked = 0;
    for (place, line) in vectors.lines().enumerate() {
        let Ok(Value::Object(fields)) = parse_json(line) else { panic!("line {}", place + 1) };
        let vector = Record { fields };
        let Some(Value::Object(record)) = vector.get("record") else { panic!("line {}", place + 1) };
        let record = Record { fields: record.clone() };
        let options = HashOptions::default();
        let mut form = Vec::new();
        canonical(&record, &options, &mut form);
        let form = String::from_utf8(form).expect("UTF-8");
        assert_eq!(vector.get("canonical"), Some(&Value::from(form)), "line {}", place + 1);
        assert_eq!(
            vector.get("sha"),
            Some(&Value::from(record_hash(&record, &options).to_string())),
            "line {}",
            place + 1
        );
        checked += 1;
    }
    assert_eq!(checked, 1500);
}
