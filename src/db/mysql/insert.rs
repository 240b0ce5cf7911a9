//! New rows into a table: as a stream (LOAD DATA LOCAL), or in statements of many rows where the server does not take that.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use mysql_async::Error as Failure;

use super::client::{Client, Loaded};
use super::encode::{Coding, Sent};
use super::refused::{is_refusal, reason};
use super::server::server_error;
use super::sql::{literal, put_bytes, put_literal, quote};
use crate::clock;
use crate::db::cause::{Cause, Told};
use crate::db::waiting::Waiting;
use crate::db::{Column, Refused, RowBatch, Table};
use crate::error::{Error, Result};

/// What goes to the server at once.
const CHUNK_BYTES: usize = 256 * 1024;
/// Rows that are tried at once at first, and at most; a step that met a refused row shrinks by this.
const STEP_FIRST: usize = 256;
const STEP_MAX: usize = 4_096;
const STEP_SHRINKS: usize = 8;
/// What a statement needs beside its rows.
const STATEMENT_BYTES: usize = 64 * 1024;

/// What is put where.
pub(super) struct Insertion<'a> {
    /// The table's name, in quotes.
    name: String,
    sha_is_text: bool,
    codings: Vec<Coding>,
    columns: &'a [Column],
    moment: String,
    /// The columns whose text has to be told to be text: their character set is another, or they have none.
    told: Vec<bool>,
    is_stream: bool,
}

impl<'a> Insertion<'a> {
    /// Looks at what the columns are made of.
    pub(super) fn of(
        client: &mut Client,
        (table, name): (&Table, String),
        columns: &'a [Column],
        moment: NaiveDateTime,
    ) -> Result<Self> {
        let sql = format!("SHOW FULL COLUMNS FROM {name}");
        let mut collations: BTreeMap<String, Option<String>> = BTreeMap::new();
        client.each_text("look at the columns", &sql, |row| {
            if let (Some(column), Some(collation)) = (row.take(0), row.take(2)) {
                collations.insert(column, collation);
            }
            Ok(())
        })?;
        let is_told = |column: &Column| {
            let collation = collations.get(&column.name).and_then(Option::as_deref);
            let is_text = !matches!(column.kind, crate::db::Kind::Other(_));
            let is_known = collation.is_none_or(|collation| collation.starts_with("utf8"));
            // numbers, moments and bytes are read from bytes; of an unknown type nobody knows
            let is_own = ["json", "uuid", "inet", "enum", "set"].iter().any(|start| column.declared.starts_with(start));
            !is_known || is_own || (!is_text && !is_moment(&column.declared))
        };
        Ok(Self {
            name,
            sha_is_text: table.sha_is_text(),
            codings: columns.iter().map(Coding::of).collect(),
            columns,
            moment: literal(&clock::text(moment)),
            told: columns.iter().map(is_told).collect(),
            is_stream: client.may_load,
        })
    }

    /// All rows; `None` when one was refused, and nothing is written then.
    pub(super) fn all(
        &self,
        client: &mut Client,
        next: &mut dyn FnMut() -> Result<Option<RowBatch>>,
    ) -> Result<Option<u64>> {
        let fail = |cause| server_error("insert the rows", cause);
        client.run("SAVEPOINT dc_load").map_err(fail)?;
        let inserted = if self.is_stream { self.stream(client, next)? } else { self.statements(client, next)? };
        let end = match inserted {
            Some(_) => "RELEASE SAVEPOINT dc_load",
            None => "ROLLBACK TO SAVEPOINT dc_load; RELEASE SAVEPOINT dc_load",
        };
        client.run(end).map_err(fail)?;
        Ok(inserted)
    }

    fn stream(&self, client: &mut Client, next: &mut dyn FnMut() -> Result<Option<RowBatch>>) -> Result<Option<u64>> {
        let (mut has_misfit, mut sent, mut batch, mut row) = (false, 0_u64, None::<RowBatch>, 0);
        let mut pieces = || {
            let mut out = Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 4);
            while out.len() < CHUNK_BYTES && !has_misfit {
                let Some(rows) = batch.as_ref().filter(|rows| row < rows.len()) else {
                    // what the batch held is needed to read on
                    drop(batch.take());
                    (batch, row) = (next()?, 0);
                    if batch.is_none() {
                        break;
                    }
                    continue;
                };
                has_misfit = self.put_line(rows, row, &mut out).is_err();
                (row, sent) = (row + 1, sent + 1);
            }
            Ok((!out.is_empty() && !has_misfit).then_some(out))
        };
        let loaded = client.load(&self.load_sql(), &mut pieces)?;
        match loaded {
            // LOCAL makes warnings of errors, and leaves rows out
            Loaded::Done(done) if done.warnings == 0 && done.rows == sent && !has_misfit => Ok(Some(done.rows)),
            Loaded::Done(_) => Ok(None),
            Loaded::Off => {
                client.may_load = false;
                Ok(None)
            }
            Loaded::Failed(cause) if is_refusal(&cause) => Ok(None),
            Loaded::Failed(cause) => Err(server_error("insert the rows", cause)),
        }
    }

    fn load_sql(&self) -> String {
        let (mut names, mut set) = ("sha".to_owned(), String::new());
        for (at, column) in self.columns.iter().enumerate() {
            let name = quote(&column.name);
            if column.declared.starts_with("bit") {
                names.push_str(&format!(", @dc{at}"));
                set.push_str(&format!(", {name} = CAST(@dc{at} AS UNSIGNED)"));
            } else if self.told[at] {
                names.push_str(&format!(", @dc{at}"));
                set.push_str(&format!(", {name} = CONVERT(@dc{at} USING utf8mb4)"));
            } else {
                names.push_str(&format!(", {name}"));
            }
        }
        format!(
            "LOAD DATA LOCAL INFILE 'dc' INTO TABLE {} CHARACTER SET binary FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' \
             LINES TERMINATED BY '\\n' ({names}) SET date_created = {}{set}",
            self.name, self.moment
        )
    }

    /// A row as a line of LOAD DATA.
    fn put_line(&self, batch: &RowBatch, row: usize, out: &mut Vec<u8>) -> Result<(), String> {
        match self.sha_is_text {
            true => out.extend_from_slice(batch.sha(row).to_string().as_bytes()),
            false => put_escaped(&batch.sha(row).0, out),
        }
        for (cell, coding) in batch.row(row).iter().zip(&self.codings) {
            out.push(b'\t');
            match coding.sent(cell, batch)? {
                Sent::Null => out.extend_from_slice(b"\\N"),
                Sent::Number(number) => out.extend_from_slice(number.as_bytes()),
                Sent::Bits(number) => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
                Sent::Text(text) => put_escaped(&text, out),
                Sent::Bytes(bytes) => put_escaped(bytes, out),
            }
        }
        out.push(b'\n');
        Ok(())
    }

    fn statements(
        &self,
        client: &mut Client,
        next: &mut dyn FnMut() -> Result<Option<RowBatch>>,
    ) -> Result<Option<u64>> {
        let mut count = 0;
        while let Some(batch) = next()? {
            let mut first = 0;
            while first < batch.len() {
                let Ok((sql, last)) = self.insert_sql(client, &batch, first..batch.len()) else { return Ok(None) };
                match client.run(&sql) {
                    Ok(done) => count += done.rows,
                    Err(cause) if is_refusal(&cause) => return Ok(None),
                    Err(cause) => return Err(server_error("insert the rows", cause)),
                }
                first = last;
            }
        }
        Ok(Some(count))
    }

    /// The rows that the table takes; the others go to `refused`, in their order; those that may have to wait for others of
    /// their table come last.
    pub(super) fn accepted(
        &self,
        client: &mut Client,
        (next, waits): (&mut dyn FnMut() -> Result<Option<RowBatch>>, bool),
        refused: &mut dyn FnMut(Refused) -> Result<()>,
    ) -> Result<u64> {
        let (mut count, mut step, mut waiting) = (0, STEP_FIRST, Waiting::new(self.columns.len()));
        while let Some(batch) = next()? {
            let mut first = 0;
            while first < batch.len() {
                let last = batch.len().min(first + step);
                let tried = match self.insert_sql(client, &batch, first..last) {
                    Ok((sql, end)) => client.run(&sql).map(|done| (done.rows, end)).map_err(Ok),
                    Err(why) => Err(Err(why)),
                };
                let why = match tried {
                    Ok((rows, end)) => {
                        (count, first) = (count + rows, end);
                        step = (step * 2).min(STEP_MAX);
                        continue;
                    }
                    Err(Ok(cause)) if !is_refusal(&cause) => return Err(server_error("insert the rows", cause)),
                    Err(_) if last - first > 1 => {
                        step = ((last - first) / STEP_SHRINKS).max(1);
                        continue;
                    }
                    Err(Ok(Failure::Server(answer))) if waits && answer.code == 1452 => {
                        waiting.take(&batch, first);
                        first += 1;
                        continue;
                    }
                    Err(Ok(cause)) => reason(&cause),
                    Err(Err(why)) => why,
                };
                refused(refusal(&batch, first, &why))?;
                first += 1;
            }
        }
        let (more, left) = waiting.settle(|batch, row| match self.insert_sql(client, batch, row..row + 1) {
            Err(why) => Ok(Err(why)),
            Ok((sql, _)) => match client.run(&sql) {
                Ok(_) => Ok(Ok(())),
                Err(cause) if is_refusal(&cause) => Ok(Err(reason(&cause))),
                Err(cause) => Err(server_error("insert the rows", cause)),
            },
        })?;
        left.into_iter().try_for_each(|(batch, row, why)| refused(refusal(&batch, row, &why)))?;
        Ok(count + more)
    }

    /// A statement for as many of these rows as it bears, and the row behind the last of them.
    ///
    /// # Errors
    /// Why the first of them cannot be in one; another one that cannot ends it before.
    fn insert_sql(
        &self,
        client: &Client,
        batch: &RowBatch,
        rows: std::ops::Range<usize>,
    ) -> Result<(Vec<u8>, usize), String> {
        let names: String = self.columns.iter().map(|column| format!(", {}", quote(&column.name))).collect();
        let mut out = format!("INSERT INTO {} (sha, date_created{names}) VALUES ", self.name).into_bytes();
        let (first, most) = (rows.start, client.packet_max.saturating_sub(STATEMENT_BYTES.min(client.packet_max / 8)));
        for row in rows.clone() {
            let before = out.len();
            if row > first {
                out.push(b',');
            }
            let put = self.put_row(batch, row, &mut out);
            let bytes = out.len() - before;
            let put = match put {
                Ok(()) if out.len() > most => Err(format!(
                    "it takes {bytes} bytes, and the server {most} at once: SET GLOBAL max_allowed_packet = 1073741824"
                )),
                other => other,
            };
            if let Err(why) = put {
                if row == first {
                    return Err(why);
                }
                out.truncate(before);
                return Ok((out, row));
            }
            if out.len() > CHUNK_BYTES {
                return Ok((out, row + 1));
            }
        }
        Ok((out, rows.end))
    }

    fn put_row(&self, batch: &RowBatch, row: usize, out: &mut Vec<u8>) -> Result<(), String> {
        out.push(b'(');
        match self.sha_is_text {
            true => put_literal(batch.sha(row).to_string().as_bytes(), out),
            false => put_bytes(&batch.sha(row).0, out),
        }
        out.push(b',');
        out.extend_from_slice(self.moment.as_bytes());
        for (cell, coding) in batch.row(row).iter().zip(&self.codings) {
            out.push(b',');
            match coding.sent(cell, batch)? {
                Sent::Null => out.extend_from_slice(b"NULL"),
                Sent::Number(number) => out.extend_from_slice(number.as_bytes()),
                Sent::Bits(number) => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
                Sent::Text(text) => put_literal(&text, out),
                Sent::Bytes(bytes) => put_bytes(bytes, out),
            }
        }
        out.push(b')');
        Ok(())
    }
}

fn refusal(batch: &RowBatch, row: usize, why: &str) -> Refused {
    let error = Error::failed("insert the row").because(Told::new(why, Some(Cause::Value)));
    Refused { offset: batch.offset(row), sha: batch.sha(row), error }
}

fn is_moment(declared: &str) -> bool {
    ["date", "time", "year"].iter().any(|start| declared.starts_with(start))
}

/// Bytes as a field of LOAD DATA.
fn put_escaped(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0 => out.extend_from_slice(b"\\0"),
            byte => out.push(*byte),
        }
    }
}
