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

/// So many rows go into one statement: PostgreSQL takes 65,535 parameters.
pub(super) const ROWS_MAX: usize = 1_000;

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
