//! What `dc logs --text` and `--grep` find: on every backend what a look at each record finds.

use crate::support::Backend;
use data_collector::ops::{self, LogsOptions};
use data_collector::record::Value;
use serde_json::json;

/// Messages, and contexts as programs write them.
fn records() -> Vec<(String, Option<String>)> {
    let mut records: Vec<(String, Option<String>)> = Vec::new();
    let contexts = [
        json!({"path": r"C:\Temp\new"}),
        json!({"said": "say \"hi\""}),
        json!({"lines": "one\ntwo\tthree"}),
        json!({"town": "Čakovec", "percent": "100%_x"}),
        json!({"url": "https://a.b/c?d=1&e=<f>"}),
        json!({"n": 7, "deep": {"list": ["Timeout", null]}}),
    ];
    for context in &contexts {
        records.push(("plain".to_owned(), Some(context.to_string())));
    }
    for raw in
        [r#"{"town":"\u010cakovec"}"#, r#"{"url":"https:\/\/a.b\/c?d=1\u0026e=\u003cf\u003e"}"#, "no JSON: C:\\Temp"]
    {
        records.push(("escaped".to_owned(), Some(raw.to_owned())));
    }
    for message in
        ["TIMEOUT at 7", r"C:\Temp", "čakovec ČAKOVEC", "100%_x", "100 x", "say \"hi\"", "page 12 of 90", "漢字"]
    {
        records.push((message.to_owned(), None));
    }
    records
}

/// Each text with the pattern that means the same, and how many records have it.
const TEXTS: &[(&str, usize)] = &[
    (r"C:\Temp", 3),
    (r"c:\\temp", 1),
    ("say \"hi\"", 2),
    ("one\ntwo", 1),
    ("čakovec", 3),
    ("100%_x", 2),
    ("https://a.b/c?d=1&e=<f>", 2),
    ("timeout", 2),
    ("\"n\":7", 1),
    ("漢", 1),
    ("nothing of the kind", 0),
];

#[test]
fn texts_are_found_in_messages_and_contexts_as_they_are_meant() {
    for backend in Backend::all() {
        let context = backend.context();
        ops::deploy(&context, &Default::default()).expect("tables");
        let mut database = backend.connect();
        for round in 0..3 {
            for (place, (message, context)) in records().into_iter().enumerate() {
                let values = [
                    Value::Text(format!("2026-11-29 06:{round:02}:{place:02}.000000").into()),
                    Value::Integer(10 + 10 * (place as i64 % 3)),
                    Value::Text(message.into()),
                    context.map_or(Value::Null, |context| Value::Text(context.into())),
                ];
                let sql = "INSERT INTO logs (time, level, source, message, context) VALUES ($1, $2, 'test', $3, $4)";
                database.execute(sql, &values).expect("a record");
            }
        }
        let found = |options: LogsOptions| {
            let mut times = Vec::new();
            ops::logs(&context, &options, |line| {
                times.push(line.log.time);
                Ok(())
            })
            .expect("records");
            assert!(times.is_sorted(), "oldest first");
            times.len()
        };
        let all = LogsOptions { tail: 1_000, ..LogsOptions::default() };
        for (text, count) in TEXTS {
            let of = |text: Option<String>, pattern: Option<String>| LogsOptions { text, pattern, ..all.clone() };
            assert_eq!(found(of(Some((*text).to_owned()), None)), 3 * count, "{text} on {}", backend.url);
            let pattern = format!("(?i){}", regex::escape(text));
            assert_eq!(found(of(None, Some(pattern.clone()))), 3 * count, "{pattern} on {}", backend.url);
            let options = LogsOptions { after: Some(0), ..of(Some((*text).to_owned()), None) };
            let mut ids = 0;
            ops::logs(&context, &options, |_| {
                ids += 1;
                Ok(())
            })
            .expect("records");
            assert_eq!(ids, 3 * count, "{text} after 0 on {}", backend.url);
        }
        assert_eq!(found(LogsOptions { pattern: Some("page [0-9]+ of".to_owned()), ..all.clone() }), 3);
        assert_eq!(found(LogsOptions { pattern: Some("^(plain|TIMEOUT)".to_owned()), ..all.clone() }), 21);
        assert_eq!(found(LogsOptions { text: Some("timeout".to_owned()), tail: 4, ..all }), 4);
    }
}
