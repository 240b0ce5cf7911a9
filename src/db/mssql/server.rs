//! From a URL to a connection with a server of Microsoft SQL Server, and what a failed attempt means.

mod address;
mod browser;
mod failure;
mod wire;

use std::io;

use nix::sys::socket::{setsockopt, sockopt};
use rustls::ClientConfig;
use rustls::version::TLS12;
use tiberius::error::Error as Failure;
use tiberius::{AuthMethod, Client, Config, Row};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

pub(super) use failure::server_error;
pub(super) use wire::Wire;

use self::address::{Address, Login, Place};
use self::failure::line_error;
use crate::db::tls::Encryption;
use crate::db::verifier::client_config;
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::settings::Secret;

/// A connection of the driver.
pub(super) type Conn = Client<Wire>;

/// Bytes of a packet: with the driver's default of 4 KiB bulk loads take half as long again.
const PACKET_BYTES: u32 = 16 * 1024;
/// Seconds of silence after which the system asks whether the server still lives, and between two more questions.
const KEEPALIVE_IDLE: u32 = 15;
const KEEPALIVE_INTERVAL: u32 = 5;
const KEEPALIVE_COUNT: u32 = 3;
/// SQL Server 2016.
const VERSION_MIN: u32 = 13;
/// How often a server may send us to another one.
const ROUTES_MAX: usize = 3;

/// Values in the forms that we read and write, whatever the server's defaults are; the first line is what filtered indexes
/// ask for. An error ends its statement and not the transaction, so that a refused row can be left out. Locks are waited for
/// as long as other merges are.
const SESSION: &str = "SET ANSI_NULLS, ANSI_PADDING, ANSI_WARNINGS, ARITHABORT, CONCAT_NULL_YIELDS_NULL, QUOTED_IDENTIFIER ON; \
    SET NUMERIC_ROUNDABORT OFF; SET ANSI_NULL_DFLT_ON ON; SET XACT_ABORT OFF; SET IMPLICIT_TRANSACTIONS OFF; \
    SET NOCOUNT OFF; SET ROWCOUNT 0; SET TEXTSIZE 2147483647; SET LANGUAGE us_english; SET DATEFORMAT ymd; \
    SET LOCK_TIMEOUT 600000; SET TRANSACTION ISOLATION LEVEL READ COMMITTED";
/// What is asked of a server first.
const FACTS: &str = "SELECT CAST(SERVERPROPERTY(N'ProductVersion') AS NVARCHAR(128)), \
    CAST(SERVERPROPERTY(N'EngineEdition') AS INT), DB_NAME()";
/// The edition whose version is not that of the product: Azure's.
const AZURE: [i32; 3] = [5, 8, 9];

/// A server, ready to connect to.
#[derive(Clone)]
pub(super) struct ServerTarget {
    address: Address,
    /// The TLS side, where it may be asked for.
    tls: Option<ClientConfig>,
    /// Who, where and what, without the password: for messages.
    pub(super) label: String,
}

impl ServerTarget {
    /// Connects and sets the session up, on a small runtime for this connection alone. All of it has to be done in the time
    /// that the target allows.
    ///
    /// The connection goes before the runtime that drives it. Not to be called on a thread that runs inside tokio.
    ///
    /// # Errors
    /// Busy for a server that does not answer, what else it says, a server that is too old.
    pub(super) fn connect(&self) -> Result<(Conn, Runtime)> {
        // the driver has no task in the background
        let line = Builder::new_current_thread().enable_all().build();
        let line = line.or_fail(|| "start what drives a connection to SQL Server".to_owned())?;
        let limit = self.address.connect_timeout;
        let settled = line.block_on(async { tokio::time::timeout(limit, self.attempt()).await });
        Ok((settled.unwrap_or_else(|_| Err(self.timed_out()))?, line))
    }

    async fn attempt(&self) -> Result<Conn> {
        let what = || format!("connect to {}", self.label);
        let mut host = self.address.host.clone();
        let mut port = match &self.address.place {
            Place::Port(port) => *port,
            Place::Instance(name) => {
                let found = browser::port_of(&host, name).await;
                found.map_err(|cause| line_error(what(), cause.kind(), cause.to_string()))?
            }
        };
        for _ in 0..ROUTES_MAX {
            let wire = self.wire(&host, port).await?;
            match Client::connect(self.config(&host, port)?, wire).await {
                Ok(conn) => return self.set_up(conn).await,
                Err(Failure::Routing { host: other, port: its }) => (host, port) = (other, its),
                Err(cause) => return Err(self.failure(cause)),
            }
        }
        Err(Error::failed(format!("{}: its servers send us from one to the other", what())))
    }

    /// A line to a host, secure where it is asked for.
    async fn wire(&self, host: &str, port: u16) -> Result<Wire> {
        let fail = |cause: io::Error| line_error(format!("connect to {}", self.label), cause.kind(), cause.to_string());
        let mut stream = TcpStream::connect((host, port)).await.map_err(fail)?;
        keep_alive(&stream).map_err(fail)?;
        let wanted = match self.address.encryption {
            Encryption::Disabled => wire::NOT_SUPPORTED,
            Encryption::Preferred => wire::ON,
            Encryption::Required => wire::REQUIRED,
        };
        let said = wire::greet(&mut stream, wanted).await.map_err(fail)?;
        let refused = |why: &str, hint: &str| {
            let what = format!("connect to {}: {why}", self.label);
            Err(Error::new(ErrorKind::Permission, what).hint(hint))
        };
        match (&self.tls, said) {
            (Some(config), wire::ON | wire::REQUIRED) => Wire::secure(stream, config.clone(), host).await.map_err(fail),
            (Some(_), _) if self.address.encryption == Encryption::Required => refused(
                "the server has no TLS",
                "set it up there, or ask for sslmode=disable: passwords then go over the network as they are",
            ),
            (None, wire::REQUIRED) => refused("the server asks for TLS", "sslmode=require, or encrypt=true"),
            _ => Ok(Wire::plain(stream)),
        }
    }

    fn config(&self, host: &str, port: u16) -> Result<Config> {
        let mut config = Config::new();
        config.host(host);
        config.port(port);
        config.database(&self.address.database);
        config.application_name("dc");
        config.packet_size(PACKET_BYTES);
        config.authentication(match &self.address.login {
            Login::Password(user, password) => AuthMethod::sql_server(user, password),
            Login::Integrated => integrated()?,
        });
        // the attempt has a limit as a whole, and a merge may take hours
        config.handshake_timeout(None);
        config.command_timeout(None);
        Ok(config)
    }

    async fn set_up(&self, mut conn: Conn) -> Result<Conn> {
        let set = async { conn.simple_query(SESSION).await?.into_results().await };
        set.await.map_err(|cause| server_error("set up the session", cause))?;
        let facts = async { conn.simple_query(FACTS).await?.into_row().await };
        let facts = facts.await.map_err(|cause| server_error(format!("ask {} what it is", self.label), cause))?;
        match facts {
            Some(facts) => self.check(&facts).map(|()| conn),
            None => Err(Error::failed(format!("ask {} what it is: it says nothing", self.label))),
        }
    }

    /// Refuses a server that is too old, and a login that was put into another database.
    fn check(&self, facts: &Row) -> Result<()> {
        let text = |at: usize| facts.try_get::<&str, _>(at).ok().flatten().unwrap_or_default();
        let (version, database) = (text(0), text(2));
        let edition = facts.try_get::<i32, _>(1).ok().flatten().unwrap_or_default();
        let major: u32 = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or_default();
        if major < VERSION_MIN && !AZURE.contains(&edition) {
            let what = format!("use {}: its SQL Server {version} is too old", self.label);
            return Err(Error::failed(what).hint("SQL Server 2016 (13.0) or later is needed"));
        }
        if !database.eq_ignore_ascii_case(&self.address.database) {
            let what = format!("use {}: the server puts us into the database `{database}`", self.label);
            return Err(Error::new(ErrorKind::NotFound, what).hint("check the name of the database in its URL"));
        }
        Ok(())
    }

    /// What a failed attempt to connect means to a person.
    fn failure(&self, cause: Failure) -> Error {
        let error = server_error(format!("connect to {}", self.label), cause);
        if error.kind() == ErrorKind::NotFound && error.hint_text().is_none() {
            let name = self.address.database.replace(']', "]]");
            return error.hint(format!("make it: CREATE DATABASE [{name}]; or let the login into it: CREATE USER"));
        }
        error
    }

    /// The error for an attempt that got no answer in time.
    fn timed_out(&self) -> Error {
        let seconds = self.address.connect_timeout.as_secs();
        Error::new(ErrorKind::Busy, format!("connect to {}: no answer in {seconds} seconds", self.label))
            .temporary(true)
            .hint("check host and port, and whether a firewall stands between")
    }
}

/// Detects a server that vanished without closing the connection, and sends small packets at once.
fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    setsockopt(stream, sockopt::KeepAlive, &true)?;
    #[cfg(target_os = "linux")]
    {
        setsockopt(stream, sockopt::TcpKeepIdle, &KEEPALIVE_IDLE)?;
        setsockopt(stream, sockopt::TcpKeepInterval, &KEEPALIVE_INTERVAL)?;
        setsockopt(stream, sockopt::TcpKeepCount, &KEEPALIVE_COUNT)?;
    }
    Ok(())
}

#[cfg(feature = "mssql-kerberos")]
fn integrated() -> Result<AuthMethod> {
    Ok(AuthMethod::Integrated)
}

#[cfg(not(feature = "mssql-kerberos"))]
fn integrated() -> Result<AuthMethod> {
    let what = "log in with `integrated`: this dc was built without the cargo feature `mssql-kerberos`";
    Err(Error::new(ErrorKind::Settings, what).hint(
        "build it with `cargo build --release --features mssql-kerberos`, which needs the headers of libgssapi \
         (libkrb5-dev, krb5-devel), or name a login of the server: mssql://USER:PASSWORD@..",
    ))
}

/// Reads a server's URL: `mssql://USER:PASSWORD@HOST:PORT/NAME?encrypt=true&trust=true`; `sqlserver://` means the same, and
/// `HOST\INSTANCE` is an instance of a host.
///
/// # Errors
/// Settings, when the URL cannot be read; the message never holds any of its login.
pub(super) fn server_target(url: &Secret) -> Result<ServerTarget> {
    let address = Address::read(url.reveal())?;
    if address.login == Login::Integrated {
        integrated()?;
    }
    let tls = match address.encryption {
        Encryption::Disabled => None,
        // inside of the older protocol servers know no later version
        _ => Some(client_config(address.check, &address.root, &[&TLS12])?),
    };
    let label = address.label();
    Ok(ServerTarget { address, tls, label })
}
