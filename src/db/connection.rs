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
use crate::settings::{Access, DatabaseSettings};

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
}

impl Connection {
    /// Opens the database of this name; see [`crate::settings::Settings::database`].
    ///
    /// # Errors
    /// When it is not configured, not there, not allowed or not reachable.
    pub fn open(context: &Context, name: &str) -> Result<Self> {
        let access = if context.settings().trial.is_some() { Access::Trial } else { Access::Write };
        Self::open_for(context, name, access)
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
        let backend = open(context, &settings)?;
        Ok(Self { name: "memory".to_owned(), backend, observer: None, known: BTreeSet::new() })
    }

    /// Opens the database of this name to read it, or as a run that is only tried does.
    ///
    /// # Errors
    /// As [`Connection::open`]; and refused, where the database cannot promise that nothing is changed.
    pub fn open_for(context: &Context, name: &str, access: Access) -> Result<Self> {
        let settings = DatabaseSettings { access, ..context.settings().database(name)? };
        let backend = open(context, &settings).map_err(|error| error.within(format!("open the database `{name}`")))?;
        Ok(Self { name: name.to_owned(), backend, observer: None, known: BTreeSet::new() })
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

    /// Runs a query and collects its rows.
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
        self.backend.begin(&[&name], &crate::context::Cancellation::default())?;
        let inserted = insert_all(self.backend.as_mut(), &shape, &columns, records, moment);
        let result = inserted.and_then(|count| self.backend.commit().map(|()| count));
        match result {
            Ok(count) => {
                self.note(vec![Touched::written_table(&name)]);
                Ok(count)
            }
            Err(error) => {
                self.backend.rollback();
                Err(error.within(format!("insert into `{name}`")))
            }
        }
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
        let cancellation = crate::context::Cancellation::default();
        self.backend.begin(&[&name], &cancellation)?;
        let deleted = self.backend.delete_where(&shape, &scope);
        match deleted.and_then(|count| self.backend.commit().map(|()| count)) {
            Ok(count) => {
                self.note(vec![Touched::written_table(&name)]);
                Ok(count)
            }
            Err(error) => {
                self.backend.rollback();
                Err(error.within(format!("delete from `{name}`")))
            }
        }
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
