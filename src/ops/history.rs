//! `dc merge history`, `show` and `undo`: what merges did, how a table stood, and taking it back.

use std::fmt;

use serde::Serialize;

use super::connect;
use crate::clock;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::ident::RuntimeId;
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
                merge.id.clone(),
                clock::local(merge.moment),
                format!("{}{scope}", merge.table_name),
                merge.inserted.to_string(),
                merge.retired.to_string(),
                merge.runtime.clone().unwrap_or_else(|| "-".to_owned()),
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
    merge::show(&mut connect(context, database.unwrap_or(MAIN))?, table, as_of, all, &mut |line| {
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
    clock::moment(text).map(AsOf::Moment).map_err(|_| {
        Error::new(ErrorKind::Usage, format!("read `{text}` as a time or a run"))
            .hint("write 2h, 2026-11-20, \"2026-11-20 06:00\", 2026-11-20T06:00:00Z, or a run from `dc merge history`")
    })
}

/// Takes back what a run, or a single merge, did.
///
/// # Errors
/// As [`merge::undo`].
pub fn undo_merges(context: &Context, database: Option<&str>, run: &str, dry_run: bool) -> Result<UndoReport> {
    let run: RuntimeId = run.parse()?;
    merge::undo(&mut connect(context, database.unwrap_or(MAIN))?, run.as_str(), dry_run, context.cancellation())
}
