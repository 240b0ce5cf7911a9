//! COPY, both ways: the hashes of the active rows out in binary; new rows in, in binary where all their types have a plain
//! binary form, and else as text, so that the server converts them with the rules of each column's type.

use chrono::NaiveDateTime;
use tokio_postgres::Error as DriverError;

use super::binary::{self, Coding};
use super::client::Client;
use super::constraints;
use super::merge::{active_condition, moment_text};
use super::place::{self, Parts};
use super::server::server_error;
use crate::db::connection::quoted_list;
use crate::db::{Cell, Column, RowBatch, RowId, Scope, Table};
use crate::error::{Error, Result};

/// The first bytes of a binary COPY.
const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// The signature, flags, and the length of an extension that there is not.
const HEADER_BYTES: usize = SIGNATURE.len() + 8;
/// The bytes of a record hash.
const HASH_BYTES: usize = 32;
/// The bytes of a ctid, and of an oid.
const CTID_BYTES: usize = 6;
const OID_BYTES: usize = 4;
/// What is written to the server at once.
const CHUNK_BYTES: usize = 64 * 1024;

pub(super) fn active(
    client: &mut Client,
    parts: &mut Parts,
    table: &Table,
    scope: &Scope,
    each: &mut dyn FnMut(u128, RowId) -> Result<()>,
) -> Result<()> {
    let has_parts = place::has_parts(client, table)?;
    let hash = if table.sha_is_text() { "decode(sha, 'hex')" } else { "sha" };
    let part = if has_parts { "tableoid, " } else { "" };
    let sql = format!(
        "COPY (SELECT {part}ctid, {hash} FROM {} WHERE {}) TO STDOUT (FORMAT binary)",
        table.name.quoted(),
        active_condition(scope)?
    );
    let mut hashes = Hashes { table, parts, has_parts, rest: Vec::new(), has_begun: false, has_ended: false };
    client.copy_out("read the hashes", &sql, |piece| hashes.take(piece, each))?;
    match hashes.has_ended {
        true => Ok(()),
        false => Err(Error::failed("read the hashes: the server ended in the middle")),
    }
}

/// Reads what a binary COPY of (part, ctid, hash) sends. Its pieces end with rows, as a rule.
struct Hashes<'a> {
    table: &'a Table,
    parts: &'a mut Parts,
    /// Whether the part is sent.
    has_parts: bool,
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
            let rest = bytes.get(at..).unwrap_or_default();
            if let [0xff, 0xff, ..] = rest {
                self.has_ended = true;
                return Ok(bytes.len());
            }
            let Some((row, sha)) = self.places(rest)? else { return Ok(at) };
            let Some(sha) = self.hash(row, sha)? else { return Ok(at) };
            let mut prefix = [0; 16];
            prefix.copy_from_slice(&sha[..16]);
            each(u128::from_be_bytes(prefix), row)?;
            // the hash is the last field
            at += self.places_bytes() + 4 + HASH_BYTES;
        }
    }

    /// The number of fields, and the fields that are the place, each with its length.
    fn places_bytes(&self) -> usize {
        2 + if self.has_parts { 4 + OID_BYTES } else { 0 } + 4 + CTID_BYTES
    }

    /// The row's place, and what follows it; `None` when the bytes end before.
    fn places<'b>(&mut self, bytes: &'b [u8]) -> Result<Option<(RowId, &'b [u8])>> {
        if bytes.len() < self.places_bytes() {
            return Ok(None);
        }
        let (part, rest) = match (self.has_parts, bytes) {
            (true, [0, 3, 0, 0, 0, 4, a, b, c, d, rest @ ..]) => (Some(u32::from_be_bytes([*a, *b, *c, *d])), rest),
            (false, [0, 2, rest @ ..]) => (None, rest),
            _ => return Err(Self::other_columns()),
        };
        let [0, 0, 0, 6, a, b, c, d, e, f, rest @ ..] = rest else { return Err(Self::other_columns()) };
        Ok(Some((self.parts.row_of(part, &[*a, *b, *c, *d, *e, *f])?, rest)))
    }

    /// The hash of a row; `None` when the bytes end before.
    fn hash<'b>(&self, row: RowId, bytes: &'b [u8]) -> Result<Option<&'b [u8]>> {
        let Some((length, bytes)) = bytes.split_at_checked(4) else { return Ok(None) };
        if length != (HASH_BYTES as u32).to_be_bytes() {
            return Err(self.no_hash(row));
        }
        Ok(bytes.get(..HASH_BYTES))
    }

    fn other_columns() -> Error {
        Error::failed("read the hashes: the server sent other columns")
    }

    fn no_hash(&self, row: RowId) -> Error {
        let (place, table) = (place::ctid(row), &self.table.name);
        Error::failed(format!("read the hash of row {place} in `{table}`: `sha` holds no record hash"))
            .hint(format!("look at it: SELECT * FROM {table} WHERE length(sha) <> 32 OR sha IS NULL"))
    }
}

/// How a stream of rows ended.
pub(super) enum Streamed {
    /// The server took so many.
    All(u64),
    /// It refused one.
    Refused(DriverError),
    /// One has no form that can be sent; nothing is written.
    Unsendable,
}

/// Writes a row; false when it has no form.
type PutRow<'a> = dyn FnMut(&RowBatch, usize, &mut Vec<u8>) -> bool + 'a;

/// All rows in one COPY.
pub(super) fn insert_all(
    client: &mut Client,
    table: &Table,
    columns: &[Column],
    next: &mut dyn FnMut() -> Result<Option<RowBatch>>,
    moment: NaiveDateTime,
) -> Result<Option<u64>> {
    let form = Form::of(table, columns, moment);
    let check = constraints::check_now(client, table, true);
    client.batch_execute("SAVEPOINT load").map_err(|cause| server_error("begin to insert", cause))?;
    let mut put = |batch: &RowBatch, row: usize, out: &mut Vec<u8>| form.put_row(table, batch, row, out);
    let streamed = stream(client, &copy_sql(table, columns, &form), form.ends(), &mut put, next)?;
    let streamed = match (streamed, check) {
        (Streamed::All(count), Some(check)) => match client.batch_execute(&check) {
            Ok(()) => Streamed::All(count),
            Err(cause) => refused("check the rows", cause)?,
        },
        (streamed, _) => streamed,
    };
    let copied = match streamed {
        Streamed::All(count) => Some(count),
        Streamed::Refused(_) | Streamed::Unsendable => None,
    };
    let end = if copied.is_some() { "RELEASE load" } else { "ROLLBACK TO load; RELEASE load" };
    client.batch_execute(end).map_err(|cause| server_error("end the insert", cause))?;
    Ok(copied)
}

fn refused(what: &str, cause: DriverError) -> Result<Streamed> {
    if constraints::is_refusal(&cause) { Ok(Streamed::Refused(cause)) } else { Err(server_error(what, cause)) }
}

/// Sends rows as one COPY, between what begins and what ends its format.
pub(super) fn stream(
    client: &mut Client,
    sql: &str,
    (begin, end): (&[u8], &[u8]),
    put_row: &mut PutRow<'_>,
    next: &mut dyn FnMut() -> Result<Option<RowBatch>>,
) -> Result<Streamed> {
    let what = "send the rows to the server";
    let mut writer = client.copy_in(sql).map_err(|cause| server_error("insert the rows", cause))?;
    let mut out = Vec::with_capacity(2 * CHUNK_BYTES);
    out.extend_from_slice(begin);
    while let Some(batch) = next()? {
        for row in 0..batch.len() {
            if !put_row(&batch, row, &mut out) {
                // leaving the writer unfinished takes the whole COPY back
                return Ok(Streamed::Unsendable);
            }
            if out.len() >= CHUNK_BYTES {
                let full = std::mem::replace(&mut out, Vec::with_capacity(2 * CHUNK_BYTES));
                writer.write(full).map_err(|cause| server_error(what, cause))?;
            }
        }
    }
    out.extend_from_slice(end);
    writer.write(out).map_err(|cause| server_error(what, cause))?;
    match writer.finish() {
        Ok(count) => Ok(Streamed::All(count)),
        Err(cause) => refused("insert the rows", cause),
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

    /// What stands before the first row, and behind the last.
    fn ends(&self) -> (&'static [u8], &'static [u8]) {
        match self {
            Self::Text { .. } => (b"", b""),
            Self::Binary { .. } => (binary::HEADER, &binary::TRAILER),
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
