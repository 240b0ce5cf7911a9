//! What diesel's failures mean: which kind of error, and what a person types next.

use diesel::result::{DatabaseErrorKind, Error as QueryError};

use crate::error::{Error, ErrorKind};

/// SQLite's and PostgreSQL's words for "somebody else is at it".
const BUSY: [&str; 5] =
    ["database is locked", "database table is locked", "deadlock detected", "lock timeout", "could not obtain lock"];
/// The words of the driver, and of a server that goes down, for a connection that is gone.
const LOST: [&str; 4] =
    ["connection closed", "error communicating with the server", "terminating connection", "the database system is"];
/// Their words for a right that is missing. SQLite cannot open a file beside the database in a read-only folder.
const FORBIDDEN: [&str; 4] =
    ["readonly database", "unable to open database file", "permission denied", "must be owner of"];
/// Their words for a schema that is not there.
const ABSENT: [&str; 3] = ["no such table", "no such column", "does not exist"];

/// A failure of diesel as an [`Error`]; `what` completes "could not ..." and names the database.
pub(super) fn database_error(what: String, cause: QueryError) -> Error {
    let text = cause.to_string();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let error = match &cause {
        _ if is_lost(&cause) => {
            Error::new(ErrorKind::Busy, what).hint("the connection was lost; try again when the server answers")
        }
        _ if is_passing(&cause) => Error::new(ErrorKind::Busy, what).hint("somebody else is writing; try again"),
        QueryError::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _) => Error::new(ErrorKind::Permission, what),
        _ if says(&FORBIDDEN) => Error::new(ErrorKind::Permission, what)
            .hint("give this user the right to write the database (for SQLite: the file and its folder)"),
        _ if says(&ABSENT) => Error::new(ErrorKind::NotFound, what).hint("`dc deploy` brings the tables up to date"),
        _ if text.contains("disk is full") => Error::failed(what).hint("free some space and try again").temporary(true),
        _ if text.contains("not a database") => {
            Error::failed(what).hint("the file is no SQLite database; check the path in the settings")
        }
        _ => Error::failed(what),
    };
    error.because(text)
}

/// Whether the connection is gone: nothing more can be asked on it.
pub(super) fn is_lost(cause: &QueryError) -> bool {
    match cause {
        QueryError::DatabaseError(DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand, _)
        | QueryError::BrokenTransactionManager => true,
        QueryError::DatabaseError(DatabaseErrorKind::Unknown, information) => {
            LOST.iter().any(|words| information.message().contains(words))
        }
        _ => false,
    }
}

/// Whether the same transaction may go through when it is tried again.
pub(super) fn is_passing(cause: &QueryError) -> bool {
    match cause {
        QueryError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
        QueryError::DatabaseError(DatabaseErrorKind::Unknown, information) => {
            BUSY.iter().any(|words| information.message().contains(words))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(message: &str) -> ErrorKind {
        let cause = QueryError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()));
        database_error("read the apps in /a.db".to_owned(), cause).kind()
    }

    #[test]
    fn messages_lead_to_kinds() {
        assert_eq!(kind("database is locked"), ErrorKind::Busy);
        assert_eq!(kind("attempt to write a readonly database"), ErrorKind::Permission);
        assert_eq!(kind("permission denied for table apps"), ErrorKind::Permission);
        assert_eq!(kind("no such table: apps"), ErrorKind::NotFound);
        assert_eq!(kind("relation \"apps\" does not exist"), ErrorKind::NotFound);
        assert_eq!(kind("division by zero"), ErrorKind::Failed);
    }
}
