//! What the driver's failures mean: which kind of error, and what a person types next.

use std::io;

use tiberius::error::{Error as Failure, TokenError};

use crate::db::cause::{Cause, Told};
use crate::error::{Error, ErrorKind};

/// A failure of the driver as an [`Error`]; `what` completes "could not ...". No password is in any of them.
///
/// What the server says of itself means what the table of causes says. Busy and temporary: no server, no answer, a lost
/// connection. Permission: a certificate that does not fit. Everything else is Failed.
pub(in crate::db::mssql) fn server_error(what: impl Into<String>, cause: Failure) -> Error {
    match cause {
        Failure::Server(answer) => {
            let about = Cause::of_mssql(answer.code());
            let error = Error::new(about.map_or(ErrorKind::Failed, Cause::kind), what);
            let error = error.because(Told::new(answer.message(), about));
            finish(error.temporary(about.is_some_and(Cause::is_passing)), hint(&answer))
        }
        Failure::Io { kind, message } => line_error(what, kind, message),
        #[cfg(feature = "mssql-kerberos")]
        Failure::Gssapi(reason) => {
            Error::new(ErrorKind::Permission, what).because(reason).hint("get a ticket: `kinit USER`; `klist` shows it")
        }
        other => Error::failed(what).because(other),
    }
}

/// A failure of the line to a server.
pub(super) fn line_error(what: impl Into<String>, kind: io::ErrorKind, message: String) -> Error {
    let is_certificate = message.contains("certificate");
    let (kind, hint) = match kind {
        _ if is_certificate && message.contains("CaUsedAsEndEntity") => (ErrorKind::Permission, Some(SELF_SIGNED)),
        _ if is_certificate => (ErrorKind::Permission, Some(CERTIFICATE)),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => (ErrorKind::Busy, Some(STARTED)),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => (ErrorKind::Failed, None),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => (ErrorKind::Busy, Some(CUT)),
        _ => (ErrorKind::Busy, Some(REACHED)),
    };
    // without a connection the transaction is gone, and the same may go through later
    let about = (kind == ErrorKind::Busy).then_some(Cause::Lost);
    let error = Error::new(kind, what).because(Told::new(message, about));
    finish(error.temporary(about.is_some()), hint)
}

const PASSWORD: &str = "check user and password of this database in dc.toml or DC_DB_*";
const CERTIFICATE: &str =
    "check sslmode and sslrootcert of this database; `encrypt=true&trust=true` looks at no certificate";
const SELF_SIGNED: &str = "the server's certificate is an authority itself: name it with sslrootcert, or ask for \
    encrypt=true&trust=true, which does not look at it";
const STARTED: &str = "start the server, or check host and port (SQL Server listens on 1433 where TCP is enabled)";
const CUT: &str = "the connection was cut and its transaction rolled back: run the same command again";
const REACHED: &str = "check host, port, network and firewall";
const READ_ONLY: &str =
    "the database takes no changes: write to the primary replica, or ALTER DATABASE .. SET READ_WRITE";

fn finish(error: Error, hint: Option<&str>) -> Error {
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// What to do about it, where the server does not say so itself.
fn hint(answer: &TokenError) -> Option<&'static str> {
    match answer.code() {
        18456 | 18452 | 18470 | 18486..=18488 => Some(PASSWORD),
        596 | 6005 | 17142 | 40197 | 40613 => Some(CUT),
        978 | 3906 | 3908 => Some(READ_ONLY),
        195 | 208 if answer.message().contains("STRING_SPLIT") => {
            Some("let the database have the functions of its server: ALTER DATABASE .. SET COMPATIBILITY_LEVEL = 130")
        }
        _ => None,
    }
}
