//! diesel on PostgreSQL without libpq: tokio-postgres behind a blocking connection of our own type, because the one
//! of diesel-async lacks the trait that an enum of connections needs.

use std::any::Any;
use std::time::Duration;

use diesel::connection::{
    CacheSize, Instrumentation, LoadConnection, SimpleConnection, TransactionManager, TransactionManagerStatus,
};
use diesel::expression::QueryMetadata;
use diesel::internal::derives::multiconnection::{ConnectionSealed, MultiConnectionHelper};
use diesel::migration::{CREATE_MIGRATIONS_TABLE, MigrationConnection};
use diesel::pg::{PgMetadataLookup, PgTypeMetadata};
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::sql_types::TypeMetadata;
use diesel::{Connection, ConnectionResult, QueryResult, RunQueryDsl};
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;

use super::driver::{Driver, Patience};
use crate::db::postgres::server::{ServerTarget, server_error};
use crate::error::{Error, ErrorKind, Result};

type Inner = AsyncConnectionWrapper<AsyncPgConnection, Driver>;
type Manager = <Inner as Connection>::TransactionManager;
type Lookup = <diesel::pg::Pg as TypeMetadata>::MetadataLookup;

/// What the server does of itself about a client that says nothing in a transaction, or at all: a process that was frozen,
/// or a machine that was lost, must not hold what others wait for. No answer is on its way for so long but where the
/// network drops packets, and then the transaction is done again. These are the framework's own transactions, which wait
/// for nothing but the database; merges have connections of their own.
const LIMITS: [(&str, &str); 5] = [
    ("idle_in_transaction_session_timeout", "10s"),
    ("tcp_keepalives_idle", "15"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "30s"),
];

/// A blocking PostgreSQL connection. Not to be used on a thread that runs inside tokio: `spawn_blocking` there.
/// Boxed, because it is much larger than a connection to a file.
pub(crate) struct Pg(Box<Inner>, Patience);

impl Pg {
    /// Connects.
    pub(super) fn connect(target: &ServerTarget) -> Result<Self> {
        let ((connection, task), line) = target.connect(async |client, task| {
            // diesel sets a few variables of the session; a server that has answered refuses that only by going away
            if let Some(limits) = limits(target.config.get_options().unwrap_or_default()) {
                let set = client.batch_execute(&limits).await;
                set.map_err(|cause| server_error(format!("set up the connection to {}", target.label), cause))?;
            }
            let made = AsyncPgConnection::try_from(client).await;
            let what = || format!("set up the connection to {}", target.label);
            let made = made.map_err(|cause| {
                Error::new(ErrorKind::Busy, what()).because(cause).hint("the server went away; try again")
            });
            Ok((made?, task))
        })?;
        let (driver, patience) = Driver::of(line, task, target.answer_timeout);
        Ok(Self(Box::new(driver.hold(|| Inner::from(connection))), patience))
    }

    /// Waits so long for each answer from now on.
    pub(super) fn wait_for(&self, patience: Duration) {
        self.1.set(patience);
    }
}

/// The statement that sets [`LIMITS`], as far as the server knows them and the URL's `options` do not set them.
fn limits(options: &str) -> Option<String> {
    // the server takes a name in letters of any case, and with hyphens
    let given = options.to_lowercase().replace('-', "_");
    let ours = LIMITS.iter().filter(|(name, _)| !given.contains(name));
    let rows: Vec<String> = ours.map(|(name, value)| format!("('{name}', '{value}')")).collect();
    let set = "SELECT pg_catalog.set_config(name, value, false) FROM (VALUES";
    let known = "AS wanted (name, value) WHERE pg_catalog.current_setting(name, true) IS NOT NULL";
    (!rows.is_empty()).then(|| format!("{set} {}) {known}", rows.join(", ")))
}

impl SimpleConnection for Pg {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        self.0.batch_execute(query)
    }
}

impl ConnectionSealed for Pg {}

impl Connection for Pg {
    type Backend = diesel::pg::Pg;
    type TransactionManager = PgTransactions;

    fn establish(_url: &str) -> ConnectionResult<Self> {
        Err(diesel::ConnectionError::BadConnection("a server is reached through its settings".to_owned()))
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Self::Backend> + QueryId,
    {
        self.0.execute_returning_count(source)
    }

    fn transaction_state(&mut self) -> &mut <PgTransactions as TransactionManager<Self>>::TransactionStateData {
        self.0.transaction_state()
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        self.0.instrumentation()
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.0.set_instrumentation(instrumentation);
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        self.0.set_prepared_statement_cache_size(size);
    }
}

impl LoadConnection for Pg {
    type Cursor<'conn, 'query> = <Inner as LoadConnection>::Cursor<'conn, 'query>;
    type Row<'conn, 'query> = <Inner as LoadConnection>::Row<'conn, 'query>;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Self::Backend> + QueryId + 'query,
        Self::Backend: QueryMetadata<T::SqlType>,
    {
        self.0.load(source)
    }
}

impl MigrationConnection for Pg {
    fn setup(&mut self) -> QueryResult<usize> {
        diesel::sql_query(CREATE_MIGRATIONS_TABLE).execute(self)
    }
}

/// The transactions of [`Pg`]: those of the connection inside.
pub(crate) struct PgTransactions;

impl TransactionManager<Pg> for PgTransactions {
    type TransactionStateData = <Manager as TransactionManager<Inner>>::TransactionStateData;

    fn begin_transaction(connection: &mut Pg) -> QueryResult<()> {
        Manager::begin_transaction(connection.0.as_mut())
    }

    fn rollback_transaction(connection: &mut Pg) -> QueryResult<()> {
        Manager::rollback_transaction(connection.0.as_mut())
    }

    fn commit_transaction(connection: &mut Pg) -> QueryResult<()> {
        Manager::commit_transaction(connection.0.as_mut())
    }

    fn transaction_manager_status_mut(connection: &mut Pg) -> &mut TransactionManagerStatus {
        Manager::transaction_manager_status_mut(connection.0.as_mut())
    }

    fn is_broken_transaction_manager(connection: &mut Pg) -> bool {
        Manager::is_broken_transaction_manager(connection.0.as_mut())
    }
}

/// Answers for types that the framework's tables do not have: diesel asks only for user-defined ones.
struct NoLookup;

impl PgMetadataLookup for NoLookup {
    fn lookup_type(&mut self, _type_name: &str, _schema: Option<&str>) -> PgTypeMetadata {
        PgTypeMetadata::new(0, 0)
    }

    fn as_any<'a>(&mut self) -> &mut (dyn Any + 'a)
    where
        Self: 'a,
    {
        self
    }
}

impl MultiConnectionHelper for Pg {
    fn to_any<'a>(_lookup: &mut Lookup) -> &mut (dyn Any + 'a) {
        // of no size, so nothing is allocated and nothing leaks
        Box::leak(Box::new(NoLookup))
    }

    fn from_any(lookup: &mut dyn Any) -> Option<&mut Lookup> {
        lookup.downcast_mut::<NoLookup>().map(|lookup| lookup as &mut Lookup)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_the_url_sets_is_left_alone() {
        let all = limits("").expect("a statement");
        assert!(LIMITS.iter().all(|(name, _)| all.contains(name)), "{all}");
        let rest = limits("-c Idle_in_transaction_session_timeout=0 --tcp-user-timeout=5s").expect("a statement");
        assert!(
            !rest.contains("idle_in_transaction") && !rest.contains("tcp_user") && rest.contains("keepalives_idle")
        );
        let names: Vec<&str> = LIMITS.iter().map(|(name, _)| *name).collect();
        assert_eq!(limits(&names.join(" ")), None);
    }
}
