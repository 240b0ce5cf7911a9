//! Databases behind one trait. Nothing above this room knows which backend it talks to.

mod batch;
pub(crate) mod cause;
mod connection;
mod dialect;
mod fit;
mod form;
pub(crate) mod ledger;
mod moment;
pub(crate) mod mssql;
pub(crate) mod mysql;
mod names;
pub(crate) mod past;
mod placeholder;
mod pool;
pub(crate) mod postgres;
mod prefix;
pub(crate) mod rows;
pub(crate) mod sqlite;
mod table;
mod tls;
mod token;
pub(crate) mod update;
mod verifier;
mod waiting;

#[cfg(any(test, fuzzing))]
pub(crate) use postgres::fuzzing;

pub use batch::{Cell, RowBatch, row_bytes};
pub(crate) use connection::scope_of;
pub use connection::{Connection, MergedRows, ObjectKind, Observer, Touched};
pub use dialect::Dialect;
pub use fit::{Fitted, as_hashed, fit, text, wider};
pub use form::{Form, has_letters};
pub use pool::{Pool, Pooled};
pub use table::{Column, Kind, NAME_BYTES_MAX, NewColumn, Obstacle, RowId, Table, TableName};

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use chrono::NaiveDateTime;

use crate::context::{Cancellation, Context};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::Sha;
use crate::record::Value;
use crate::settings::DatabaseSettings;
use table::quote;

/// One line of the table of backends.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The scheme of its URLs: `sqlite`, `postgres`, `mysql`, `mssql`.
    pub name: &'static str,
    /// Its words.
    pub dialect: &'static Dialect,
    /// Opens a database of this backend.
    pub open: fn(&Context, &DatabaseSettings) -> Result<Box<dyn Database>>,
}

/// The backends that dc knows.
pub const BACKENDS: &[Entry] = &[sqlite::ENTRY, postgres::ENTRY, mysql::ENTRY, mssql::ENTRY];

/// Loggers of drivers whose warnings are wrong here: TLS is not theirs, so they hold every line for an open one.
pub(crate) const MISTAKEN_LOGGERS: &[&str] = &["tiberius"];

/// The backends that the program has added.
static REGISTERED: RwLock<Vec<Entry>> = RwLock::new(Vec::new());

/// Adds a backend of the program that embeds this library, for users' tables: whoever names a URL of its scheme in the
/// settings has merges and data functions on it from now on, in this process.
///
/// # Errors
/// Usage, for a name that is taken or is no scheme of a URL.
pub fn register(entry: Entry) -> Result<()> {
    let is_scheme = entry.name.starts_with(|first: char| first.is_ascii_lowercase())
        && entry.name.chars().all(|sign| sign.is_ascii_lowercase() || sign.is_ascii_digit() || "+-.".contains(sign));
    let mut registered = REGISTERED.write().unwrap_or_else(PoisonError::into_inner);
    let refused =
        |why: &str| Err(Error::new(ErrorKind::Usage, format!("register the backend `{}`: {why}", entry.name)));
    if !is_scheme {
        return refused("a name is the scheme of a URL, such as `oracle`");
    }
    if BACKENDS.iter().chain(registered.iter()).any(|known| known.name == entry.name) {
        return refused("there is one of that name");
    }
    registered.push(entry);
    Ok(())
}

/// Opens a configured database.
///
/// # Errors
/// Settings for an unknown backend; else what the backend says: not there, not allowed, not reachable.
pub(crate) fn open(context: &Context, settings: &DatabaseSettings) -> Result<Box<dyn Database>> {
    let wanted = settings.target.backend();
    let known: Vec<Entry> = {
        let registered = REGISTERED.read().unwrap_or_else(PoisonError::into_inner);
        BACKENDS.iter().chain(registered.iter()).copied().collect()
    };
    let Some(entry) = known.iter().find(|entry| entry.name == wanted) else {
        let known: Vec<&str> = known.iter().map(|entry| entry.name).collect();
        let what = format!("open the database `{}`: unknown backend `{wanted}`", settings.name);
        return Err(Error::new(ErrorKind::Settings, what).hint(format!("backends: {}", known.join(", "))));
    };
    (entry.open)(context, settings)
}

/// The rows of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, each as wide as `columns`.
    pub rows: Vec<Vec<Value<'static>>>,
}

/// Tables in the words of a message.
fn named(tables: &[&TableName]) -> String {
    tables.iter().map(|table| format!("`{table}`")).collect::<Vec<_>>().join(", ")
}

/// As much of a statement as a message bears.
const STATEMENT_SHOWN_MAX: usize = 300;

/// A statement in the words of a message: the reason stands behind it, and must not be looked for.
fn shown(sql: &str) -> String {
    match sql.char_indices().nth(STATEMENT_SHOWN_MAX) {
        None => format!("run `{sql}`"),
        Some((end, _)) => format!("run `{} ..`", sql[..end].trim_end()),
    }
}

/// A merge that waits for longer than this says so.
const WAIT_SILENT_MAX: Duration = Duration::from_secs(2);

/// Says once that a merge waits, and for how long at most.
fn tell_wait(tables: &[&TableName], waited: Duration, most: Duration, was_told: &mut bool) {
    if !*was_told && waited > WAIT_SILENT_MAX {
        *was_told = true;
        let minutes = most.as_secs() / 60;
        log::warn!("waiting for somebody else who writes to {}, for at most {minutes} minutes", named(tables));
    }
}

/// Refuses to make a table in a schema of temporary tables: it would end with the connection.
fn check_lasting(name: &TableName) -> Result<()> {
    let is_temporary = |schema: &String| schema.eq_ignore_ascii_case("temp") || schema.starts_with("pg_temp");
    if !name.schema.as_ref().is_some_and(is_temporary) {
        return Ok(());
    }
    let what = format!("make the table `{name}`: a temporary table ends with this command, and its rows with it");
    Err(Error::new(ErrorKind::Usage, what).hint(format!("leave the schema out: `{}`", name.name)))
}

/// Refuses a table of more columns than a backend takes, before it is asked.
fn check_width(backend: &str, most: usize, name: &TableName, count: usize) -> Result<()> {
    if count <= most {
        return Ok(());
    }
    let what = format!("give the table `{name}` {count} columns: {backend} takes {most} at most");
    Err(Error::new(ErrorKind::Refused, what)
        .hint("leave columns out with `--ignore`, or give values of one kind a row each; nothing was changed"))
}

/// Which active rows a merge compares: those whose columns have these values. Empty for all.
pub type Scope = Vec<(Column, Fitted<'static>)>;

/// What becomes of a row that has vanished from its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Gone {
    /// It stays, with the time at which it left.
    #[default]
    Archive,
    /// It is deleted.
    Delete,
    /// It stays active.
    Keep,
}

/// What a role may do with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Read its rows.
    Read,
    /// Add rows.
    Write,
}

/// Some active rows: by it one sees whether they are still those of before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ActiveSum {
    /// How many they are.
    pub rows: u64,
    /// The second eight bytes of their hashes, as numbers, added up modulo 2^64.
    pub sum: u64,
}

impl ActiveSum {
    /// Of one row, by its hash prefix.
    pub fn of(hash: u128) -> Self {
        Self { rows: 1, sum: hash as u64 }
    }

    /// Adds other rows.
    pub fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// A row that a table refused.
#[derive(Debug)]
pub struct Refused {
    /// Its place in the input.
    pub offset: u64,
    /// Its hash.
    pub sha: Sha,
    /// Why; the reason that the database gave is its first cause.
    pub error: Error,
}

/// Is given the names of the columns of a query.
pub type Named<'a> = &'a mut dyn FnMut(&[String]) -> Result<()>;

/// What a merge and the data functions need of a database.
pub trait Database: Send {
    /// The backend's name in [`BACKENDS`].
    fn backend(&self) -> &'static str;

    /// Its words, where a statement is otherwise one for all backends.
    fn dialect(&self) -> &'static Dialect;

    /// Runs a query and collects its rows. Placeholders are `$1`, `$2` and so on, as they first appear, and whatever the
    /// backend has of its own.
    ///
    /// # Errors
    /// What the database says, with the statement.
    fn query(&mut self, sql: &str, parameters: &[Value<'_>]) -> Result<Rows> {
        let mut rows = Vec::new();
        let columns = self.each_row(sql, parameters, &mut |row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(Rows { columns, rows })
    }

    /// Runs a statement and tells how many rows it changed.
    ///
    /// # Errors
    /// As [`Database::query`].
    fn execute(&mut self, sql: &str, parameters: &[Value<'_>]) -> Result<u64>;

    /// The tables, views and routines that a statement touches. What cannot be told is left out.
    fn objects_of(&mut self, sql: &str) -> Vec<Touched>;

    /// The shape of a table; `None` when there is none of that name.
    ///
    /// # Errors
    /// What the database says.
    fn table(&mut self, name: &TableName) -> Result<Option<Table>>;

    /// The one name of a table, however it is typed: with its schema where there may be several, in the letters that the
    /// database keeps. Of a table that is not there, the name that it would get.
    ///
    /// # Errors
    /// What the database says.
    fn canonical(&mut self, name: &TableName) -> Result<TableName>;

    /// Whether this role may do so with a table that is there.
    ///
    /// # Errors
    /// What the database says.
    fn may(&mut self, name: &TableName, right: Right) -> Result<bool>;

    /// Runs a query and gives its rows one by one, however many there are; returns the names of the columns.
    ///
    /// # Errors
    /// As [`Database::query`], and what `each` says.
    fn each_row(
        &mut self,
        sql: &str,
        parameters: &[Value<'_>],
        each: &mut dyn FnMut(Vec<Value<'static>>) -> Result<()>,
    ) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let mut named = |columns: &[String]| {
            names = columns.to_vec();
            Ok(())
        };
        self.each_named_row(sql, parameters, &mut named, each)?;
        Ok(names)
    }

    /// Runs a query, gives the names of its columns to `named`, and then its rows one by one, however many there are.
    ///
    /// # Errors
    /// As [`Database::query`], and what `named` and `each` say.
    fn each_named_row(
        &mut self,
        sql: &str,
        parameters: &[Value<'_>],
        named: Named<'_>,
        each: &mut dyn FnMut(Vec<Value<'static>>) -> Result<()>,
    ) -> Result<()>;

    /// Waits for a name until nobody else has it, and holds it to the end of the transaction.
    ///
    /// # Errors
    /// What the database says.
    fn lock(&mut self, name: &str) -> Result<()>;

    /// Opens a transaction in which nobody else merges into `tables`; waits for whoever does.
    ///
    /// # Errors
    /// Busy after a long wait, interrupted when a person stops it.
    fn begin(&mut self, tables: &[&TableName], cancellation: &Cancellation) -> Result<()>;

    /// Makes the transaction last.
    ///
    /// # Errors
    /// What the database says; nothing has changed then.
    fn commit(&mut self) -> Result<()>;

    /// Takes the transaction back.
    fn rollback(&mut self);

    /// Marks a point of the transaction to which it can go back: a savepoint.
    ///
    /// # Errors
    /// What the database says.
    fn set_point(&mut self, name: &str) -> Result<()> {
        self.execute(&format!("SAVEPOINT {}", self.dialect().name(name)), &[]).map(drop)
    }

    /// Drops a point; what was done since stays.
    ///
    /// # Errors
    /// What the database says.
    fn drop_point(&mut self, name: &str) -> Result<()> {
        self.execute(&format!("RELEASE SAVEPOINT {}", self.dialect().name(name)), &[]).map(drop)
    }

    /// Takes back what was done since a point, and drops the point.
    ///
    /// # Errors
    /// What the database says.
    fn back_to_point(&mut self, name: &str) -> Result<()> {
        self.execute(&format!("ROLLBACK TO SAVEPOINT {}", self.dialect().name(name)), &[])?;
        self.drop_point(name)
    }

    /// Makes a table with the framework's columns and these, without indexes: see [`Database::finish_table`].
    ///
    /// # Errors
    /// What the database says.
    fn create_table(&mut self, name: &TableName, columns: &[NewColumn]) -> Result<()>;

    /// Adds columns to a table.
    ///
    /// # Errors
    /// What the database says.
    fn add_columns(&mut self, name: &TableName, columns: &[NewColumn]) -> Result<()>;

    /// Gives columns a wider kind: whole numbers more bits, numbers any precision, everything text. Every value stays,
    /// digit for digit. Rows may get other places, so those that were read before are of no use any more.
    ///
    /// # Errors
    /// What the database says: a view or an index may need a column as it is.
    fn widen_columns(&mut self, name: &TableName, columns: &[NewColumn]) -> Result<()>;

    /// Gives active rows other hashes, without another change. A row stays as it is whose hash is that already, or is the
    /// hash of another active row. Gives the places in `rows` of those that have changed; rows may stand elsewhere then.
    ///
    /// # Errors
    /// What the database says.
    fn rehash(&mut self, table: &Table, rows: &[(RowId, Sha)]) -> Result<Vec<usize>>;

    /// Makes the indexes of a table that was just made and filled: its key, the hashes of the active rows, and those columns
    /// of the active rows by which small scopes are found.
    ///
    /// # Errors
    /// Two active rows of one hash.
    fn finish_table(&mut self, name: &TableName, scope: &[&str]) -> Result<()>;

    /// Lets the numbers that a table gives its next rows come after those that it holds.
    ///
    /// # Errors
    /// What the database says.
    fn settle_ids(&mut self, table: &Table) -> Result<()> {
        let _ = table;
        Ok(())
    }

    /// Gives the hash prefix and the place of every active row in scope.
    ///
    /// # Errors
    /// What the database or `each` says; a hash that is none.
    fn active(&mut self, table: &Table, scope: &Scope, each: &mut dyn FnMut(u128, RowId) -> Result<()>) -> Result<()>;

    /// The sum of the active rows in scope; `None` where the database cannot take it by itself, or meets a hash that is
    /// none: then [`Database::active`] tells.
    ///
    /// # Errors
    /// What the database says.
    fn active_sum(&mut self, table: &Table, scope: &Scope) -> Result<Option<ActiveSum>> {
        let _ = (table, scope);
        Ok(None)
    }

    /// Counts the active rows in scope.
    ///
    /// # Errors
    /// What the database says.
    fn count_active(&mut self, table: &Table, scope: &Scope) -> Result<u64>;

    /// Inserts all rows that `next` gives, at the speed of the database: the cells of each batch into `columns`, each row
    /// with its hash, created at `moment`. Gives the number that the database counted. `None` when it refused one of
    /// them: nothing is written then, and [`Database::insert_accepted`] can find out which.
    ///
    /// # Errors
    /// What the database or `next` says.
    fn insert_all(
        &mut self,
        table: &Table,
        columns: &[Column],
        next: &mut dyn FnMut() -> Result<Option<RowBatch>>,
        moment: NaiveDateTime,
    ) -> Result<Option<u64>>;

    /// Inserts rows as [`Database::insert_all`] does, but for those that the table refuses: for their values, by its
    /// constraints, triggers or policies. These go to `refused`, in their order and those that a deferred constraint forbids last, when the others are written; an error
    /// of it is the end. Gives the number of rows written.
    ///
    /// # Errors
    /// What the database, `next` or `refused` says. The transaction is to be rolled back then.
    fn insert_accepted(
        &mut self,
        table: &Table,
        columns: &[Column],
        next: &mut dyn FnMut() -> Result<Option<RowBatch>>,
        moment: NaiveDateTime,
        refused: &mut dyn FnMut(Refused) -> Result<()>,
    ) -> Result<u64>;

    /// Archives or deletes rows by their places; tells how many.
    ///
    /// # Errors
    /// What the database says.
    fn retire(&mut self, table: &Table, rows: &[RowId], gone: Gone, moment: NaiveDateTime) -> Result<u64>;

    /// Makes rows active again that were archived at `moment`; each is known by its hash prefix and by the place that it had
    /// before. Tells how many.
    ///
    /// # Errors
    /// What the database says.
    fn restore(&mut self, table: &Table, rows: &[(u128, RowId)], moment: NaiveDateTime) -> Result<u64>;

    /// Deletes every row, active or not, that matches; tells how many.
    ///
    /// # Errors
    /// What the database says.
    fn delete_where(&mut self, table: &Table, filter: &Scope) -> Result<u64>;

    /// Turns texts into what the column would give back for them (a date written another way, a UUID in capitals),
    /// so that they can be compared with stored values.
    ///
    /// # Errors
    /// What the database says of a text that does not fit.
    fn read_back(&mut self, column: &Column, texts: &mut Vec<Option<String>>) -> Result<()> {
        let _ = (column, texts);
        Ok(())
    }

    /// Gives some columns of some rows.
    ///
    /// # Errors
    /// What the database or `each` says.
    fn values_of(
        &mut self,
        table: &Table,
        columns: &[Column],
        rows: &[RowId],
        each: &mut dyn FnMut(RowId, Vec<Value<'static>>) -> Result<()>,
    ) -> Result<()>;
}
