//! The log records of the world: where each logger writes how grave a record is, and what it says.
//!
//! Known are dc's own form, Python's `logging` with JSON formatters, structlog, loguru, pino, bunyan, winston, zap, slog,
//! `tracing`, Serilog, Monolog, .NET, ECS, GELF, Google Cloud and OpenTelemetry.

use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The level of what helps to find errors.
pub const DEBUG: i64 = 10;
/// The level of what is as it should be.
pub const INFO: i64 = 20;
/// The level of what somebody should look at.
pub const WARNING: i64 = 30;
/// The level of what failed.
pub const ERROR: i64 = 40;
/// The level of what stops the work.
pub const CRITICAL: i64 = 50;

/// The key-values of a record, in their order: each with its value as JSON, as it was written.
pub type Fields = Vec<(String, String)>;

/// Where the level stands, the best place first; a point leads into an object.
pub(super) const LEVEL_KEYS: [&str; 13] = [
    "level",
    "severity",
    "levelname",
    "level_name",
    "log.level",
    "loglevel",
    "severitytext",
    "severity_text",
    "lvl",
    "@l",
    "record.level.name",
    "level.name",
    "severitynumber",
];
/// Where the message stands.
pub(super) const MESSAGE_KEYS: [&str; 10] = [
    "msg",
    "message",
    "event",
    "fields.message",
    "record.message",
    "short_message",
    "@m",
    "@mt",
    "body",
    "textpayload",
];
/// From here on a time is in milliseconds.
const MILLISECONDS_MIN: i64 = 100_000_000_000;

/// The level and the message of an object, which loses both.
pub(super) fn understood(object: &mut Map<String, Value>) -> Option<(i64, String)> {
    let message_at = MESSAGE_KEYS.iter().find_map(|key| place(object, key))?;
    let named = |path: &Vec<String>| value_at(object, path).and_then(Value::as_str).and_then(named_level);
    let places = || LEVEL_KEYS.iter().filter_map(|key| place(object, key));
    let by_name = places().find_map(|path| named(&path).map(|level| (path, level)));
    let found = by_name.or_else(|| {
        places().find_map(|path| {
            let level = numbered_level(value_at(object, &path)?, &path, object)?;
            Some((path, level))
        })
    });
    let (level_at, level) = found?;
    let message = match take(object, &message_at)? {
        Value::String(text) => text,
        other => other.to_string(),
    };
    take(object, &level_at);
    // databases refuse NUL in text
    Some((level, message.replace('\0', "\\x00")))
}

/// The other keys of a record. Floats and long numbers keep the digits that they have in `line`.
pub(super) fn fields(object: Map<String, Value>, line: &str) -> Fields {
    if !object.values().any(has_float) {
        return object.into_iter().map(|(key, value)| (key, value.to_string())).collect();
    }
    let raw: HashMap<String, &RawValue> = serde_json::from_str(line).unwrap_or_default();
    object.iter().map(|(key, value)| (key.clone(), exact(value, raw.get(key).copied()))).collect()
}

/// A value as it was written, without what was taken out of its objects.
fn exact(value: &Value, raw: Option<&RawValue>) -> String {
    match (value, raw) {
        (Value::Object(fields), Some(raw)) => {
            let raw: HashMap<String, &RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
            let pairs = fields
                .iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), exact(value, raw.get(key).copied())));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        }
        (_, Some(raw)) => raw.get().to_owned(),
        (value, None) => value.to_string(),
    }
}

fn has_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_float),
        Value::Object(fields) => fields.values().any(has_float),
        _ => false,
    }
}

/// Where a key stands: by itself, or inside an object.
fn place(object: &Map<String, Value>, wanted: &str) -> Option<Vec<String>> {
    let key = |object: &Map<String, Value>, wanted: &str| {
        let exact = object.contains_key(wanted).then(|| wanted.to_owned());
        exact.or_else(|| object.keys().find(|key| key.eq_ignore_ascii_case(wanted)).cloned())
    };
    if let Some(found) = key(object, wanted) {
        return Some(vec![found]);
    }
    let (outer, inner) = wanted.split_once('.')?;
    let outer = key(object, outer)?;
    let Some(Value::Object(inside)) = object.get(&outer) else { return None };
    let mut path = vec![outer];
    path.extend(place(inside, inner)?);
    Some(path)
}

fn value_at<'a>(object: &'a Map<String, Value>, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let value = object.get(first)?;
    if rest.is_empty() { Some(value) } else { value_at(value.as_object()?, rest) }
}

/// Takes a value out, and the object around it when nothing is left in there.
fn take(object: &mut Map<String, Value>, path: &[String]) -> Option<Value> {
    let (first, rest) = path.split_first()?;
    if rest.is_empty() {
        return object.shift_remove(first);
    }
    let inner = object.get_mut(first)?.as_object_mut()?;
    let taken = take(inner, rest);
    if inner.is_empty() {
        object.shift_remove(first);
    }
    taken
}

/// A level that is a number, as the logger counts that has written the record.
pub(super) fn numbered_level(value: &Value, path: &[String], object: &Map<String, Value>) -> Option<i64> {
    let number = whole_number(value)?;
    let has = |key: &str| object.contains_key(key);
    if path.last().is_some_and(|key| key.eq_ignore_ascii_case("severitynumber")) {
        // OpenTelemetry
        return [DEBUG, DEBUG, INFO, WARNING, ERROR, CRITICAL].get(usize::try_from((number - 1) / 4).ok()?).copied();
    }
    match number {
        // GELF has those of syslog
        0..=7 if has("short_message") => {
            [CRITICAL, CRITICAL, CRITICAL, ERROR, WARNING, INFO, INFO, DEBUG].get(number as usize).copied()
        }
        // pino and bunyan: 30 is INFO, 60 is FATAL
        10..=69 if is_of_pino(object) => Some((number / 10 * 10 - 10).clamp(DEBUG, CRITICAL)),
        // a level between two counts as the lower one
        DEBUG..=69 => Some((number / 10 * 10).min(CRITICAL)),
        // Monolog
        100..=699 => Some((number / 100 * 10).min(CRITICAL)),
        _ => None,
    }
}

/// Both name the process, or count the time in milliseconds; others with a level from 10 to 50 do neither.
fn is_of_pino(object: &Map<String, Value>) -> bool {
    let names_process = object.contains_key("pid") && object.contains_key("hostname");
    names_process || object.get("time").and_then(Value::as_i64).is_some_and(|time| time >= MILLISECONDS_MIN)
}

pub(super) fn named_level(name: &str) -> Option<i64> {
    let name = name.trim().to_ascii_lowercase();
    // slog: ERROR+2, DEBUG-4
    let base = name.split_once(['+', '-']).filter(|(_, rest)| rest.parse::<u8>().is_ok()).map_or(&*name, |(it, _)| it);
    match base {
        "trace" | "debug" | "verbose" | "dbug" | "trce" | "vrb" | "dbg" | "fine" | "finer" | "finest" | "config" => {
            Some(DEBUG)
        }
        "info" | "information" | "informational" | "notice" | "inf" | "success" | "default" => Some(INFO),
        "warn" | "warning" | "wrn" => Some(WARNING),
        "err" | "error" | "fail" | "severe" => Some(ERROR),
        "crit" | "critical" | "fatal" | "ftl" | "alert" | "emerg" | "emergency" | "panic" | "dpanic" => Some(CRITICAL),
        _ => None,
    }
}

/// Some languages write every number with a point.
pub(super) fn whole_number(value: &Value) -> Option<i64> {
    /// Up to here a float counts without gaps.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    let whole = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= EXACT_MAX);
    value.as_i64().or(whole.map(|number| number as i64)).filter(|number| *number >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(line: &str) -> (i64, String, String) {
        let mut object = serde_json::from_str(line).expect("an object");
        let (level, message) = understood(&mut object).unwrap_or_else(|| panic!("no record: {line}"));
        let fields: Vec<String> = fields(object, line).iter().map(|(key, value)| format!("{key}={value}")).collect();
        (level, message, fields.join(" "))
    }

    #[test]
    fn the_records_of_every_logger_have_their_level_and_their_message() {
        for (line, level, message, context) in [
            (r#"{"level":30,"time":1764444000000,"pid":7,"hostname":"h","msg":"up"}"#, INFO, "up", "hostname"),
            (r#"{"level":50,"time":1764444000000,"msg":"pino"}"#, ERROR, "pino", "time"),
            (r#"{"level":60,"time":1764444000000,"msg":"pino"}"#, CRITICAL, "pino", "time"),
            (
                r#"{"name":"b","hostname":"h","pid":1,"level":40,"msg":"bunyan","time":"2026","v":0}"#,
                WARNING,
                "bunyan",
                "v=0",
            ),
            (r#"{"level":30,"msg":"dc's own","time":1764444000.5}"#, WARNING, "dc's own", "time=1764444000.5"),
            (r#"{"event":"structlog","level":"error","timestamp":"2026"}"#, ERROR, "structlog", "timestamp"),
            (r#"{"time":"2026","level":"ERROR+2","msg":"slog"}"#, ERROR, "slog", "time"),
            (r#"{"time":"2026","level":"DEBUG-4","msg":"slog"}"#, DEBUG, "slog", "time"),
            (r#"{"severity":"ERROR","message":"google"}"#, ERROR, "google", ""),
            (r#"{"severity":"DEFAULT","textPayload":"google"}"#, INFO, "google", ""),
            (r#"{"@timestamp":"2026","log.level":"error","message":"ecs"}"#, ERROR, "ecs", "@timestamp"),
            (r#"{"log":{"level":"warn","logger":"x"},"message":"ecs"}"#, WARNING, "ecs", r#"log={"logger":"x"}"#),
            (r#"{"log":{"level":"warn"},"message":"ecs"}"#, WARNING, "ecs", ""),
            (
                r#"{"timestamp":"2026","level":"ERROR","fields":{"message":"tracing","n":1},"target":"t"}"#,
                ERROR,
                "tracing",
                r#"fields={"n":1}"#,
            ),
            (r#"{"asctime":"2026","levelname":"CRITICAL","message":"python"}"#, CRITICAL, "python", "asctime"),
            (r#"{"message":"monolog","context":{},"level":400,"level_name":"ERROR"}"#, ERROR, "monolog", "level=400"),
            (r#"{"message":"monolog","level":550}"#, CRITICAL, "monolog", ""),
            (r#"{"@t":"2026","@mt":"serilog {N}","@l":"Fatal","N":1}"#, CRITICAL, "serilog {N}", "N=1"),
            (r#"{"EventId":0,"LogLevel":"Information","Message":".NET"}"#, INFO, ".NET", "EventId=0"),
            (r#"{"version":"1.1","host":"h","short_message":"gelf","level":3}"#, ERROR, "gelf", "host"),
            (r#"{"SeverityText":"WARN","Body":"otel","SeverityNumber":13}"#, WARNING, "otel", "SeverityNumber=13"),
            (r#"{"severityNumber":17,"body":"otel"}"#, ERROR, "otel", ""),
            (r#"{"text":"x","record":{"level":{"name":"ERROR","no":40},"message":"loguru"}}"#, ERROR, "loguru", "text"),
            (r#"{"level":"dpanic","msg":"zap","caller":"a.go:1"}"#, CRITICAL, "zap", "caller"),
        ] {
            let found = record(line);
            assert_eq!((found.0, found.1.as_str()), (level, message), "{line}");
            assert!(found.2.contains(context), "{line}: {}", found.2);
        }
    }

    #[test]
    fn numbers_keep_their_digits() {
        let line = r#"{"level":"info","msg":"m","big":123456789012345678901234567890,"rate":1.10,"in":{"e":1E5,"z":-0.0},"a":[0.30,18446744073709551615]}"#;
        let expected =
            r#"big=123456789012345678901234567890 rate=1.10 in={"e":1E5,"z":-0.0} a=[0.30,18446744073709551615]"#;
        assert_eq!(record(line).2, expected);
    }
}
