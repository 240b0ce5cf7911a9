//! What a line of an app's output means: a log record, progress, a wish for its next run, or just text.

use chrono::{DateTime, NaiveDateTime};
use serde_json::{Map, Value};

use super::record::{Fields, LEVEL_KEYS, MESSAGE_KEYS, named_level, numbered_level, understood, whole_number};
use crate::clock;

/// The key that marks a message to dc.
const MARK: &str = "dc";

/// One whole line of an app's output, understood.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// `{"dc":"progress","task_size":100,"solved":40,"failed":1}`
    Progress {
        /// How many tasks there are, where it is known.
        task_size: Option<i64>,
        /// How many are done.
        solved: Option<i64>,
        /// How many failed.
        failed: Option<i64>,
    },
    /// `{"dc":"next_run","at":"2026-12-01T06:00:00Z"}`
    NextRun {
        /// When, in UTC.
        at: NaiveDateTime,
    },
    /// `{"dc":"functions","functions":[{"module":"m","name":"fetch","calls":3, ..}]}`
    Functions {
        /// One object a function, as it was told.
        functions: Vec<Value>,
    },
    /// `{"dc":"requests","count":120,"errors":3,"total_ms":4920,"times":[[64,114],[256,6]]}`
    Requests {
        /// As it was told.
        requests: Value,
    },
    /// `{"dc":"captcha","solved":3,"cost":0.006,"total_ms":21000}`
    Captcha {
        /// How many were solved.
        solved: i64,
        /// What they cost, in the currency of the account.
        cost: f64,
        /// How long they took together, in milliseconds.
        total_ms: i64,
    },
    /// `{"dc":"replayed","answered":12,"missing":1}`
    Replayed {
        /// Requests that the cassette has answered.
        answered: i64,
        /// Those that it does not have.
        missing: i64,
    },
    /// A JSON object with a level and a message, as loggers write them.
    Record {
        /// 10, 20, 30, 40 or 50.
        level: i64,
        /// What it says.
        message: String,
        /// Its other keys, with their values as JSON.
        context: Fields,
    },
    /// Anything else, to be logged as it is.
    Text {
        /// Why a line that looks like a message to dc is none.
        reason: Option<String>,
    },
}

impl Message {
    /// Understands one whole line without its line end.
    pub fn of(line: &str) -> Self {
        let line = line.trim();
        if !line.starts_with('{') {
            return Self::text();
        }
        let mut object = match serde_json::from_str::<Map<String, Value>>(line) {
            Ok(object) => object,
            Err(cause) => return unreadable(line, &cause),
        };
        let read = match object.get(MARK) {
            Some(Value::String(name)) if name == "progress" => progress(&object),
            Some(Value::String(name)) if name == "next_run" => next_run(&object),
            Some(Value::String(name)) if name == "functions" => functions(&mut object),
            Some(Value::String(name)) if name == "requests" => requests(object.clone()),
            Some(Value::String(name)) if name == "captcha" => captcha(&object),
            Some(Value::String(name)) if name == "replayed" => replayed(&object),
            mark => {
                // a record may well have a key `dc` of its own
                let mark = mark.cloned();
                return record(object, line).unwrap_or(Self::Text { reason: mark.map(unknown) });
            }
        };
        read.unwrap_or_else(|reason| Self::Text { reason: Some(reason) })
    }

    fn text() -> Self {
        Self::Text { reason: None }
    }
}

/// A line that looks like a record and is no JSON keeps its level, and is marked: Python writes NaN and Infinity, a program
/// that is killed half a line, and two at once a line of both. Likewise what looks like a message to dc.
fn unreadable(line: &str, cause: &serde_json::Error) -> Message {
    let folded = line.to_ascii_lowercase();
    let has_message = MESSAGE_KEYS.iter().any(|key| values(&folded, key).next().is_some());
    if let Some(level) = level_in(line).filter(|_| has_message) {
        let reason = Value::from(format!("this record is no JSON: {cause}")).to_string();
        let message = line.replace('\0', "\\x00");
        return Message::Record { level, message, context: vec![("protocol".to_owned(), reason)] };
    }
    let first = folded.trim_start_matches(['{', ' ', '\t']);
    let is_marked = first.starts_with("\"dc\"") && values(first, MARK).next().is_some_and(|it| it.starts_with('"'));
    Message::Text { reason: is_marked.then(|| format!("this message to dc is no JSON: {cause}")) }
}

/// The level that stands in a text which cannot be read as JSON, or in the beginning of a record that is too long.
pub(crate) fn level_in(line: &str) -> Option<i64> {
    if !line.trim_start().starts_with('{') {
        return None;
    }
    let folded = line.to_ascii_lowercase();
    let level = |value: &str| match value.strip_prefix('"') {
        Some(name) => named_level(name.split('"').next()?),
        None => {
            let digits = value.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(value.len());
            numbered_level(&Value::from(value[..digits].parse::<i64>().ok()?), &[], &Map::new())
        }
    };
    LEVEL_KEYS.iter().find_map(|key| values(&folded, key).find_map(level))
}

/// What stands behind a key, wherever it is in a text in small letters: by itself, or in the object that holds it.
fn values<'t>(folded: &'t str, key: &str) -> impl Iterator<Item = &'t str> {
    let inner = key.rsplit('.').next().unwrap_or(key);
    let places = [format!("\"{key}\""), format!("\"{inner}\"")];
    places.into_iter().filter_map(|place| {
        let (_, rest) = folded.split_once(&place)?;
        Some(rest.trim_start().strip_prefix(':')?.trim_start())
    })
}

fn unknown(mark: Value) -> String {
    format!(
        "there is no message {mark} to dc; there are \"progress\", \"next_run\", \"functions\", \"requests\", \"captcha\" \
         and \"replayed\""
    )
}

fn progress(object: &Map<String, Value>) -> Result<Message, String> {
    check_keys(object, &["task_size", "solved", "failed"])?;
    let count = |key: &str| match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => whole_number(value).map(Some).ok_or_else(|| format!("`{key}` takes a whole number from 0 on")),
    };
    Ok(Message::Progress { task_size: count("task_size")?, solved: count("solved")?, failed: count("failed")? })
}

fn next_run(object: &Map<String, Value>) -> Result<Message, String> {
    check_keys(object, &["at"])?;
    let takes = || "`at` takes a moment such as 2026-12-01T06:00:00Z".to_owned();
    let text = object.get("at").and_then(Value::as_str).ok_or_else(takes)?;
    let at = DateTime::parse_from_rfc3339(text.trim()).map_err(|cause| format!("{}: {cause}", takes()))?;
    Ok(Message::NextRun { at: clock::cut(at.to_utc()) })
}

fn functions(object: &mut Map<String, Value>) -> Result<Message, String> {
    check_keys(object, &["functions"])?;
    match object.remove("functions") {
        Some(Value::Array(functions)) => Ok(Message::Functions { functions }),
        _ => Err("`functions` takes a list of objects".to_owned()),
    }
}

fn requests(mut object: Map<String, Value>) -> Result<Message, String> {
    check_keys(&object, &["count", "errors", "total_ms", "times"])?;
    object.remove(MARK);
    Ok(Message::Requests { requests: Value::Object(object) })
}

fn captcha(object: &Map<String, Value>) -> Result<Message, String> {
    check_keys(object, &["solved", "cost", "total_ms"])?;
    let whole = |key: &str| match object.get(key) {
        None => Ok(0),
        Some(value) => whole_number(value).ok_or_else(|| format!("`{key}` takes a whole number from 0 on")),
    };
    let cost = object.get("cost").map_or(Some(0.0), Value::as_f64).filter(|cost| *cost >= 0.0);
    let cost = cost.ok_or_else(|| "`cost` takes a number from 0 on".to_owned())?;
    Ok(Message::Captcha { solved: whole("solved")?, cost, total_ms: whole("total_ms")? })
}

fn replayed(object: &Map<String, Value>) -> Result<Message, String> {
    check_keys(object, &["answered", "missing"])?;
    let count = |key: &str| match object.get(key) {
        None => Ok(0),
        Some(value) => whole_number(value).ok_or_else(|| format!("`{key}` takes a whole number from 0 on")),
    };
    Ok(Message::Replayed { answered: count("answered")?, missing: count("missing")? })
}

fn check_keys(object: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match object.keys().find(|key| *key != MARK && !known.contains(&key.as_str())) {
        Some(key) => Err(format!("there is no key `{key}` in it; known: {}", known.join(", "))),
        None => Ok(()),
    }
}

fn record(mut object: Map<String, Value>, line: &str) -> Option<Message> {
    let (level, message) = understood(&mut object)?;
    Some(Message::Record { level, message, context: super::record::fields(object, line) })
}

#[cfg(test)]
mod tests {
    use super::super::record::{CRITICAL, DEBUG, ERROR, INFO, WARNING};
    use super::*;

    #[test]
    fn a_record_that_is_no_json_keeps_its_level_and_is_marked() {
        let deep = format!(r#"{{"level":"error","msg":"deep","at":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
        let cases = [
            (r#"{"level": "ERROR", "msg": "rate", "value": NaN}"#, ERROR),
            (r#"{"msg": "rate", "value": -Infinity, "level": 50}"#, CRITICAL),
            (r#"{"level":"warn","message":"large","value":1e999}"#, WARNING),
            (deep.as_str(), ERROR),
            (r#"{"LogLevel":"Error","Message":".NET","Value":NaN}"#, ERROR),
            (r#"{"lvl":"crit","@m":"x","n":NaN}"#, CRITICAL),
            (r#"{"log":{"level":"error"},"fields":{"message":"x"},"n":NaN}"#, ERROR),
            (r#"{"message":"monolog","level":400,"n":INF}"#, ERROR),
            // cut off where its program was killed, and two that came at once
            (r#"{"level":"error","msg":"no ans"#, ERROR),
            (r#"{"level":"error","msg":{"code":7}"#, ERROR),
            (r#"{"level":"error","msg":"a"}{"level":"info","msg":"b"}"#, ERROR),
        ];
        for (line, expected) in cases {
            let Message::Record { level, message, context } = Message::of(line) else { panic!("{line}") };
            assert_eq!((level, message.as_str()), (expected, line));
            assert!(context[0].0 == "protocol" && context[0].1.contains("no JSON"), "{context:?}");
        }
        for line in [r#"{"level":"error" NaN}"#, r#"{"msg":"x","n":NaN}"#, r#"{"level":"loud","msg":NaN}"#] {
            assert_eq!(Message::of(line), Message::text(), "{line}");
        }
    }

    fn reason(line: &str) -> String {
        match Message::of(line) {
            Message::Text { reason: Some(reason) } => reason,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn messages_to_dc() {
        assert_eq!(
            Message::of(r#"{"dc":"progress","task_size":100,"solved":40.0}"#),
            Message::Progress { task_size: Some(100), solved: Some(40), failed: None }
        );
        let Message::NextRun { at } = Message::of(r#" {"dc":"next_run","at":"2026-12-01T07:00:00.1234567+01:00"} "#)
        else {
            panic!("a moment")
        };
        assert_eq!(clock::text(at), "2026-12-01 06:00:00.123456");
    }

    #[test]
    fn a_malformed_message_is_text_with_a_reason() {
        for (line, expected) in [
            (r#"{"dc":"progress","solved":"many"}"#, "`solved`"),
            (r#"{"dc":"progress","solved":-1}"#, "`solved`"),
            (r#"{"dc":"progress","sovled":1}"#, "`sovled`"),
            (r#"{"dc":"next_run","at":"tomorrow"}"#, "`at`"),
            (r#"{"dc":"next_run"}"#, "`at`"),
            (r#"{"dc":"stop"}"#, "\"stop\""),
            (r#"{"dc":1,"level":"info"}"#, "progress"),
            (r#"{"dc":"progress","task_size":NaN}"#, "no JSON"),
            (r#"{"dc":"progress","task_size":10,"sol"#, "no JSON"),
        ] {
            assert!(reason(line).contains(expected), "{line}");
        }
    }

    #[test]
    fn records_keep_their_context_in_order() {
        let line = r#"{"time":1,"level":"WARN","msg":"slow","message":"other","dc":{"b":1,"a":2}}"#;
        let Message::Record { level, message, context } = Message::of(line) else { panic!("a record") };
        assert_eq!((level, message.as_str()), (WARNING, "slow"));
        let expected = [("time", "1"), ("message", "\"other\""), ("dc", r#"{"b":1,"a":2}"#)];
        assert_eq!(context, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        for (text, expected) in
            [("\"fatal\"", 50), ("\"Err\"", 40), ("\"trace\"", 10), ("20", 20), ("35", 30), ("50.0", 50)]
        {
            let line = format!(r#"{{"level":{text},"message":12}}"#);
            let Message::Record { level, message, .. } = Message::of(&line) else { panic!("{line}") };
            assert_eq!((level, message.as_str()), (expected, "12"));
        }
    }

    #[test]
    fn what_was_measured_is_taken_as_it_was_told() {
        let functions = r#"{"dc":"functions","functions":[{"name":"fetch","calls":3}]}"#;
        let expected = vec![serde_json::json!({"name": "fetch", "calls": 3})];
        assert_eq!(Message::of(functions), Message::Functions { functions: expected });
        let requests = r#"{"dc":"requests","count":120,"errors":3,"total_ms":4920,"times":[[64,114]]}"#;
        let expected = serde_json::json!({"count": 120, "errors": 3, "total_ms": 4920, "times": [[64, 114]]});
        assert_eq!(Message::of(requests), Message::Requests { requests: expected });
        let captcha = r#"{"dc":"captcha","solved":3,"cost":0.006,"total_ms":21000}"#;
        assert_eq!(Message::of(captcha), Message::Captcha { solved: 3, cost: 0.006, total_ms: 21_000 });
        assert_eq!(Message::of(r#"{"dc":"captcha"}"#), Message::Captcha { solved: 0, cost: 0.0, total_ms: 0 });
        for (line, expected) in [
            (r#"{"dc":"functions"}"#, "`functions` takes a list"),
            (r#"{"dc":"functions","functions":[],"more":1}"#, "`more`"),
            (r#"{"dc":"requests","count":1,"more":1}"#, "`more`"),
            (r#"{"dc":"captcha","cost":-0.1}"#, "`cost`"),
            (r#"{"dc":"captcha","cost":"1"}"#, "`cost`"),
            (r#"{"dc":"captcha","solved":-1}"#, "`solved`"),
            (r#"{"dc":"captcha","total_ms":null}"#, "`total_ms`"),
            (r#"{"dc":"captcha","price":1}"#, "known: solved, cost, total_ms"),
        ] {
            assert!(reason(line).contains(expected), "{line}: {}", reason(line));
        }
    }

    #[test]
    fn a_count_is_a_whole_number_that_is_told_exactly() {
        let solved = |number: &str| match Message::of(&format!(r#"{{"dc":"progress","solved":{number}}}"#)) {
            Message::Progress { solved, .. } => solved,
            other => panic!("{number}: {other:?}"),
        };
        assert_eq!((solved("0"), solved("7.0"), solved("9007199254740992.0")), (Some(0), Some(7), Some(1 << 53)));
        assert_eq!((solved("9223372036854775807"), solved("null")), (Some(i64::MAX), None));
        for number in ["-1", "0.5", "9007199254740994.0", "1e300", "9223372036854775808", "true"] {
            assert!(reason(&format!(r#"{{"dc":"progress","solved":{number}}}"#)).contains("`solved`"), "{number}");
        }
    }

    #[test]
    fn levels_have_the_names_that_loggers_give_them() {
        let levels = [
            (DEBUG, &["trace", "Debug", "VERBOSE"][..]),
            (INFO, &["info", "information", "notice"]),
            (WARNING, &["warn", " warning "]),
            (ERROR, &["err", "ERROR"]),
            (CRITICAL, &["crit", "critical", "fatal", "alert", "emerg", "emergency", "panic"]),
        ];
        for (expected, name) in levels.iter().flat_map(|(level, names)| names.iter().map(move |name| (level, name))) {
            let line = format!(r#"{{"level":"{name}","msg":"a\u0000b","more":[1]}}"#);
            let Message::Record { level, message, context } = Message::of(&line) else { panic!("{line}") };
            assert_eq!((level, message.as_str()), (*expected, "a\\x00b"), "{name}");
            assert_eq!(context, [("more".to_owned(), "[1]".to_owned())]);
        }
        for (number, expected) in
            [("10", Some(10)), ("19", Some(10)), ("50", Some(50)), ("9", None), ("60", Some(50)), ("70", None)]
        {
            let level = match Message::of(&format!(r#"{{"level":{number},"msg":"x"}}"#)) {
                Message::Record { level, .. } => Some(level),
                _ => None,
            };
            assert_eq!(level, expected, "{number}");
        }
    }

    #[test]
    fn everything_else_is_text() {
        for line in [
            "",
            "hello",
            "{",
            "{}",
            "[1]",
            "{not json}",
            r#"{"a":1}"#,
            r#"{"level":"info"}"#,
            r#"{"msg":"x"}"#,
            r#"{"level":"loud","msg":"x"}"#,
            r#"{"level":70,"msg":"x"}"#,
            r#"{"level":"info" and more}"#,
            r#"{"dc" is a city}"#,
        ] {
            assert_eq!(Message::of(line), Message::Text { reason: None }, "{line}");
        }
    }
}
