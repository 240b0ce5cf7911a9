//! A log line as `--json` prints it: its context is an object, with every digit as it was logged.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::logs::LogLine;

/// The order of its keys.
#[derive(Serialize)]
struct Shown<'a> {
    id: i64,
    runtime: Option<&'a str>,
    app_id: Option<i64>,
    time: String,
    level: i64,
    source: &'a str,
    message: &'a str,
    context: Option<Context<'a>>,
    level_name: &'static str,
    app: Option<&'a str>,
}

/// What older records or other programs stored may be no JSON.
#[derive(Serialize)]
#[serde(untagged)]
enum Context<'a> {
    Json(&'a RawValue),
    Text(&'a str),
}

impl Serialize for LogLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let log = &self.log;
        let context = |text| serde_json::from_str(text).map_or(Context::Text(text), Context::Json);
        Shown {
            id: log.id,
            runtime: log.runtime.as_deref(),
            app_id: log.app_id,
            time: log.time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
            level: log.level,
            source: &log.source,
            message: &log.message,
            context: log.context.as_deref().map(context),
            level_name: self.level_name,
            app: self.app.as_deref(),
        }
        .serialize(serializer)
    }
}
