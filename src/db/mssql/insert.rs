//! New rows into a table: they wait in a temporary table of the session, which a bulk load fills, and one statement moves them.
//! So the table's own defaults, constraints and triggers hold as for any INSERT, and a refused row costs one try more and not
//! another load.

use chrono::NaiveDateTime;
use tiberius::ColumnData;
use tiberius::error::Error as Failure;

use super::client::{Bound, Cells, Client, Load};
use super::encode::Coding;
use super::server::server_error;
use super::shape;
use super::sql::{literal, quote};
use crate::clock;
use crate::db::cause::{Cause, Told};
use crate::db::waiting::Waiting;
use crate::db::{Column, Refused, RowBatch, Table};
use crate::error::{Error, Result};

/// The table in which rows wait.
const WAITING: &str = "#dc_waiting";
/// Rows that are tried at once at first, and at most; a step that met a refused row shrinks by this.
const STEP_FIRST: usize = 256;
const STEP_MAX: usize = 4_096;
const STEP_SHRINKS: usize = 8;
/// Bytes of a value that the driver puts into a stream.
const STREAMED_BYTES_MAX: usize = 0xffff;
/// The number of "the key refers to a row that is not there".
const NO_PARENT: u32 = 547;

/// What is put where.
pub(super) struct Insertion<'a> {
    /// The table's name, in quotes.
    name: String,
    codings: Vec<Coding>,
    /// The conditions that the table would not keep a waiting row, by the places of their columns.
    misfits: Vec<(usize, String)>,
    columns: &'a [Column],
    sha_is_text: bool,
    moment: String,
}

/// A row that was tried.
enum Tried {
    Taken(u64),
    Refused(Failure),
}

impl<'a> Insertion<'a> {
    /// Looks at what the columns are made of.
    pub(super) fn of(client: &mut Client, table: &Table, columns: &'a [Column], moment: NaiveDateTime) -> Result<Self> {
        let collations = shape::collations(client, &table.name)?;
        let codings: Vec<Coding> = columns.iter().map(Coding::of).collect();
        let misfits = codings.iter().zip(columns).enumerate().filter_map(|(at, (coding, column))| {
            let known = collations.iter().find(|(name, _)| *name == column.name);
            let collation = known.and_then(|(_, collation)| collation.as_deref());
            Some((at, coding.misfit(&format!("dc.c{at}"), collation)?))
        });
        Ok(Self {
            name: shape::quoted(&table.name),
            misfits: misfits.collect(),
            codings,
            columns,
            sha_is_text: table.sha_is_text(),
            moment: literal(&clock::text(moment)),
        })
    }

    /// All rows; `None` when one was refused, and nothing is written then.
    pub(super) fn all(
        &self,
        client: &mut Client,
        next: &mut dyn FnMut() -> Result<Option<RowBatch>>,
    ) -> Result<Option<u64>> {
        let (mut misfit, mut batch, mut row, mut count) = (false, None::<RowBatch>, 0, 0_u64);
        self.make_room(client)?;
        let loaded = self.load(client, &mut || {
            loop {
                if misfit {
                    return Ok(None);
                }
                let Some(rows) = batch.as_ref().filter(|rows| row < rows.len()) else {
                    // what the batch held is needed to read on
                    drop(batch.take());
                    (batch, row) = (next()?, 0);
                    if batch.is_none() {
                        return Ok(None);
                    }
                    continue;
                };
                (row, count) = (row + 1, count + 1);
                match self.cells(rows, row - 1, count) {
                    Ok(cells) => return Ok(Some(cells)),
                    Err(_) => misfit = true,
                }
            }
        });
        if let Err(error) = loaded {
            return Err(self.leave(client, error));
        }
        if misfit || !self.misfit_rows(client)?.is_empty() {
            self.clear(client)?;
            return Ok(None);
        }
        let moved = self.move_rows(client, "")?;
        self.clear(client)?;
        Ok(match moved {
            Tried::Taken(rows) if rows == count => Some(rows),
            Tried::Taken(rows) => {
                let what = format!("insert the rows: the table took {rows} of {count}, and did not say why");
                return Err(Error::failed(what).hint("look for a trigger that stands in for INSERT on it"));
            }
            Tried::Refused(_) => None,
        })
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
            let mut reasons = self.wait(client, &batch)?;
            while first < batch.len() {
                if let Some(why) = reasons[first].take() {
                    refused(refusal(&batch, first, &why))?;
                    first += 1;
                    continue;
                }
                let good = reasons[first..].iter().take_while(|why| why.is_none()).count();
                let last = first + good.min(step);
                match self.move_rows(client, &range(first, last))? {
                    Tried::Taken(rows) => {
                        (count, first) = (count + rows, last);
                        step = (step * 2).min(STEP_MAX);
                    }
                    Tried::Refused(_) if last - first > 1 => step = ((last - first) / STEP_SHRINKS).max(1),
                    Tried::Refused(cause) if waits && cause.code() == Some(NO_PARENT) => {
                        waiting.take(&batch, first);
                        first += 1;
                    }
                    Tried::Refused(cause) => {
                        refused(refusal(&batch, first, &reason(&cause)))?;
                        first += 1;
                    }
                }
            }
        }
        let (more, left) = waiting.settle(|batch, row| {
            let mut reasons = self.wait_one(client, batch, row)?;
            if let Some(why) = reasons.take() {
                return Ok(Err(why));
            }
            Ok(match self.move_rows(client, "")? {
                Tried::Taken(_) => Ok(()),
                Tried::Refused(cause) => Err(reason(&cause)),
            })
        })?;
        left.into_iter().try_for_each(|(batch, row, why)| refused(refusal(&batch, row, &why)))?;
        self.clear(client)?;
        Ok(count + more)
    }

    /// Lets the rows of a batch wait, and tells of each why it stays out, where that is known.
    fn wait(&self, client: &mut Client, batch: &RowBatch) -> Result<Vec<Option<String>>> {
        let mut reasons: Vec<Option<String>> = (0..batch.len()).map(|_| None).collect();
        let mut row = 0;
        self.make_room(client)?;
        self.load(client, &mut || {
            while row < batch.len() {
                row += 1;
                match self.cells(batch, row - 1, row as u64) {
                    Ok(cells) => return Ok(Some(cells)),
                    Err(why) => reasons[row - 1] = Some(why),
                }
            }
            Ok(None)
        })?;
        for (row, why) in self.misfit_rows(client)? {
            if let Some(reason) = row.checked_sub(1).and_then(|row| reasons.get_mut(row)) {
                reason.get_or_insert(why);
            }
        }
        Ok(reasons)
    }

    fn wait_one(&self, client: &mut Client, batch: &RowBatch, row: usize) -> Result<Option<String>> {
        let mut cells = match self.cells(batch, row, 1) {
            Ok(cells) => Some(cells),
            Err(why) => return Ok(Some(why)),
        };
        self.make_room(client)?;
        self.load(client, &mut || Ok(cells.take()))?;
        Ok(self.misfit_rows(client)?.into_iter().next().map(|(_, why)| why))
    }

    /// Makes the table in which rows wait. A batch of its own: what a statement with values makes ends with it.
    fn make_room(&self, client: &mut Client) -> Result<()> {
        let sha = if self.sha_is_text { "NVARCHAR(64)" } else { "BINARY(32)" };
        let columns: String = self
            .codings
            .iter()
            .enumerate()
            .map(|(at, coding)| format!(", c{at} {} NULL", coding.waiting_type()))
            .collect();
        let make = format!("CREATE TABLE {WAITING} (n BIGINT NOT NULL PRIMARY KEY, sha {sha} NOT NULL{columns})");
        self.clear(client)?;
        client.run(&make).map_err(|cause| server_error("make room for the rows", cause))
    }

    fn clear(&self, client: &mut Client) -> Result<()> {
        let drop = format!("DROP TABLE IF EXISTS {WAITING}");
        client.run(&drop).map_err(|cause| server_error("make room for the rows", cause))
    }

    /// After a load that failed: the error of what is left is of no use.
    fn leave(&self, client: &mut Client, error: Error) -> Error {
        if let Err(cause) = self.clear(client) {
            log::debug!("what waits goes with the connection: {cause}");
        }
        error
    }

    /// Lets rows wait: as a stream, but for those with a long value, of which the driver's stream takes none.
    fn load(&self, client: &mut Client, next: &mut dyn FnMut() -> Result<Option<Cells>>) -> Result<()> {
        loop {
            let (mut long, mut is_over) = (None, false);
            self.stream(client, &mut || {
                match next()? {
                    Some(cells) if cells.iter().any(is_long) => long = Some(cells),
                    Some(cells) => return Ok(Some(cells)),
                    None => is_over = true,
                }
                Ok(None)
            })?;
            if let Some(cells) = long {
                self.one(client, cells)?;
            }
            if is_over {
                return Ok(());
            }
        }
    }

    /// Lets a row wait by a statement.
    fn one(&self, client: &mut Client, cells: Cells) -> Result<()> {
        let places: Vec<String> = (1..=cells.len()).map(|number| format!("@P{number}")).collect();
        let values: Vec<Bound> = cells.into_iter().map(Bound).collect();
        let sql = format!("INSERT INTO {WAITING} VALUES ({})", places.join(", "));
        client.change(&sql, &values).map(drop).map_err(|cause| server_error("send the rows", cause))
    }

    fn stream(&self, client: &mut Client, next: &mut dyn FnMut() -> Result<Option<Cells>>) -> Result<()> {
        let columns: Vec<String> = (0..self.codings.len()).map(|at| format!("c{at}")).collect();
        let columns: Vec<&str> = ["n", "sha"].into_iter().chain(columns.iter().map(String::as_str)).collect();
        client.load(&Load { table: WAITING, columns: &columns }, next).map(drop)
    }

    /// A row as it is sent to wait.
    fn cells(&self, batch: &RowBatch, row: usize, number: u64) -> Result<Cells, String> {
        let sha = batch.sha(row);
        let mut cells = Vec::with_capacity(self.codings.len() + 2);
        cells.push(ColumnData::I64(Some(number.cast_signed())));
        cells.push(match self.sha_is_text {
            true => ColumnData::String(Some(sha.to_string().into())),
            false => ColumnData::Binary(Some(sha.0.to_vec().into())),
        });
        for (cell, coding) in batch.row(row).iter().zip(&self.codings) {
            cells.push(coding.sent(cell, batch)?);
        }
        Ok(cells)
    }

    /// The rows that wait and would not be kept as they are, by their numbers, and why.
    fn misfit_rows(&self, client: &mut Client) -> Result<Vec<(usize, String)>> {
        if self.misfits.is_empty() {
            return Ok(Vec::new());
        }
        let cases: String = self.misfits.iter().map(|(at, misfit)| format!(" WHEN {misfit} THEN {at}")).collect();
        let any: Vec<&str> = self.misfits.iter().map(|(_, misfit)| misfit.as_str()).collect();
        let sql = format!("SELECT dc.n, CASE{cases} END FROM {WAITING} AS dc WHERE {} ORDER BY dc.n", any.join(" OR "));
        let found = client.words(&sql).map_err(|cause| server_error("look at the rows that wait", cause))?;
        let number = |row: &[Option<String>], at: usize| row.get(at)?.as_deref()?.parse::<usize>().ok();
        Ok(found
            .iter()
            .filter_map(|row| Some((number(row, 0)?, self.codings.get(number(row, 1)?)?.would_not_keep_it())))
            .collect())
    }

    /// Moves rows that wait into the table, in their order.
    ///
    /// # Errors
    /// What is no refusal of a row; a refusal with which the server has rolled the transaction back.
    fn move_rows(&self, client: &mut Client, which: &str) -> Result<Tried> {
        let names: String = self.columns.iter().map(|column| format!(", {}", quote(&column.name))).collect();
        let values: String = self
            .codings
            .iter()
            .enumerate()
            .map(|(at, coding)| format!(", {}", coding.taken(&format!("dc.c{at}"))))
            .collect();
        let sql = format!(
            "INSERT INTO {} (sha, date_created{names}) SELECT dc.sha, CAST({} AS DATETIME2(6)){values} \
             FROM {WAITING} AS dc{which} ORDER BY dc.n",
            self.name, self.moment
        );
        let cause = match client.change(&sql, &[]) {
            Ok(rows) => return Ok(Tried::Taken(rows)),
            Err(cause) => cause,
        };
        let is_refusal = cause.code().and_then(Cause::of_mssql).is_some_and(Cause::is_of_row);
        if !is_refusal || !is_in_transaction(client)? {
            // a trigger that fails takes the whole transaction with it
            return Err(server_error("insert the rows", cause));
        }
        Ok(Tried::Refused(cause))
    }
}

fn is_in_transaction(client: &mut Client) -> Result<bool> {
    let found = client.words("SELECT CAST(@@TRANCOUNT AS INT)");
    let found = found.map_err(|cause| server_error("look at the transaction", cause))?;
    Ok(found.into_iter().flatten().flatten().next().is_some_and(|count| count != "0"))
}

fn is_long(cell: &ColumnData<'static>) -> bool {
    match cell {
        // a letter has two bytes at most for each that it has here, so few are counted
        ColumnData::String(Some(text)) => {
            text.len() * 2 > STREAMED_BYTES_MAX && text.encode_utf16().count() * 2 > STREAMED_BYTES_MAX
        }
        ColumnData::Binary(Some(bytes)) => bytes.len() > STREAMED_BYTES_MAX,
        _ => false,
    }
}

/// The condition that a row is one of a batch, from `first` to before `last`.
fn range(first: usize, last: usize) -> String {
    format!(" WHERE dc.n BETWEEN {} AND {last}", first + 1)
}

fn reason(cause: &Failure) -> String {
    match cause {
        Failure::Server(answer) => answer.message().to_owned(),
        other => other.to_string(),
    }
}

fn refusal(batch: &RowBatch, row: usize, why: &str) -> Refused {
    let error = Error::failed("insert the row").because(Told::new(why, Some(Cause::Value)));
    Refused { offset: batch.offset(row), sha: batch.sha(row), error }
}
