//! The URL of a server of MariaDB or MySQL, and its options in the words that PostgreSQL's have.

use std::path::Path;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use crate::db::tls::{Check, Encryption, MODES, Root, mode};
use crate::error::{Error, ErrorKind, Result};

/// How long one attempt may take, where the URL has no `connect_timeout`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer about the framework's own tables may take, where the URL has no `answer_timeout`.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The port of a server that names none.
const PORT: u16 = 3306;
/// Where servers have their socket; used when a URL names no host, as the `mysql` client does.
const SOCKETS: [&str; 4] =
    ["/run/mysqld/mysqld.sock", "/var/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock"];

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A host and a port.
    Host(String, u16),
    /// A socket on this machine.
    Socket(String),
}

/// What a URL says.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) place: Place,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: String,
    pub(super) encryption: Encryption,
    pub(super) check: Check,
    pub(super) root: Root,
    /// For one attempt, from the first packet to the last of the handshake.
    pub(super) connect_timeout: Duration,
    pub(super) answer_timeout: Duration,
}

impl Address {
    /// Reads a URL.
    ///
    /// # Errors
    /// Settings, when it cannot be read; the message never holds any of the login.
    pub(super) fn read(url: &str) -> Result<Self> {
        let (_, rest) = url.split_once("://").ok_or_else(|| wrong("it has no `://`"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        // a password may hold any sign, unescaped too: the login ends at the last `@`
        let (login, rest) = match rest.rsplit_once('@') {
            Some((login, rest)) => (Some(login), rest),
            None => (None, rest),
        };
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            Some((user, password)) => (decode(user)?, decode(password)?),
            None => (String::new(), String::new()),
        };
        let (host, database) = rest.split_once('/').unwrap_or((rest, ""));
        let mut place = read_place(host)?;
        let mut options = Options::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(|| wrong("one of its options has no value"))?;
            options.take(name, decode(value)?)?;
        }
        if let Some(path) = options.socket {
            place = Place::Socket(path);
        }
        let root = Root::of(options.root.as_deref());
        let word = options.mode.as_deref().unwrap_or("prefer");
        let Some((encryption, check)) = mode(word, &root) else {
            return Err(wrong(&format!("sslmode `{word}` is not known")).hint(MODES));
        };
        // a socket on this machine carries no TLS
        let (encryption, check) = match place {
            Place::Socket(_) => (Encryption::Disabled, Check::Nothing),
            Place::Host(..) => (encryption, check),
        };
        let database = decode(database)?;
        if database.is_empty() || database.contains('/') {
            return Err(wrong("it names no database"));
        }
        Ok(Self {
            place,
            user: Some(user).filter(|user| !user.is_empty()),
            password: Some(password).filter(|password| !password.is_empty()),
            database,
            encryption,
            check,
            root,
            connect_timeout: options.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
            answer_timeout: options.answer_timeout.unwrap_or(ANSWER_TIMEOUT),
        })
    }

    /// Who, where and what, without the password: for messages.
    pub(super) fn label(&self) -> String {
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let place = match &self.place {
            Place::Host(host, port) if host.contains(':') => format!("[{host}]:{port}"),
            Place::Host(host, port) => format!("{host}:{port}"),
            Place::Socket(path) => path.clone(),
        };
        format!("mysql://{user}{place}/{}", self.database)
    }
}

#[derive(Default)]
struct Options {
    mode: Option<String>,
    root: Option<String>,
    socket: Option<String>,
    connect_timeout: Option<Duration>,
    answer_timeout: Option<Duration>,
}

impl Options {
    fn take(&mut self, name: &str, value: String) -> Result<()> {
        let seconds = || {
            let seconds = value.parse().ok().filter(|seconds| *seconds > 0).map(Duration::from_secs);
            seconds.ok_or_else(|| wrong(&format!("{name} takes seconds, at least 1"))).map(Some)
        };
        match name {
            "connect_timeout" => self.connect_timeout = seconds()?,
            "answer_timeout" => self.answer_timeout = seconds()?,
            "sslmode" => self.mode = Some(value),
            "sslrootcert" => self.root = Some(value),
            "socket" => self.socket = Some(value),
            // what looks like one may be the end of a password with a `?` in it
            _ if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) => {
                return Err(wrong(&format!("the option `{name}` is not known")).hint(
                    "options are sslmode, sslrootcert, connect_timeout, answer_timeout and socket; write %3F for a `?` \
                     in the password",
                ));
            }
            _ => return Err(wrong("it is not in the form of a URL")),
        }
        Ok(())
    }
}

fn read_place(host: &str) -> Result<Place> {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, rest)) => (name, rest.strip_prefix(':').unwrap_or("")),
        None => host.split_once(':').unwrap_or((host, "")),
    };
    let port = match port {
        "" => PORT,
        port => port.parse().map_err(|_| wrong("its port is no number"))?,
    };
    let name = decode(name)?;
    if name.starts_with('/') {
        return Ok(Place::Socket(name));
    }
    if name.is_empty() {
        let there = SOCKETS.into_iter().find(|path| Path::new(path).exists());
        return Ok(
            there.map_or_else(|| Place::Host("localhost".to_owned(), port), |path| Place::Socket(path.to_owned()))
        );
    }
    if name.contains([',', ' ', '/', '@']) {
        return Err(wrong("it takes one host"));
    }
    Ok(Place::Host(name, port))
}

fn decode(text: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| wrong("a part of it is no UTF-8"))?;
    Ok(decoded.into_owned())
}

fn wrong(reason: &str) -> Error {
    Error::new(ErrorKind::Settings, format!("read the URL of the MySQL server: {reason}"))
        .hint("write `mysql://USER:PASSWORD@HOST:PORT/NAME`, with %40 for an `@` and %3F for a `?` in the password")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Address {
        Address::read(url).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    #[test]
    fn a_url_is_read_whatever_is_in_the_password() {
        let address = read("mariadb://me:p@s/s:w%3Frd@db.example:6000/house?sslmode=require&answer_timeout=5");
        assert_eq!(address.place, Place::Host("db.example".into(), 6000));
        assert_eq!(address.password.as_deref(), Some("p@s/s:w?rd"));
        assert_eq!((address.encryption, address.check), (Encryption::Required, Check::Nothing));
        assert_eq!((address.answer_timeout, address.connect_timeout), (Duration::from_secs(5), CONNECT_TIMEOUT));
        assert_eq!(address.label(), "mysql://me@db.example:6000/house");
        assert_eq!(read("mysql://me@[::1]/d").place, Place::Host("::1".into(), PORT));
        assert_eq!(read("mysql://me@%2Ftmp%2Fs.sock/d?sslmode=require").encryption, Encryption::Disabled);
        assert_eq!(read("mysql://h/d?socket=/a%20b").place, Place::Socket("/a b".into()));
        assert_eq!(read("mysql://h/d?sslrootcert=ca.pem").check, Check::Chain);
        assert_eq!(read("mysql://h/d?sslmode=verify-full").check, Check::ChainAndName);
    }

    #[test]
    fn what_is_wrong_is_named_without_a_part_of_the_password() {
        for (url, reason) in [
            ("mysql://me:s3cret@h", "names no database"),
            ("mysql://me:s3cret@h/", "names no database"),
            ("mysql://me:s3cret@h:6x/d", "port"),
            ("mysql://me:s3cret@a,b/d", "one host"),
            ("mysql://me:s3cret@h/d?sslmode=verify", "sslmode `verify`"),
            ("mysql://me:s3cret@h/d?charset=latin1", "option `charset`"),
            ("mysql://me:s3cret@h/d?connect_timeout=0", "connect_timeout"),
            ("mysql://me:s3cret@h/d?sslmode", "no value"),
            ("mysql://me:x?s3cret@h/d", "port"),
            ("mysql://me:1?s3cret@h/d", "no value"),
        ] {
            let error = Address::read(url).err().unwrap_or_else(|| panic!("{url} was read"));
            assert!(error.to_string().contains(reason), "{url}: {error}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
            assert_eq!(error.kind(), ErrorKind::Settings);
        }
    }
}
