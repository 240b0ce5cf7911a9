//! The schema: what the binary embeds, what the database has, and the way from one to the other.

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationConnection, MigrationSource};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connection::Link;
use super::mysql::My;
use super::{Store, Turn, steps, take_turn};
use crate::error::{Error, ErrorKind, Result};

const SQLITE: EmbeddedMigrations = embed_migrations!("schema/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("schema/postgres");
/// Those of MariaDB and MySQL with their SQL, by the versions of the others. A version that is not here has nothing to do
/// there: it is a part of the first one.
const MYSQL: [(&str, &str); 1] =
    [("20261122000001", include_str!("../../schema/mysql/2026-11-22-000001_house/up.sql"))];

diesel::table! {
    __diesel_schema_migrations (version) {
        version -> Text,
        run_on -> Timestamp,
    }
}

/// How a database's schema stands to the one that this binary embeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaState {
    /// The framework's tables are not there.
    Missing,
    /// These migrations are not applied yet.
    Behind(Vec<String>),
    /// Nothing is to be done.
    Current,
    /// A newer dc was here: the database holds a version that this binary does not embed.
    Newer {
        /// The newest version that the database holds.
        database: String,
        /// The newest version that this binary embeds.
        binary: String,
    },
}

impl SchemaState {
    /// The error of a binary that is too old for the database at `label`.
    pub(super) fn refusal(&self, label: &str) -> Error {
        let versions = match self {
            Self::Newer { database, binary } => format!("its schema is {database}, this dc knows {binary}"),
            other => format!("its schema is {other:?}"),
        };
        Error::new(ErrorKind::Refused, format!("use the database {label}: {versions}"))
            .hint("use the newer dc that was here before (`dc --version` tells them apart)")
    }
}

/// A migration that this binary embeds.
struct Step {
    version: String,
    name: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

impl Store {
    /// How the database's schema stands to this binary. Changes nothing.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn schema_state(&mut self) -> Result<SchemaState> {
        let steps = steps_of(&self.connection)?;
        let applied = self.read("read the schema's version", applied)?;
        Ok(compare(&applied, &steps))
    }

    /// Brings the schema up to date and names the migrations that were applied. All of them, or none; where DDL commits, on
    /// MariaDB and MySQL, what was done before a failure stays, and the next time goes on there.
    ///
    /// Two at the same moment do not collide: the second waits, and finds nothing left to do.
    ///
    /// # Errors
    /// Refused when the database is newer than this binary.
    pub fn migrate(&mut self) -> Result<Vec<String>> {
        let steps = steps_of(&self.connection)?;
        let label = self.label.clone();
        let outcome = self.write("bring the schema up to date", |connection| {
            take_turn(connection, Turn::Migrate)?;
            let state = compare(&applied(connection)?, &steps);
            match state {
                SchemaState::Current => Ok(Ok(Vec::new())),
                SchemaState::Newer { .. } => Ok(Err(state.refusal(&label))),
                SchemaState::Missing | SchemaState::Behind(_) => run_pending(connection, &steps).map(Ok),
            }
        })?;
        let names = outcome?;
        for name in &names {
            ::log::info!(migration = name.as_str(); "the schema was brought up to date");
        }
        Ok(names)
    }
}

fn run_pending(connection: &mut Link, steps: &[Step]) -> QueryResult<Vec<String>> {
    let versions: std::result::Result<Vec<String>, _> = match connection {
        Link::Sqlite(file) => file.run_pending_migrations(SQLITE).map(|done| texts(&done)),
        Link::Postgres(server) => {
            // the lock is held; what a migration itself has to wait for may take longer
            server.batch_execute("SET LOCAL lock_timeout = 0")?;
            server.run_pending_migrations(POSTGRES).map(|done| texts(&done))
        }
        Link::Mysql(server) => return run_steps(server, steps),
    };
    // its type is private to diesel_migrations; it names the migration and the database's reason
    let versions = versions.map_err(diesel::result::Error::QueryBuilderError)?;
    Ok(steps.iter().filter(|step| versions.contains(&step.version)).map(|step| step.name.clone()).collect())
}

/// Runs what is pending where DDL commits: each version is noted when all of it is done.
fn run_steps(server: &mut My, steps: &[Step]) -> QueryResult<Vec<String>> {
    use __diesel_schema_migrations::{table, version};
    // nothing is rolled back here; the turn is held all the same, and what a migration itself has to wait for may take longer
    server.batch_execute("COMMIT; SET SESSION lock_wait_timeout = 3600")?;
    server.setup()?;
    let applied: Vec<String> = table.select(version).load(server)?;
    let mut done = Vec::new();
    for step in steps.iter().filter(|step| !applied.contains(&step.version)) {
        if let Some((_, sql)) = MYSQL.iter().find(|(known, _)| *known == step.version) {
            steps::run(server, &step.version, sql)?;
        }
        diesel::insert_into(table).values(version.eq(&step.version)).execute(server)?;
        done.push(step.name.clone());
    }
    steps::forget(server)?;
    server.batch_execute("SET SESSION lock_wait_timeout = 20")?;
    Ok(done)
}

fn texts(versions: &[diesel::migration::MigrationVersion<'_>]) -> Vec<String> {
    versions.iter().map(ToString::to_string).collect()
}

/// The migrations that this binary embeds for a new SQLite file, oldest first: what making it would apply.
///
/// # Errors
/// When an embedded migration cannot be read, which is a fault of ours.
pub fn embedded_names() -> Result<Vec<String>> {
    Ok(steps_in(SQLITE)?.into_iter().map(|step| step.name).collect())
}

/// What the binary embeds for this backend, oldest first.
fn steps_of(connection: &Link) -> Result<Vec<Step>> {
    match connection {
        Link::Sqlite(_) => steps_in(SQLITE),
        // the same versions
        Link::Postgres(_) | Link::Mysql(_) => steps_in(POSTGRES),
    }
}

fn steps_in(source: EmbeddedMigrations) -> Result<Vec<Step>> {
    // only the names are asked for, and they do not depend on the backend that the trait is named for
    let migrations: Vec<Box<dyn Migration<Sqlite>>> =
        source.migrations().map_err(|cause| Error::failed("read the embedded migrations").because(cause))?;
    let names = migrations.iter().map(|migration| migration.name());
    let mut steps: Vec<Step> =
        names.map(|name| Step { version: name.version().to_string(), name: name.to_string() }).collect();
    steps.sort_by(|left, right| left.version.cmp(&right.version));
    Ok(steps)
}

/// The versions that the database holds; nothing is made where there are none.
fn applied(connection: &mut Link) -> QueryResult<Vec<String>> {
    let sql = match connection {
        Link::Sqlite(_) => {
            "SELECT count(*) AS count FROM sqlite_master WHERE type = 'table' AND name = '__diesel_schema_migrations'"
        }
        Link::Postgres(_) => {
            "SELECT count(*) AS count FROM pg_catalog.pg_class WHERE oid = to_regclass('__diesel_schema_migrations')"
        }
        Link::Mysql(_) => {
            "SELECT count(*) AS count FROM information_schema.tables WHERE table_schema = DATABASE() \
             AND table_name = '__diesel_schema_migrations'"
        }
    };
    let found: Count = diesel::sql_query(sql).get_result(connection)?;
    if found.count == 0 {
        return Ok(Vec::new());
    }
    __diesel_schema_migrations::table.select(__diesel_schema_migrations::version).load(connection)
}

fn compare(applied: &[String], steps: &[Step]) -> SchemaState {
    let unknown = applied.iter().filter(|version| steps.iter().all(|step| &step.version != *version)).max();
    if let Some(database) = unknown {
        let binary = steps.last().map(|step| step.version.clone()).unwrap_or_default();
        return SchemaState::Newer { database: database.clone(), binary };
    }
    let pending = steps.iter().filter(|step| !applied.contains(&step.version));
    let names: Vec<String> = pending.map(|step| step.name.clone()).collect();
    match (applied.is_empty(), names.is_empty()) {
        (_, true) => SchemaState::Current,
        (true, false) => SchemaState::Missing,
        (false, false) => SchemaState::Behind(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_missing_behind_current_or_newer() {
        let step = |version: &str| Step { version: version.to_owned(), name: format!("{version}_x") };
        let steps = [step("1"), step("2")];
        let state = |applied: &[&str]| compare(&applied.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>(), &steps);
        assert_eq!(state(&[]), SchemaState::Missing);
        assert_eq!(state(&["1"]), SchemaState::Behind(vec!["2_x".to_owned()]));
        assert_eq!(state(&["2", "1"]), SchemaState::Current);
        let newer = SchemaState::Newer { database: "3".to_owned(), binary: "2".to_owned() };
        assert_eq!(state(&["1", "2", "3"]), newer);
    }

    #[test]
    fn all_backends_have_the_same_versions() {
        let versions =
            |source| steps_in(source).expect("steps").into_iter().map(|step| step.version).collect::<Vec<_>>();
        let all = versions(SQLITE);
        assert_eq!(all, versions(POSTGRES));
        assert!(MYSQL.iter().all(|(version, _)| all.iter().any(|known| known == version)));
        // the first one has all of the others up to here
        let later: Vec<&String> = all.iter().filter(|version| version.as_str() > "20261130000240").collect();
        assert!(later.iter().all(|version| MYSQL.iter().any(|(known, _)| known == version)), "{later:?}");
    }
}
