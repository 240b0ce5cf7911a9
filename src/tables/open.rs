//! Opening the database `main`: an SQLite file, made only when asked for, or a server.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::Store;
use super::connection::Link;
use super::failure::{database_error, is_passing};
use super::migrate::SchemaState;
use super::mysql::My;
use super::postgres::Pg;
use super::schema::apps;
use super::write_queue::WriteQueue;
use crate::context::Context;
use crate::db::sqlite::handle::{self, SqliteHandle};
use crate::db::{self, mysql, postgres};
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::record::Value;
use crate::settings::{DatabaseSettings, MAIN, Target};

/// How often the change to a write-ahead log is tried; SQLite does not wait for its lock there.
const JOURNAL_ATTEMPTS_MAX: u32 = 200;
/// The pause between two tries.
const JOURNAL_PAUSE: Duration = Duration::from_millis(20);

/// What to do when an SQLite file is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Make it, and its folder.
    Create,
    /// Fail with NotFound.
    Fail,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    it: i64,
}

#[derive(QueryableByName)]
struct JournalMode {
    #[diesel(sql_type = Text)]
    journal_mode: String,
}

impl Store {
    /// Opens the database `main` as it is, whatever its schema.
    ///
    /// # Errors
    /// NotFound for a missing file or database, Permission, Busy (and temporary) for a server that does not answer.
    pub fn open(context: &Context, missing: Missing) -> Result<Self> {
        if missing == Missing::Create {
            make_schema(context)?;
        }
        Self::connect(&context.settings().framework()?, missing)
    }

    /// Opens another database than `main`, with the tables that a `main` of this binary has.
    ///
    /// # Errors
    /// NotFound where it is not there; Refused where its schema is not this binary's.
    pub fn open_other(settings: &DatabaseSettings) -> Result<Self> {
        let mut store = Self::connect(settings, Missing::Fail)?;
        match store.schema_state()? {
            SchemaState::Current => Ok(store),
            state @ SchemaState::Newer { .. } => Err(state.refusal(&store.label)),
            SchemaState::Missing => {
                let what = format!("use the database {}: the framework's tables are not there", store.label);
                Err(Error::new(ErrorKind::NotFound, what))
            }
            SchemaState::Behind(names) => {
                let what = format!("use the database {}: its tables lack {}", store.label, names.join(", "));
                Err(Error::new(ErrorKind::Refused, what)
                    .hint("bring it up to date first: `dc deploy` while it is still `main`"))
            }
        }
    }

    /// Opens the database `main`, ready for use. The embedded default is made and brought up to date by itself.
    ///
    /// # Errors
    /// As [`Store::open`]; NotFound for a configured database without the tables, Refused for one that is behind or
    /// newer than this binary.
    pub fn ready(context: &Context) -> Result<Self> {
        let settings = context.settings().framework()?;
        let missing = if settings.is_default { Missing::Create } else { Missing::Fail };
        let mut store = Self::connect(&settings, missing)?;
        let state = store.schema_state()?;
        let (kind, reason) = match &state {
            SchemaState::Current => return Ok(store),
            SchemaState::Newer { .. } => return Err(state.refusal(&store.label)),
            SchemaState::Missing | SchemaState::Behind(_) if settings.is_default => {
                store.migrate()?;
                return Ok(store);
            }
            SchemaState::Missing => (ErrorKind::NotFound, "the framework's tables are not there".to_owned()),
            SchemaState::Behind(names) => (ErrorKind::Refused, format!("its tables lack {}", names.join(", "))),
        };
        let error = Error::new(kind, format!("use the database {}: {reason}", store.label));
        Err(error.hint("`dc deploy` brings it up to date"))
    }

    pub(super) fn connect(settings: &DatabaseSettings, missing: Missing) -> Result<Self> {
        match &settings.target {
            Target::Sqlite { path } => {
                let store = Self::over(Link::Sqlite(open_sqlite(path, missing)?), settings, settings.target.label());
                Ok(Self { queue: Some(WriteQueue::of(path)), ..store })
            }
            Target::Server { scheme, url, .. } if scheme == "postgres" => {
                let target = postgres::server::server_target(url)?;
                Ok(Self::over(Link::Postgres(Pg::connect(&target)?), settings, target.label))
            }
            Target::Server { scheme, url, .. } if scheme == "mysql" => {
                let target = mysql::server::server_target(url)?;
                Ok(Self::over(Link::Mysql(My::connect(&target)?), settings, target.label))
            }
            Target::Server { scheme, .. } if scheme == "mssql" => {
                let what = "keep the framework's tables on SQL Server: this dc keeps users' tables there alone";
                Err(Error::new(ErrorKind::Settings, what).hint(
                    "let `main` be sqlite:PATH, postgres://.. or mysql://.., name this server as another database \
                     (`[db.warehouse] url = ..`), and merge with `--database warehouse`",
                ))
            }
            Target::Server { scheme, .. } => {
                let message = format!("keep the framework's tables in a database of the kind `{scheme}`");
                let hint = "`main` takes sqlite:PATH, postgres://.. or mysql://..";
                Err(Error::new(ErrorKind::Settings, message).hint(hint))
            }
        }
    }
}

impl Store {
    /// Whether the framework's tables take changes: a row that is not there is changed.
    ///
    /// # Errors
    /// Permission, for a replica, a file that is protected, or a role that may only read.
    pub fn check_writable(&mut self) -> Result<()> {
        let nothing = || apps::table.filter(apps::id.lt(0));
        self.write("change anything", |connection| {
            diesel::update(nothing()).set(apps::failures.eq(0)).execute(connection).map(drop)
        })
    }

    pub(super) fn over(connection: Link, settings: &DatabaseSettings, label: String) -> Self {
        let settings = settings.clone();
        Self { connection, settings, label, queue: None, is_lost: false, is_patient: false, reads_within: None }
    }
}

/// Makes the schema of the framework's own tables, where the settings name one that is not there. A file needs none.
fn make_schema(context: &Context) -> Result<()> {
    let settings = context.settings().database(MAIN)?;
    let Some(schema) = settings.schema.as_deref().filter(|_| !settings.target.is_file()) else { return Ok(()) };
    let mut database = db::open(context, &settings)?;
    let known = "SELECT schema_name FROM information_schema.schemata WHERE schema_name = $1";
    if database.query(known, &[Value::Text(schema.into())])?.rows.is_empty() {
        let made = database.execute(&format!("CREATE SCHEMA {schema}"), &[]);
        made.map_err(|error| error.within(format!("make the schema `{schema}` of [db.main]")))?;
    }
    Ok(())
}

fn open_sqlite(path: &Path, missing: Missing) -> Result<SqliteConnection> {
    let place = path.display();
    let there = match path.try_exists() {
        // a file stands where a folder should: making the folder will say so
        Err(cause) if cause.kind() == std::io::ErrorKind::NotADirectory => false,
        outcome => outcome.map_err(|cause| file_error(format!("look for the database {place}"), cause))?,
    };
    match (there, missing) {
        (true, _) => {}
        (false, Missing::Fail) => {
            let error = Error::new(ErrorKind::NotFound, format!("open the database {place}: the file is not there"));
            return Err(error.hint("`dc deploy` creates it"));
        }
        (false, Missing::Create) => {
            handle::make_folder(path)?;
            handle::make_private(path);
        }
    }
    let text = path
        .to_str()
        .ok_or_else(|| Error::new(ErrorKind::Settings, format!("open the database {place}: its path is no UTF-8")))?;
    let mut connection = SqliteConnection::establish(text).map_err(|cause| {
        Error::new(ErrorKind::Permission, format!("open the database {place}"))
            .because(cause)
            .hint("check that it is a file, and whether this user may read and write it and its folder")
    })?;
    prepare(&mut connection).map_err(|cause| database_error(format!("open the database {place}"), cause))?;
    Ok(connection)
}

fn prepare(connection: &mut SqliteConnection) -> QueryResult<()> {
    handle::set_up(connection)?;
    for attempt in 1..=JOURNAL_ATTEMPTS_MAX {
        match handle::write_ahead(connection) {
            Err(cause) if attempt < JOURNAL_ATTEMPTS_MAX && is_passing(&cause) => sleep(JOURNAL_PAUSE),
            outcome => return outcome,
        }
    }
    Ok(())
}

impl SqliteHandle for SqliteConnection {
    type Failure = diesel::result::Error;

    fn run(&mut self, sql: &str) -> QueryResult<()> {
        self.batch_execute(sql)
    }

    fn journal_mode(&mut self, sql: &str) -> QueryResult<String> {
        Ok(diesel::sql_query(sql).get_result::<JournalMode>(self)?.journal_mode)
    }

    fn number(&mut self, sql: &str) -> QueryResult<i64> {
        Ok(diesel::sql_query(sql).get_result::<Number>(self)?.it)
    }
}
