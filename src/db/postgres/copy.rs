//! COPY, both ways: the hashes of the active rows out in binary, new rows in as text, so that the server converts them
//! with the rules of each column's type.

use chrono::NaiveDateTime;
use tokio_postgres::Error as DriverError;

use super::binary::{self, Coding};
use super::client::Client;
use super::merge::{active_condition, moment_text};
use super::server::server_error;
use crate::db::connection::quoted_list;
use crate::db::{BadRow, Cell, Column, RowBatch, RowId, Scope, Table};
use crate::error::{Error, Result};

/// The first bytes of a binary COPY.
const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// The signature, flags, and the length of an extension that there is not.
const HEADER_BYTES: usize = SIGNATURE.len() + 8;
/// The bytes of a record hash.
const HASH_BYTES: u32 = 32;
/// The number of fields, and both fields with their lengths.
const ROW_BYTES: usize = 2 + (4 + 6) + (4 + HASH_BYTES as usize);
/// What is written to the server at once.
const CHUNK_BYTES: usize = 64 * 1024;

pub(super) fn active(
    client: &mut Client,
    table: &Table,
    scope: &Scope,
    each: &mut dyn FnMut(u128, RowId) -> Result<()>,
) -> Result<()> {
    let hash = if table.sha_is_text() { "decode(sha, 'hex')" } else { "sha" };
    let sql = format!(
        "COPY (SELECT ctid, {hash} FROM {} WHERE {}) TO STDOUT (FORMAT binary)",
        table.name.quoted(),
        active_condition(scope)?
    );
    let mut hashes = Hashes { table, rest: Vec::new(), has_begun: false, has_ended: false };
    client.copy_out("read the hashes", &sql, |piece| hashes.take(piece, each))?;
    match hashes.has_ended {
        true => Ok(()),
        false => Err(Error::failed("read the hashes: the server ended in the middle")),
    }
}

/// Reads what a binary COPY of (ctid, hash) sends. Its pieces end with rows, as a rule.
struct Hashes<'a> {
    table: &'a Table,
    rest: Vec<u8>,
    has_begun: bool,
    has_ended: bool,
}

impl Hashes<'_> {
    fn take(&mut self, piece: &[u8], each: &mut dyn FnMut(u128, RowId) -> Result<()>) -> Result<()> {
        if self.rest.is_empty() {
            let used = self.read(piece, each)?;
            self.rest.extend_from_slice(&piece[used..]);
            return Ok(());
        }
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.extend_from_slice(piece);
        let used = self.read(&bytes, each)?;
        self.rest = bytes.split_off(used);
        Ok(())
    }

    /// Reads all whole rows; tells how many bytes they have.
    fn read(&mut self, bytes: &[u8], each: &mut dyn FnMut(u128, RowId) -> Result<()>) -> Result<usize> {
        let mut at = 0;
        if !self.has_begun {
            let Some(header) = bytes.get(..HEADER_BYTES) else { return Ok(0) };
            if !header.starts_with(SIGNATURE) {
                return Err(Error::failed("read the hashes: the server sent no binary COPY"));
            }
            (self.has_begun, at) = (true, HEADER_BYTES);
        }
        loop {
            match bytes.get(at..).unwrap_or_default() {
                [0xff, 0xff, ..] => {
                    self.has_ended = true;
                    return Ok(bytes.len());
                }
                // two fields, each with its length: 6 bytes of ctid, 32 of hash
                [0, 2, 0, 0, 0, 6, ctid @ ..] if ctid.len() >= 6 + 4 => {
                    let (ctid, hash) = ctid.split_at(6);
                    let block = u64::from(u32::from_be_bytes([ctid[0], ctid[1], ctid[2], ctid[3]]));
                    let row = RowId((block << 16) | u64::from(u16::from_be_bytes([ctid[4], ctid[5]])));
                    if hash[..4] != HASH_BYTES.to_be_bytes() {
                        return Err(self.no_hash(row));
                    }
                    let Some(sha) = hash.get(4..4 + HASH_BYTES as usize) else { return Ok(at) };
                    let mut prefix = [0; 16];
                    prefix.copy_from_slice(&sha[..16]);
                    each(u128::from_be_bytes(prefix), row)?;
                    at += ROW_BYTES;
                }
                few if few.len() < ROW_BYTES => return Ok(at),
                _ => return Err(Error::failed("read the hashes: the server sent other columns")),
            }
        }
    }

    fn no_hash(&self, row: RowId) -> Error {
        let (place, table) = (super::merge::ctid(row), &self.table.name);
        Error::failed(format!("read the hash of row {place} in `{table}`: `sha` holds no record hash"))
            .hint(format!("look at it: SELECT * FROM {table} WHERE length(sha) <> 32 OR sha IS NULL"))
    }
}

pub(super) fn insert(
    client: &mut Client,
    table: &Table,
    columns: &[Column],
    batch: &RowBatch,
    moment: NaiveDateTime,
) -> Result<(), BadRow> {
    client.batch_execute("SAVEPOINT batch").map_err(|cause| bad(None, cause))?;
    match copy_in(client, table, columns, batch, moment) {
        Ok(()) => client.batch_execute("RELEASE batch").map_err(|cause| bad(None, cause)),
        Err(refused) => {
            // a connection that is gone takes the transaction with it: the first error says more than this one
            if let Err(cause) = client.batch_execute("ROLLBACK TO batch; RELEASE batch") {
                log::debug!("rolling the batch back failed: {cause}");
            }
            Err(refused)
        }
    }
}

fn bad(row: Option<usize>, cause: DriverError) -> BadRow {
    BadRow { row, error: server_error("insert the row", cause) }
}

/// One batch, as text: the server says of each value whether it fits, and in which row.
fn copy_in(
    client: &mut Client,
    table: &Table,
    columns: &[Column],
    batch: &RowBatch,
    moment: NaiveDateTime,
) -> Result<(), BadRow> {
    let form = Form::Text { moment: moment_text(moment) };
    let mut writer = client.copy_in(&copy_sql(table, columns, &form)).map_err(|cause| bad(None, cause))?;
    let broken = |cause: DriverError| BadRow { row: None, error: lost(cause) };
    let mut out = Vec::with_capacity(2 * CHUNK_BYTES);
    for row in 0..batch.len() {
        form.put_row(table, batch, row, &mut out);
        if out.len() >= CHUNK_BYTES {
            writer.write(std::mem::replace(&mut out, Vec::with_capacity(2 * CHUNK_BYTES))).map_err(broken)?;
        }
    }
    writer.write(out).map_err(broken)?;
    writer.finish().map(|_| ()).map_err(|cause| bad(row_in(&cause), cause))
}

fn lost(cause: DriverError) -> Error {
    Error::failed("send rows to the server").because(cause)
}

/// All rows in one COPY.
pub(super) fn insert_all(
    client: &mut Client,
    table: &Table,
    columns: &[Column],
    next: &mut dyn FnMut() -> Result<Option<RowBatch>>,
    moment: NaiveDateTime,
) -> Result<Option<u64>> {
    let form = Form::of(table, columns, moment);
    client.batch_execute("SAVEPOINT load").map_err(|cause| server_error("begin to insert", cause))?;
    let copied = copy_all(client, &copy_sql(table, columns, &form), &form, table, next)?;
    let end = if copied.is_some() { "RELEASE load" } else { "ROLLBACK TO load; RELEASE load" };
    client.batch_execute(end).map_err(|cause| server_error("end the insert", cause))?;
    Ok(copied)
}

/// `None` when a row was refused.
fn copy_all(
    client: &mut Client,
    sql: &str,
    form: &Form,
    table: &Table,
    next: &mut dyn FnMut() -> Result<Option<RowBatch>>,
) -> Result<Option<u64>> {
    let mut writer = client.copy_in(sql).map_err(|cause| server_error("insert the rows", cause))?;
    let mut out = Vec::with_capacity(2 * CHUNK_BYTES);
    form.begin(&mut out);
    while let Some(batch) = next()? {
        for row in 0..batch.len() {
            if !form.put_row(table, &batch, row, &mut out) {
                // leaving the writer unfinished takes the whole COPY back
                return Ok(None);
            }
            if out.len() >= CHUNK_BYTES {
                writer.write(std::mem::replace(&mut out, Vec::with_capacity(2 * CHUNK_BYTES))).map_err(lost)?;
            }
        }
    }
    form.end(&mut out);
    writer.write(out).map_err(lost)?;
    match writer.finish() {
        Ok(count) => Ok(Some(count)),
        // class 22: a value that the type does not take; class 23: a constraint
        Err(cause)
            if cause.code().is_some_and(|code| code.code().starts_with("22") || code.code().starts_with("23")) =>
        {
            Ok(None)
        }
        Err(cause) => Err(server_error("insert the rows", cause)),
    }
}

fn copy_sql(table: &Table, columns: &[Column], form: &Form) -> String {
    let names = if columns.is_empty() { String::new() } else { format!(", {}", quoted_list(columns)) };
    let format = if matches!(form, Form::Binary { .. }) { " (FORMAT binary)" } else { "" };
    format!("COPY {} (sha, date_created{names}) FROM STDIN{format}", table.name.quoted())
}

/// How rows are written.
enum Form {
    /// For every type: the server reads the values by the rules of each column.
    Text {
        moment: String,
    },
    Binary {
        moment: [u8; 8],
        codings: Vec<Coding>,
    },
}

impl Form {
    /// Binary, if all columns have a plain binary form.
    fn of(table: &Table, columns: &[Column], moment: NaiveDateTime) -> Self {
        let is_plain = |name: &str, types: &[&str]| {
            table.column(name).is_some_and(|column| types.contains(&column.declared.as_str()))
        };
        let created = ["timestamp without time zone", "timestamp with time zone"];
        let plain = is_plain("date_created", &created) && is_plain("sha", &["bytea", "text"]);
        match columns.iter().map(binary::coding).collect::<Option<Vec<_>>>() {
            Some(codings) if plain => Self::Binary { moment: binary::timestamp(moment), codings },
            _ => Self::Text { moment: moment_text(moment) },
        }
    }

    fn begin(&self, out: &mut Vec<u8>) {
        if matches!(self, Self::Binary { .. }) {
            out.extend_from_slice(binary::HEADER);
        }
    }

    fn end(&self, out: &mut Vec<u8>) {
        if matches!(self, Self::Binary { .. }) {
            out.extend_from_slice(&binary::TRAILER);
        }
    }

    /// False when a value has no such form.
    fn put_row(&self, table: &Table, batch: &RowBatch, row: usize, out: &mut Vec<u8>) -> bool {
        let sha = batch.sha(row);
        match self {
            Self::Text { moment } => {
                let prefix = if table.sha_is_text() { "" } else { "\\\\x" };
                out.extend_from_slice(format!("{prefix}{sha}\t{moment}").as_bytes());
                for cell in batch.row(row) {
                    out.push(b'\t');
                    write_cell(*cell, batch, out);
                }
                out.push(b'\n');
                true
            }
            Self::Binary { moment, codings } => {
                // COPY counts fields in 16 bits, and a table has at most 1,600 columns
                out.extend_from_slice(&(codings.len() as i16 + 2).to_be_bytes());
                if table.sha_is_text() {
                    binary::field(sha.to_string().as_bytes(), out);
                } else {
                    binary::field(&sha.0, out);
                }
                binary::field(moment, out);
                batch.row(row).iter().zip(codings).all(|(cell, coding)| binary::put(*cell, *coding, batch, out))
            }
        }
    }
}

fn write_cell(cell: Cell, batch: &RowBatch, line: &mut Vec<u8>) {
    match cell {
        Cell::Null => line.extend_from_slice(b"\\N"),
        Cell::Bool(flag) => line.push(if flag { b't' } else { b'f' }),
        Cell::Integer(number) => line.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
        // {:?} prints the shortest digits that read back to the same float
        Cell::Float(number) => line.extend_from_slice(format!("{number:?}").as_bytes()),
        Cell::Text(span) => escape(batch.bytes(span), line),
        Cell::Bytes(span) => {
            line.extend_from_slice(b"\\\\x");
            line.extend(batch.bytes(span).iter().flat_map(|byte| format!("{byte:02x}").into_bytes()));
        }
    }
}

fn escape(text: &[u8], line: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'\\' => line.extend_from_slice(b"\\\\"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\t' => line.extend_from_slice(b"\\t"),
            other => line.push(*other),
        }
    }
}

/// The row that the server names in the context of its error: `COPY t, line 3, column a: "x"`.
fn row_in(cause: &DriverError) -> Option<usize> {
    let context = cause.as_db_error()?.where_()?;
    let (_, rest) = context.rsplit_once(", line ")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse::<usize>().ok()?.checked_sub(1)
}
