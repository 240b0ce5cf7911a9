//! SQLite through rusqlite: the embedded default.

mod deferred;
pub(crate) mod handle;
mod merge;
mod shape;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{OpenFlags, ToSql, params_from_iter};

use self::handle::{BUSY_TIMEOUT, CACHE_KIB};
use super::cause::Cause;
use super::dialect::{LEDGER_SQL, limited};
use super::{
    Column, Database, Dialect, Entry, Gone, Kind, NewColumn, ObjectKind, Refused, Right, RowBatch, RowId, Scope, Table,
    TableName, Touched, check_lasting, check_width, named, shown, tell_wait,
};
use crate::context::{Cancellation, Context};
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::hash::{RESERVED, Sha};
use crate::record::Value;
use crate::settings::{Access, DatabaseSettings, Target};

/// This backend's line in the registry.
pub(super) const ENTRY: Entry = Entry { name: "sqlite", dialect: &DIALECT, open };

/// This backend's words.
const DIALECT: Dialect = Dialect {
    name_sign: '"',
    ledger: LEDGER_SQL,
    first: limited,
    as_given: |column, name| match column.kind {
        Kind::Other(_) => format!("CAST({name} AS text)"),
        _ => name,
    },
    as_spelled: |name| format!("{name} COLLATE BINARY"),
    parameters_max: 32_766,
    takes_shapes_back: true,
};

/// How long one statement waits for another writer before we look around (cancelled? too long?).
const BUSY_STEP: Duration = Duration::from_millis(250);
/// How long a merge waits for another one.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(600);
/// What SQLite takes as it is compiled.
const COLUMNS_MAX: usize = 2_000;
/// The page cache while an index is made.
const SORT_KIB: u32 = 2 * 1024;

/// What the authorizer saw while a statement was compiled: name, written, the view it went through.
type Seen = Arc<Mutex<BTreeSet<(String, bool)>>>;

/// An open SQLite file.
pub(super) struct Sqlite {
    connection: rusqlite::Connection,
    path: PathBuf,
    seen: Seen,
}

fn open(_: &Context, settings: &DatabaseSettings) -> Result<Box<dyn Database>> {
    let Target::Sqlite { path } = &settings.target else {
        return Err(Error::new(ErrorKind::Settings, "open a server's URL as an SQLite file"));
    };
    let mut sqlite = match settings.access {
        Access::Read => Sqlite::read(path)?,
        Access::Trial if !path.exists() => Sqlite::over(path, Path::new(":memory:"), WRITE)?,
        Access::Write | Access::Trial => {
            if settings.is_default {
                handle::make_folder(path)?;
            }
            handle::make_private(path);
            Sqlite::over(path, path, WRITE)?
        }
    };
    sqlite.set_up(settings.access).map_err(|cause| explain(path, "open it", cause))?;
    Ok(Box::new(sqlite))
}

/// How a file is opened that may be written.
const WRITE: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_CREATE);

impl Sqlite {
    /// The database `path`, which stands at `place`.
    fn over(path: &Path, place: &Path, flags: OpenFlags) -> Result<Self> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            rusqlite::Connection::open_with_flags(place, flags).map_err(|cause| explain(path, "open it", cause))?;
        Ok(Self { connection, path: path.to_owned(), seen: Seen::default() })
    }

    /// A database of which nothing can be changed by this connection.
    fn read(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Err(Error::new(ErrorKind::NotFound, format!("read {}: there is no such file", path.display()))
                .hint("the first run or merge makes it; `dc doctor` shows which databases are configured"));
        }
        Self::over(path, path, OpenFlags::SQLITE_OPEN_READ_ONLY)
    }

    fn set_up(&mut self, access: Access) -> rusqlite::Result<()> {
        handle::set_up(&mut self.connection)?;
        if access == Access::Read {
            // beside the mode of the handle, for what a statement might attach
            self.connection.execute_batch("PRAGMA query_only = ON")?;
        }
        // a file without a page has nothing to be read meanwhile: what is written first goes straight into it, and not
        // into a log and then once more into the file
        let is_new = fs::metadata(&self.path).is_ok_and(|data| data.len() == 0);
        match is_new {
            true if access == Access::Read => {}
            true => handle::shrinkable(&mut self.connection)?,
            false if access == Access::Read => {}
            false => self.write_ahead(),
        }
        let seen = Arc::clone(&self.seen);
        self.connection.authorizer(Some(move |context: AuthContext<'_>| {
            watch(&seen, &context);
            match context.action {
                // another file would be opened as its name says, and the mode could be taken back
                AuthAction::Attach { .. } if access == Access::Read => Authorization::Deny,
                AuthAction::Pragma { pragma_name, pragma_value: Some(_) }
                    if access == Access::Read && pragma_name.eq_ignore_ascii_case("query_only") =>
                {
                    Authorization::Deny
                }
                _ => Authorization::Allow,
            }
        }))?;
        self.connection.set_prepared_statement_cache_capacity(64);
        Ok(())
    }

    /// Changes the file to a write-ahead log. A read-only file cannot have one and need not.
    fn write_ahead(&mut self) {
        let _ = handle::write_ahead(&mut self.connection);
    }

    fn fail(&self, what: &str, cause: rusqlite::Error) -> Error {
        explain(&self.path, what, cause)
    }

    /// The name of a table's row ids.
    fn rowid(&self, table: &Table) -> Result<&'static str> {
        table.check_for_merge()?;
        shape::rowid(&table.columns).ok_or_else(|| Error::failed(format!("find the rows of `{}` again", table.name)))
    }

    fn batch(&mut self, sql: &str) -> Result<()> {
        self.connection.execute_batch(sql).map_err(|cause| explain(&self.path, &shown(sql), cause))
    }
}

/// Takes note of what a statement reads and writes, while SQLite compiles it.
fn watch(seen: &Seen, context: &AuthContext<'_>) {
    let (name, written) = match context.action {
        AuthAction::Read { table_name, .. } => (table_name, false),
        AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name } => (table_name, true),
        _ => return,
    };
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    seen.insert((name.to_owned(), written));
    if let Some(view) = context.accessor {
        seen.insert((view.to_owned(), false));
    }
}

/// What SQLite says, with the file, the kind that fits, and what to do.
fn explain(path: &Path, what: &str, cause: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode as Code;
    let hint = match cause.sqlite_error_code() {
        Some(Code::DatabaseBusy | Code::DatabaseLocked) => {
            Some("somebody else is writing; try again when they are done".to_owned())
        }
        Some(Code::ReadOnly | Code::PermissionDenied | Code::AuthorizationForStatementDenied) => Some(format!(
            "make the file and its folder writable: `ls -ld {} {}`",
            path.display(),
            path.parent().unwrap_or(path).display()
        )),
        Some(Code::CannotOpen) => Some(format!(
            "check that the folder {} is there and may be written",
            path.parent().unwrap_or(path).display()
        )),
        Some(Code::DiskFull) => {
            Some("free some space (`df -h` shows where) and try again; nothing was changed".to_owned())
        }
        Some(Code::NotADatabase) => Some("the file is no SQLite database; check the path in the settings".to_owned()),
        Some(Code::DatabaseCorrupt) => {
            Some(format!("look at the damage with `sqlite3 {} 'PRAGMA integrity_check'`", path.display()))
        }
        _ => None,
    };
    let about = cause.sqlite_error().and_then(|error| Cause::of_sqlite(error.extended_code));
    let (kind, temporary) = about.map_or((ErrorKind::Failed, false), |about| (about.kind(), about.is_passing()));
    let error = Error::new(kind, format!("use {}: {what}", path.display()));
    let error = match cause {
        // its own words have the whole statement in them
        rusqlite::Error::SqlInputError { msg, .. } => error.because(msg),
        cause => error.because(cause),
    };
    let error = error.temporary(temporary);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

struct Bound<'a>(&'a Value<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Value::Bool(flag) => ToSqlOutput::Borrowed(ValueRef::Integer(i64::from(*flag))),
            Value::Integer(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
            Value::Float(number) => ToSqlOutput::Borrowed(ValueRef::Real(*number)),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Value::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            other => ToSqlOutput::Owned(rusqlite::types::Value::Text(super::text(other).into_owned())),
        })
    }
}

fn value_of(stored: ValueRef<'_>) -> Value<'static> {
    match stored {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Float(number),
        ValueRef::Text(text) => Value::from(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

impl Database for Sqlite {
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
        let fail = |cause| self.fail(&shown(sql), cause);
        let mut statement = self.connection.prepare_cached(sql).map_err(fail)?;
        let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
        let mut found = statement.query(params_from_iter(parameters.iter().map(Bound))).map_err(fail)?;
        named(&columns)?;
        while let Some(row) = found.next().map_err(fail)? {
            let values = (0..columns.len()).map(|place| row.get_ref(place).map(value_of));
            each(values.collect::<rusqlite::Result<_>>().map_err(fail)?)?;
        }
        Ok(())
    }

    fn lock(&mut self, _: &str) -> Result<()> {
        // who writes has the whole database
        Ok(())
    }

    fn execute(&mut self, sql: &str, parameters: &[Value<'_>]) -> Result<u64> {
        let run = || self.connection.prepare_cached(sql)?.execute(params_from_iter(parameters.iter().map(Bound)));
        run().map(|changed| changed as u64).map_err(|cause| self.fail(&shown(sql), cause))
    }

    fn objects_of(&mut self, sql: &str) -> Vec<Touched> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clear();
        if self.connection.prepare(sql).is_err() {
            return Vec::new();
        }
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        let named = seen.into_iter().filter(|(name, _)| !name.starts_with("sqlite_"));
        named
            .filter_map(|(name, written)| {
                shape::object_kind(&self.connection, &name).map(|kind| Touched { schema: None, name, kind, written })
            })
            .collect()
    }

    fn table(&mut self, name: &TableName) -> Result<Option<Table>> {
        shape::table(&self.connection, name).map_err(|cause| self.fail(&format!("look at the table `{name}`"), cause))
    }

    fn canonical(&mut self, name: &TableName) -> Result<TableName> {
        shape::canonical(&self.connection, name)
            .map_err(|cause| self.fail(&format!("look for the table `{name}`"), cause))
    }

    fn may(&mut self, _: &TableName, _: Right) -> Result<bool> {
        // who may write the file may write every table in it
        Ok(true)
    }

    fn begin(&mut self, tables: &[&TableName], cancellation: &Cancellation) -> Result<()> {
        let (started, mut was_told) = (Instant::now(), false);
        self.connection.busy_timeout(BUSY_STEP).or_fail(|| "set the time to wait".to_owned())?;
        loop {
            let begun = self.batch("BEGIN IMMEDIATE");
            let Err(error) = begun else { break };
            if error.kind() != ErrorKind::Busy || started.elapsed() > LOCK_WAIT_MAX {
                return Err(error.within(format!("begin to write to {}", named(tables))));
            }
            cancellation.check()?;
            tell_wait(tables, started.elapsed(), LOCK_WAIT_MAX, &mut was_told);
        }
        self.connection.busy_timeout(BUSY_TIMEOUT).or_fail(|| "set the time to wait".to_owned())
    }

    fn commit(&mut self) -> Result<()> {
        self.connection.execute_batch("COMMIT").map_err(|cause| deferred::not_committed(self, cause))?;
        self.write_ahead();
        Ok(())
    }

    fn rollback(&mut self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.batch("ROLLBACK")
        {
            log::warn!("the rollback failed, closing the file will do it: {error}");
        }
    }

    fn create_table(&mut self, name: &TableName, columns: &[NewColumn]) -> Result<()> {
        check_lasting(name)?;
        check_width("SQLite", COLUMNS_MAX, name, RESERVED.len() + columns.len())?;
        self.batch(&shape::create_sql(name, columns)?)
    }

    fn add_columns(&mut self, name: &TableName, columns: &[NewColumn]) -> Result<()> {
        let known = self.table(name)?.map(|table| table.columns).unwrap_or_default();
        check_width("SQLite", COLUMNS_MAX, name, known.len() + columns.len())?;
        let known = known.into_iter().map(|column| column.name);
        shape::check_names(name, known, columns)?;
        columns.iter().try_for_each(|column| self.batch(&shape::add_sql(name, column)))
    }

    fn widen_columns(&mut self, name: &TableName, columns: &[NewColumn]) -> Result<()> {
        let Some(table) = self.table(name)? else {
            return Err(Error::new(ErrorKind::NotFound, format!("find the table `{name}`")));
        };
        for column in columns {
            let look = |cause| explain(&self.path, &format!("look at the column `{}`", column.name), cause);
            if let Some(word) = shape::bound_by(&self.connection, &table, &column.name).map_err(look)? {
                let what =
                    format!("widen the column `{}` of `{name}`: it has {word}, which would be lost", column.name);
                return Err(Error::new(ErrorKind::Refused, what)
                    .hint("SQLite cannot change a column: make the table anew with a wider one, or mend the input"));
            }
            let indexes = shape::indexes_over(&self.connection, &table, &column.name).map_err(look)?;
            indexes.iter().try_for_each(|(index, _)| self.batch(&format!("DROP INDEX {}", index.quoted())))?;
            self.batch(&shape::widen_sql(&table, column))?;
            indexes.iter().try_for_each(|(_, sql)| self.batch(sql))?;
        }
        Ok(())
    }

    fn rehash(&mut self, table: &Table, rows: &[(RowId, Sha)]) -> Result<Vec<usize>> {
        merge::rehash(self, table, rows)
    }

    fn finish_table(&mut self, name: &TableName, scope: &[&str]) -> Result<()> {
        // sorting a million hashes is worth a second thread; a smaller cache bounds what each of them sorts in memory
        let mut sql = shape::index_sql(name);
        if !scope.is_empty() {
            sql = format!("{sql}; {}", shape::scope_index_sql(name, scope));
        }
        let sorting = format!(
            "PRAGMA threads = 1; PRAGMA cache_size = -{SORT_KIB}; {sql}; PRAGMA threads = 0; PRAGMA cache_size = -{CACHE_KIB}"
        );
        self.batch(&sorting)
    }

    fn active(&mut self, table: &Table, scope: &Scope, each: &mut dyn FnMut(u128, RowId) -> Result<()>) -> Result<()> {
        merge::active(self, table, scope, each)
    }

    fn count_active(&mut self, table: &Table, scope: &Scope) -> Result<u64> {
        merge::count_active(self, table, scope)
    }

    fn insert_all(
        &mut self,
        table: &Table,
        columns: &[Column],
        next: &mut dyn FnMut() -> Result<Option<RowBatch>>,
        moment: NaiveDateTime,
    ) -> Result<Option<u64>> {
        merge::insert_all(self, table, columns, next, moment)
    }

    fn insert_accepted(
        &mut self,
        table: &Table,
        columns: &[Column],
        next: &mut dyn FnMut() -> Result<Option<RowBatch>>,
        moment: NaiveDateTime,
        refused: &mut dyn FnMut(Refused) -> Result<()>,
    ) -> Result<u64> {
        merge::insert_accepted(self, table, columns, next, moment, refused)
    }

    fn retire(&mut self, table: &Table, rows: &[RowId], gone: Gone, moment: NaiveDateTime) -> Result<u64> {
        merge::retire(self, table, rows, gone, moment)
    }

    fn restore(&mut self, table: &Table, rows: &[(u128, RowId)], moment: NaiveDateTime) -> Result<u64> {
        merge::restore(self, table, rows, moment)
    }

    fn delete_where(&mut self, table: &Table, filter: &Scope) -> Result<u64> {
        merge::delete_where(self, table, filter)
    }

    fn values_of(
        &mut self,
        table: &Table,
        columns: &[Column],
        rows: &[RowId],
        each: &mut dyn FnMut(RowId, Vec<Value<'static>>) -> Result<()>,
    ) -> Result<()> {
        merge::values_of(self, table, columns, rows, each)
    }
}

/// Whether a name is a table or a view; kept here for [`shape`].
fn kind_of(kind: &str) -> Option<ObjectKind> {
    match kind {
        "table" => Some(ObjectKind::Table),
        "view" => Some(ObjectKind::View),
        _ => None,
    }
}
