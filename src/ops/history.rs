//! `dc merge history`, `show` and `undo`: what merges did, how a table stood, and taking it back.

use std::fmt;

use serde::Serialize;

use super::connect;
use super::which::one_of;
use crate::clock;
use crate::context::Context;
use crate::db::Connection;
use crate::error::{Error, ErrorKind, Result};
use crate::ident::{RuntimeId, run_prefix, short_run};
use crate::merge::{self, AsOf, PastMerge, UndoReport};
use crate::settings::MAIN;
use crate::shell;

/// The merges that changed something, the newest first.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct MergeHistory(pub Vec<PastMerge>);

impl fmt::Display for MergeHistory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return formatter.write_str("no merge has changed anything yet");
        }
        let mut table = shell::table(["merge", "time", "table", "inserted", "retired", "run", "undone"]);
        for merge in &self.0 {
            let scope = if merge.scope.is_empty() { String::new() } else { format!(" ({})", merge.scope) };
            table.add_row([
                short_run(&merge.id).to_owned(),
                clock::local(merge.moment),
                format!("{}{scope}", merge.table_name),
                merge.inserted.to_string(),
                merge.retired.to_string(),
                merge.runtime.as_deref().map_or("-", short_run).to_owned(),
                if merge.undone.is_some() { "yes" } else { "" }.to_owned(),
            ]);
        }
        write!(formatter, "{table}")
    }
}

/// Lists the merges of a table, or of all.
///
/// # Errors
/// Those of opening the database, and what it says.
pub fn merge_history(context: &Context, database: Option<&str>, table: Option<&str>) -> Result<MergeHistory> {
    merge::history(&mut connect(context, database.unwrap_or(MAIN))?, table).map(MergeHistory)
}

/// Gives the rows of a table as they were at a moment or after a run (`as_of`), one line of JSON each.
///
/// # Errors
/// Not found: table or run.
pub fn show_table(
    context: &Context,
    database: Option<&str>,
    table: &str,
    as_of: &AsOf,
    all: bool,
    each: &mut dyn FnMut(&str) -> Result<()>,
) -> Result<()> {
    let mut count: u64 = 0;
    let mut database = connect(context, database.unwrap_or(MAIN))?;
    let of_run = match as_of {
        AsOf::Run(run) => Some(AsOf::Run(run_or_merge(&mut database, run)?)),
        _ => None,
    };
    merge::show(&mut database, table, of_run.as_ref().unwrap_or(as_of), all, &mut |line| {
        count += 1;
        if count.is_multiple_of(1024) {
            context.cancellation().check()?;
        }
        each(line)
    })
}

/// Reads a time, on this machine's clock unless it names a zone, or a run; without a text it is now.
///
/// # Errors
/// Usage for what is neither.
pub fn read_as_of(text: Option<&str>) -> Result<AsOf> {
    let Some(text) = text else { return Ok(AsOf::Now) };
    if let Ok(run) = text.parse::<RuntimeId>() {
        return Ok(AsOf::Run(run.to_string()));
    }
    clock::moment(text)
        .map(AsOf::Moment)
        .or_else(|_| {
            // what is no time may be the beginning of a run
            run_prefix(text).map(AsOf::Run).ok_or(())
        })
        .map_err(|()| {
            Error::new(ErrorKind::Usage, format!("read `{text}` as a time or a run")).hint(
                "write 2h, 2026-11-20, \"2026-11-20 06:00\", 2026-11-20T06:00:00Z, or a run from `dc merge history`",
            )
        })
}

/// The identity of a run or a merge, of which the beginning may be typed.
fn run_or_merge(database: &mut Connection, typed: &str) -> Result<String> {
    match (typed.parse::<RuntimeId>(), run_prefix(typed)) {
        (Err(_), Some(prefix)) => one_of(typed, merge::beginning(database, &prefix)?),
        (parsed, _) => parsed.map(|run| run.to_string()),
    }
}

/// Takes back what a run, or a single merge, did.
///
/// # Errors
/// As [`merge::undo`].
pub fn undo_merges(context: &Context, database: Option<&str>, run: &str, dry_run: bool) -> Result<UndoReport> {
    let mut database = connect(context, database.unwrap_or(MAIN))?;
    let run = run_or_merge(&mut database, run)?;
    merge::undo(&mut database, &run, dry_run, context.cancellation())
}
