//! One connection over both backends: diesel's queries are written once and run on either.

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::prelude::*;

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
}

/// Both backends at once, as diesel names them.
pub(super) type LinkBackend = <Link as diesel::Connection>::Backend;

impl Link {
    /// Starts a transaction that may read first and write then. On SQLite it takes the write lock at once: a
    /// deferred one fails with "database is locked" when it comes to write, whatever the time-out.
    pub(crate) fn begin_write(&mut self) -> QueryResult<()> {
        match self {
            Self::Sqlite(connection) => AnsiTransactionManager::begin_transaction_sql(connection, "BEGIN IMMEDIATE"),
            Self::Postgres(connection) => <Pg as diesel::Connection>::TransactionManager::begin_transaction(connection),
        }
    }

    /// Ends the transaction and keeps what it did.
    pub(crate) fn commit(&mut self) -> QueryResult<()> {
        <Self as TransactionManager<Self>>::commit_transaction(self)
    }

    /// Ends the transaction and undoes it. Its own failure is of no interest: something failed before it.
    pub(crate) fn roll_back(&mut self) {
        let _ = <Self as TransactionManager<Self>>::rollback_transaction(self);
    }
}

/// So many rows go into one statement: PostgreSQL takes 65,535 parameters.
pub(super) const ROWS_MAX: usize = 1_000;

/// Inserts a slice of rows into a table, one arm a backend: SQLite repeats one prepared statement, PostgreSQL takes many rows in
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
        }
    };
}

pub(super) use insert_rows;
