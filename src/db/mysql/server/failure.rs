//! What the driver's failures mean: which kind of error, and what a person types next.

use std::error::Error as _;
use std::io;

use mysql_async::{DriverError, Error as Failure, ServerError};

use crate::db::cause::{Cause, READ_ONLY, Told};
use crate::error::{Error, ErrorKind};

/// A failure of the driver as an [`Error`]; `what` completes "could not ...". No password is in any of them.
///
/// What the server says of itself means what the table of causes says. Busy and temporary: no server, no answer, a lost
/// connection. Permission: a certificate that does not fit. Everything else is Failed.
pub(crate) fn server_error(what: impl Into<String>, cause: Failure) -> Error {
    if let Failure::Server(answer) = &cause {
        let about = Cause::of_mysql(answer.code);
        let error = Error::new(about.map_or(ErrorKind::Failed, Cause::kind), what);
        let error = error.because(Told::new(answer.message.as_str(), about));
        return finish(error.temporary(about.is_some_and(Cause::is_passing)), hint(answer));
    }
    let text = root_text(&cause);
    let (kind, hint) = match (&cause, io_kind(&cause)) {
        (Failure::Driver(DriverError::NoClientSslFlagFromServer), _) => {
            (ErrorKind::Permission, Some("the server has no TLS: set it up there, or ask for sslmode=disable"))
        }
        (Failure::Driver(DriverError::UnknownAuthPlugin { .. }), _) => (ErrorKind::Permission, Some(PLUGIN)),
        (Failure::Driver(DriverError::ConnectionClosed), _) => (ErrorKind::Busy, Some(CUT)),
        (Failure::Driver(DriverError::LocalInfile(_)), _) => (ErrorKind::Failed, None),
        _ if text.contains("certificate") && text.contains("CaUsedAsEndEntity") => {
            (ErrorKind::Permission, Some(SELF_SIGNED))
        }
        _ if text.contains("certificate not valid for name") => (ErrorKind::Permission, Some(NAME)),
        _ if text.contains("certificate") || text.contains("TLS") || text.contains("handshake") => {
            (ErrorKind::Permission, Some("check sslmode and sslrootcert of this database"))
        }
        (_, Some(io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound)) => (ErrorKind::Busy, Some(STARTED)),
        (
            _,
            Some(
                io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof,
            ),
        ) => (ErrorKind::Busy, Some(CUT)),
        (_, Some(_)) => (ErrorKind::Busy, Some(REACHED)),
        (_, None) => (ErrorKind::Failed, None),
    };
    // without a connection the transaction is gone, and the same may go through later
    let about = (kind == ErrorKind::Busy).then_some(Cause::Lost);
    finish(Error::new(kind, what).because(Told::new(text, about)), hint)
}

/// A name that the server's certificate has, where nothing else was wrong with it than that it has not the one asked for.
pub(super) fn name_in_certificate(failure: &Failure) -> Option<String> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(failure);
    while let Some(cause) = next {
        if let Some(rustls::Error::InvalidCertificate(rustls::CertificateError::NotValidForNameContext {
            presented,
            ..
        })) = cause.downcast_ref()
        {
            return presented.iter().find_map(|name| usable(name));
        }
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = inner.map(|inner| inner as &(dyn std::error::Error + 'static)).or_else(|| cause.source());
    }
    None
}

/// `DnsName("*.example.com")` as the name of a host.
fn usable(presented: &str) -> Option<String> {
    if let Some(address) = presented.strip_prefix("IpAddress(") {
        return address.strip_suffix(')').filter(|it| it.parse::<std::net::IpAddr>().is_ok()).map(str::to_owned);
    }
    let name = presented.strip_prefix("DnsName(\"")?.strip_suffix("\")")?;
    Some(name.strip_prefix("*.").map_or_else(|| name.to_owned(), |rest| format!("any.{rest}")))
}

const PASSWORD: &str = "check user and password of this database in dc.toml or DC_DB_*";
const PLUGIN: &str = "let the user log in by a password: ALTER USER .. IDENTIFIED BY .. (mysql_native_password, ed25519 or \
    caching_sha2_password)";
const SELF_SIGNED: &str = "the server's certificate is an authority itself: have an authority sign another one for the server, or ask \
    for sslmode=require, which does not look at it";
const NAME: &str = "use the host by a name that its certificate has; sslmode=verify-ca asks for an authority that is trusted and any \
    name, sslmode=require for neither";
const STARTED: &str = "start the server, or check host and port (`mysqladmin ping` asks it)";
const CUT: &str = "the connection was cut and its transaction rolled back: run the same command again (`mysqladmin ping` asks \
    the server)";
const REACHED: &str = "check host, port and network (`mysqladmin ping` asks the server)";
const PACKET: &str = "let the server take more in one piece: SET GLOBAL max_allowed_packet = 1073741824";
const STATEMENT_LOG: &str = "the server keeps its binary log by statements: SET GLOBAL binlog_format = 'ROW'";

fn finish(error: Error, hint: Option<&str>) -> Error {
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// What to do about it, where the server does not say so itself.
fn hint(answer: &ServerError) -> Option<&'static str> {
    match answer.code {
        1045 | 1698 => Some(PASSWORD),
        1053 | 1927 | 4031 => Some(CUT),
        1290 if answer.message.contains("read-only") || answer.message.contains("read_only") => Some(READ_ONLY),
        1792 | 1836 => Some(READ_ONLY),
        1153 => Some(PACKET),
        1665 => Some(STATEMENT_LOG),
        3159 => Some("the server asks for TLS: sslmode=require"),
        _ => None,
    }
}

/// The innermost reason; the driver's own words around it ("Input/output error") say nothing.
fn root_text(cause: &Failure) -> String {
    if let Failure::Driver(DriverError::UnexpectedPacket { .. }) = cause {
        return "the server speaks another protocol, or another way to log in".to_owned();
    }
    let mut text = cause.to_string();
    let mut next = cause.source();
    while let Some(inner) = next {
        text = inner.to_string();
        next = inner.source();
    }
    text
}

fn io_kind(cause: &Failure) -> Option<io::ErrorKind> {
    let mut next = cause.source();
    while let Some(inner) = next {
        if let Some(error) = inner.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        next = inner.source();
    }
    None
}
