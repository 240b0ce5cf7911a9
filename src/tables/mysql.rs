//! diesel on MariaDB and MySQL without libmysqlclient: mysql_async behind a blocking connection of our own. The driver has no
//! task in the background that could be stopped when a server goes silent, as PostgreSQL's has, so each call is bounded here.

use std::any::Any;
use std::iter::Map;
use std::time::{Duration, Instant};
use std::vec::IntoIter;

use diesel::connection::{
    AnsiTransactionManager, CacheSize, DynInstrumentation, Instrumentation, LoadConnection, SimpleConnection,
};
use diesel::expression::QueryMetadata;
use diesel::internal::derives::multiconnection::{ConnectionSealed, MultiConnectionHelper};
use diesel::migration::{CREATE_MIGRATIONS_TABLE, MigrationConnection};
use diesel::mysql::Mysql;
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use diesel::sql_types::{BigInt, TypeMetadata};
use diesel::{Connection, ConnectionResult, QueryResult, QueryableByName, RunQueryDsl};
use diesel_async::{AsyncConnection, AsyncConnectionCore, AsyncMysqlConnection, SimpleAsyncConnection};
use futures_util::TryStreamExt;
use mysql_async::prelude::Queryable;

use crate::db::mysql::line::Line;
use crate::db::mysql::server::{ServerTarget, server_error};
use crate::error::{Error, ErrorKind, Result};

type Row = <AsyncMysqlConnection as AsyncConnectionCore>::Row<'static, 'static>;
type Lookup = <Mysql as TypeMetadata>::MetadataLookup;

/// SQL as the other two backends read it: double quotes around names, no backslashes in texts, `||` joins texts. A value that does
/// not fit is an error and is never cut. Error messages are in English, because the driver passes on only their text.
///
/// A lock is waited for, and an answer is on its way, for no longer than for the other backends; these are the framework's own
/// transactions, which wait for nothing but the database. Merges have connections of their own.
const SESSION: &str = "SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,STRICT_ALL_TABLES,\
    STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION', lc_messages = 'en_US', \
    innodb_lock_wait_timeout = 20, lock_wait_timeout = 20, net_read_timeout = 30, net_write_timeout = 30";
/// What MariaDB does of itself about a client that says nothing in a transaction: a process that was frozen, or a machine
/// that was lost, must not hold what others wait for.
const IDLE: &str = "SET SESSION idle_transaction_timeout = 10";
/// MySQL has no such limit: there a session that says nothing is ended sooner while it is in a transaction.
const IDLE_S: u64 = 10;
const IDLE_END: &str = "SET SESSION wait_timeout = 86400";
/// How long the goodbye may take: it is not worth waiting for.
const GOODBYE: Duration = Duration::from_millis(200);
/// So many turns are taken by one statement.
const TURNS_AT_ONCE: usize = 200;
/// How long one statement waits for turns: less than any answer.
const TURN_WAIT_S: u64 = 20;

/// What the words of failures say whose kind the driver does not tell.
const KINDS: &[(&str, DatabaseErrorKind)] = &[
    ("Input/output error", DatabaseErrorKind::ClosedConnection),
    ("Connection to the server is closed", DatabaseErrorKind::ClosedConnection),
    ("Connection was killed", DatabaseErrorKind::ClosedConnection),
    ("Server shutdown in progress", DatabaseErrorKind::ClosedConnection),
    ("disconnected by the server because of inactivity", DatabaseErrorKind::ClosedConnection),
    ("Deadlock found when trying to get lock", DatabaseErrorKind::SerializationFailure),
    ("Record has changed since last read", DatabaseErrorKind::SerializationFailure),
];

/// A blocking connection to MariaDB or MySQL. Not to be used on a thread that runs inside tokio: `spawn_blocking` there.
pub(crate) struct My {
    /// `None` since it was given up. Boxed, because it is much larger than a connection to a file.
    inner: Option<Box<AsyncMysqlConnection>>,
    line: Line,
    patience: Duration,
    transactions: AnsiTransactionManager,
    instrumentation: DynInstrumentation,
    is_mariadb: bool,
    version: (u16, u16),
    holds_turns: bool,
    /// The transaction that is open has shown itself as one that writes into the log.
    is_shown: bool,
    /// How long a transaction may say nothing on MySQL, in seconds.
    idle_s: u64,
}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = BigInt)]
    taken: i64,
}

impl My {
    /// Connects.
    pub(super) fn connect(target: &ServerTarget) -> Result<Self> {
        let target = target.keeping_no_statements();
        let ((inner, flavor), line) = target.connect(async |mut client, flavor| {
            let what = || format!("set up the connection to {}", target.label);
            let made = async {
                client.query_drop(SESSION).await?;
                if flavor.is_mariadb { client.query_drop(IDLE).await } else { Ok(()) }
            };
            made.await.map_err(|cause| server_error(what(), cause))?;
            // diesel sets a few variables of the session; a server that has answered refuses that only by going away
            let made = AsyncMysqlConnection::try_from(client).await.map_err(|cause| {
                Error::new(ErrorKind::Busy, what()).because(cause).hint("the server went away; try again")
            });
            Ok((made?, flavor))
        })?;
        Ok(Self {
            inner: Some(Box::new(inner)),
            line,
            patience: target.answer_timeout,
            transactions: AnsiTransactionManager::default(),
            instrumentation: DynInstrumentation::none(),
            is_mariadb: flavor.is_mariadb,
            version: flavor.version,
            holds_turns: false,
            is_shown: false,
            idle_s: IDLE_S,
        })
    }

    /// Which of the two it is, as people know it, and its version.
    pub(super) fn product(&self) -> String {
        let (major, minor) = self.version;
        format!("{} {major}.{minor}", if self.is_mariadb { "MariaDB" } else { "MySQL" })
    }

    /// Whether it is MariaDB; else MySQL.
    pub(super) fn is_mariadb(&self) -> bool {
        self.is_mariadb
    }

    /// Bounds transactions as for MySQL, on whichever server it is, by so many seconds.
    #[cfg(test)]
    pub(super) fn is_as_mysql(&mut self, seconds: u64) {
        self.is_mariadb = false;
        self.idle_s = seconds;
    }

    /// Waits so long for each answer from now on.
    pub(super) fn wait_for(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Starts a transaction.
    pub(super) fn begin(&mut self) -> QueryResult<()> {
        match self.is_mariadb {
            true => AnsiTransactionManager::begin_transaction_sql(self, "BEGIN"),
            false => {
                let sql = format!("SET SESSION wait_timeout = {}; BEGIN", self.idle_s);
                AnsiTransactionManager::begin_transaction_sql(self, &sql)
            }
        }
    }

    /// Takes turns of these names, one after the other, and holds them until [`My::settle`]: the locks are of the session. The
    /// server knows them by their names alone, so that of the database is a part of them.
    pub(super) fn take_turns(&mut self, names: &[String], patience: Duration) -> QueryResult<()> {
        // before they are asked for: of several some may be there when another fails
        self.holds_turns |= !names.is_empty();
        let began = Instant::now();
        for some in names.chunks(TURNS_AT_ONCE) {
            let lock = |name: &String| {
                format!("(GET_LOCK(CONCAT('dc:', LEFT(SHA2(DATABASE(), 256), 24), ':{name}'), {TURN_WAIT_S}) <=> 1)")
            };
            let locks: Vec<String> = some.iter().map(lock).collect();
            let sql = format!("SELECT CAST({} AS SIGNED) AS taken", locks.join(" AND "));
            while diesel::sql_query(&sql).get_result::<Taken>(self)?.taken == 0 {
                if began.elapsed() >= patience {
                    let words = Box::new("lock timeout: somebody else is at it".to_owned());
                    return Err(QueryError::DatabaseError(DatabaseErrorKind::Unknown, words));
                }
            }
        }
        Ok(())
    }

    /// Notes that the transaction shows itself as one that writes into the log; false when it does already.
    pub(super) fn is_shown_first(&mut self) -> bool {
        !std::mem::replace(&mut self.is_shown, true)
    }

    /// Gives back what was held for a transaction, which has ended by now. Without a connection the server does it.
    pub(super) fn settle(&mut self) {
        self.is_shown = false;
        let turns = std::mem::take(&mut self.holds_turns).then_some("DO RELEASE_ALL_LOCKS()");
        let idle = (!self.is_mariadb).then_some(IDLE_END);
        let all: Vec<&str> = turns.into_iter().chain(idle).collect();
        if !all.is_empty() && self.inner.is_some() && self.batch_execute(&all.join("; ")).is_err() {
            // nobody is to wait for what such a connection holds
            self.inner = None;
        }
    }

    /// Waits for an answer as long as it may. A connection that broke, or that gives none, is given up.
    fn ask<T>(&mut self, question: impl AsyncFnOnce(&mut AsyncMysqlConnection) -> QueryResult<T>) -> QueryResult<T> {
        let Some(inner) = self.inner.as_deref_mut() else { return Err(closed("the connection was given up")) };
        let patience = self.patience;
        let answer = self.line.block_on(async { tokio::time::timeout(patience, question(inner)).await });
        let answer = match answer {
            Ok(answer) => answer.map_err(of_a_kind),
            Err(_) => {
                let seconds = patience.as_secs_f64();
                ::log::warn!("the database said nothing for {seconds} s; the connection is given up");
                Err(closed(&format!("connection closed: no answer in {seconds} s")))
            }
        };
        if let Err(QueryError::DatabaseError(DatabaseErrorKind::ClosedConnection, _)) = &answer {
            self.inner = None;
        }
        answer
    }
}

impl Drop for My {
    fn drop(&mut self) {
        let Some(inner) = self.inner.take() else { return };
        // inside of a runtime the driver says goodbye by a task; otherwise the server logs that it lost a client
        let goodbye = async {
            drop(inner);
            while tokio::runtime::Handle::current().metrics().num_alive_tasks() > 0 {
                tokio::task::yield_now().await;
            }
        };
        let _ = self.line.block_on(async { tokio::time::timeout(GOODBYE, goodbye).await });
    }
}

fn closed(words: &str) -> QueryError {
    QueryError::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(words.to_owned()))
}

/// The failure, with its kind where its words say it.
fn of_a_kind(failure: QueryError) -> QueryError {
    let QueryError::DatabaseError(DatabaseErrorKind::Unknown, information) = &failure else { return failure };
    let text = information.message();
    let known = KINDS.iter().find(|(words, _)| text.contains(words)).map(|(_, kind)| kind);
    // MariaDB has a number for it that the driver does not know
    let is_check = text.starts_with("CONSTRAINT ") && text.contains(" failed for ");
    match known {
        Some(DatabaseErrorKind::ClosedConnection) => closed(text),
        Some(_) => QueryError::DatabaseError(DatabaseErrorKind::SerializationFailure, Box::new(text.to_owned())),
        None if is_check => QueryError::DatabaseError(DatabaseErrorKind::CheckViolation, Box::new(text.to_owned())),
        None => failure,
    }
}

impl SimpleConnection for My {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        self.ask(async |inner| inner.batch_execute(query).await)
    }
}

impl ConnectionSealed for My {}

impl Connection for My {
    type Backend = Mysql;
    type TransactionManager = AnsiTransactionManager;

    fn establish(_url: &str) -> ConnectionResult<Self> {
        Err(diesel::ConnectionError::BadConnection("a server is reached through its settings".to_owned()))
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Self::Backend> + QueryId,
    {
        self.ask(async |inner| inner.execute_returning_count(source).await)
    }

    fn transaction_state(&mut self) -> &mut AnsiTransactionManager {
        &mut self.transactions
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        &mut *self.instrumentation
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.instrumentation = instrumentation.into();
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        if let Some(inner) = &mut self.inner {
            inner.set_prepared_statement_cache_size(size);
        }
    }
}

impl LoadConnection for My {
    // all of them are read before the first is given: whoever stops half-way leaves nothing on the line
    type Cursor<'conn, 'query> = Map<IntoIter<Row>, fn(Row) -> QueryResult<Row>>;
    type Row<'conn, 'query> = Row;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Self::Backend> + QueryId + 'query,
        Self::Backend: QueryMetadata<T::SqlType>,
    {
        let rows = self.ask(async |inner| inner.load(source).await?.try_collect::<Vec<Row>>().await)?;
        Ok(rows.into_iter().map(Ok))
    }
}

impl MigrationConnection for My {
    fn setup(&mut self) -> QueryResult<usize> {
        self.batch_execute(CREATE_MIGRATIONS_TABLE).map(|()| 0)
    }
}

/// MySQL looks no types up.
impl MultiConnectionHelper for My {
    fn to_any<'a>(lookup: &mut Lookup) -> &mut (dyn Any + 'a) {
        lookup
    }

    fn from_any(lookup: &mut dyn Any) -> Option<&mut Lookup> {
        lookup.downcast_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_driver_does_not_tell_is_read_from_the_words() {
        let kind = |words: &str| {
            let failure = QueryError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(words.to_owned()));
            match of_a_kind(failure) {
                QueryError::DatabaseError(kind, _) => format!("{kind:?}"),
                other => other.to_string(),
            }
        };
        for (words, expected) in [
            ("Input/output error: Broken pipe (os error 32)", "ClosedConnection"),
            ("Deadlock found when trying to get lock; try restarting transaction", "SerializationFailure"),
            ("CONSTRAINT `CONSTRAINT_1` failed for `a`.`b`", "CheckViolation"),
            ("Lock wait timeout exceeded; try restarting transaction", "Unknown"),
        ] {
            assert_eq!(kind(words), expected, "{words}");
        }
    }
}
