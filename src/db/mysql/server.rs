//! From a URL to a connection with a server of MariaDB or MySQL, and what a failed attempt means.
//!
//! Both planes come through here, so `sslmode` and time-outs mean the same for the framework's tables and for the data.

mod address;
mod failure;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Error as Failure, Opts, OptsBuilder, SslOpts};

pub(crate) use failure::server_error;

use self::address::{Address, Place};
use super::line::Line;
use crate::db::tls::{Check, Encryption, Root};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::Secret;

/// The silence after which the system asks whether the server still lives, in milliseconds.
const KEEPALIVE_MS: u32 = 15_000;
/// The oldest servers that are known to do all that is asked of them.
const MARIADB_MIN: (u16, u16) = (10, 6);
const MYSQL_MIN: (u16, u16) = (8, 0);

/// Values in the forms that we read and write, and none of them changed without a word, whatever the server's defaults are.
///
/// `sql_mode`: strict, so that what does not fit is an error and not cut; an `id` of 0 is kept and not replaced; zero dates
/// are kept, as tables have them. Quotes, backslashes and `||` mean what they mean by MySQL's own defaults.
///
/// READ COMMITTED locks the rows that change and no gaps between them. Limits on time that a server may have are for people
/// who forget a session: they would end a large merge each time anew, so that it could never be done.
const SESSION: &str = "SET NAMES utf8mb4; SET SESSION time_zone = '+00:00', autocommit = 1, \
    sql_mode = 'STRICT_ALL_TABLES,STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION', \
    foreign_key_checks = 1, unique_checks = 1, sql_safe_updates = 0, sql_select_limit = DEFAULT, sql_big_selects = 1, \
    innodb_lock_wait_timeout = 600, lock_wait_timeout = 600, net_read_timeout = 600, net_write_timeout = 600, \
    wait_timeout = 86400; SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE";
/// What MariaDB alone has, and what MySQL alone has.
const MARIADB_SESSION: &str = "SET SESSION max_statement_time = 0, idle_transaction_timeout = 0, \
    idle_write_transaction_timeout = 0, in_predicate_conversion_threshold = 0";
const MYSQL_SESSION: &str = "SET SESSION max_execution_time = 0";

/// The servers that were found to have no TLS, by their labels: where it is preferred they are asked without it at once.
static WITHOUT_TLS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Which server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flavor {
    /// MariaDB; else MySQL, or what speaks like it.
    pub(crate) is_mariadb: bool,
    /// Major and minor version.
    pub(crate) version: (u16, u16),
}

/// A server, ready to connect to.
#[derive(Clone)]
pub(crate) struct ServerTarget {
    address: Address,
    /// With TLS, where it is wanted.
    secure: Option<Opts>,
    /// Without it, where it may be left out.
    plain: Option<Opts>,
    /// Who, where and what, without the password: for messages.
    pub(crate) label: String,
    /// How long a statement about the framework's own tables may take.
    pub(crate) answer_timeout: Duration,
}

impl ServerTarget {
    /// The name of the database.
    pub(crate) fn database(&self) -> &str {
        &self.address.database
    }

    /// The same, for a user of the connection who keeps prepared statements himself: the driver would close those that it
    /// has kept for long.
    pub(crate) fn keeping_no_statements(&self) -> Self {
        let keeping = |opts: &Opts| Opts::from(OptsBuilder::from_opts(opts.clone()).stmt_cache_size(0));
        Self { secure: self.secure.as_ref().map(keeping), plain: self.plain.as_ref().map(keeping), ..self.clone() }
    }

    /// Connects, sets the session up, and makes of the connection what `settle` makes of it, on a small runtime for this
    /// connection alone. All of it has to be done in the time that the target allows.
    ///
    /// What is returned goes before the line that drives it. Not to be called on a thread that runs inside tokio.
    ///
    /// # Errors
    /// Busy for a server that does not answer, what else it says, a server that is too old, and what `settle` says.
    pub(crate) fn connect<T>(&self, settle: impl AsyncFnOnce(Conn, Flavor) -> Result<T>) -> Result<(T, Line)> {
        let line = Line::new()?;
        let attempt = async {
            let mut conn = self.open().await?;
            let flavor = self.flavor(&mut conn).await?;
            let own = if flavor.is_mariadb { MARIADB_SESSION } else { MYSQL_SESSION };
            for sql in [SESSION, own] {
                conn.query_drop(sql).await.map_err(|cause| server_error("set up the session", cause))?;
            }
            settle(conn, flavor).await
        };
        let limit = self.address.connect_timeout;
        let settled = line.block_on(async { tokio::time::timeout(limit, attempt).await });
        Ok((settled.unwrap_or_else(|_| Err(self.timed_out()))?, line))
    }

    async fn open(&self) -> Result<Conn> {
        let has_no_tls = || WITHOUT_TLS.lock().unwrap_or_else(PoisonError::into_inner).contains(&self.label);
        if let Some(opts) = self.secure.as_ref().filter(|_| self.plain.is_none() || !has_no_tls()) {
            match (self.open_secure(opts).await, &self.plain) {
                (Err(Failure::Driver(DriverError::NoClientSslFlagFromServer)), Some(_)) => {
                    WITHOUT_TLS.lock().unwrap_or_else(PoisonError::into_inner).insert(self.label.clone());
                }
                (conn, _) => return conn.map_err(|cause| self.failure(cause)),
            }
        }
        let Some(opts) = &self.plain else { return Err(self.timed_out()) };
        Conn::new(opts.clone()).await.map_err(|cause| self.failure(cause))
    }

    /// Connects with TLS. The driver always compares the name, so where only the chain counts it is given one that the
    /// certificate has.
    async fn open_secure(&self, opts: &Opts) -> std::result::Result<Conn, Failure> {
        let failure = match Conn::new(opts.clone()).await {
            Err(failure) if self.address.check == Check::Chain => failure,
            outcome => return outcome,
        };
        match (failure::name_in_certificate(&failure), opts.ssl_opts()) {
            (Some(name), Some(tls)) => {
                let tls = tls.clone().with_danger_tls_hostname_override(Some(name));
                Conn::new(OptsBuilder::from_opts(opts.clone()).ssl_opts(tls)).await
            }
            _ => Err(failure),
        }
    }

    /// Which server it is.
    ///
    /// # Errors
    /// Failed, for one that is too old.
    async fn flavor(&self, conn: &mut Conn) -> Result<Flavor> {
        let asked = conn.query_first::<(String, String), _>("SELECT VERSION(), @@version_comment").await;
        let asked = asked.map_err(|cause| server_error(format!("ask {} for its version", self.label), cause))?;
        let (version, comment) = asked.unwrap_or_default();
        let is_mariadb = version.contains("MariaDB") || comment.contains("mariadb") || comment.contains("MariaDB");
        let mut numbers = version.split(|sign: char| !sign.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
        let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        let (name, least) = if is_mariadb { ("MariaDB", MARIADB_MIN) } else { ("MySQL", MYSQL_MIN) };
        if found >= least {
            return Ok(Flavor { is_mariadb, version: found });
        }
        let what = format!("use {}: its {name} {version} is too old", self.label);
        Err(Error::failed(what).hint(format!("{name} {}.{} or later is needed", least.0, least.1)))
    }

    /// What a failed attempt to connect means to a person.
    fn failure(&self, cause: Failure) -> Error {
        let error = server_error(format!("connect to {}", self.label), cause);
        if error.kind() == ErrorKind::NotFound && error.hint_text().is_none() {
            let name = self.address.database.replace('`', "``");
            return error.hint(format!("make it: CREATE DATABASE `{name}` CHARACTER SET utf8mb4"));
        }
        error
    }

    /// The error for an attempt that got no answer in time.
    fn timed_out(&self) -> Error {
        let seconds = self.address.connect_timeout.as_secs();
        Error::new(ErrorKind::Busy, format!("connect to {}: no answer in {seconds} seconds", self.label))
            .hint("check host and port, and whether a firewall stands between (`mysqladmin ping` asks the server)")
    }
}

/// Reads a server's URL: `mysql://USER:PASSWORD@HOST:PORT/NAME?sslmode=verify-full&sslrootcert=ca.pem`; `mariadb://` means the
/// same. Without a host it is the socket of this machine's server, where there is one; `socket` names another.
///
/// `sslmode`, `sslrootcert`, `connect_timeout` and `answer_timeout` are as for PostgreSQL.
///
/// # Errors
/// Settings, when the URL cannot be read; the message never holds any of its login.
pub(crate) fn server_target(url: &Secret) -> Result<ServerTarget> {
    let address = Address::read(url.reveal())?;
    let mut builder = OptsBuilder::default()
        .user(address.user.clone())
        .pass(address.password.clone())
        .db_name(Some(address.database.clone()))
        .prefer_socket(false)
        // what a statement has met counts, as PostgreSQL and SQLite count
        .client_found_rows(true)
        .tcp_keepalive(Some(KEEPALIVE_MS))
        .tcp_nodelay(true);
    builder = match &address.place {
        Place::Host(host, port) => builder.ip_or_hostname(host.clone()).tcp_port(*port),
        Place::Socket(path) => builder.socket(Some(path.clone())),
    };
    let secure = match address.encryption {
        Encryption::Disabled => None,
        _ => Some(Opts::from(builder.clone().ssl_opts(tls(address.check, &address.root)?))),
    };
    let plain = (address.encryption != Encryption::Required).then(|| Opts::from(builder));
    let (label, answer_timeout) = (address.label(), address.answer_timeout);
    Ok(ServerTarget { address, secure, plain, label, answer_timeout })
}

/// The driver's options for TLS.
fn tls(check: Check, root: &Root) -> Result<SslOpts> {
    let options = SslOpts::default();
    if check == Check::Nothing {
        return Ok(options.with_danger_accept_invalid_certs(true));
    }
    let roots = root.certificates()?.into_iter().map(|certificate| certificate.to_vec().into()).collect();
    Ok(options.with_root_certs(roots).with_disable_built_in_roots(true))
}
