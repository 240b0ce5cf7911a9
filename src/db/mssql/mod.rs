//! Microsoft SQL Server through one pure-Rust driver: no ODBC, no FreeTDS, no OpenSSL.

mod client;
mod encode;
mod insert;
mod kind;
mod merge;
mod objects;
mod server;
mod shape;
mod sql;
mod transaction;
mod value;
mod widen;

use chrono::NaiveDateTime;

use self::client::Client;
use self::insert::Insertion;
use self::kind::Declared;
use self::merge::Target as Named;
use self::server::{server_error, server_target};
use super::{
    ActiveSum, Column, Database, Dialect, Entry, Gone, NewColumn, Refused, Right, RowBatch, RowId, Scope, Table,
    TableName, Touched, check_lasting, check_width,
};
use crate::context::{Cancellation, Context};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{RESERVED, Sha};
use crate::record::Value;
use crate::settings::{Access, DatabaseSettings, Target};

/// This backend's line in the registry.
pub(super) const ENTRY: Entry = Entry { name: "mssql", dialect: &DIALECT, open };

/// This backend's words.
const DIALECT: Dialect = Dialect {
    name_sign: sql::NAME_SIGN,
    ledger: LEDGER_SQL,
    first,
    as_given: |column, name| match column.kind {
        // such a column is made for numbers of any precision; nobody has asked for its ten decimals
        kind::ANY_NUMBER => widen::without_zeros(&name),
        _ if Declared::of(&column.declared).is_strange() => format!("CAST({name} AS NVARCHAR(MAX))"),
        _ => name,
    },
    // blanks at the end count by the length alone
    as_spelled: |name| format!("{name} {}, DATALENGTH({name})", sql::LETTERS),
    // of the 2,100 that a statement bears
    parameters_max: 2_000,
    takes_shapes_back: true,
};

/// What makes the table of merges: an index takes no text of any length.
const LEDGER_SQL: &[&str] = &[
    "CREATE TABLE dc_merges (id NVARCHAR(36) NOT NULL PRIMARY KEY, runtime NVARCHAR(64) NULL, \
    table_name NVARCHAR(300) COLLATE Latin1_General_100_BIN2 NOT NULL, moment NVARCHAR(32) NOT NULL, \
    scope NVARCHAR(MAX) COLLATE Latin1_General_100_BIN2 NOT NULL, gone NVARCHAR(16) NOT NULL, created BIT NOT NULL, \
    added_columns NVARCHAR(MAX) NOT NULL, inserted BIGINT NOT NULL, retired BIGINT NOT NULL, \
    set_before NVARCHAR(64) NOT NULL, set_after NVARCHAR(64) NOT NULL, undone NVARCHAR(32) NULL, input_bytes BIGINT NULL, \
    input_digest NVARCHAR(255) NULL, records BIGINT NULL, duplicates BIGINT NULL)",
    "CREATE INDEX dc_merges_table_moment ON dc_merges (table_name, moment)",
];

/// What a table takes.
const COLUMNS_MAX: usize = 1_024;

fn first(query: &str) -> String {
    match query.strip_prefix("SELECT ") {
        Some(rest) => format!("SELECT TOP (1) {rest}"),
        None => query.to_owned(),
    }
}

/// An open connection.
pub(super) struct Mssql {
    client: Client,
}

fn open(_: &Context, settings: &DatabaseSettings) -> Result<Box<dyn Database>> {
    let Target::Server { url, .. } = &settings.target else {
        return Err(Error::new(ErrorKind::Settings, "open an SQLite file as a server"));
    };
    if settings.access == Access::Read {
        return Err(Error::new(ErrorKind::Refused, "read it only: SQL Server has no transactions that cannot write")
            .hint("use a login with the role db_datareader alone, and say `--write`"));
    }
    Ok(Box::new(Mssql { client: Client::connect(&server_target(url)?)? }))
}

impl Mssql {
    /// A table as statements name it.
    fn named(&mut self, table: &Table) -> Result<Named> {
        table.check_for_merge()?;
        let look = shape::look(&mut self.client, &table.name)?;
        let place = look.and_then(|look| look.place);
        let place = place.ok_or_else(|| Error::failed(format!("find the rows of `{}` again", table.name)))?;
        Ok(Named { name: shape::quoted(&table.name), place, sha_is_text: table.sha_is_text() })
    }

    /// Runs statements that change a table.
    fn change(&mut self, name: &TableName, statements: &[String]) -> Result<()> {
        statements.iter().try_for_each(|sql| self.client.run(sql)).map_err(|cause| {
            let error = server_error(format!("change the table `{name}`"), cause);
            match error.kind() {
                ErrorKind::Permission if error.hint_text().is_none() => {
                    error.hint("let the user do it: GRANT CREATE TABLE, and ALTER ON SCHEMA::dbo, TO it")
                }
                _ => error,
            }
        })
    }
}

impl Database for Mssql {
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

    fn execute(&mut self, sql: &str, parameters: &[Value<'_>]) -> Result<u64> {
        value::execute(&mut self.client, sql, parameters)
    }

    fn objects_of(&mut self, sql: &str) -> Vec<Touched> {
        objects::touched(&mut self.client, sql)
    }

    fn table(&mut self, name: &TableName) -> Result<Option<Table>> {
        Ok(shape::look(&mut self.client, name)?.map(|look| look.table))
    }

    fn canonical(&mut self, name: &TableName) -> Result<TableName> {
        shape::canonical(&mut self.client, name)
    }

    fn may(&mut self, name: &TableName, right: Right) -> Result<bool> {
        shape::may(&mut self.client, name, right)
    }

    fn lock(&mut self, name: &str) -> Result<()> {
        transaction::lock(&mut self.client, name)
    }

    fn begin(&mut self, tables: &[&TableName], cancellation: &Cancellation) -> Result<()> {
        transaction::begin(&mut self.client, tables, cancellation)
    }

    fn commit(&mut self) -> Result<()> {
        transaction::commit(&mut self.client)
    }

    fn rollback(&mut self) {
        transaction::rollback(&mut self.client);
    }

    fn set_point(&mut self, name: &str) -> Result<()> {
        self.client.run(&format!("SAVE TRANSACTION {name}")).map_err(|cause| server_error("set a savepoint", cause))
    }

    /// The server drops it with the transaction.
    fn drop_point(&mut self, _: &str) -> Result<()> {
        Ok(())
    }

    fn back_to_point(&mut self, name: &str) -> Result<()> {
        self.client
            .run(&format!("ROLLBACK TRANSACTION {name}"))
            .map_err(|cause| server_error("go back to a savepoint", cause))
    }

    fn create_table(&mut self, name: &TableName, columns: &[NewColumn]) -> Result<()> {
        check_lasting(name)?;
        check_width("SQL Server", COLUMNS_MAX, name, RESERVED.len() + columns.len())?;
        let sql = shape::create_sql(name, columns)?;
        self.change(name, &[sql])
    }

    fn add_columns(&mut self, name: &TableName, columns: &[NewColumn]) -> Result<()> {
        let known: Vec<Column> = self.table(name)?.map_or_else(Vec::new, |table| table.columns);
        check_width("SQL Server", COLUMNS_MAX, name, known.len() + columns.len())?;
        shape::check_names(name, known.into_iter().map(|column| column.name), columns)?;
        self.change(name, &[shape::add_sql(name, columns)])
    }

    fn widen_columns(&mut self, name: &TableName, columns: &[NewColumn]) -> Result<()> {
        match self.table(name)? {
            Some(table) if !columns.is_empty() => {
                let all = widen::widening(&mut self.client, &table, columns)?;
                self.change(name, &all)
            }
            _ => Ok(()),
        }
    }

    fn rehash(&mut self, table: &Table, rows: &[(RowId, Sha)]) -> Result<Vec<usize>> {
        let named = self.named(table)?;
        merge::rehash(&mut self.client, &named, rows)
    }

    fn finish_table(&mut self, name: &TableName, scope: &[&str]) -> Result<()> {
        match self.table(name)? {
            Some(table) => self.change(name, &shape::index_sql(&table, scope)),
            None => Ok(()),
        }
    }

    fn active(&mut self, table: &Table, scope: &Scope, each: &mut dyn FnMut(u128, RowId) -> Result<()>) -> Result<()> {
        let named = self.named(table)?;
        merge::active(&mut self.client, &named, scope, each)
    }

    fn active_sum(&mut self, table: &Table, scope: &Scope) -> Result<Option<ActiveSum>> {
        let named = self.named(table)?;
        merge::active_sum(&mut self.client, &named, scope)
    }

    fn count_active(&mut self, table: &Table, scope: &Scope) -> Result<u64> {
        let named = self.named(table)?;
        merge::count_active(&mut self.client, &named, scope)
    }

    fn insert_all(
        &mut self,
        table: &Table,
        columns: &[Column],
        next: &mut dyn FnMut() -> Result<Option<RowBatch>>,
        moment: NaiveDateTime,
    ) -> Result<Option<u64>> {
        Insertion::of(&mut self.client, table, columns, moment)?.all(&mut self.client, next)
    }

    fn insert_accepted(
        &mut self,
        table: &Table,
        columns: &[Column],
        next: &mut dyn FnMut() -> Result<Option<RowBatch>>,
        moment: NaiveDateTime,
        refused: &mut dyn FnMut(Refused) -> Result<()>,
    ) -> Result<u64> {
        let insertion = Insertion::of(&mut self.client, table, columns, moment)?;
        let waits = shape::refers_to_itself(&mut self.client, &table.name)?;
        insertion.accepted(&mut self.client, (next, waits), refused)
    }

    fn retire(&mut self, table: &Table, rows: &[RowId], gone: Gone, moment: NaiveDateTime) -> Result<u64> {
        let named = self.named(table)?;
        merge::retire(&mut self.client, &named, rows, gone, moment)
    }

    fn restore(&mut self, table: &Table, rows: &[(u128, RowId)], moment: NaiveDateTime) -> Result<u64> {
        let named = self.named(table)?;
        merge::restore(&mut self.client, &named, rows, moment)
    }

    fn delete_where(&mut self, table: &Table, filter: &Scope) -> Result<u64> {
        merge::delete_where(&mut self.client, &shape::quoted(&table.name), filter)
    }

    fn read_back(&mut self, column: &Column, texts: &mut Vec<Option<String>>) -> Result<()> {
        merge::read_back(column, texts)
    }

    fn values_of(
        &mut self,
        table: &Table,
        columns: &[Column],
        rows: &[RowId],
        each: &mut dyn FnMut(RowId, Vec<Value<'static>>) -> Result<()>,
    ) -> Result<()> {
        let named = self.named(table)?;
        merge::values_of(&mut self.client, &named, columns, rows, each)
    }
}
