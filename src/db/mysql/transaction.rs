//! A transaction, and what of it the server does not hold together: a change of a table's shape ends a transaction there, and
//! stays. So a new table is made and filled under another name and gets its own at the end, in one step; columns that were
//! added or widened are taken back by hand where the merge fails.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use super::client::Client;
use super::server::server_error;
use super::sql::literal;
use super::{DIALECT, changed, shape, widen};
use crate::context::Cancellation;
use crate::db::{NewColumn, Table, TableName, named, tell_wait};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::hash_bytes;

/// How long a merge waits for another one.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(600);
/// Seconds that one question for a lock waits, before we look around (cancelled? too long?).
const LOCK_STEP_SECONDS: u32 = 1;

/// What is open, and what would have to be taken back.
#[derive(Default)]
pub(super) struct Transaction {
    is_open: bool,
    /// A table that is being made: its name, and the one that it has until the end.
    made: Option<(TableName, TableName)>,
    /// Changes of other tables, in their order.
    changes: Vec<Changed>,
}

/// A change of a table's columns.
enum Changed {
    Added(TableName, Vec<String>),
    /// And what takes it back.
    Widened(TableName, String),
}

impl Transaction {
    /// Whether it is a table that is being made.
    pub(super) fn is_made(&self, at: &TableName) -> bool {
        self.made.as_ref().is_some_and(|(_, hidden)| hidden == at)
    }

    /// Where a table stands now.
    pub(super) fn at(&self, client: &mut Client, name: &TableName) -> Result<TableName> {
        match &self.made {
            Some((own, hidden)) if shape::canonical(client, name)? == *own => Ok(hidden.clone()),
            _ => Ok(name.clone()),
        }
    }

    /// A statement, about the table that is being made where it names that.
    pub(super) fn statement<'a>(&self, sql: &'a str) -> Cow<'a, str> {
        let Some((own, hidden)) = &self.made else { return Cow::Borrowed(sql) };
        let (mut sql, hidden) = (sql.to_owned(), DIALECT.table(hidden));
        let bare = TableName { schema: None, ..own.clone() };
        for name in [DIALECT.table(own), DIALECT.table(&bare)] {
            sql = sql.replace(&format!("FROM {name}"), &format!("FROM {hidden}"));
        }
        Cow::Owned(sql)
    }

    pub(super) fn begin(
        &mut self,
        client: &mut Client,
        tables: &[&TableName],
        cancellation: &Cancellation,
    ) -> Result<()> {
        let (started, mut was_told) = (Instant::now(), false);
        for table in tables {
            let name = lock_name(&format!("dc merge {}", shape::canonical(client, table)?));
            while !try_lock(client, &name).map_err(|cause| server_error(format!("lock {}", named(tables)), cause))? {
                let waited = cancellation.check();
                tell_wait(tables, started.elapsed(), LOCK_WAIT_MAX, &mut was_told);
                let waited = waited.and_then(|()| match started.elapsed() > LOCK_WAIT_MAX {
                    true => Err(still_locked(tables, &name)),
                    false => Ok(()),
                });
                if let Err(error) = waited {
                    self.rollback(client);
                    return Err(error);
                }
            }
        }
        self.start(client)
    }

    fn start(&mut self, client: &mut Client) -> Result<()> {
        client.run("START TRANSACTION").map_err(|cause| server_error("begin a transaction", cause))?;
        self.is_open = true;
        Ok(())
    }

    /// Waits for a name, and holds it to the end of the transaction.
    pub(super) fn lock(&mut self, client: &mut Client, name: &str) -> Result<()> {
        let (started, name) = (Instant::now(), lock_name(&format!("dc {} {name}", client.database())));
        while !try_lock(client, &name).map_err(|cause| server_error(format!("lock `{name}`"), cause))? {
            if started.elapsed() > LOCK_WAIT_MAX {
                return Err(still_locked(&[], &name));
            }
        }
        Ok(())
    }

    /// Makes what was done last.
    pub(super) fn commit(&mut self, client: &mut Client) -> Result<()> {
        if let Some((name, hidden)) = &self.made {
            // nothing that we know of can be in the way any more
            if shape::look(client, name)?.is_some() {
                let what = format!("make the table `{name}`: somebody else has made one meanwhile");
                return Err(Error::new(ErrorKind::Conflict, what));
            }
            // it ends the transaction, with all that was written in it
            let rename = format!("RENAME TABLE {} TO {}", shape::quoted(hidden), shape::quoted(name));
            client.run(&rename).map_err(|cause| not_known("make the table", cause))?;
        } else {
            client.run("COMMIT").map_err(|cause| not_known("commit", cause))?;
        }
        self.made = None;
        self.changes.clear();
        self.end(client);
        Ok(())
    }

    pub(super) fn rollback(&mut self, client: &mut Client) {
        if let Err(cause) = client.run("ROLLBACK") {
            // without the connection nothing more can be done on it
            log::debug!("the rollback failed, closing the connection will do it: {cause}");
            self.tell_what_stays();
        }
        if let Some((name, hidden)) = self.made.take()
            && let Err(cause) = client.run(format!("DROP TABLE IF EXISTS {}", shape::quoted(&hidden)))
        {
            log::warn!("`{hidden}`, which was to become `{name}`, stays until the next merge into it: {cause}");
        }
        while let Some(change) = self.changes.pop() {
            change.take_back(client);
        }
        self.end(client);
    }

    fn tell_what_stays(&mut self) {
        for change in self.changes.drain(..) {
            match change {
                Changed::Added(table, columns) => {
                    log::warn!("the columns `{}`, added to `{table}`, stay and are empty", columns.join("`, `"));
                }
                Changed::Widened(table, back) => log::warn!("columns of `{table}` stay wider; back again: {back}"),
            }
        }
    }

    fn end(&mut self, client: &mut Client) {
        self.is_open = false;
        if let Err(cause) = client.run("DO RELEASE_ALL_LOCKS()") {
            log::debug!("the locks go with the connection: {cause}");
        }
    }

    /// Makes a table, under another name for now.
    pub(super) fn create(&mut self, client: &mut Client, name: &TableName, columns: &[NewColumn]) -> Result<()> {
        let own = shape::canonical(client, name)?;
        let hidden = shape::hidden(&own);
        let create = shape::create_sql(name, &hidden, columns)?;
        // what a merge left behind that was killed
        let drop = format!("DROP TABLE IF EXISTS {}", shape::quoted(&hidden));
        for sql in [&drop, &create] {
            client.run(sql).map_err(|cause| changed(name, cause))?;
        }
        self.made = Some((own, hidden));
        self.start_again(client)
    }

    /// Makes the indexes of the table that was made.
    pub(super) fn finish(&mut self, client: &mut Client, name: &TableName, scope: &[&str]) -> Result<()> {
        let at = self.at(client, name)?;
        let Some(look) = shape::look(client, &at)? else { return Ok(()) };
        let index = shape::index_sql(&look.table, &at, scope);
        client.run(&index).map_err(|cause| changed(name, cause))?;
        self.start_again(client)
    }

    pub(super) fn add(&mut self, client: &mut Client, name: &TableName, columns: &[NewColumn]) -> Result<()> {
        let at = self.at(client, name)?;
        client.run(shape::add_sql(&at, columns)).map_err(|cause| changed(name, cause))?;
        if !self.is_made(&at) {
            let names = columns.iter().map(|column| column.name.clone()).collect();
            self.changes.push(Changed::Added(at, names));
        }
        self.start_again(client)
    }

    pub(super) fn widen(&mut self, client: &mut Client, table: Table, columns: &[NewColumn]) -> Result<()> {
        let at = self.at(client, &table.name)?;
        let table = Table { name: at, ..table };
        let change = widen::widening(client, &table, columns)?;
        client.run(&change.forth).map_err(|cause| changed(&table.name, cause))?;
        if !self.is_made(&table.name) {
            self.changes.push(Changed::Widened(table.name.clone(), change.back));
        }
        self.start_again(client)?;
        change.values.iter().try_for_each(|sql| client.run(sql).map(drop).map_err(|cause| changed(&table.name, cause)))
    }

    /// After a statement that has ended the transaction.
    fn start_again(&mut self, client: &mut Client) -> Result<()> {
        if self.is_open { self.start(client) } else { Ok(()) }
    }
}

impl Changed {
    /// Nothing was written since, but by others: what they wrote stays.
    fn take_back(self, client: &mut Client) {
        let outcome = match &self {
            Self::Added(table, columns) => {
                let table = shape::quoted(table);
                let names: Vec<String> = columns.iter().map(|column| super::sql::quote(column)).collect();
                let filled = format!(
                    "SELECT 1 FROM {table} WHERE {} LIMIT 1",
                    names.iter().map(|name| format!("{name} IS NOT NULL")).collect::<Vec<_>>().join(" OR ")
                );
                let drops: Vec<String> = names.iter().map(|name| format!("DROP COLUMN {name}")).collect();
                client.rows::<u8>(&filled).and_then(|rows| match rows.is_empty() {
                    true => client.run(format!("ALTER TABLE {table} {}", drops.join(", "))).map(drop),
                    false => Ok(()),
                })
            }
            Self::Widened(_, back) => client.run(back).map(drop),
        };
        if let Err(cause) = outcome {
            match self {
                Self::Added(table, columns) => {
                    log::warn!("the columns `{}`, added to `{table}`, stay: {cause}", columns.join("`, `"));
                }
                Self::Widened(table, _) => log::warn!("columns of `{table}` stay wider: {cause}"),
            }
        }
    }
}

/// A name that a server takes for a lock: 64 letters at most.
fn lock_name(name: &str) -> String {
    let hash = hash_bytes(name.as_bytes()).to_string();
    format!("dc {}", &hash[..40])
}

fn try_lock(client: &mut Client, name: &str) -> Result<bool, mysql_async::Error> {
    let found = client.rows::<Option<u8>>(format!("SELECT GET_LOCK({}, {LOCK_STEP_SECONDS})", literal(name)))?;
    Ok(found.first().copied().flatten() == Some(1))
}

fn still_locked(tables: &[&TableName], lock: &str) -> Error {
    let minutes = LOCK_WAIT_MAX.as_secs() / 60;
    let what = format!("lock {}: somebody else has held it for {minutes} minutes", named(tables));
    Error::new(ErrorKind::Busy, what)
        .hint(format!("SELECT * FROM information_schema.processlist WHERE id = IS_USED_LOCK('{lock}') shows who"))
}

/// The error of a commit of which no answer came.
fn not_known(what: &str, cause: mysql_async::Error) -> Error {
    let is_answered = matches!(cause, mysql_async::Error::Server(_));
    let error = server_error(what, cause);
    match is_answered {
        true => error,
        false => error.hint(
            "whether the server committed is not known: `dc merge history` tells, and the same merge again does no harm",
        ),
    }
}
