//! An open database, as an app's program uses it: query, execute, bulk insert, delete. What they touch is observed.

use std::collections::BTreeSet;

use serde::Serialize;

use super::batch::RowBatch;
use super::fit::{as_hashed, fit};
use super::table::{Column, Kind, Table, TableName, quote};
use super::{Database, Rows, open};
use crate::clock;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{HashOptions, RESERVED, record_hash};
use crate::record::{Record, Value, to_record};
use crate::settings::{Access, DatabaseSettings, MAIN};

/// Rows are sent on when a batch holds so many bytes.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// As [`BATCH_BYTES_MAX`], in rows.
const BATCH_ROWS_MAX: usize = 10_000;

/// What kind of thing in a database was touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A table.
    Table,
    /// A view.
    View,
    /// A function or procedure.
    Routine,
}

/// One object of a database that a statement touches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touched {
    /// Its schema; `None` where there are none.
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ObjectKind,
    /// Whether it was written; otherwise it was read.
    pub written: bool,
}

impl Touched {
    /// A table that was written.
    pub fn written_table(name: &TableName) -> Self {
        Self { schema: name.schema.clone(), name: name.name.clone(), kind: ObjectKind::Table, written: true }
    }
}

/// How many rows a merge has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MergedRows {
    /// Records inserted that replace no row.
    pub new: u64,
    /// Records inserted that replace a row of the same key.
    pub changed: u64,
    /// Rows archived or deleted that no record replaces.
    pub gone: u64,
}

/// Is told what was touched; for the map of which app touches which table.
pub trait Observer: Send {
    /// Takes note. It must not fail: a map that cannot be written never stops the work.
    fn touched(&mut self, database: &str, objects: &[Touched]);

    /// Takes note of a merge that was committed; it must not fail either.
    fn merged(&mut self, database: &str, table: &TableName, rows: MergedRows);
}

/// An open database.
pub struct Connection {
    name: String,
    backend: Box<dyn Database>,
    observer: Option<Box<dyn Observer>>,
    known: BTreeSet<Touched>,
    run: Option<String>,
    in_transaction: bool,
}

impl Connection {
    /// Opens the database of this name; see [`crate::settings::Settings::database`].
    ///
    /// # Errors
    /// When it is not configured, not there, not allowed or not reachable.
    pub(crate) fn open(context: &Context, name: &str) -> Result<Self> {
        let access = if context.settings().trial.is_some() { Access::Trial } else { Access::Write };
        Self::open_for(context, name, access)
    }

    /// Opens `main` where the framework's own tables stand.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub(crate) fn of_framework(context: &Context) -> Result<Self> {
        Self::at(context, MAIN, &context.settings().framework()?)
    }

    /// A database in memory alone, for what is only tried.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn in_memory(context: &Context) -> Result<Self> {
        let settings = DatabaseSettings {
            access: Access::Trial,
            // a file that is not there
            ..context.settings().database_at("sqlite:.dc/not-there.db")?
        };
        Self::at(context, "memory", &settings)
    }

    /// Opens the database of this name to read it, or as a run that is only tried does.
    ///
    /// # Errors
    /// As [`Connection::open`]; and refused, where the database cannot promise that nothing is changed.
    pub(crate) fn open_for(context: &Context, name: &str, access: Access) -> Result<Self> {
        Self::at(context, name, &DatabaseSettings { access, ..context.settings().database(name)? })
    }

    fn at(context: &Context, name: &str, settings: &DatabaseSettings) -> Result<Self> {
        let backend = open(context, settings).map_err(|error| error.within(format!("open the database `{name}`")))?;
        let run = context.settings().inside.as_ref().map(|inside| inside.runtime.to_string());
        Ok(Self { name: name.to_owned(), backend, observer: None, known: BTreeSet::new(), run, in_transaction: false })
    }

    /// Tells `observer` from now on what is touched.
    pub fn observe(&mut self, observer: Box<dyn Observer>) {
        self.observer = Some(observer);
    }

    /// The backend itself, for a merge.
    pub fn backend(&mut self) -> &mut dyn Database {
        self.backend.as_mut()
    }

    /// The name it was opened by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The run that this process is part of: what it merges is written down as that run's.
    pub fn run(&self) -> Option<&str> {
        self.run.as_deref()
    }

    /// Notes that objects were touched; each is told once.
    pub fn note(&mut self, objects: Vec<Touched>) {
        let Some(observer) = &mut self.observer else { return };
        let fresh: Vec<Touched> = objects.into_iter().filter(|object| self.known.insert(object.clone())).collect();
        if !fresh.is_empty() {
            observer.touched(&self.name, &fresh);
        }
    }

    /// Notes that a merge into a table was committed.
    pub fn note_merge(&mut self, table: &TableName, rows: MergedRows) {
        self.note(vec![Touched::written_table(table)]);
        if let Some(observer) = self.observer.as_mut().filter(|_| rows != MergedRows::default()) {
            observer.merged(&self.name, table, rows);
        }
    }

    /// Runs a query and collects its rows. `?` is the next of the parameters, on every backend; so is `$1` by its number.
    ///
    /// # Errors
    /// What the database says, with the statement.
    pub fn query(&mut self, sql: &str, parameters: &[Value<'_>]) -> Result<Rows> {
        let rows = self.backend.query(sql, parameters)?;
        self.note_statement(sql);
        Ok(rows)
    }

    /// Runs a statement and tells how many rows it changed.
    ///
    /// # Errors
    /// What the database says, with the statement.
    pub fn execute(&mut self, sql: &str, parameters: &[Value<'_>]) -> Result<u64> {
        let changed = self.backend.execute(sql, parameters)?;
        self.note_statement(sql);
        Ok(changed)
    }

    /// Runs `work` in one transaction: all of it lasts when it gives `Ok`, and nothing of it otherwise. Statements,
    /// [`Connection::bulk_insert`] and [`Connection::delete`] take part in it; a merge is a transaction of its own.
    ///
    /// ```no_run
    /// # use data_collector::{context::Context, error::Result, ops::connect, record::Value};
    /// # fn example(context: &Context) -> Result<()> {
    /// let mut database = connect(context, "main")?;
    /// database.transaction(|database| {
    ///     database.execute("UPDATE accounts SET amount = amount - ? WHERE id = ?", &[Value::Integer(5), Value::Integer(1)])?;
    ///     database.execute("UPDATE accounts SET amount = amount + ? WHERE id = ?", &[Value::Integer(5), Value::Integer(2)])
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What `work` says, and what the database says to the commit. Usage, inside of another transaction.
    pub fn transaction<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.check_outside("begin a transaction")?;
        self.backend.begin(&[], &crate::context::Cancellation::default())?;
        self.in_transaction = true;
        // a panic of the work must not leave what it did to the next user of the connection
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(self)));
        self.in_transaction = false;
        match result {
            Ok(Ok(value)) => match self.backend.commit() {
                Ok(()) => Ok(value),
                Err(error) => {
                    self.backend.rollback();
                    Err(error)
                }
            },
            Ok(Err(error)) => {
                self.backend.rollback();
                Err(error)
            }
            Err(panic) => {
                self.backend.rollback();
                std::panic::resume_unwind(panic)
            }
        }
    }

    /// Refuses what is a transaction of its own inside of one.
    pub(crate) fn check_outside(&self, what: &str) -> Result<()> {
        match self.in_transaction {
            false => Ok(()),
            true => Err(Error::new(ErrorKind::Usage, format!("{what}: a transaction is open on this connection"))
                .hint("do it before or after it, or on a connection of its own")),
        }
    }

    /// Work on one table in a transaction of its own, or in the one that is open.
    fn in_turn<T>(&mut self, name: &TableName, work: impl FnOnce(&mut dyn Database) -> Result<T>) -> Result<T> {
        if self.in_transaction {
            return work(self.backend.as_mut());
        }
        self.backend.begin(&[name], &crate::context::Cancellation::default())?;
        match work(self.backend.as_mut()).and_then(|value| self.backend.commit().map(|()| value)) {
            Ok(value) => Ok(value),
            Err(error) => {
                self.backend.rollback();
                Err(error)
            }
        }
    }

    /// The shape of a table.
    ///
    /// # Errors
    /// Not found, when there is none of that name.
    pub fn table(&mut self, name: &TableName) -> Result<Table> {
        let missing = || {
            Error::new(ErrorKind::NotFound, format!("find the table `{name}` in the database `{}`", self.name))
                .hint(format!("make it while merging: `dc merge {name} FILE --create`"))
        };
        self.backend.table(name)?.ok_or_else(missing)
    }

    /// Inserts records as they are, each with its hash, in one transaction. Returns how many.
    ///
    /// # Errors
    /// A record whose column is not there or whose value does not fit; nothing is inserted then.
    pub fn bulk_insert<T: Serialize>(&mut self, table: &str, records: impl IntoIterator<Item = T>) -> Result<u64> {
        let name: TableName = table.parse()?;
        let shape = self.table(&name)?;
        if !shape.missing_for_merge().is_empty() {
            let missing = shape.missing_for_merge().join("`, `");
            return Err(Error::failed(format!("insert into `{name}`: it lacks the column `{missing}`")));
        }
        let columns: Vec<Column> =
            shape.columns.iter().filter(|column| !RESERVED.contains(&column.name.as_str())).cloned().collect();
        let moment = clock::now();
        let inserted = self.in_turn(&name, |backend| insert_all(backend, &shape, &columns, records, moment));
        let count = inserted.map_err(|error| error.within(format!("insert into `{name}`")))?;
        self.note(vec![Touched::written_table(&name)]);
        Ok(count)
    }

    /// Deletes the rows whose columns have these values, all of them together. Returns how many.
    ///
    /// # Errors
    /// A column that is not there, a value that does not fit; an empty filter is refused, since it would empty the table.
    pub fn delete(&mut self, table: &str, filter: &[(&str, Value<'_>)]) -> Result<u64> {
        let name: TableName = table.parse()?;
        let shape = self.table(&name)?;
        if filter.is_empty() {
            return Err(Error::new(ErrorKind::Refused, format!("delete from `{name}` without a filter"))
                .hint("use `execute` with the statement, if the whole table shall go"));
        }
        let mut scope = Vec::new();
        for (column, value) in filter {
            scope.push(scope_of(&shape, column, value)?);
        }
        let deleted = self.in_turn(&name, |backend| backend.delete_where(&shape, &scope));
        let count = deleted.map_err(|error| error.within(format!("delete from `{name}`")))?;
        self.note(vec![Touched::written_table(&name)]);
        Ok(count)
    }

    fn note_statement(&mut self, sql: &str) {
        if self.observer.is_some() {
            let objects = self.backend.objects_of(sql);
            self.note(objects);
        }
    }
}

/// A column and the value that a row must have there.
///
/// # Errors
/// A column that is not there, a value that does not fit.
pub(crate) fn scope_of(table: &Table, column: &str, value: &Value<'_>) -> Result<(Column, super::Fitted<'static>)> {
    let Some(found) = table.column(column) else {
        return Err(Error::new(ErrorKind::NotFound, format!("find the column `{column}` in `{}`", table.name)));
    };
    match fit(value, found.kind) {
        Some(fitted) => Ok((found.clone(), fitted.into_owned())),
        None => Err(Error::new(
            ErrorKind::Usage,
            format!("compare `{column}` with {}: the column is {}", super::text(value), found.declared),
        )),
    }
}

fn insert_all<T: Serialize>(
    backend: &mut dyn Database,
    table: &Table,
    columns: &[Column],
    records: impl IntoIterator<Item = T>,
    moment: chrono::NaiveDateTime,
) -> Result<u64> {
    let (mut records, mut count) = (records.into_iter(), 0);
    loop {
        let mut batch = RowBatch::new(columns.len());
        while batch.size() < BATCH_BYTES_MAX && batch.len() < BATCH_ROWS_MAX {
            let Some(record) = records.next() else { break };
            count += 1;
            let taken = to_record(&record).and_then(|record| add_record(&mut batch, columns, &record, count));
            taken.map_err(|error| error.within(format!("take record {count}")))?;
        }
        if batch.is_empty() {
            return Ok(count);
        }
        let mut once = Some(batch.clone());
        if backend.insert_all(table, columns, &mut || Ok(once.take()), moment)?.is_some() {
            continue;
        }
        let mut once = Some(batch);
        backend.insert_accepted(table, columns, &mut || Ok(once.take()), moment, &mut |refused| {
            Err(refused.error.within(format!("take record {}", refused.offset)))
        })?;
    }
}

fn add_record(batch: &mut RowBatch, columns: &[Column], record: &Record<'_>, offset: u64) -> Result<()> {
    let kind = |name: &str| columns.iter().find(|column| column.name == name).map_or(Kind::Json, |column| column.kind);
    let hashed = record.fields.iter().map(|(name, value)| (name.clone(), as_hashed(value.clone(), kind(name))));
    let hashed = Record { fields: hashed.collect() };
    let row = batch.add_row(record_hash(&hashed, &HashOptions::default()), offset);
    for (name, value) in record.fields.iter().filter(|(name, _)| !RESERVED.contains(&name.as_ref())) {
        let Some(place) = columns.iter().position(|column| column.name == *name) else {
            return Err(Error::new(ErrorKind::NotFound, format!("find the column `{name}`")));
        };
        let Some(fitted) = fit(value, columns[place].kind) else {
            let (value, declared) = (super::text(value), &columns[place].declared);
            return Err(Error::failed(format!("put `{value}` into the column `{name}`, which is {declared}")));
        };
        let cell = fitted.keep(batch);
        batch.set(row, place, cell);
    }
    Ok(())
}

/// `SELECT`ing columns by name: a quoted list.
pub(super) fn quoted_list(columns: &[Column]) -> String {
    columns.iter().map(|column| quote(&column.name)).collect::<Vec<_>>().join(", ")
}
