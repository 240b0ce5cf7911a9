//! The URL of a server of Microsoft SQL Server, and its options in the words that PostgreSQL's have; `encrypt` and `trust` mean
//! what connection strings of that server call so.

use std::time::Duration;

use percent_encoding::percent_decode_str;

use crate::db::tls::{Check, Encryption, MODES, Root, mode};
use crate::error::{Error, ErrorKind, Result};

/// How long one attempt may take, where the URL has no `connect_timeout`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The port of a server that names none.
const PORT: u16 = 1433;
/// The options of a URL.
const OPTIONS: &str = "options are sslmode, sslrootcert, encrypt, trust, instance, integrated and connect_timeout; write %3F \
    for a `?` in the password";

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A port of the host.
    Port(u16),
    /// An instance, of whose port the host's browser service knows.
    Instance(String),
}

/// Who logs in.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Login {
    /// A login of the server.
    Password(String, String),
    /// The user of the system, by Kerberos.
    Integrated,
}

/// What a URL says.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) place: Place,
    pub(super) login: Login,
    pub(super) database: String,
    pub(super) encryption: Encryption,
    pub(super) check: Check,
    pub(super) root: Root,
    /// For one attempt, from the first packet to a session that is set up.
    pub(super) connect_timeout: Duration,
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
            Some((login, rest)) => (login, rest),
            None => ("", rest),
        };
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let (user, password) = (decode(user)?, decode(password)?);
        let (host, database) = rest.split_once('/').unwrap_or((rest, ""));
        let mut options = Options::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(|| wrong("one of its options has no value"))?;
            options.take(name, decode(value)?)?;
        }
        let (host, place) = read_place(host, options.instance.take())?;
        let root = Root::of(options.root.as_deref());
        let (encryption, check) = options.encryption(&root)?;
        let database = decode(database)?;
        if database.is_empty() || database.contains('/') {
            return Err(wrong("it names no database"));
        }
        let login = match (options.is_integrated, user.is_empty()) {
            (true, true) => Login::Integrated,
            (true, false) => return Err(wrong("it has a user, and `integrated` takes the one of the system")),
            (false, true) => return Err(wrong("it names no user")),
            (false, false) => Login::Password(user, password),
        };
        let connect_timeout = options.connect_timeout.unwrap_or(CONNECT_TIMEOUT);
        Ok(Self { host, place, login, database, encryption, check, root, connect_timeout })
    }

    /// Who, where and what, without the password: for messages.
    pub(super) fn label(&self) -> String {
        let user = match &self.login {
            Login::Password(user, _) => format!("{user}@"),
            Login::Integrated => String::new(),
        };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let place = match &self.place {
            Place::Port(port) => format!("{host}:{port}"),
            Place::Instance(name) => format!("{host}\\{name}"),
        };
        format!("mssql://{user}{place}/{}", self.database)
    }
}

#[derive(Default)]
struct Options {
    mode: Option<String>,
    root: Option<String>,
    encrypt: Option<String>,
    trust: Option<bool>,
    instance: Option<String>,
    is_integrated: bool,
    connect_timeout: Option<Duration>,
}

impl Options {
    fn take(&mut self, name: &str, value: String) -> Result<()> {
        match name {
            "connect_timeout" => {
                let seconds = value.parse().ok().filter(|seconds| *seconds > 0).map(Duration::from_secs);
                let wrong = || wrong("connect_timeout takes seconds, at least 1");
                self.connect_timeout = Some(seconds.ok_or_else(wrong)?);
            }
            "sslmode" => self.mode = Some(value),
            "sslrootcert" => self.root = Some(value),
            "encrypt" => self.encrypt = Some(value),
            "trust" => self.trust = Some(flag(name, &value)?),
            "instance" => self.instance = Some(value),
            "integrated" => self.is_integrated = flag(name, &value)?,
            // what looks like one may be the end of a password with a `?` in it
            _ if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) => {
                return Err(wrong(&format!("the option `{name}` is not known")).hint(OPTIONS));
            }
            _ => return Err(wrong("it is not in the form of a URL")),
        }
        Ok(())
    }

    fn encryption(&self, root: &Root) -> Result<(Encryption, Check)> {
        let Some(encrypt) = &self.encrypt else {
            if let (None, Some(_)) = (&self.mode, self.trust) {
                return Err(wrong("`trust` says what `encrypt=true` does not check, and there is none"));
            }
            let word = self.mode.as_deref().unwrap_or("prefer");
            return mode(word, root).ok_or_else(|| wrong(&format!("sslmode `{word}` is not known")).hint(MODES));
        };
        if self.mode.is_some() {
            return Err(wrong("`encrypt` and `sslmode` say the same: leave one out"));
        }
        match encrypt.to_ascii_lowercase().as_str() {
            "false" | "no" | "optional" => Ok((Encryption::Disabled, Check::Nothing)),
            "true" | "yes" | "mandatory" => {
                let check = if self.trust == Some(true) { Check::Nothing } else { Check::ChainAndName };
                Ok((Encryption::Required, check))
            }
            "strict" => Err(wrong("`encrypt=strict` (TDS 8.0) is not supported").hint("write encrypt=true")),
            other => Err(wrong(&format!("encrypt takes true or false, not `{other}`"))),
        }
    }
}

fn flag(name: &str, value: &str) -> Result<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(wrong(&format!("{name} takes true or false"))),
    }
}

/// `HOST`, `HOST:PORT` or `HOST\INSTANCE`.
fn read_place(host: &str, instance: Option<String>) -> Result<(String, Place)> {
    let host = decode(host)?;
    let (host, named) = match host.split_once('\\') {
        Some((host, named)) => (host, Some(named.to_owned())),
        None => (host.as_str(), None),
    };
    let instance = instance.or(named).filter(|name| !name.eq_ignore_ascii_case("MSSQLSERVER"));
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, rest)) => (name, rest.strip_prefix(':').unwrap_or("")),
        None => host.split_once(':').unwrap_or((host, "")),
    };
    let name = match name {
        "" | "." | "(local)" => "localhost",
        name if name.contains([',', ' ', '/', '@']) => return Err(wrong("it takes one host")),
        name => name,
    };
    let place = match (port, instance) {
        ("", Some(instance)) if !instance.is_empty() => Place::Instance(instance),
        ("", _) => Place::Port(PORT),
        // a port says which instance
        (port, _) => Place::Port(port.parse().map_err(|_| wrong("its port is no number"))?),
    };
    Ok((name.to_owned(), place))
}

fn decode(text: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| wrong("a part of it is no UTF-8"))?;
    Ok(decoded.into_owned())
}

fn wrong(reason: &str) -> Error {
    Error::new(ErrorKind::Settings, format!("read the URL of the SQL Server: {reason}"))
        .hint("write `mssql://USER:PASSWORD@HOST:PORT/NAME`, with %40 for an `@` and %3F for a `?` in the password")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Address {
        Address::read(url).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    #[test]
    fn a_url_is_read_whatever_is_in_the_password() {
        let address =
            read("sqlserver://sa:p@s/s:w%3Frd@db.example:1444/house?encrypt=true&trust=true&connect_timeout=5");
        assert_eq!((address.host.as_str(), &address.place), ("db.example", &Place::Port(1444)));
        assert!(address.login == Login::Password("sa".into(), "p@s/s:w?rd".into()));
        assert_eq!((address.encryption, address.check), (Encryption::Required, Check::Nothing));
        assert_eq!(address.connect_timeout, Duration::from_secs(5));
        assert_eq!(address.label(), "mssql://sa@db.example:1444/house");
        for (url, encryption, check) in [
            ("mssql://sa@h/d", Encryption::Preferred, Check::Nothing),
            ("mssql://sa@h/d?sslmode=verify-ca", Encryption::Required, Check::Chain),
            ("mssql://sa@h/d?sslmode=disable", Encryption::Disabled, Check::Nothing),
            ("mssql://sa@h/d?encrypt=true", Encryption::Required, Check::ChainAndName),
            ("mssql://sa@h/d?encrypt=no", Encryption::Disabled, Check::Nothing),
        ] {
            assert_eq!((read(url).encryption, read(url).check), (encryption, check), "{url}");
        }
        assert!(read("mssql://h/d?integrated=true").login == Login::Integrated);
    }

    #[test]
    fn an_instance_stands_behind_its_host_or_in_an_option() {
        let express = Place::Instance("SQLEXPRESS".into());
        for (url, host, place) in [
            ("mssql://sa@h%5CSQLEXPRESS/d", "h", &express),
            ("mssql://sa@h\\SQLEXPRESS/d", "h", &express),
            ("mssql://sa@h/d?instance=SQLEXPRESS", "h", &express),
            ("mssql://sa@h:1500/d?instance=SQLEXPRESS", "h", &Place::Port(1500)),
            ("mssql://sa@h/d?instance=mssqlserver", "h", &Place::Port(PORT)),
            ("mssql://sa@./d", "localhost", &Place::Port(PORT)),
            ("mssql://sa@[::1]:9/d", "::1", &Place::Port(9)),
        ] {
            assert_eq!((read(url).host.as_str(), &read(url).place), (host, place), "{url}");
        }
        assert_eq!(read("mssql://sa@h%5CSQLEXPRESS/d").label(), "mssql://sa@h\\SQLEXPRESS/d");
    }

    #[test]
    fn what_is_wrong_is_named_without_a_part_of_the_password() {
        for (url, reason) in [
            ("mssql://sa:s3cret@h", "names no database"),
            ("mssql://sa:s3cret@h:6x/d", "port"),
            ("mssql://h/d", "names no user"),
            ("mssql://sa:s3cret@h/d?integrated=true", "has a user"),
            ("mssql://sa:s3cret@h/d?integrated=maybe", "integrated takes true or false"),
            ("mssql://sa:s3cret@h/d?sslmode=verify", "sslmode `verify`"),
            ("mssql://sa:s3cret@h/d?sslmode=require&encrypt=true", "leave one out"),
            ("mssql://sa:s3cret@h/d?trust=true", "encrypt=true"),
            ("mssql://sa:s3cret@h/d?encrypt=strict", "TDS 8.0"),
            ("mssql://sa:s3cret@h/d?charset=latin1", "option `charset`"),
            ("mssql://sa:s3cret@h/d?connect_timeout=0", "connect_timeout"),
            ("mssql://sa:1?s3cret@h/d", "no value"),
        ] {
            let error = Address::read(url).err().unwrap_or_else(|| panic!("{url} was read"));
            assert!(error.to_string().contains(reason), "{url}: {error}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
            assert_eq!(error.kind(), ErrorKind::Settings);
        }
    }
}
