//! Opening the database `main` for reading alone: for those who only look on, such as the dashboard. Such a connection
//! cannot lock or change anything, and no statement on it takes longer than it may.

use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::Store;
use super::connection::Link;
use super::mysql::My;
use super::postgres::Pg;
use crate::context::Context;
use crate::db::{mysql, postgres};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::{DatabaseSettings, Target};

/// What means something else than itself in the address of a file.
const ADDRESS: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'?').add(b'#');
/// How long a reader waits for whoever checks the log of an SQLite file: otherwise writers are in no reader's way.
const BUSY_MS: u32 = 2_000;
/// The page cache of a reader, in KiB: many viewers look at the same pages.
const CACHE_KIB: u32 = 8 * 1024;

impl Store {
    /// Opens the database `main`, which must be ready, for reading alone; no statement may take longer than `limit`.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn reading(context: &Context, limit: Duration) -> Result<Self> {
        Self::connect_to_read(&context.settings().framework()?, limit)
    }

    pub(super) fn connect_to_read(settings: &DatabaseSettings, limit: Duration) -> Result<Self> {
        let mut store = match &settings.target {
            Target::Sqlite { path } => Self::over(Link::Sqlite(open_file(path)?), settings, settings.target.label()),
            Target::Server { scheme, url, .. } if scheme == "postgres" => {
                let target = postgres::server::server_target(url)?;
                Self::over(Link::Postgres(Pg::connect(&target)?), settings, target.label)
            }
            Target::Server { scheme, url, .. } if scheme == "mysql" => {
                let target = mysql::server::server_target(url)?;
                Self::over(Link::Mysql(My::connect(&target)?), settings, target.label)
            }
            Target::Server { scheme, .. } => {
                let message = format!("read the framework's tables in a database of the kind `{scheme}`");
                return Err(Error::new(ErrorKind::Settings, message));
            }
        };
        let limits = store.limits(limit);
        store.reads_within = Some(limit);
        store.read("set up a connection that only reads", |connection| {
            limits.iter().try_for_each(|statement| connection.batch_execute(statement))
        })?;
        Ok(store)
    }

    /// The statements after which a session reads alone, and no longer than it may.
    fn limits(&self, limit: Duration) -> Vec<String> {
        let (ms, seconds) = (limit.as_millis(), limit.as_secs_f64());
        match &self.connection {
            // a file is read by ourselves
            Link::Sqlite(_) => vec![
                format!("PRAGMA busy_timeout = {BUSY_MS}"),
                format!("PRAGMA cache_size = -{CACHE_KIB}"),
                "PRAGMA temp_store = MEMORY".to_owned(),
                "PRAGMA query_only = ON".to_owned(),
            ],
            Link::Postgres(_) => vec![
                format!("SET statement_timeout = {ms}"),
                "SET default_transaction_read_only = on".to_owned(),
                // to compile a statement takes longer than any of these takes
                "SET jit = off".to_owned(),
            ],
            Link::Mysql(_) => {
                let limit = match self.product().starts_with("MariaDB") {
                    true => format!("SET SESSION max_statement_time = {seconds}"),
                    false => format!("SET SESSION max_execution_time = {ms}"),
                };
                vec!["SET SESSION TRANSACTION READ ONLY".to_owned(), limit]
            }
        }
    }
}

fn open_file(path: &Path) -> Result<SqliteConnection> {
    let place = path.display();
    if !path.exists() {
        let error = Error::new(ErrorKind::NotFound, format!("open the database {place}: the file is not there"));
        return Err(error.hint("`dc deploy` creates it"));
    }
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let text = absolute
        .to_str()
        .ok_or_else(|| Error::new(ErrorKind::Settings, format!("open the database {place}: its path is no UTF-8")))?;
    let address = format!("file:{}?mode=ro", utf8_percent_encode(text, ADDRESS));
    let failed = |cause: ConnectionError| {
        Error::new(ErrorKind::Permission, format!("open the database {place}"))
            .because(cause)
            .hint("check that it is a file, and whether this user may read it")
    };
    SqliteConnection::establish(&address).map_err(failed)
}
