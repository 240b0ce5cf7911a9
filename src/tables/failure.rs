//! What diesel's failures mean: which kind of error, and what a person types next.

use diesel::result::{DatabaseErrorKind, Error as QueryError};

use crate::db::cause::{Cause, READ_ONLY, Told};
use crate::error::{Error, ErrorKind};

/// A failure of diesel as an [`Error`]; `what` completes "could not ..." and names the database.
pub(super) fn database_error(what: String, failure: QueryError) -> Error {
    let text = failure.to_string();
    let cause = cause(&failure);
    let error = match cause {
        Some(Cause::Lost) => {
            Error::new(ErrorKind::Busy, what).hint("the connection was lost; try again when the server answers")
        }
        Some(Cause::Busy | Cause::Conflict) => {
            Error::new(ErrorKind::Busy, what).hint("somebody else is writing; try again")
        }
        Some(Cause::Right) if text.contains("read-only") => Error::new(ErrorKind::Permission, what).hint(READ_ONLY),
        Some(Cause::Right) => Error::new(ErrorKind::Permission, what)
            .hint("give this user the right to write the database (for SQLite: the file and its folder)"),
        Some(Cause::Absent) => Error::new(ErrorKind::NotFound, what).hint("`dc deploy` brings the tables up to date"),
        Some(Cause::Room) => Error::failed(what).hint("free some space and try again").temporary(true),
        Some(Cause::Damage) if text.contains("not a database") => {
            Error::failed(what).hint("the file is no SQLite database; check the path in the settings")
        }
        other => Error::failed(what).temporary(other.is_some_and(Cause::is_passing)),
    };
    error.because(Told::new(text, cause))
}

/// What it is about. diesel keeps the codes of the databases to itself, but for those of constraints.
fn cause(failure: &QueryError) -> Option<Cause> {
    use DatabaseErrorKind as Kind;
    match failure {
        QueryError::BrokenTransactionManager => Some(Cause::Lost),
        QueryError::DatabaseError(kind, information) => match kind {
            Kind::ClosedConnection | Kind::UnableToSendCommand => Some(Cause::Lost),
            Kind::SerializationFailure => Some(Cause::Conflict),
            Kind::ReadOnlyTransaction => Some(Cause::Right),
            Kind::UniqueViolation
            | Kind::ForeignKeyViolation
            | Kind::RestrictViolation
            | Kind::ExclusionViolation
            | Kind::NotNullViolation
            | Kind::CheckViolation => Some(Cause::Constraint),
            _ => Cause::of_words(information.message()),
        },
        other => Cause::of_words(&other.to_string()),
    }
}

/// Whether the connection is gone: nothing more can be asked on it.
pub(super) fn is_lost(failure: &QueryError) -> bool {
    matches!(failure, QueryError::BrokenTransactionManager | QueryError::DatabaseError(..))
        && cause(failure) == Some(Cause::Lost)
}

/// Whether the same transaction may go through when it is tried again.
pub(super) fn is_passing(failure: &QueryError) -> bool {
    matches!(failure, QueryError::DatabaseError(..)) && matches!(cause(failure), Some(Cause::Busy | Cause::Conflict))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(message: &str) -> ErrorKind {
        let cause = QueryError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()));
        database_error("read the apps in /a.db".to_owned(), cause).kind()
    }

    #[test]
    fn a_replica_is_told_from_a_missing_right() {
        let hint = |message: &str| {
            let cause = QueryError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()));
            database_error("write".to_owned(), cause).hint_text().map(str::to_owned)
        };
        for message in [
            "The MariaDB server is running with the --read-only option so it cannot execute this statement",
            "cannot execute UPDATE in a read-only transaction",
        ] {
            assert_eq!(hint(message).as_deref(), Some(READ_ONLY), "{message}");
        }
        assert!(hint("permission denied for table apps").is_some_and(|it| it.contains("the right to write")));
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
