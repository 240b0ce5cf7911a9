//! What dc says of its own work, on stderr: lines for people, or JSON.

use std::io::{IsTerminal, Write};

use log::kv::{Key, Value, VisitSource};

use super::redact::Redactor;
use crate::clock;
use crate::error::{Error, Result};
use crate::settings::{LogFormat, Settings};

/// Installs the log of this process. `filter` is what the command line asks for instead of the settings' level.
///
/// # Errors
/// When the process has a log already.
pub fn init(settings: &Settings, filter: Option<&str>) -> Result<()> {
    let mut builder = env_logger::Builder::new();
    builder.parse_filters(filter.unwrap_or(&settings.log.level)).format_target(false);
    match settings.log.format {
        LogFormat::Json => {
            builder.format(|out, record| writeln!(out, "{}", json(record)));
        }
        LogFormat::Text if std::io::stderr().is_terminal() && !settings.no_color => {
            builder.write_style(env_logger::WriteStyle::Always);
        }
        LogFormat::Text => {
            builder.write_style(env_logger::WriteStyle::Never);
        }
    }
    let console = Console { redactor: Redactor::of(settings) };
    let installed = builder.target(env_logger::Target::Pipe(Box::new(console))).try_init();
    installed.map_err(|cause| Error::failed("start the log").because(cause))
}

/// Standard error without secrets. The logger hands over one whole record at a time.
struct Console {
    redactor: Redactor,
}

impl Write for Console {
    fn write(&mut self, record: &[u8]) -> std::io::Result<usize> {
        std::io::stderr().lock().write_all(&self.redactor.bytes(record)).map(|()| record.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().lock().flush()
    }
}

fn json(record: &log::Record<'_>) -> serde_json::Value {
    let mut line = serde_json::json!({
        "time": format!("{}Z", clock::now().format("%Y-%m-%dT%H:%M:%S%.6f")),
        "level": record.level().as_str(),
        "source": record.target(),
        "message": record.args().to_string(),
    });
    if let Some(fields) = line.as_object_mut() {
        // what cannot be visited is left out; a log line is no place to fail
        let _ = record.key_values().visit(&mut Keys(fields));
    }
    line
}

/// Adds key-values; the record's own fields stay as they are.
struct Keys<'a>(&'a mut serde_json::Map<String, serde_json::Value>);

impl<'kvs> VisitSource<'kvs> for Keys<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> std::result::Result<(), log::kv::Error> {
        let value = match (value.to_i64(), value.to_f64(), value.to_bool()) {
            (Some(number), ..) => number.into(),
            (_, Some(number), _) => number.into(),
            (_, _, Some(flag)) => flag.into(),
            _ => value.to_string().into(),
        };
        self.0.entry(key.as_str()).or_insert(value);
        Ok(())
    }
}
