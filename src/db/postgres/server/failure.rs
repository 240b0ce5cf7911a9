//! What the driver's failures mean: which kind of error, and what a person types next.

use std::error::Error as _;
use std::io;

use tokio_postgres::error::{DbError, SqlState};

use crate::db::cause::{Cause, READ_ONLY, Told};
use crate::error::{Error, ErrorKind};

/// A failure of the driver as an [`Error`]; `what` completes "could not ...". No password is in any of them.
///
/// What the server says of itself means what the table of causes says. Busy and temporary: no server, no answer, a lost
/// connection. Permission: a certificate that does not fit. Everything else is Failed.
pub(crate) fn server_error(what: impl Into<String>, cause: tokio_postgres::Error) -> Error {
    if let Some(answer) = cause.as_db_error() {
        let cause = Cause::of_sqlstate(answer.code().code());
        let kind = cause.map_or(ErrorKind::Failed, Cause::kind);
        let mut text = answer.message().to_owned();
        if let Some(detail) = answer.detail() {
            text = format!("{text} ({detail})");
        }
        let error = Error::new(kind, what).because(Told::new(text, cause));
        let error = error.temporary(cause.is_some_and(Cause::is_passing));
        return finish(error, hint(answer).or(answer.hint()));
    }
    let root = root_text(&cause);
    let found = io_kind(&cause);
    let (kind, hint) = match found {
        _ if cause.to_string().contains("TLS") || root.contains("certificate") => {
            (ErrorKind::Permission, Some("check sslmode and sslrootcert of this database"))
        }
        _ if root.contains("unsupported authentication method") => (ErrorKind::Permission, Some(METHOD)),
        _ if root.contains("password missing") => (ErrorKind::Permission, Some(PASSWORD)),
        Some(io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound) => (ErrorKind::Busy, Some(STARTED)),
        Some(
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof,
        ) => (ErrorKind::Busy, Some(CUT)),
        Some(_) => (ErrorKind::Busy, Some(REACHED)),
        None if cause.is_closed() => (ErrorKind::Busy, Some(CUT)),
        None => (ErrorKind::Failed, None),
    };
    finish(Error::new(kind, what).because(root), hint)
}

const PASSWORD: &str = "check user and password of this database in dc.toml or DC_DB_*";
const METHOD: &str = "the server asks for Kerberos (GSSAPI, SSPI), which dc does not have: let this user log in by scram-sha-256 in \
    pg_hba.conf";
const STARTED: &str = "start the server, or check host and port (`pg_isready` asks it)";
const CUT: &str =
    "the connection was cut and its transaction rolled back: run the same command again (`pg_isready` asks the server)";
const REACHED: &str = "check host, port and network (`pg_isready` asks the server)";

fn finish(error: Error, hint: Option<&str>) -> Error {
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// What to do about it, where the server does not say so itself.
fn hint(answer: &DbError) -> Option<&'static str> {
    match *answer.code() {
        SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => Some(PASSWORD),
        SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN => Some(CUT),
        SqlState::READ_ONLY_SQL_TRANSACTION => Some(READ_ONLY),
        _ => None,
    }
}

/// The innermost reason; the driver's own words around it ("db error") say nothing.
fn root_text(cause: &tokio_postgres::Error) -> String {
    let mut text = cause.to_string();
    let mut next = cause.source();
    while let Some(inner) = next {
        text = inner.to_string();
        next = inner.source();
    }
    text
}

fn io_kind(cause: &tokio_postgres::Error) -> Option<io::ErrorKind> {
    let mut next = cause.source();
    while let Some(inner) = next {
        if let Some(error) = inner.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        next = inner.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use crate::db::postgres::server::server_target;
    use crate::error::ErrorKind;
    use crate::settings::Secret;

    /// "Log in by GSSAPI", as PostgreSQL says it.
    const KERBEROS: &[u8] = b"R\0\0\0\x08\0\0\0\x07";

    #[test]
    fn a_server_that_asks_for_kerberos_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().expect("a client");
            let mut length = [0; 4];
            client.read_exact(&mut length).expect("a length");
            let mut startup = vec![0; u32::from_be_bytes(length) as usize - length.len()];
            client.read_exact(&mut startup).expect("a startup message");
            client.write_all(KERBEROS).expect("a question");
            let _ = client.read_to_end(&mut Vec::new());
        });
        let target = server_target(&Secret::new(format!("postgres://u@127.0.0.1:{port}/d?sslmode=disable")));
        let error = target.expect("a target").connect(async |client, _| Ok(client)).err().expect("no login");
        assert_eq!(error.kind(), ErrorKind::Permission, "{error:?}");
        assert!(error.hint_text().is_some_and(|hint| hint.contains("GSSAPI")), "{error:?}");
        server.join().expect("a server");
    }
}
