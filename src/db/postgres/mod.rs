//! PostgreSQL through the pure-Rust driver: no libpq, no OpenSSL.

mod binary;
mod client;
mod constraints;
mod copy;
#[cfg(any(test, fuzzing))]
#[path = "../../../fuzz/targets/postgres.rs"]
pub(crate) mod fuzzing;
pub(crate) mod line;
mod merge;
mod objects;
mod place;
mod placeholder;
pub(crate) mod server;
mod shape;
mod stage;
mod value;

use std::time::{Duration, Instant};

use chrono::NaiveDateTime;
use tokio_postgres::error::SqlState;

use self::client::Client;
use self::place::Parts;
use self::server::{server_error, server_target};
use self::stage::Staging;
use super::dialect::{LEDGER_SQL, limited};
use super::{
    ActiveSum, Column, Database, Dialect, Entry, Gone, Kind, NewColumn, Refused, Right, RowBatch, RowId, Scope, Table,
    TableName, Touched, check_lasting, check_width, named, shown, tell_wait,
};
use crate::context::{Cancellation, Context};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{RESERVED, Sha};
use crate::record::Value;
use crate::settings::{Access, DatabaseSettings, Target};

/// This backend's line in the registry.
pub(super) const ENTRY: Entry = Entry { name: "postgres", dialect: &DIALECT, open };

/// This backend's words.
pub(super) const DIALECT: Dialect = Dialect {
    name_sign: '"',
    ledger: LEDGER_SQL,
    first: limited,
    as_given: |column, name| match column.kind {
        Kind::Array(_) => format!("to_json({name})"),
        Kind::Other(_) => format!("CAST({name} AS text)"),
        _ => name,
    },
    as_spelled: |name| format!("{name} COLLATE \"C\""),
    parameters_max: 65_535,
    takes_shapes_back: true,
};

/// How long a merge waits for another one.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(600);

/// What the server takes.
const COLUMNS_MAX: usize = 1_600;

/// An open connection.
pub(super) struct Postgres {
    client: Client,
    parts: Parts,
}

fn open(_: &Context, settings: &DatabaseSettings) -> Result<Box<dyn Database>> {
    let Target::Server { url, .. } = &settings.target else {
        return Err(Error::new(ErrorKind::Settings, "open an SQLite file as a server"));
    };
    let mut postgres = Postgres { client: Client::connect(&server_target(url)?)?, parts: Parts::default() };
    if settings.access == Access::Read {
        // a transaction stays open, in which the server lets nobody write; it ends with the connection
        postgres.batch("BEGIN TRANSACTION READ ONLY")?;
    }
    Ok(Box::new(postgres))
}

impl Postgres {
    fn batch(&mut self, sql: &str) -> Result<()> {
        self.client.batch_execute(sql).map_err(|cause| server_error(shown(sql), cause))
    }

    /// One try to open the transaction and to lock; `false` when somebody else holds a lock.
    fn try_begin(&mut self, tables: &[&TableName]) -> Result<bool> {
        let mut locked = self.client.batch_execute("BEGIN; SET LOCAL lock_timeout = '500ms'");
        for table in tables {
            if locked.is_err() {
                break;
            }
            // the advisory lock comes first: it also guards a table that does not exist yet
            let name = shape::canonical(&mut self.client, table)?;
            locked = self.client.batch_execute(&advisory(&format!("dc merge {name}")));
            if locked.is_ok() && shape::is_table(&mut self.client, table)? {
                let lock = format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", table.quoted());
                locked = self.client.batch_execute(&lock);
            }
        }
        match locked.and_then(|()| self.client.batch_execute("SET LOCAL lock_timeout = '10min'")) {
            Ok(()) => Ok(true),
            Err(cause) if cause.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                self.rollback();
                Ok(false)
            }
            Err(cause) => {
                self.rollback();
                Err(server_error(format!("lock {}", named(tables)), cause))
            }
        }
    }
}

/// The statement that waits for a name and holds it to the end of the transaction.
fn advisory(name: &str) -> String {
    format!("SELECT pg_advisory_xact_lock(hashtextextended({}, 0))", literal(name))
}

/// Text as an SQL literal.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Database for Postgres {
    fn backend(&self) -> &'static str {
        ENTRY.name
    }

    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn each_named_row(
        &mut self,
        sql: &str,
        parameters: &[Value<'_>],
        named: super::Named<'_>,
        each: &mut dyn FnMut(Vec<Value<'static>>) -> Result<()>,
    ) -> Result<()> {
        value::each_row(&mut self.client, sql, parameters, named, each)
    }

    fn lock(&mut self, name: &str) -> Result<()> {
        self.batch(&advisory(name))
    }

    fn execute(&mut self, sql: &str, parameters: &[Value<'_>]) -> Result<u64> {
        value::execute(&mut self.client, sql, parameters)
    }

    fn objects_of(&mut self, sql: &str) -> Vec<Touched> {
        objects::touched(&mut self.client, sql)
    }

    fn table(&mut self, name: &TableName) -> Result<Option<Table>> {
        shape::table(&mut self.client, name)
    }

    fn canonical(&mut self, name: &TableName) -> Result<TableName> {
        shape::canonical(&mut self.client, name)
    }

    fn may(&mut self, name: &TableName, right: Right) -> Result<bool> {
        shape::may(&mut self.client, name, right)
    }

    fn begin(&mut self, tables: &[&TableName], cancellation: &Cancellation) -> Result<()> {
        let (started, mut was_told) = (Instant::now(), false);
        while !self.try_begin(tables)? {
            cancellation.check()?;
            tell_wait(tables, started.elapsed(), LOCK_WAIT_MAX, &mut was_told);
            if started.elapsed() > LOCK_WAIT_MAX {
                let minutes = LOCK_WAIT_MAX.as_secs() / 60;
                let what = format!("lock {}: somebody else has held it for {minutes} minutes", named(tables));
                let hint = "SELECT pid, query FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE locktype = 'relation' shows who";
                return Err(Error::new(ErrorKind::Busy, what).hint(hint));
            }
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        self.client.batch_execute("COMMIT").map_err(|cause| {
            let is_lost = cause.as_db_error().is_none();
            let error = server_error("commit", cause);
            match is_lost {
                true => error.hint("whether the server committed is not known: `dc merge history` tells, and the same merge again does no harm"),
                false => error,
            }
        })
    }

    fn rollback(&mut self) {
        if let Err(cause) = self.client.batch_execute("ROLLBACK") {
            log::debug!("the rollback failed, closing the connection will do it: {cause}");
        }
    }

    fn create_table(&mut self, name: &TableName, columns: &[NewColumn]) -> Result<()> {
        check_lasting(name)?;
        check_width("PostgreSQL", COLUMNS_MAX, name, RESERVED.len() + columns.len())?;
        self.batch(&shape::create_sql(name, columns)?)
    }

    fn add_columns(&mut self, name: &TableName, columns: &[NewColumn]) -> Result<()> {
        let known = self.table(name)?.map_or(0, |table| table.columns.len());
        check_width("PostgreSQL", COLUMNS_MAX, name, known + columns.len())?;
        columns.iter().try_for_each(|column| shape::add_sql(name, column).and_then(|sql| self.batch(&sql)))
    }

    fn widen_columns(&mut self, name: &TableName, columns: &[NewColumn]) -> Result<()> {
        if columns.is_empty() {
            return Ok(());
        }
        shape::check_no_domain(&mut self.client, name, columns)?;
        self.batch(&shape::widen_sql(name, columns))
    }

    fn rehash(&mut self, table: &Table, rows: &[(RowId, Sha)]) -> Result<Vec<usize>> {
        merge::rehash(&mut self.client, &self.parts, table, rows)
    }

    fn finish_table(&mut self, name: &TableName, scope: &[&str]) -> Result<()> {
        self.batch(&shape::key_sql(name))?;
        self.batch(&shape::index_sql(name))?;
        if !scope.is_empty() {
            self.batch(&shape::scope_index_sql(name, scope))?;
        }
        self.batch(&shape::sample_sql(name))
    }

    fn settle_ids(&mut self, table: &Table) -> Result<()> {
        self.batch(&shape::settle_sql(&table.name))
    }

    fn active(&mut self, table: &Table, scope: &Scope, each: &mut dyn FnMut(u128, RowId) -> Result<()>) -> Result<()> {
        copy::active(&mut self.client, &mut self.parts, table, scope, each)
    }

    fn active_sum(&mut self, table: &Table, scope: &Scope) -> Result<Option<ActiveSum>> {
        merge::active_sum(&mut self.client, table, scope)
    }

    fn count_active(&mut self, table: &Table, scope: &Scope) -> Result<u64> {
        merge::count_active(&mut self.client, table, scope)
    }

    fn insert_all(
        &mut self,
        table: &Table,
        columns: &[Column],
        next: &mut dyn FnMut() -> Result<Option<RowBatch>>,
        moment: NaiveDateTime,
    ) -> Result<Option<u64>> {
        match constraints::has_row_security(&mut self.client, table)? {
            true => Staging { table, columns, moment }.insert_all(&mut self.client, next),
            false => copy::insert_all(&mut self.client, table, columns, next, moment),
        }
    }

    fn insert_accepted(
        &mut self,
        table: &Table,
        columns: &[Column],
        next: &mut dyn FnMut() -> Result<Option<RowBatch>>,
        moment: NaiveDateTime,
        refused: &mut dyn FnMut(Refused) -> Result<()>,
    ) -> Result<u64> {
        Staging { table, columns, moment }.insert_accepted(&mut self.client, next, refused)
    }

    fn retire(&mut self, table: &Table, rows: &[RowId], gone: Gone, moment: NaiveDateTime) -> Result<u64> {
        merge::retire(&mut self.client, &self.parts, table, rows, gone, moment)
    }

    fn restore(&mut self, table: &Table, rows: &[(u128, RowId)], moment: NaiveDateTime) -> Result<u64> {
        merge::restore(&mut self.client, table, rows, moment)
    }

    fn delete_where(&mut self, table: &Table, filter: &Scope) -> Result<u64> {
        merge::delete_where(&mut self.client, table, filter)
    }

    fn read_back(&mut self, column: &Column, texts: &mut Vec<Option<String>>) -> Result<()> {
        merge::read_back(&mut self.client, column, texts)
    }

    fn values_of(
        &mut self,
        table: &Table,
        columns: &[Column],
        rows: &[RowId],
        each: &mut dyn FnMut(RowId, Vec<Value<'static>>) -> Result<()>,
    ) -> Result<()> {
        merge::values_of(&mut self.client, &mut self.parts, table, columns, rows, each)
    }
}
