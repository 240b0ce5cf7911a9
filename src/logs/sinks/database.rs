//! The table `logs` of the database `main`, in batches. A batch that comes again is stored once.

mod proof;

use std::time::Duration;

use crate::context::Context;
use crate::db::cause::Cause;
use crate::error::{Error, Result};
use crate::failpoint;
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
        let Some(stream) = lines.first().map(|line| line.place().stream) else { return Ok(()) };
        let rows: Vec<LogRow> = lines.iter().map_while(|line| row(*line)).collect();
        let places: Vec<i64> = lines.iter().map(|line| i64::try_from(line.place().end).unwrap_or(i64::MAX)).collect();
        match self.append(stream, &places[..rows.len()], &rows) {
            Ok(()) if rows.len() < lines.len() => Err(Undelivered::refused(rows.len(), "it is no log record")),
            Ok(()) => Ok(()),
            Err((taken, error)) if is_in_row(&error) => Err(Undelivered::refused(taken, error)),
            Err((taken, error)) => {
                // a connection that broke stays broken
                self.store = None;
                Err(Undelivered::away(taken, error))
            }
        }
    }

    fn limits(&self) -> Limits {
        Limits { linger: LINGER, ..Limits::default() }
    }
}

impl Database {
    /// Stores the rows; an error comes with the number of those that are stored. A batch in which a row may be wrong is
    /// halved until that row is alone.
    fn append(&mut self, stream: &str, places: &[i64], rows: &[LogRow]) -> std::result::Result<(), (usize, Error)> {
        let store = match &mut self.store {
            Some(store) => store,
            none => none.insert(Store::ready(&self.context).map_err(|error| (0, error))?),
        };
        let stored = store.logs().append_once(stream, places, rows);
        let Err(error) = stored.and_then(|()| failpoint::point("logs.stored")) else { return Ok(()) };
        match (Cause::of(&error), rows) {
            (Some(cause), _) if !cause.is_in_row() => Err((0, error)),
            (None, [row]) => Err((0, proof::reason(&self.context, row).unwrap_or(error))),
            (_, [_]) => Err((0, error)),
            _ => {
                let half = rows.len() / 2;
                self.append(stream, &places[..half], &rows[..half])?;
                let second = self.append(stream, &places[half..], &rows[half..]);
                second.map_err(|(taken, error)| (half + taken, error))
            }
        }
    }
}

/// Whether it is the record that is wrong. Whatever else a database says, the record is not to blame, and waits.
fn is_in_row(error: &Error) -> bool {
    Cause::of(error).is_some_and(Cause::is_in_row)
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
