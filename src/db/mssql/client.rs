//! The connection of the data plane: the asynchronous driver on a small runtime of its own, driven by whoever calls.

use std::io;
use std::time::Duration;

use futures_util::TryStreamExt;
use tiberius::error::Error as Failure;
use tiberius::{Column, ColumnData, QueryItem, Row, SortOrder, SqlBulkCopyOption, ToSql, TokenRow};
use tokio::runtime::Runtime;

use super::server::{Conn, ServerTarget, server_error};
use crate::error::Result;

/// How long the goodbye may take: it is not worth waiting for.
const GOODBYE: Duration = Duration::from_millis(200);

/// A connection, used by one thread at a time and never inside another runtime.
pub(super) struct Client {
    // taken out when it ends
    conn: Option<Conn>,
    line: Runtime,
}

/// A value of a statement.
pub(super) struct Bound(pub(super) ColumnData<'static>);

impl ToSql for Bound {
    fn to_sql(&self) -> ColumnData<'_> {
        self.0.clone()
    }
}

/// The cells of a row.
pub(super) type Cells = Vec<ColumnData<'static>>;

/// Where the rows of a bulk load go.
pub(super) struct Load<'a> {
    pub(super) table: &'a str,
    /// Its columns, in the order in which rows have them; they are sorted by the first.
    pub(super) columns: &'a [&'a str],
}

impl Client {
    /// Connects, and sets the session up.
    ///
    /// # Errors
    /// As [`ServerTarget::connect`].
    pub(super) fn connect(target: &ServerTarget) -> Result<Self> {
        let (conn, line) = target.connect()?;
        Ok(Self { conn: Some(conn), line })
    }

    /// The runtime and the connection on it.
    fn both(&mut self) -> Result<(&Runtime, &mut Conn), Failure> {
        let closed = || Failure::Io { kind: io::ErrorKind::ConnectionAborted, message: "it is closed".to_owned() };
        let conn = self.conn.as_mut().ok_or_else(closed)?;
        Ok((&self.line, conn))
    }

    /// Runs statements as they are, as a batch: what it makes for the session stays.
    pub(super) fn run(&mut self, sql: &str) -> Result<(), Failure> {
        let (line, conn) = self.both()?;
        line.block_on(async { conn.simple_query(sql).await?.into_results().await }).map(drop)
    }

    /// Runs one statement that changes rows, and tells how many: those of triggers are not among them.
    pub(super) fn change(&mut self, sql: &str, values: &[Bound]) -> Result<u64, Failure> {
        let mut count = 0;
        let rows = self.collect(&format!("{sql}; SELECT ROWCOUNT_BIG()"), values)?;
        if let Some(ColumnData::I64(Some(rows))) = rows.last().and_then(|row| row.first()) {
            count = rows.unsigned_abs();
        }
        Ok(count)
    }

    /// Collects the rows of statements.
    pub(super) fn collect(&mut self, sql: &str, values: &[Bound]) -> Result<Vec<Cells>, Failure> {
        let (line, conn) = self.both()?;
        let values: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
        line.block_on(async {
            let results = conn.query(sql, &values).await?.into_results().await?;
            Ok(results.into_iter().flatten().map(|row| row.into_iter().collect()).collect())
        })
    }

    /// The rows of a query, as text of each cell; an integer by its digits.
    pub(super) fn words(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, Failure> {
        let rows = self.collect(sql, &[])?;
        Ok(rows.into_iter().map(|row| row.into_iter().map(word).collect()).collect())
    }

    /// Gives the rows of the first result of statements as they come, and the columns of it before; `what` completes "could
    /// not ..." when the server fails.
    pub(super) fn each_row(
        &mut self,
        what: &str,
        (sql, values): (&str, &[Bound]),
        columns: &mut dyn FnMut(&[Column]),
        each: &mut dyn FnMut(Row) -> Result<()>,
    ) -> Result<()> {
        let fail = |cause| server_error(what, cause);
        let (line, conn) = self.both().map_err(fail)?;
        let values: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
        let mut failed = None;
        line.block_on(async {
            let mut found = conn.query(sql, &values).await.map_err(fail)?;
            while let Some(item) = found.try_next().await.map_err(fail)? {
                match item {
                    QueryItem::Metadata(metadata) if metadata.result_index() == 0 => columns(metadata.columns()),
                    QueryItem::Row(row) if row.result_index() == 0 && failed.is_none() => failed = each(row).err(),
                    _ => {}
                }
            }
            failed.map_or(Ok(()), Err)
        })
    }

    /// Runs statements with values, and tells how many rows they changed.
    pub(super) fn execute(&mut self, sql: &str, values: &[Bound]) -> Result<u64, Failure> {
        let (line, conn) = self.both()?;
        let values: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
        line.block_on(async { conn.execute(sql, &values).await }).map(|done| done.total())
    }

    /// Opens a transaction.
    pub(super) fn begin(&mut self) -> Result<(), Failure> {
        let (line, conn) = self.both()?;
        line.block_on(conn.begin_transaction())
    }

    /// Makes a transaction last.
    pub(super) fn commit(&mut self) -> Result<(), Failure> {
        let (line, conn) = self.both()?;
        line.block_on(conn.commit_transaction())
    }

    /// Streams what `next` gives into a table of this session, in the order of its first column. Tells how many rows the
    /// server counted.
    ///
    /// # Errors
    /// What the server or `next` says; the connection is not to be used again after what `next` says.
    pub(super) fn load(&mut self, load: &Load<'_>, next: &mut dyn FnMut() -> Result<Option<Cells>>) -> Result<u64> {
        let fail = |cause| server_error("send the rows", cause);
        let (line, conn) = self.both().map_err(fail)?;
        let order = load.columns.first().map(|column| (*column, SortOrder::Ascending));
        line.block_on(async {
            let order: Vec<_> = order.into_iter().collect();
            let options = SqlBulkCopyOption::TableLock | SqlBulkCopyOption::KeepNulls;
            let request = conn.bulk_insert_with_options(load.table, load.columns, options, &order).await;
            let mut request = request.map_err(fail)?;
            let mut broken = None;
            loop {
                let row = match next() {
                    Ok(Some(row)) => row,
                    Ok(None) => break,
                    Err(error) => {
                        broken = Some(error);
                        break;
                    }
                };
                let mut sent = TokenRow::with_capacity(row.len());
                row.into_iter().for_each(|cell| sent.push(cell));
                request.send(sent).await.map_err(fail)?;
            }
            // a stream has an end, whatever came of it: the server waits for it
            let done = request.finalize().await.map_err(fail)?;
            match broken {
                Some(error) => Err(error),
                None => Ok(done.total()),
            }
        })
    }
}

/// A cell of the catalogue as text.
fn word(cell: ColumnData<'static>) -> Option<String> {
    match cell {
        ColumnData::String(text) => text.map(|text| text.into_owned()),
        ColumnData::U8(number) => number.map(|number| number.to_string()),
        ColumnData::I16(number) => number.map(|number| number.to_string()),
        ColumnData::I32(number) => number.map(|number| number.to_string()),
        ColumnData::I64(number) => number.map(|number| number.to_string()),
        ColumnData::Bit(flag) => flag.map(|flag| i32::from(flag).to_string()),
        _ => None,
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            // otherwise the server logs that it lost a client
            let _ = self.line.block_on(async { tokio::time::timeout(GOODBYE, conn.close()).await });
        }
    }
}
