//! From a URL to a connection with a PostgreSQL server, and what a failed attempt means.
//!
//! Both planes come through here, so `sslmode` and time-outs mean the same for the framework's tables and for the data.

mod failure;
mod tls;

use std::path::Path;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio::task::AbortHandle;
use tokio_postgres::config::{Host, SslMode, SslNegotiation};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

pub(crate) use failure::server_error;

use super::line::Line;
use crate::db::tls::{Check, Encryption, MODES, Root, mode};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::Secret;

/// How long one attempt may take, where the URL has no `connect_timeout`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer about the framework's own tables may take, where the URL has no `answer_timeout`.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long what was sent may stay unacknowledged: a network that drops packets ends the connection then.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(30);
/// The silence after which the system asks whether the server still lives.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
/// The time between two such questions.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// How many may stay without an answer.
const KEEPALIVE_RETRIES: u32 = 6;
/// The port of a server that names none.
const PORT: u16 = 5432;
/// Where Debian's servers have their socket; used when a URL names no host, as libpq does.
const SOCKET_FOLDER: &str = "/var/run/postgresql";

/// A server, ready to connect to.
#[derive(Clone)]
pub(crate) struct ServerTarget {
    /// Everything but TLS; its `Debug` leaves the password out.
    pub(crate) config: Config,
    /// The TLS side; the driver does not ask it where the mode is `disable`.
    tls: MakeRustlsConnect,
    /// Who, where and what, without the password: for messages.
    pub(crate) label: String,
    /// The time that one attempt may take, from the first packet to the last of the handshake.
    connect_timeout: Duration,
    /// How long a statement about the framework's own tables may take.
    pub(crate) answer_timeout: Duration,
}

impl ServerTarget {
    /// Connects, and makes of the connection what `settle` makes of it, on a small runtime for this connection alone.
    /// Both have to be done in the time that the target allows: the driver's own time-out ends with the first packet,
    /// and a server that then says nothing would hold us.
    ///
    /// What is returned goes before the line that carries its messages. Not to be called on a thread that runs inside tokio.
    ///
    /// # Errors
    /// Busy for a server that does not answer, what else it says, and what `settle` says.
    pub(crate) fn connect<T>(&self, settle: impl AsyncFnOnce(Client, AbortHandle) -> Result<T>) -> Result<(T, Line)> {
        let mut line = Line::new()?;
        let attempt = async {
            let (client, messages) =
                self.config.connect(self.tls.clone()).await.map_err(|cause| self.failure(cause))?;
            let task = tokio::spawn(async move {
                if let Err(cause) = messages.await {
                    ::log::debug!("a connection to the database ended: {cause}");
                }
            });
            let handle = task.abort_handle();
            Ok((settle(client, handle).await, task))
        };
        let hosts = u32::try_from(self.config.get_hosts().len().max(1)).unwrap_or(1);
        let limit = self.connect_timeout * hosts;
        let settled = line.block_on(async { tokio::time::timeout(limit, attempt).await });
        let (settled, task) = settled.unwrap_or_else(|_| Err(self.timed_out()))?;
        line.carries(task);
        Ok((settled?, line))
    }

    /// What a failed attempt to connect means to a person.
    fn failure(&self, cause: tokio_postgres::Error) -> Error {
        let error = server_error(format!("connect to {}", self.label), cause);
        if error.kind() == ErrorKind::NotFound && error.hint_text().is_none() {
            let database = self.config.get_dbname().or(self.config.get_user()).unwrap_or("NAME");
            return error.hint(format!("make it: `createdb {database}`"));
        }
        error
    }

    /// The error for an attempt that got no answer in time.
    fn timed_out(&self) -> Error {
        let seconds = self.connect_timeout.as_secs();
        Error::new(ErrorKind::Busy, format!("connect to {}: no answer in {seconds} seconds", self.label))
            .hint("check host and port, and whether a firewall stands between (`pg_isready` asks the server)")
    }
}

/// What the URL's options say about TLS, of which the driver's own parser knows less than libpq does, and what is ours.
#[derive(Debug, Default, PartialEq, Eq)]
struct OwnOptions {
    answer_timeout: Option<Duration>,
    mode: Option<String>,
    root: Option<String>,
}

/// Reads a server's URL: `postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=verify-full&sslrootcert=ca.pem`.
///
/// `sslmode` is as in libpq: `disable`; `prefer` (default; `allow` counts as it) encrypts where the server can;
/// `require` encrypts without asking who answers, or as `verify-ca` when a root certificate is given; `verify-ca`
/// checks the chain; `verify-full` checks the host's name as well (it must stand in the certificate's alternative
/// names). Without `sslrootcert`, or with `system`, the system's roots are trusted.
///
/// `answer_timeout` is ours: how many seconds a statement about the framework's own tables may take.
///
/// # Errors
/// Settings, when the URL cannot be read; the message never holds any of it.
pub(crate) fn server_target(url: &Secret) -> Result<ServerTarget> {
    let (plain, options) = split_own(url.reveal())?;
    // the driver's message may quote a part of the URL, and so of a password with an `@` in it
    let mut config: Config = plain.parse().map_err(|cause: tokio_postgres::Error| {
        let reason = std::error::Error::source(&cause).map(ToString::to_string).unwrap_or_default();
        let safe = ["unknown option", "invalid value for option"].iter().any(|start| reason.starts_with(start));
        wrong(if safe { &reason } else { "it is not in the form of a URL" })
    })?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        match Path::new(SOCKET_FOLDER).is_dir() {
            true => config.host_path(SOCKET_FOLDER),
            false => config.host("localhost"),
        };
    }
    let connect_timeout = config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT);
    config.connect_timeout(connect_timeout);
    if config.get_keepalives_interval().is_none() {
        config.keepalives_idle(KEEPALIVE_IDLE).keepalives_interval(KEEPALIVE_INTERVAL);
        config.keepalives_retries(KEEPALIVE_RETRIES);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNACKNOWLEDGED_MAX);
    }
    if config.get_application_name().is_none() {
        config.application_name("dc");
    }
    let tls = set_tls(&mut config, &options)?;
    let label = label(&config);
    let answer_timeout = options.answer_timeout.unwrap_or(ANSWER_TIMEOUT);
    Ok(ServerTarget { config, tls, label, connect_timeout, answer_timeout })
}

/// Decides between plain text and TLS, and tells the driver.
fn set_tls(config: &mut Config, options: &OwnOptions) -> Result<MakeRustlsConnect> {
    let only_sockets =
        config.get_hostaddrs().is_empty() && config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
    let root = Root::of(options.root.as_deref());
    let word = options.mode.as_deref().unwrap_or("prefer");
    let Some((encryption, check)) = mode(word, &root) else {
        return Err(wrong(&format!("sslmode `{word}` is not known")).hint(MODES));
    };
    let mode = match encryption {
        Encryption::Disabled => SslMode::Disable,
        Encryption::Preferred => SslMode::Prefer,
        Encryption::Required => SslMode::Require,
    };
    // a socket on this machine carries no TLS; libpq ignores sslmode there as well
    let (mode, check) = if only_sockets { (SslMode::Disable, Check::Nothing) } else { (mode, check) };
    config.ssl_mode(mode);
    let direct = config.get_ssl_negotiation() == SslNegotiation::Direct;
    tls::connector(check, &root, direct)
}

/// Takes `sslmode`, `sslrootcert` and `answer_timeout` out of the URL's options.
fn split_own(url: &str) -> Result<(String, OwnOptions)> {
    let mut options = OwnOptions::default();
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    // the driver ends the password at the first `@`, and would take its rest for the host, and show it
    let place = match place.rsplit_once('@') {
        Some((login, rest)) => format!("{}@{rest}", login.replace('@', "%40")),
        None => place.to_owned(),
    };
    let mut rest: Vec<&str> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(|| wrong("one of its options has no value"))?;
        match name {
            "sslmode" => options.mode = Some(decode(value)?),
            "sslrootcert" => options.root = Some(decode(value)?),
            "answer_timeout" => {
                let seconds = value.parse().ok().filter(|seconds| *seconds > 0);
                let seconds = seconds.ok_or_else(|| wrong("answer_timeout takes seconds, at least 1"))?;
                options.answer_timeout = Some(Duration::from_secs(seconds));
            }
            _ => rest.push(pair),
        }
    }
    let separator = if rest.is_empty() { "" } else { "?" };
    Ok((format!("{place}{separator}{}", rest.join("&")), options))
}

fn decode(text: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| wrong("an option is no UTF-8"))?;
    Ok(decoded.into_owned())
}

fn label(config: &Config) -> String {
    let user = config.get_user().map(|user| format!("{user}@")).unwrap_or_default();
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    });
    let addresses = config.get_hostaddrs().iter().map(ToString::to_string);
    let places: Vec<String> = if config.get_hosts().is_empty() { addresses.collect() } else { hosts.collect() };
    let port = config.get_ports().first().copied().unwrap_or(PORT);
    let database = config.get_dbname().map(|name| format!("/{name}")).unwrap_or_default();
    format!("postgres://{user}{}:{port}{database}", places.join(","))
}

fn wrong(reason: &str) -> Error {
    Error::new(ErrorKind::Settings, format!("read the URL of the PostgreSQL server: {reason}"))
        .hint("write `postgres://USER:PASSWORD@HOST:PORT/NAME`, with %40 for an `@` in the password")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Result<ServerTarget> {
        server_target(&Secret::new(url))
    }

    #[test]
    fn our_options_leave_the_url_and_the_rest_stays() {
        let (plain, options) =
            split_own("postgres://h/d?sslmode=verify-ca&connect_timeout=3&sslrootcert=%2Fa%20b.pem&answer_timeout=5")
                .expect("options");
        assert_eq!(plain, "postgres://h/d?connect_timeout=3");
        assert_eq!(
            options,
            OwnOptions {
                mode: Some("verify-ca".into()),
                root: Some("/a b.pem".into()),
                answer_timeout: Some(Duration::from_secs(5))
            }
        );
    }

    #[test]
    fn defaults_are_set_and_the_password_is_not_shown() {
        let target = target("postgres://me:s3cret@db.example:6000/house").expect("a target");
        assert_eq!(target.label, "postgres://me@db.example:6000/house");
        assert_eq!(target.config.get_connect_timeout(), Some(&CONNECT_TIMEOUT));
        assert_eq!(target.config.get_application_name(), Some("dc"));
        assert_eq!(target.config.get_ssl_mode(), SslMode::Prefer);
    }

    #[test]
    fn modes_are_those_of_libpq() {
        let mode = |options: &str| target(&format!("postgres://h/d?{options}")).map(|it| it.config.get_ssl_mode());
        assert_eq!(mode("sslmode=disable").expect("a mode"), SslMode::Disable);
        assert_eq!(mode("sslmode=allow").expect("a mode"), SslMode::Prefer);
        assert_eq!(mode("sslmode=require").expect("a mode"), SslMode::Require);
        assert_eq!(mode("sslmode=verify").expect_err("unknown").kind(), ErrorKind::Settings);
        let error = mode("sslmode=verify-full&sslrootcert=/nowhere/ca.pem").expect_err("no file");
        assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
        assert_eq!(mode("host=/tmp&sslmode=require").expect("two hosts"), SslMode::Require);
        let socket = target("postgres:///d?host=/tmp&sslmode=verify-full&sslrootcert=/nowhere").expect("a socket");
        assert_eq!(socket.config.get_ssl_mode(), SslMode::Disable);
    }

    #[test]
    fn no_part_of_a_password_is_shown() {
        let target_of = target("postgres://me:p@ss@h/d").expect("a target");
        assert_eq!(
            (target_of.label.as_str(), target_of.config.get_password()),
            ("postgres://me@h:5432/d", Some(&b"p@ss"[..]))
        );
        for url in [
            "postgres://me:p@ss@h:6x/d",
            "postgres://me:p?p@ss@h/d",
            "postgres://me:p%ss@h/d?pass",
            "postgres://me:pass@h/d?passw=pass",
        ] {
            let error = target(url).err().expect("an error");
            assert!(!error.to_string().contains("p@ss") && !error.to_string().contains("p%ss"), "{error}");
        }
    }
}
