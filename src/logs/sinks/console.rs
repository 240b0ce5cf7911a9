//! Standard error: lines for people, formatted by env_logger, or JSON.

use std::io::{IsTerminal, Write};

use serde_json::{Map, Value};

use crate::clock;
use crate::context::Context;
use crate::error::Result;
use crate::logs::line::{Line, LogRecord};
use crate::logs::sink::{Entry, Sink, Undelivered};
use crate::settings::{LogFormat, Section};
use crate::shell::{Screen, visible_json, visible_line, visible_record};
use crate::tables::LogLevel;

/// This sink's line in the registry.
pub(in crate::logs) const ENTRY: Entry = Entry { name: "console", open };

/// How much of a time people see: its seconds.
const SECOND_BYTES: usize = "2026-11-25T06:00:00".len();

fn open(context: &Context, _: Section<'_>) -> Result<Box<dyn Sink>> {
    Ok(Box::new(Console::new(context.settings().log.format, context.settings().no_color)))
}

/// Standard error.
pub(in crate::logs) struct Console {
    format: LogFormat,
    people: env_logger::Logger,
}

impl Console {
    pub(in crate::logs) fn new(format: LogFormat, no_color: bool) -> Self {
        let style = match std::io::stderr().is_terminal() && !no_color {
            true => env_logger::WriteStyle::Always,
            false => env_logger::WriteStyle::Never,
        };
        let mut builder = env_logger::Builder::new();
        builder.target(env_logger::Target::Pipe(Box::new(Stderr)));
        builder.filter_level(log::LevelFilter::Trace).write_style(style).format(|out, record| {
            // the record was written earlier, maybe in another process: its time and level come as texts
            let (time, level) = (record.target(), record.module_path().unwrap_or_default());
            let style = out.default_level_style(record.level());
            writeln!(out, "[{time}Z {style}{level:<5}{style:#}] {}", record.args())
        });
        Self { format, people: builder.build() }
    }

    fn tell_people(&self, record: &LogRecord<'_>) {
        let level = match record.level() {
            LogLevel::Critical | LogLevel::Error => log::Level::Error,
            LogLevel::Warning => log::Level::Warn,
            LogLevel::Info => log::Level::Info,
            LogLevel::Debug => log::Level::Debug,
        };
        let name = if record.level == "WARNING" { "WARN" } else { &record.level };
        let time = record.time.get(..SECOND_BYTES).unwrap_or(&record.time);
        let message = visible_record(&record.message);
        let (first, rest) = message.split_once('\n').unwrap_or((&message, ""));
        let mut text = first.to_owned();
        for (key, value) in context(record) {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text.push_str(&format!(" {}={}", visible_line(&key), visible_line(&value)));
        }
        if !rest.is_empty() {
            text.push_str(&format!("\n{rest}"));
        }
        // while the terminal is drawn as a page, the page has the lines, which begin with their time
        if Screen::say(&format!("{} {name} {text}", clock::local(clock::now()))) {
            return;
        }
        let mut builder = log::Record::builder();
        builder.level(level).target(time).module_path(Some(name));
        log::Log::log(&self.people, &builder.args(format_args!("{text}")).build());
    }
}

impl Sink for Console {
    fn write(&mut self, lines: &[Line<'_>]) -> Result<(), Undelivered> {
        for record in lines.iter().filter_map(|line| line.record()) {
            match self.format {
                LogFormat::Text => self.tell_people(&record),
                LogFormat::Json => {
                    let line = format!("{}\n", visible_json(&flat(&record).to_string()));
                    if !Screen::say(&line) {
                        // a stderr that is gone is no reason to keep anything
                        let _ = Stderr.write_all(line.as_bytes());
                    }
                }
            }
        }
        Ok(())
    }
}

/// Standard error, with a lock for each line.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        std::io::stderr().lock().write(line)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().lock().flush()
    }
}

/// The record as one object: its own fields, and its key-values beside them.
fn flat(record: &LogRecord<'_>) -> Value {
    let mut object = Map::new();
    let own =
        [("time", &record.time), ("level", &record.level), ("source", &record.source), ("message", &record.message)];
    for (name, value) in own {
        object.insert(name.to_owned(), value.as_ref().into());
    }
    for (name, value) in [("function", &record.function), ("thread", &record.thread)] {
        if let Some(value) = value {
            object.insert(name.to_owned(), value.as_ref().into());
        }
    }
    for (key, value) in context(record) {
        object.entry(key).or_insert(value);
    }
    Value::Object(object)
}

fn context(record: &LogRecord<'_>) -> Map<String, Value> {
    record.context.and_then(|context| serde_json::from_str(context.get()).ok()).unwrap_or_default()
}
