//! MariaDB and MySQL through one pure-Rust driver: no libmysqlclient, no OpenSSL.

mod client;
mod encode;
mod insert;
mod kind;
pub(crate) mod line;
mod merge;
mod objects;
mod refused;
pub(crate) mod server;
mod shape;
mod sql;
mod transaction;
mod value;
mod widen;

use chrono::NaiveDateTime;

use self::client::Client;
use self::insert::Insertion;
use self::merge::Target as Named;
use self::server::{server_error, server_target};
use self::transaction::Transaction;
use super::dialect::limited;
use super::{
    ActiveSum, Column, Database, Dialect, Entry, Gone, Kind, NewColumn, Refused, Right, RowBatch, RowId, Scope, Table,
    TableName, Touched, check_lasting, check_width, shown,
};
use crate::context::{Cancellation, Context};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{RESERVED, Sha};
use crate::record::Value;
use crate::settings::{Access, DatabaseSettings, Target};

/// This backend's line in the registry.
pub(super) const ENTRY: Entry = Entry { name: "mysql", dialect: &DIALECT, open };

/// This backend's words.
const DIALECT: Dialect = Dialect {
    name_sign: sql::NAME_SIGN,
    ledger: LEDGER_SQL,
    first: limited,
    as_given: |column, name| match column.kind {
        Kind::Other(_) => format!("CAST({name} AS CHAR)"),
        // such a column is made for numbers of any precision; nobody has asked for its thirty decimals
        kind::ANY_NUMBER => format!("TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM CAST({name} AS CHAR)))"),
        _ => name,
    },
    as_spelled: |name| format!("CAST({name} AS BINARY)"),
    // of the 65,535 that the protocol bears: a statement has an end too
    parameters_max: 10_000,
    takes_shapes_back: false,
};

/// What makes the table of merges: an index takes no text of any length.
const LEDGER_SQL: &[&str] =
    &["CREATE TABLE IF NOT EXISTS dc_merges (id varchar(36) NOT NULL PRIMARY KEY, runtime varchar(64), \
    table_name varchar(190) NOT NULL, moment varchar(32) NOT NULL, scope longtext NOT NULL, gone varchar(16) NOT NULL, \
    created boolean NOT NULL, added_columns longtext NOT NULL, inserted bigint NOT NULL, retired bigint NOT NULL, \
    set_before varchar(64) NOT NULL, set_after varchar(64) NOT NULL, undone varchar(32), input_bytes bigint, \
    input_digest varchar(255), records bigint, duplicates bigint, INDEX dc_merges_table_moment (table_name, moment), \
    INDEX dc_merges_table_scope (table_name, scope(190), moment)) \
    ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"];

/// What InnoDB takes.
const COLUMNS_MAX: usize = 1_017;

/// An open connection.
pub(super) struct Mysql {
    client: Client,
    transaction: Transaction,
}

fn open(_: &Context, settings: &DatabaseSettings) -> Result<Box<dyn Database>> {
    let Target::Server { url, .. } = &settings.target else {
        return Err(Error::new(ErrorKind::Settings, "open an SQLite file as a server"));
    };
    let mut client = Client::connect(&server_target(url)?)?;
    if settings.access == Access::Read {
        // a transaction stays open, in which the server lets nobody write; the session, for what would end it
        for sql in ["SET SESSION TRANSACTION READ ONLY", "START TRANSACTION READ ONLY"] {
            client.run(sql).map_err(|cause| server_error(shown(sql), cause))?;
        }
    }
    Ok(Box::new(Mysql { client, transaction: Transaction::default() }))
}

impl Mysql {
    /// A table as statements name it.
    fn named(&mut self, table: &Table) -> Result<Named> {
        table.check_for_merge()?;
        let at = self.transaction.at(&mut self.client, &table.name)?;
        let look = shape::look(&mut self.client, &at)?;
        let found = look.and_then(|look| Some((look.place?, look.has_guard)));
        let (place, has_guard) =
            found.ok_or_else(|| Error::failed(format!("find the rows of `{}` again", table.name)))?;
        // before the index is made it would be computed for each row
        let has_guard = has_guard && !self.transaction.is_made(&at);
        Ok(Named { name: shape::quoted(&at), place, sha_is_text: table.sha_is_text(), has_guard })
    }

    fn insertion<'a>(&mut self, table: &Table, columns: &'a [Column], moment: NaiveDateTime) -> Result<Insertion<'a>> {
        let at = self.transaction.at(&mut self.client, &table.name)?;
        Insertion::of(&mut self.client, (table, shape::quoted(&at)), columns, moment)
    }
}

impl Database for Mysql {
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
        value::each_row(&mut self.client, &self.transaction.statement(sql), parameters, named, each)
    }

    fn lock(&mut self, name: &str) -> Result<()> {
        self.transaction.lock(&mut self.client, name)
    }

    fn execute(&mut self, sql: &str, parameters: &[Value<'_>]) -> Result<u64> {
        value::execute(&mut self.client, &self.transaction.statement(sql), parameters)
    }

    fn objects_of(&mut self, sql: &str) -> Vec<Touched> {
        objects::touched(&mut self.client, sql)
    }

    fn table(&mut self, name: &TableName) -> Result<Option<Table>> {
        let at = self.transaction.at(&mut self.client, name)?;
        let look = shape::look(&mut self.client, &at)?;
        Ok(look.map(|look| Table { name: name.clone(), ..look.table }))
    }

    fn canonical(&mut self, name: &TableName) -> Result<TableName> {
        shape::canonical(&mut self.client, name)
    }

    fn may(&mut self, name: &TableName, right: Right) -> Result<bool> {
        shape::may(&mut self.client, name, right)
    }

    fn begin(&mut self, tables: &[&TableName], cancellation: &Cancellation) -> Result<()> {
        self.transaction.begin(&mut self.client, tables, cancellation)
    }

    fn commit(&mut self) -> Result<()> {
        self.transaction.commit(&mut self.client)
    }

    fn rollback(&mut self) {
        self.transaction.rollback(&mut self.client);
    }

    fn create_table(&mut self, name: &TableName, columns: &[NewColumn]) -> Result<()> {
        check_lasting(name)?;
        check_width("InnoDB", COLUMNS_MAX, name, RESERVED.len() + 1 + columns.len())?;
        self.transaction.create(&mut self.client, name, columns)
    }

    fn add_columns(&mut self, name: &TableName, columns: &[NewColumn]) -> Result<()> {
        let known: Vec<Column> = self.table(name)?.map_or_else(Vec::new, |table| table.columns);
        check_width("InnoDB", COLUMNS_MAX, name, known.len() + 1 + columns.len())?;
        shape::check_names(name, known.into_iter().map(|column| column.name), columns)?;
        self.transaction.add(&mut self.client, name, columns)
    }

    fn widen_columns(&mut self, name: &TableName, columns: &[NewColumn]) -> Result<()> {
        match self.table(name)? {
            Some(table) if !columns.is_empty() => self.transaction.widen(&mut self.client, table, columns),
            _ => Ok(()),
        }
    }

    fn rehash(&mut self, table: &Table, rows: &[(RowId, Sha)]) -> Result<Vec<usize>> {
        let named = self.named(table)?;
        merge::rehash(&mut self.client, &named, rows)
    }

    fn finish_table(&mut self, name: &TableName, scope: &[&str]) -> Result<()> {
        self.transaction.finish(&mut self.client, name, scope)
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
        self.insertion(table, columns, moment)?.all(&mut self.client, next)
    }

    fn insert_accepted(
        &mut self,
        table: &Table,
        columns: &[Column],
        next: &mut dyn FnMut() -> Result<Option<RowBatch>>,
        moment: NaiveDateTime,
        refused: &mut dyn FnMut(Refused) -> Result<()>,
    ) -> Result<u64> {
        let insertion = self.insertion(table, columns, moment)?;
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

/// The error of a change of a table.
fn changed(name: &TableName, cause: mysql_async::Error) -> Error {
    let error = server_error(format!("change the table `{name}`"), cause);
    match error.kind() {
        ErrorKind::Permission if error.hint_text().is_none() => {
            error.hint("let the role do it: GRANT CREATE, ALTER, DROP, INDEX ON the database TO it")
        }
        _ => error,
    }
}
