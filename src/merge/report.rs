//! What a merge did, for people as a table and for programs as one object.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::merge::phases::Phases;
use crate::shell;

/// The counts of one merge; `read = new + changed + unchanged + duplicate + rejected` and
/// `active_before + new - gone = active_after`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Records read from the input.
    pub read: u64,
    /// Records inserted that replace no row.
    pub new: u64,
    /// Records inserted that replace a row of the same key.
    pub changed: u64,
    /// Records that the table has already.
    pub unchanged: u64,
    /// Records that stand in the input more than once, without their first.
    pub duplicate: u64,
    /// Bad records that were set aside.
    pub rejected: u64,
    /// Rows that left the source and were archived or deleted, without those that were replaced.
    pub gone: u64,
    /// Rows that stay although the input lacks them: the record of their key was rejected.
    pub kept: u64,
    /// Active rows in scope before.
    pub active_before: u64,
    /// Active rows in scope after.
    pub active_after: u64,
}

/// A column that takes more than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WidenedColumn {
    /// Its name.
    pub column: String,
    /// Its type before, as the database prints it.
    pub from: String,
    /// Its type now.
    pub to: String,
}

/// Columns that take more than before, and what it meant for the rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Widened {
    pub(crate) columns: Vec<WidenedColumn>,
    /// Rows that stay as they are and have another hash.
    pub(crate) rehashed: u64,
}

impl Widened {
    /// Adds what was widened later; a column may be so twice.
    pub(crate) fn add(&mut self, later: Widened) {
        for column in later.columns {
            match self.columns.iter_mut().find(|known| known.column == column.column) {
                Some(known) => known.to = column.to,
                None => self.columns.push(column),
            }
        }
        self.rehashed += later.rehashed;
    }
}

/// A column that was there before as another type than was asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OtherType {
    /// The column.
    pub column: String,
    /// Its type.
    pub declared: String,
    /// The type that was asked for.
    pub asked: String,
}

fn of_many(count: u64) -> (&'static str, &'static str) {
    if count == 1 { ("", "was") } else { ("s", "were") }
}

/// Some of the records, and the columns that they go into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The table's columns, without the framework's own.
    pub columns: Vec<SampleColumn>,
    /// The first records of the input, each as one line of JSON.
    pub records: Vec<String>,
}

/// A column of a sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleColumn {
    /// Its name.
    pub name: String,
    /// Its type, as the database prints it.
    #[serde(rename = "type")]
    pub declared: String,
}

/// What a merge did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MergeReport {
    /// The table.
    pub table: String,
    /// The counts.
    #[serde(flatten)]
    pub counts: Counts,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// Records read a second.
    pub rows_per_second: u64,
    /// The run that it was part of; `None` outside one.
    pub runtime: Option<String>,
    /// Whether it was only tried: nothing was changed.
    pub dry_run: bool,
    /// Whether the table was made.
    pub created: bool,
    /// The columns that were added.
    pub added_columns: Vec<String>,
    /// The columns that were widened.
    pub widened_columns: Vec<WidenedColumn>,
    /// Rows whose hash was taken anew, since numbers became text; they stay as they are.
    pub rehashed: u64,
    /// The framework's own columns that the input brings; they are not loaded.
    pub reserved_columns: Vec<String>,
    /// Columns of the input that the database fills itself; they are not loaded.
    pub generated_columns: Vec<String>,
    /// Columns that have another type than was asked for, since they were there before.
    pub other_types: Vec<OtherType>,
    /// The identity under which `dc merge undo` finds it; `None` when nothing was changed.
    pub merge: Option<String>,
    /// Whether the input had the records of the last merge, in whatever order: they were not parsed again.
    pub same_input: bool,
    /// Some of the records, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<Sample>,
    /// Where the time went.
    #[serde(skip_deserializing)]
    pub phases: Phases,
}

impl MergeReport {
    pub(super) fn time(&mut self, elapsed: Duration) {
        self.elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        // the number of records is far below 2^53
        self.rows_per_second = (self.counts.read as f64 / elapsed.as_secs_f64().max(1e-6)) as u64;
    }
}

impl fmt::Display for MergeReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { read, new, changed, unchanged, duplicate, rejected, gone, kept, active_before, active_after } =
            &self.counts;
        let mut table = shell::table(["table", "read", "new", "changed", "unchanged", "gone", "active"]);
        let active = if active_before == active_after {
            active_after.to_string()
        } else {
            format!("{active_before} -> {active_after}")
        };
        let counts = [read, new, changed, unchanged, gone].map(u64::to_string);
        table.add_row([vec![self.table.clone()], counts.to_vec(), vec![active]].concat());
        write!(formatter, "{table}")?;
        let mut notes = Vec::new();
        if *duplicate > 0 {
            let (s, were) = of_many(*duplicate);
            notes.push(format!("{duplicate} duplicate{s} in the input {were} taken once"));
        }
        if *rejected > 0 {
            let (s, were) = of_many(*rejected);
            notes.push(format!("{rejected} bad record{s} {were} set aside"));
        }
        if *kept > 0 {
            notes.push(match kept {
                1 => "1 row stays, since the record of its key was rejected".to_owned(),
                kept => format!("{kept} rows stay, since the records of their keys were rejected"),
            });
        }
        if self.created {
            notes.push("the table was made".to_owned());
        } else if !self.added_columns.is_empty() {
            notes.push(format!("columns added: {}", self.added_columns.join(", ")));
        }
        if !self.widened_columns.is_empty() {
            let told = |WidenedColumn { column, from, to }: &WidenedColumn| format!("{column} ({from} to {to})");
            let told: Vec<String> = self.widened_columns.iter().map(told).collect();
            notes.push(format!("columns widened: {}", told.join(", ")));
        }
        if self.rehashed > 0 {
            notes
                .push(format!("{} rows stay as they are under another hash, since numbers became text", self.rehashed));
        }
        let is_as_before = self.added_columns.is_empty() && self.widened_columns.is_empty();
        if *new + *changed + *gone == 0 && is_as_before {
            let same = if self.same_input { ": the input is one that was merged before" } else { "" };
            notes.push(format!("no change{same}"));
        }
        if self.dry_run {
            notes.push("dry run: nothing was changed".to_owned());
        }
        notes.push(format!("{:.2} s, {} records a second", self.elapsed_ms as f64 / 1000.0, self.rows_per_second));
        write!(formatter, "\n{}", notes.join("; "))
    }
}
