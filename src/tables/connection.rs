//! One connection over all backends: diesel's queries are written once and run on each. What they do not say alike is an
//! operation here, with an arm for each backend.

use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::prelude::*;
use diesel::query_builder::SqlQuery;

use super::mysql::My;
use super::postgres::Pg;

/// A connection to the database that holds the framework's own tables.
///
/// Never `establish` it: diesel would try one backend after the other, and make an SQLite file of any text.
#[derive(diesel::MultiConnection)]
pub(crate) enum Link {
    /// An SQLite file.
    Sqlite(SqliteConnection),
    /// A PostgreSQL server.
    Postgres(Pg),
    /// A server of MariaDB or MySQL.
    Mysql(My),
}

/// All backends at once, as diesel names them.
pub(super) type LinkBackend = <Link as diesel::Connection>::Backend;

impl Link {
    /// The backend, as the settings call it.
    pub(crate) fn backend(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
            Self::Mysql(_) => "mysql",
        }
    }

    /// What it is, as people know it.
    pub(crate) fn product(&self) -> String {
        match self {
            Self::Sqlite(_) => "SQLite".to_owned(),
            Self::Postgres(_) => "PostgreSQL".to_owned(),
            Self::Mysql(server) => server.product(),
        }
    }

    /// Whether it is a server: it has a clock of its own, and several writers at once.
    pub(crate) fn is_server(&self) -> bool {
        !matches!(self, Self::Sqlite(_))
    }

    /// Waits so long for each answer from now on. A file has nobody who answers.
    pub(crate) fn wait_for(&mut self, patience: Duration) {
        match self {
            Self::Sqlite(_) => {}
            Self::Postgres(server) => server.wait_for(patience),
            Self::Mysql(server) => server.wait_for(patience),
        }
    }

    /// Starts a transaction that may read first and write then. On SQLite it takes the write lock at once: a
    /// deferred one fails with "database is locked" when it comes to write, whatever the time-out.
    pub(crate) fn begin_write(&mut self) -> QueryResult<()> {
        match self {
            Self::Sqlite(connection) => AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE"),
            Self::Postgres(connection) => <Pg as diesel::Connection>::TransactionManager::begin_transaction(connection),
            Self::Mysql(connection) => connection.begin(),
        }
    }

    /// Ends the transaction and keeps what it did.
    pub(crate) fn commit(&mut self) -> QueryResult<()> {
        <Self as TransactionManager<Self>>::commit_transaction(self)?;
        self.settle();
        Ok(())
    }

    /// Ends the transaction and undoes it. Its own failure is of no interest: something failed before it.
    pub(crate) fn roll_back(&mut self) {
        let _ = <Self as TransactionManager<Self>>::rollback_transaction(self);
        self.settle();
    }

    /// Gives back what a transaction held and its end does not give back by itself.
    fn settle(&mut self) {
        if let Self::Mysql(server) = self {
            server.settle();
        }
    }

    /// A statement in plain SQL, with `$1`, `$2`, .. for what is bound to it: each once, and in their order, so that all
    /// backends number them alike.
    pub(super) fn query(&self, sql: &str) -> SqlQuery {
        match self {
            Self::Sqlite(_) | Self::Postgres(_) => diesel::sql_query(sql),
            Self::Mysql(_) => diesel::sql_query(unnumbered(sql)),
        }
    }
}

/// The statement with `?` in place of each `$1`, `$2`, ..
fn unnumbered(sql: &str) -> String {
    let mut parts = sql.split('$');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push('?');
        plain.push_str(part.trim_start_matches(|sign: char| sign.is_ascii_digit()));
    }
    plain
}

/// So many rows go into one statement: servers take 65,535 parameters.
pub(super) const ROWS_MAX: usize = 1_000;

/// Inserts a slice of rows into a table, one arm a backend: SQLite repeats one prepared statement, servers take many rows in
/// one. diesel's types of a row and of a slice differ by backend, so this is no function.
macro_rules! insert_rows {
    ($connection:expr, $table:expr, $rows:expr) => {
        $crate::tables::connection::insert_rows!($connection, $table, $rows, $crate::tables::connection::ROWS_MAX)
    };
    ($connection:expr, $table:expr, $rows:expr, $rows_max:expr) => {
        match $connection {
            $crate::tables::connection::Link::Sqlite(file) => {
                $rows.iter().try_for_each(|row| diesel::insert_into($table).values(row).execute(file).map(drop))
            }
            $crate::tables::connection::Link::Postgres(server) => $rows
                .chunks($rows_max)
                .try_for_each(|some| diesel::insert_into($table).values(some).execute(server).map(drop)),
            $crate::tables::connection::Link::Mysql(server) => $rows
                .chunks($rows_max)
                .try_for_each(|some| diesel::insert_into($table).values(some).execute(server).map(drop)),
        }
    };
}

/// Inserts one row, unless there is one of the same key; how many it were. MySQL's own way would make warnings of all errors,
/// so there the key that is taken is an error which ends nothing but its statement.
macro_rules! insert_if_absent {
    ($connection:expr, $table:expr, $row:expr) => {
        match $connection {
            $crate::tables::connection::Link::Sqlite(file) => {
                diesel::insert_into($table).values($row).on_conflict_do_nothing().execute(file)
            }
            $crate::tables::connection::Link::Postgres(server) => {
                diesel::insert_into($table).values($row).on_conflict_do_nothing().execute(server)
            }
            $crate::tables::connection::Link::Mysql(server) => {
                match diesel::insert_into($table).values($row).execute(server) {
                    Err(diesel::result::Error::DatabaseError(
                        diesel::result::DatabaseErrorKind::UniqueViolation,
                        _,
                    )) => Ok(0),
                    made => made,
                }
            }
        }
    };
}

/// Loads rows that nobody else changes until the transaction ends; on SQLite the write lock sees to that. With `free` those
/// that somebody else has locked are left out: better leave them than wait.
macro_rules! locked {
    ($connection:expr, $query:expr) => {
        match $connection {
            $crate::tables::connection::Link::Sqlite(file) => $query.load(file),
            $crate::tables::connection::Link::Postgres(server) => $query.for_update().load(server),
            $crate::tables::connection::Link::Mysql(server) => $query.for_update().load(server),
        }
    };
    ($connection:expr, free $query:expr) => {
        match $connection {
            $crate::tables::connection::Link::Sqlite(file) => $query.load(file),
            $crate::tables::connection::Link::Postgres(server) => $query.for_update().skip_locked().load(server),
            $crate::tables::connection::Link::Mysql(server) => $query.for_update().skip_locked().load(server),
        }
    };
}

pub(super) use {insert_if_absent, insert_rows, locked};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_bound_is_numbered_for_those_who_number_it() {
        assert_eq!(unnumbered("a = $1 AND b < $12 LIMIT $3"), "a = ? AND b < ? LIMIT ?");
        assert_eq!(unnumbered("SELECT 1"), "SELECT 1");
    }
}
