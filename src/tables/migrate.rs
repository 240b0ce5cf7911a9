//! The schema: what the binary embeds, what the database has, and the way from one to the other.

use diesel::connection::SimpleConnection;
use diesel::migration::{CREATE_MIGRATIONS_TABLE, MigrationConnection};
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::connection::Link;
use super::mysql::My;
use super::{Store, Turn, steps, take_turn};
use crate::error::{Error, ErrorKind, Result};

/// The backend whose list of migrations is that of all.
const SQLITE: &str = "sqlite";

/// What `schema/` holds; the build writes it down.
mod embedded {
    include!(concat!(env!("OUT_DIR"), "/schema.rs"));
}

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
    pub(crate) fn refusal(&self, label: &str) -> Error {
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
    name: &'static str,
    sql: &'static str,
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
        let steps = steps_of(self.backend());
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
        let steps = steps_of(self.backend());
        let label = self.label.clone();
        let outcome = self.write("bring the schema up to date", |connection| {
            take_turn(connection, Turn::Migrate)?;
            let state = compare(&applied(connection)?, &steps);
            match state {
                SchemaState::Current => Ok(Ok(Vec::new())),
                SchemaState::Newer { .. } => Ok(Err(state.refusal(&label))),
                SchemaState::Missing | SchemaState::Behind(_) => run_pending(connection, &steps).map(Ok),
            }
        });
        let outcome = outcome.map_err(|error| match error.kind() {
            ErrorKind::Permission => {
                error.hint("let somebody run it who may make tables: `dc deploy --sql > schema.sql`")
            }
            _ => error,
        })?;
        let names = outcome?;
        for name in &names {
            ::log::info!(migration = name.as_str(); "the schema was brought up to date");
        }
        Ok(names)
    }
}

/// Runs what the database lacks, and notes each step.
fn run_pending(connection: &mut Link, steps: &[Step]) -> QueryResult<Vec<String>> {
    use __diesel_schema_migrations::{table, version};
    match connection {
        Link::Sqlite(_) => {}
        // the lock is held; what a migration itself has to wait for may take longer
        Link::Postgres(server) => server.batch_execute("SET LOCAL lock_timeout = 0")?,
        Link::Mysql(server) => return run_steps(server, steps),
    }
    connection.setup()?;
    let known = applied(connection)?;
    let mut done = Vec::new();
    for Step { version: number, name, sql } in steps.iter().filter(|step| !known.contains(&step.version)) {
        let named = |cause| diesel::result::Error::QueryBuilderError(format!("{name}: {cause}").into());
        connection.batch_execute(sql).map_err(named)?;
        diesel::insert_into(table).values(version.eq(number)).execute(connection)?;
        done.push((*name).to_owned());
    }
    Ok(done)
}

/// Runs what is pending where DDL commits: each version is noted when all of it is done.
fn run_steps(server: &mut My, steps: &[Step]) -> QueryResult<Vec<String>> {
    use __diesel_schema_migrations::{table, version};
    // nothing is rolled back here; the turn is held all the same, and what a migration itself has to wait for may take longer
    server.batch_execute("COMMIT; SET SESSION lock_wait_timeout = 3600")?;
    server.setup()?;
    let known: Vec<String> = table.select(version).load(server)?;
    let mut done = Vec::new();
    for Step { version: number, name, sql } in steps.iter().filter(|step| !known.contains(&step.version)) {
        steps::run(server, number, sql)?;
        diesel::insert_into(table).values(version.eq(number)).execute(server)?;
        done.push((*name).to_owned());
    }
    steps::forget(server)?;
    server.batch_execute("SET SESSION lock_wait_timeout = 20")?;
    Ok(done)
}

/// The migrations that this binary embeds for a new SQLite file, oldest first: what making it would apply.
pub fn embedded_names() -> Vec<String> {
    steps_of(SQLITE).into_iter().map(|step| step.name.to_owned()).collect()
}

/// What makes the schema of `[db.main]`, and has the rest go there.
pub fn schema_before(backend: &str, schema: &str) -> String {
    match backend {
        SQLITE => String::new(),
        "mysql" => format!("CREATE SCHEMA IF NOT EXISTS {schema};\nUSE {schema};\n\n"),
        _ => format!("CREATE SCHEMA IF NOT EXISTS {schema};\nSET search_path TO {schema}, public;\n\n"),
    }
}

/// The SQL that brings a database of this backend up to date, for somebody to run who may make tables there: all of it, or
/// these steps alone.
pub fn schema_sql(backend: &str, pending: Option<&[String]>) -> String {
    let mut text = format!("{CREATE_MIGRATIONS_TABLE};\n");
    for Step { version, name, sql } in steps_of(backend) {
        if pending.is_none_or(|pending| pending.iter().any(|wanted| wanted == name)) {
            let sql = sql.trim_end();
            text.push_str(&format!("\n-- {name}\n{sql}\n"));
            text.push_str(&format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}');\n"));
        }
    }
    text
}

/// What the binary embeds for this backend, oldest first.
/// What the binary embeds for this backend, oldest first. All backends have the same versions; one that began later has all of
/// the earlier ones in its first.
fn steps_of(backend: &str) -> Vec<Step> {
    let of = |backend: &str| embedded::SCHEMAS.iter().find(|(name, _)| *name == backend).map_or(&[][..], |it| it.1);
    let own = of(backend);
    let sql = |name: &str| own.iter().find(|(known, _)| *known == name).map_or("", |(_, sql)| *sql);
    of(SQLITE).iter().map(|(name, _)| Step { version: version_of(name), name, sql: sql(name) }).collect()
}

/// The number at the start of a migration's name, without its hyphens.
fn version_of(name: &str) -> String {
    name.split('_').next().unwrap_or_default().replace('-', "")
}

/// The versions that the database holds; nothing is made where there are none.
fn applied(connection: &mut Link) -> QueryResult<Vec<String>> {
    let sql = match connection {
        Link::Sqlite(_) => {
            "SELECT count(*) AS count FROM sqlite_master WHERE type = 'table' AND name = '__diesel_schema_migrations'"
        }
        Link::Postgres(_) => {
            // no catalogue is read for it: each run asks this on a connection that is new
            "SELECT count(pg_catalog.to_regclass('__diesel_schema_migrations')) AS count"
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
    let names: Vec<String> = pending.map(|step| step.name.to_owned()).collect();
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
        let step = |name: &'static str| Step { version: version_of(name), name, sql: "" };
        let steps = [step("1_x"), step("2_x")];
        let state = |applied: &[&str]| compare(&applied.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>(), &steps);
        assert_eq!(state(&[]), SchemaState::Missing);
        assert_eq!(state(&["1"]), SchemaState::Behind(vec!["2_x".to_owned()]));
        assert_eq!(state(&["2", "1"]), SchemaState::Current);
        let newer = SchemaState::Newer { database: "3".to_owned(), binary: "2".to_owned() };
        assert_eq!(state(&["1", "2", "3"]), newer);
    }

    #[test]
    fn all_backends_have_the_same_versions() {
        let names = |backend: &str| -> Vec<&str> {
            let (_, steps) = embedded::SCHEMAS.iter().find(|(name, _)| *name == backend).expect("a schema");
            steps.iter().map(|(name, _)| *name).collect()
        };
        let all = names(SQLITE);
        assert_eq!(all, names("postgres"));
        let mysql = names("mysql");
        assert!(mysql.iter().all(|name| all.contains(name)), "{mysql:?}");
        // its first one has all of the others up to here
        let later: Vec<&&str> = all.iter().filter(|name| **name > "2026-11-30-000240_recipients").collect();
        assert!(later.iter().all(|name| mysql.contains(name)), "{later:?}");
    }
}
