//! Rows by way of a temporary table, where COPY into the table itself will not do: row level security forbids it, and of
//! a COPY that is refused the server names one row at best. Values wait in the stage as bytes, so that filling it cannot
//! fail; what a table refuses is then found in the server, by a function that asks for many rows at once and for few
//! where some are refused.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use tokio_postgres::types::ToSql;

use super::binary::{self, field};
use super::client::Client;
use super::constraints::{self, OF_ROWS};
use super::copy::{Streamed, stream};
use super::literal;
use super::merge::moment_text;
use crate::db::postgres::server::server_error;
use crate::db::{Cell, Column, Kind, Refused, RowBatch, Table, quote};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::Sha;

/// The table, and the function that empties it.
const STAGE: &str = "pg_temp.dc_stage";
/// The rows that were refused.
const REFUSED: &str = "pg_temp.dc_refused";
/// Rows that are tried at once at first, and at most.
const STEP_FIRST: u32 = 1_024;
const STEP_MAX: u32 = 8_192;
/// By how much a step shrinks that met a refused row.
const STEP_SHRINKS: u32 = 8;
/// How long one call of the function goes on.
const CALL_MS: u32 = 200;
/// Refused rows that are read at once.
const REFUSED_AT_ONCE: i64 = 1_000;

/// What is put where.
pub(super) struct Staging<'a> {
    pub(super) table: &'a Table,
    pub(super) columns: &'a [Column],
    pub(super) moment: NaiveDateTime,
}

impl Staging<'_> {
    /// All rows in one statement; `None` when one was refused, and nothing is written then.
    pub(super) fn insert_all(
        &self,
        client: &mut Client,
        next: &mut dyn FnMut() -> Result<Option<RowBatch>>,
    ) -> Result<Option<u64>> {
        self.fill(client, next)?;
        let insert = self.insert_sql(client)?;
        let fail = |cause| server_error("insert the rows", cause);
        client.batch_execute("SAVEPOINT load").map_err(fail)?;
        let inserted = client.execute(&insert, &[]).and_then(|count| {
            constraints::check_now(client, self.table, true).map_or(Ok(()), |sql| client.batch_execute(&sql))?;
            Ok(count)
        });
        match inserted {
            Ok(count) => client.batch_execute("RELEASE load").map_err(fail).map(|()| Some(count)),
            // the policies of the table refuse rows as constraints do
            Err(cause) if constraints::is_refusal(&cause) || constraints::is_denied(&cause) => {
                client.batch_execute("ROLLBACK TO load; RELEASE load").map_err(fail)?;
                // asks for no row: what is denied now is the right to insert at all
                client.execute(&format!("{insert} LIMIT 0"), &[]).map_err(fail)?;
                Ok(None)
            }
            Err(cause) => Err(fail(cause)),
        }
    }

    /// The rows that the table takes; the others go to `refused`, in their order.
    pub(super) fn insert_accepted(
        &self,
        client: &mut Client,
        next: &mut dyn FnMut() -> Result<Option<RowBatch>>,
        refused: &mut dyn FnMut(Refused) -> Result<()>,
    ) -> Result<u64> {
        let rows = self.fill(client, next)?;
        let fail = |cause| server_error("insert the rows", cause);
        let function = self.function(client)?;
        client.batch_execute(&function).map_err(fail)?;
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        let (mut first, mut step, mut inserted) = (1_i64, i64::from(STEP_FIRST), 0_i64);
        while first <= rows {
            // behind the last batch it only tells whether to go on
            next()?;
            let bound: [&(dyn ToSql + Sync); 3] = [&first, &step, &rows];
            let moved = client.query_one("SELECT * FROM pg_temp.dc_sift($1, $2, $3)", &bound).map_err(fail)?;
            (first, step) = (moved.get(0), moved.get(1));
            inserted += moved.get::<_, i64>(2);
        }
        inserted -= self.refuse_orphans(client)?;
        let mut after = 0_i64;
        let list = format!(
            "SELECT n, place, sha, reason FROM {REFUSED} JOIN {STAGE} USING (n) WHERE n > $1 ORDER BY n LIMIT $2"
        );
        loop {
            let bound: [&(dyn ToSql + Sync); 2] = [&after, &REFUSED_AT_ONCE];
            let found = client.query(&list, &bound).map_err(|cause| server_error("read what was refused", cause))?;
            let Some(last) = found.last() else { break };
            after = last.get(0);
            for row in &found {
                let (place, sha): (i64, &[u8]) = (row.get(1), row.get(2));
                let sha = sha.try_into().map(Sha).map_err(|_| Error::failed("read what was refused: no hash"))?;
                let error = Error::failed("insert the row").because(row.get::<_, String>(3));
                refused(Refused { offset: place.cast_unsigned(), sha, error })?;
            }
        }
        Ok(inserted.unsigned_abs())
    }

    /// Takes the rows out again whose parent was refused, and those of which they are parents; how many. References of a
    /// table to itself that are deferred can only be looked at when all rows are in.
    fn refuse_orphans(&self, client: &mut Client) -> Result<i64> {
        let mut taken_out = 0;
        let (name, moment) = (self.table.name.quoted(), literal(&moment_text(self.moment)));
        let sha = if self.table.sha_is_text() { "decode(c.sha, 'hex')" } else { "c.sha" };
        let keys = constraints::deferred_to_itself(client, self.table)?;
        loop {
            let before = taken_out;
            for (key, names_one, is_it) in &keys {
                let reason = literal(&format!("foreign key constraint \"{key}\": no row has what it names"));
                let refuse = format!(
                    "WITH gone AS (DELETE FROM {name} AS c WHERE c.archive IS NULL AND c.date_created = {moment} \
                     AND {names_one} AND NOT EXISTS (SELECT FROM {name} AS p WHERE {is_it}) RETURNING {sha} AS sha) \
                     INSERT INTO {REFUSED} (n, code, reason) SELECT s.n, '23503', {reason} \
                     FROM gone JOIN {STAGE} AS s ON s.sha = gone.sha"
                );
                let count = client.execute(&refuse, &[]);
                let count = count.map_err(|cause| server_error("take rows without a parent out again", cause))?;
                taken_out += i64::try_from(count).unwrap_or(i64::MAX);
            }
            if taken_out == before {
                return Ok(taken_out);
            }
        }
    }

    /// Makes the stage and fills it; tells how many rows are in it.
    fn fill(&self, client: &mut Client, next: &mut dyn FnMut() -> Result<Option<RowBatch>>) -> Result<u64> {
        let columns: String =
            self.columns.iter().enumerate().map(|(at, column)| format!(", c{at} {}", staged(column.kind))).collect();
        let make = format!(
            "DROP TABLE IF EXISTS {STAGE}, {REFUSED}; \
             CREATE TEMPORARY TABLE dc_stage (n bigint, place bigint, sha bytea{columns}) ON COMMIT DROP; \
             CREATE TEMPORARY TABLE dc_refused (n bigint PRIMARY KEY, code text, reason text) ON COMMIT DROP"
        );
        client.batch_execute(&make).map_err(|cause| {
            let error = server_error("make a temporary table for the rows", cause);
            match error.kind() {
                ErrorKind::Permission => error.hint("let the role make some: GRANT TEMPORARY ON DATABASE name TO role"),
                _ => error,
            }
        })?;
        let count = i16::try_from(self.columns.len() + 3).unwrap_or(i16::MAX);
        let mut number = 0_i64;
        let mut put = |batch: &RowBatch, row: usize, out: &mut Vec<u8>| {
            number += 1;
            out.extend_from_slice(&count.to_be_bytes());
            field(&number.to_be_bytes(), out);
            field(&batch.offset(row).to_be_bytes(), out);
            field(&batch.sha(row).0, out);
            for (cell, column) in batch.row(row).iter().zip(self.columns) {
                put_cell(*cell, column.kind, batch, out);
            }
            true
        };
        let sql = format!("COPY {STAGE} FROM STDIN (FORMAT binary)");
        let rows = match stream(client, &sql, (binary::HEADER, &binary::TRAILER), &mut put, next)? {
            Streamed::All(rows) => rows,
            Streamed::Unsendable => return Err(Error::failed("fill the temporary table: a row has no form")),
            Streamed::Refused(cause) => return Err(server_error("fill the temporary table", cause)),
        };
        let index = format!("CREATE UNIQUE INDEX ON {STAGE} (n); ANALYZE {STAGE}");
        client.batch_execute(&index).map_err(|cause| server_error("index the temporary table", cause))?;
        Ok(rows)
    }

    /// The statement that moves all rows from the stage into the table; a condition may follow.
    fn insert_sql(&self, client: &mut Client) -> Result<String> {
        let below = types_below(client, self.table)?;
        let mut names = String::new();
        let mut values = String::new();
        for (at, column) in self.columns.iter().enumerate() {
            names.push_str(&format!(", {}", quote(&column.name)));
            let text = format!("convert_from(s.c{at}, 'UTF8')");
            values.push_str(&match column.kind {
                Kind::Boolean | Kind::Integer { .. } | Kind::Float | Kind::Real | Kind::Bytes => format!(", s.c{at}"),
                // assigned and not cast: a cast would cut it to the column's length
                Kind::Text | Kind::Short { .. } => format!(", {text}"),
                _ => {
                    let below = below.get(&column.name).unwrap_or(&column.declared);
                    format!(", CAST({text} AS {below})")
                }
            });
        }
        let sha = if self.table.sha_is_text() { "encode(s.sha, 'hex')" } else { "s.sha" };
        Ok(format!(
            "INSERT INTO {} (sha, date_created{names}) SELECT {sha}, {}{values} FROM {STAGE} AS s",
            self.table.name.quoted(),
            literal(&moment_text(self.moment))
        ))
    }

    /// The function that moves rows into the table and writes down those that are refused: from `dc_first` on, as far as it
    /// comes in a moment, so that between two calls somebody may stop it.
    ///
    /// Steps grow while rows are taken and shrink where one is refused, so that few refused rows cost few tries, and
    /// many cost one each. Rows that refer to others of their own table, which may stand
    /// behind them, are tried again at the end: all at once, and then one by one, forwards and backwards.
    fn function(&self, client: &mut Client) -> Result<String> {
        let insert = self.insert_sql(client)?;
        let check = constraints::check_now(client, self.table, false).map(|sql| format!("{sql}; ")).unwrap_or_default();
        let mut of_rows = OF_ROWS.to_owned();
        if constraints::has_row_security(client, self.table)? {
            of_rows.push_str(" OR dc_code = '42501'");
        }
        let again = match constraints::refers_to_itself(client, self.table)? {
            false => String::new(),
            true => format!(
                "LOOP
                    dc_moved := false;
                    BEGIN
                        {insert} WHERE s.n IN (SELECT n FROM {REFUSED} WHERE code = '23503') ORDER BY s.n;
                        GET DIAGNOSTICS dc_count = ROW_COUNT;
                        DELETE FROM {REFUSED} WHERE code = '23503';
                        dc_inserted := dc_inserted + dc_count;
                    EXCEPTION WHEN OTHERS THEN
                        GET STACKED DIAGNOSTICS dc_code = RETURNED_SQLSTATE;
                        IF NOT ({of_rows}) THEN RAISE; END IF;
                        FOR dc_row IN SELECT n FROM {REFUSED} WHERE code = '23503'
                            ORDER BY CASE WHEN dc_down THEN -n ELSE n END
                        LOOP
                            BEGIN
                                {insert} WHERE s.n = dc_row;
                                DELETE FROM {REFUSED} WHERE n = dc_row;
                                dc_inserted := dc_inserted + 1;
                                dc_moved := true;
                            EXCEPTION WHEN OTHERS THEN
                                GET STACKED DIAGNOSTICS dc_code = RETURNED_SQLSTATE;
                                IF NOT ({of_rows}) THEN RAISE; END IF;
                            END;
                        END LOOP;
                    END;
                    EXIT WHEN NOT dc_moved;
                    dc_down := NOT dc_down;
                END LOOP;"
            ),
        };
        let body = format!(
            "#variable_conflict use_column
            DECLARE
                dc_last bigint; dc_count bigint; dc_row bigint; dc_moved boolean; dc_down boolean := false;
                dc_code text; dc_reason text; dc_detail text;
                dc_until timestamptz := clock_timestamp() + interval '{CALL_MS} ms';
            BEGIN
                dc_inserted := 0;
                -- without a row: what fails now is no row's fault
                {insert} WHERE s.n < 0;
                WHILE dc_first <= dc_total LOOP
                    dc_last := least(dc_first + dc_step - 1, dc_total);
                    BEGIN
                        {insert} WHERE s.n BETWEEN dc_first AND dc_last ORDER BY s.n;
                        GET DIAGNOSTICS dc_count = ROW_COUNT;
                        {check}
                        dc_inserted := dc_inserted + dc_count;
                        dc_first := dc_last + 1;
                        dc_step := least(dc_step * 2, {STEP_MAX});
                    EXCEPTION WHEN OTHERS THEN
                        GET STACKED DIAGNOSTICS dc_code = RETURNED_SQLSTATE, dc_reason = MESSAGE_TEXT,
                            dc_detail = PG_EXCEPTION_DETAIL;
                        IF NOT ({of_rows}) THEN RAISE; END IF;
                        IF dc_first < dc_last THEN
                            dc_step := greatest((dc_last - dc_first + 1) / {STEP_SHRINKS}, 1);
                        ELSE
                            IF dc_detail <> '' THEN dc_reason := dc_reason || ' (' || dc_detail || ')'; END IF;
                            INSERT INTO {REFUSED} (n, code, reason) VALUES (dc_first, dc_code, dc_reason);
                            dc_first := dc_first + 1;
                        END IF;
                    END;
                    EXIT WHEN clock_timestamp() > dc_until;
                END LOOP;
                IF dc_first > dc_total THEN
                    NULL; {again}
                END IF;
            END"
        );
        Ok(format!(
            "CREATE OR REPLACE FUNCTION pg_temp.dc_sift(INOUT dc_first bigint, INOUT dc_step bigint, \
             IN dc_total bigint, OUT dc_inserted bigint) LANGUAGE plpgsql AS {}",
            literal(&body)
        ))
    }
}

/// The type in which values of a column wait.
fn staged(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "boolean",
        // no wider than in the table, or a row of many columns would be too wide for the stage
        Kind::Integer { bits: 16 } => "smallint",
        Kind::Integer { bits: 32 } => "integer",
        Kind::Integer { .. } => "bigint",
        Kind::Real => "real",
        Kind::Float => "double precision",
        _ => "bytea",
    }
}

/// A value as it waits: never in a form that the stage could refuse.
fn put_cell(cell: Cell, kind: Kind, batch: &RowBatch, out: &mut Vec<u8>) {
    match (cell, kind) {
        (Cell::Null, _) => out.extend_from_slice(&(-1_i32).to_be_bytes()),
        (Cell::Bool(flag), Kind::Boolean) => field(&[u8::from(flag)], out),
        (Cell::Bool(flag), _) => field(if flag { b"t" } else { b"f" }, out),
        // it fits, or it would not have been taken
        (Cell::Integer(number), Kind::Integer { bits: 16 }) => field(&(number as i16).to_be_bytes(), out),
        (Cell::Integer(number), Kind::Integer { bits: 32 }) => field(&(number as i32).to_be_bytes(), out),
        (Cell::Integer(number), Kind::Integer { .. }) => field(&number.to_be_bytes(), out),
        (Cell::Float(number), Kind::Real) => field(&(number as f32).to_be_bytes(), out),
        (Cell::Integer(number), _) => field(itoa::Buffer::new().format(number).as_bytes(), out),
        (Cell::Float(number), Kind::Float) => field(&number.to_be_bytes(), out),
        (Cell::Float(number), _) => field(format!("{number:?}").as_bytes(), out),
        (Cell::Text(span) | Cell::Bytes(span), _) => field(batch.bytes(span), out),
    }
}

/// The type below each column's domains, without its length: what a text is cast to without being cut.
fn types_below(client: &mut Client, table: &Table) -> Result<HashMap<String, String>> {
    let find = "SELECT attname::text, (\
            WITH RECURSIVE below AS (\
                SELECT oid, typbasetype FROM pg_type WHERE oid = atttypid \
                UNION ALL SELECT pg_type.oid, pg_type.typbasetype FROM pg_type JOIN below ON pg_type.oid = below.typbasetype) \
            SELECT format_type(oid, -1) FROM below WHERE typbasetype = 0) \
        FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped";
    let rows = client
        .query(find, &[&table.name.quoted()])
        .map_err(|cause| server_error(format!("look at the types of `{}`", table.name), cause))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
