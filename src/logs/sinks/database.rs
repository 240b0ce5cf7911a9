//! The table `logs` of the database `main`, in batches.

use std::time::Duration;

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::logs::line::Line;
use crate::logs::sink::{Entry, Limits, Sink, Undelivered};
use crate::settings::Section;
use crate::tables::{LogRow, Store};

/// This sink's line in the registry.
pub(in crate::logs) const ENTRY: Entry = Entry { name: "database", open };

/// How long a record waits for company: a durable transaction for each would be the slowest part of a run.
const LINGER: Duration = Duration::from_millis(100);

fn open(context: &Context, _: Section<'_>) -> Result<Box<dyn Sink>> {
    Ok(Box::new(Database { context: context.clone(), store: None }))
}

/// The database, connected with the first record.
struct Database {
    context: Context,
    store: Option<Store>,
}

impl Sink for Database {
    fn write(&mut self, lines: &[Line<'_>]) -> Result<(), Undelivered> {
        let rows: Vec<LogRow> = lines.iter().filter_map(|line| row(*line)).collect();
        match self.append(&rows) {
            Ok(()) => Ok(()),
            Err((_, error)) if is_away(&error) => {
                // a connection that broke stays broken
                self.store = None;
                Err(Undelivered::away(0, error))
            }
            Err((taken, error)) => Err(Undelivered::refused(taken, error)),
        }
    }

    fn limits(&self) -> Limits {
        Limits { linger: LINGER, ..Limits::default() }
    }
}

impl Database {
    /// Stores the rows; an error comes with the number of those that are stored. A batch that is refused is halved
    /// until it shows the row that is wrong.
    fn append(&mut self, rows: &[LogRow]) -> std::result::Result<(), (usize, Error)> {
        let store = match &mut self.store {
            Some(store) => store,
            none => none.insert(Store::ready(&self.context).map_err(|error| (0, error))?),
        };
        match store.logs().append(rows) {
            Err(error) if !is_away(&error) && rows.len() > 1 => {
                let (first, second) = rows.split_at(rows.len() / 2);
                self.append(first)?;
                self.append(second).map_err(|(taken, error)| (first.len() + taken, error))
            }
            stored => stored.map_err(|error| (0, error)),
        }
    }
}

/// Whether the database takes nothing now: then the record is not to blame.
fn is_away(error: &Error) -> bool {
    error.is_temporary() || error.kind() != ErrorKind::Failed
}

fn row(line: Line<'_>) -> Option<LogRow> {
    let record = line.record()?;
    Some(LogRow {
        time: record.moment()?,
        level: record.level().id(),
        context: context(&record),
        runtime: record.runtime.map(Into::into),
        app_id: record.app_id,
        source: record.source.into(),
        message: record.message.into(),
    })
}

/// The key-values with what has no column of its own.
fn context(record: &crate::logs::LogRecord<'_>) -> Option<String> {
    let bound = [("function", &record.function), ("thread", &record.thread)];
    let own = bound.iter().filter_map(|(name, value)| {
        let value = value.as_deref().filter(|value| *value != "main")?;
        Some(format!("\"{name}\":{}", serde_json::Value::from(value)))
    });
    let own = own.collect::<Vec<_>>().join(",");
    match (record.context.map(|context| context.get()), own.is_empty()) {
        (None, true) => None,
        (Some(context), true) => Some(context.to_owned()),
        (None, false) => Some(format!("{{{own}}}")),
        // both are objects, and one of key-values has at least one
        (Some(context), false) => Some(format!("{{{own},{}", context.trim_start().trim_start_matches('{'))),
    }
}
