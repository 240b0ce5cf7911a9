//! How an exchange fails: in whose words, whether anything was sent, and whether the same again may help.

use super::wire::HeadTooLong;
use crate::error::{Error, ErrorKind};

/// How far an exchange had come when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// No connection came about: the server knows nothing of it.
    Connecting,
    /// The server may have got it, and done it.
    Sent,
    /// It was never to be tried, and would fail again.
    Unsendable,
}

impl Stage {
    /// What could not be done.
    pub(super) fn message(self, place: &str) -> String {
        match self {
            Self::Connecting => format!("connect to {place}"),
            Self::Sent => format!("get an answer from {place}"),
            Self::Unsendable => format!("send a request to {place}"),
        }
    }
}

/// An exchange that failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) stage: Stage,
    pub(super) error: Error,
}

impl Failure {
    pub(super) fn unsendable(error: Error) -> Self {
        Self { stage: Stage::Unsendable, error }
    }

    /// What ureq says; `place` is the URL without what must not be seen.
    pub(super) fn of(place: &str, cause: ureq::Error) -> Self {
        let stage = stage_of(&cause);
        let kind = match &cause {
            ureq::Error::Timeout(_) => ErrorKind::Timeout,
            ureq::Error::Io(io) if is_time(io) => ErrorKind::Timeout,
            _ => ErrorKind::Failed,
        };
        let message = stage.message(place);
        let hint = hint_of(&cause);
        let words = words_of(&cause);
        let error = Error::new(kind, message).because(words).temporary(stage != Stage::Unsendable);
        let error = match hint {
            Some(hint) => error.hint(hint),
            None => error,
        };
        Self { stage, error }
    }

    /// A body that broke off.
    pub(super) fn body(place: &str, cause: &std::io::Error) -> Self {
        let kind = if is_time(cause) { ErrorKind::Timeout } else { ErrorKind::Failed };
        let error =
            Error::new(kind, format!("read the answer from {place}")).because(cause.to_string()).temporary(true);
        Self { stage: Stage::Sent, error }
    }
}

fn is_time(cause: &std::io::Error) -> bool {
    let told = cause.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    matches!(told, Some(ureq::Error::Timeout(_)))
        || matches!(cause.kind(), std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock)
}

fn stage_of(cause: &ureq::Error) -> Stage {
    use std::io::ErrorKind as Io;
    match cause {
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed | ureq::Error::ConnectProxyFailed(_) => {
            Stage::Connecting
        }
        ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => Stage::Connecting,
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) | ureq::Error::TlsRequired => Stage::Unsendable,
        ureq::Error::Io(io) => match io.kind() {
            Io::ConnectionRefused | Io::HostUnreachable | Io::NetworkUnreachable | Io::AddrNotAvailable => {
                Stage::Connecting
            }
            // what rustls says of a certificate comes as invalid data
            Io::InvalidData if io.get_ref().is_some_and(|it| it.is::<rustls::Error>()) => Stage::Unsendable,
            // looking up a name fails without a kind of its own
            _ if io.to_string().contains("failed to lookup") => Stage::Connecting,
            _ => Stage::Sent,
        },
        ureq::Error::BadUri(_)
        | ureq::Error::Http(_)
        | ureq::Error::InvalidProxyUrl
        | ureq::Error::RequireHttpsOnly(_)
        | ureq::Error::LargeResponseHeader(..) => Stage::Unsendable,
        ureq::Error::Other(cause) if cause.is::<HeadTooLong>() => Stage::Unsendable,
        _ => Stage::Sent,
    }
}

fn hint_of(cause: &ureq::Error) -> Option<&'static str> {
    let is_certificate = |error: &rustls::Error| matches!(error, rustls::Error::InvalidCertificate(_));
    let found = match cause {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(io) => io.get_ref().and_then(|it| it.downcast_ref::<rustls::Error>()),
        _ => None,
    };
    if found.is_some_and(|error| error.to_string().contains("CaUsedAsEndEntity")) {
        return Some("its certificate is that of an authority, not of a server: make one with CA:FALSE");
    }
    let words = found.map(ToString::to_string).unwrap_or_default();
    for (word, hint) in [
        (
            "Expired",
            "its certificate has expired: whoever runs the server renews it; the clock of this machine may be wrong, too",
        ),
        ("NotValidYet", "its certificate is not valid yet: the clock of this machine may be wrong"),
        ("NotValidForName", "its certificate is for another name: ask for the server by that one"),
        ("Revoked", "its certificate was revoked by its authority"),
    ] {
        if words.contains(word) {
            return Some(hint);
        }
    }
    found
        .is_some_and(is_certificate)
        .then_some("name its authority: `certificates = \"ca.pem\"` in `[host.\"NAME\"]` of dc.toml")
}

/// ureq's words without the URL that it may repeat.
fn words_of(cause: &ureq::Error) -> String {
    match cause {
        ureq::Error::BadUri(_) => "it is no URL of a server".to_owned(),
        ureq::Error::Timeout(which) => format!("no time is left ({which})"),
        ureq::Error::Protocol(error) => format!("the server does not keep to HTTP: {error}"),
        other => other.to_string(),
    }
}
