//! COPY, both ways: the hashes of the active rows out in binary, new rows in as text, so that the server converts them
//! with the rules of each column's type.

use std::io::{Read, Write};

use chrono::NaiveDateTime;
use postgres::Client;

use super::merge::{active_condition, moment_text};
use crate::db::connection::quoted_list;
use crate::db::server::server_error;
use crate::db::{BadRow, Cell, Column, RowBatch, RowId, Scope, Table};
use crate::error::{Error, Result};

/// The first bytes of a binary COPY.
const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
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
    let reader = client.copy_out(&sql).map_err(|cause| server_error("read the hashes", cause))?;
    let mut reader = std::io::BufReader::with_capacity(CHUNK_BYTES, reader);
    let mut read =
        |bytes: &mut [u8]| reader.read_exact(bytes).map_err(|cause| Error::failed("read the hashes").because(cause));
    let mut header = [0; 19];
    read(&mut header)?;
    if &header[..11] != SIGNATURE {
        return Err(Error::failed("read the hashes: the server sent no binary COPY"));
    }
    loop {
        let mut fields = [0; 2];
        read(&mut fields)?;
        if i16::from_be_bytes(fields) == -1 {
            return Ok(());
        }
        // two fields, each with its length: 6 bytes of ctid, 32 of hash
        let mut row = [0; 4 + 6 + 4];
        read(&mut row)?;
        let block = u64::from(u32::from_be_bytes([row[4], row[5], row[6], row[7]]));
        let place = u64::from(u16::from_be_bytes([row[8], row[9]]));
        let row_id = RowId((block << 16) | place);
        if i32::from_be_bytes([row[10], row[11], row[12], row[13]]) != 32 {
            let what = format!(
                "read the hash of row {} in `{}`: `sha` holds no record hash",
                super::merge::ctid(row_id),
                table.name
            );
            return Err(Error::failed(what)
                .hint(format!("look at it: SELECT * FROM {} WHERE length(sha) <> 32 OR sha IS NULL", table.name)));
        }
        let mut sha = [0; 32];
        read(&mut sha)?;
        let mut prefix = [0; 16];
        prefix.copy_from_slice(&sha[..16]);
        each(u128::from_be_bytes(prefix), row_id)?;
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

fn bad(row: Option<usize>, cause: postgres::Error) -> BadRow {
    BadRow { row, error: server_error("insert the row", cause) }
}

fn copy_in(
    client: &mut Client,
    table: &Table,
    columns: &[Column],
    batch: &RowBatch,
    moment: NaiveDateTime,
) -> Result<(), BadRow> {
    let names = if columns.is_empty() { String::new() } else { format!(", {}", quoted_list(columns)) };
    let sql = format!("COPY {} (sha, date_created{names}) FROM STDIN", table.name.quoted());
    let mut writer = client.copy_in(&sql).map_err(|cause| bad(None, cause))?;
    let broken =
        |cause: std::io::Error| BadRow { row: None, error: Error::failed("send rows to the server").because(cause) };
    let sha_prefix = if table.sha_is_text() { "" } else { "\\\\x" };
    let created = moment_text(moment);
    let mut line = Vec::with_capacity(CHUNK_BYTES);
    for row in 0..batch.len() {
        line.extend_from_slice(format!("{sha_prefix}{}\t{created}", batch.sha(row)).as_bytes());
        for cell in batch.row(row) {
            line.push(b'\t');
            write_cell(*cell, batch, &mut line);
        }
        line.push(b'\n');
        if line.len() >= CHUNK_BYTES {
            writer.write_all(&line).map_err(broken)?;
            line.clear();
        }
    }
    writer.write_all(&line).map_err(broken)?;
    writer.finish().map(|_| ()).map_err(|cause| bad(row_in(&cause), cause))
}

fn write_cell(cell: Cell, batch: &RowBatch, line: &mut Vec<u8>) {
    match cell {
        Cell::Null => line.extend_from_slice(b"\\N"),
        Cell::Bool(flag) => line.push(if flag { b't' } else { b'f' }),
        Cell::Integer(number) => line.extend_from_slice(number.to_string().as_bytes()),
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
fn row_in(cause: &postgres::Error) -> Option<usize> {
    let context = cause.as_db_error()?.where_()?;
    let (_, rest) = context.rsplit_once(", line ")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse::<usize>().ok()?.checked_sub(1)
}
