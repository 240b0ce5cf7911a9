//! One suite, every backend: SQLite always, PostgreSQL where `DC_TEST_POSTGRES` answers.

mod calls;
mod files;
mod opening;
mod pipelines;
mod registering;
mod running;
mod storing;

use diesel::connection::SimpleConnection;
use tempfile::TempDir;

use super::postgres::Pg;
use super::{AppRegistration, AppType, Link, Missing, NewRun, Store};
use crate::clock;
use crate::context::Context;
use crate::db::postgres::server::server_target;
use crate::ident::RuntimeId;
use crate::settings::{Environment, Secret, Settings, Source};
use crate::shell::{Shell, ShellOptions};

/// Where a PostgreSQL server for tests is looked for.
const POSTGRES: &str = "postgres://postgres@127.0.0.1:5432/postgres";

/// A database of its own for one test.
struct House {
    context: Context,
    folder: TempDir,
    /// The server's own database and the name of ours, which is dropped at the end.
    server: Option<(Secret, String)>,
}

impl House {
    fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("house.db").display());
        Self { context: context(&folder, &[("DC_DB_MAIN_URL", &url)]), folder, server: None }
    }

    /// `None`, with a note, where no server answers; a failure where one is required.
    fn postgres() -> Option<Self> {
        let environment = Environment::process();
        if environment.get("DC_TEST_WITHOUT").is_some_and(|names| names.contains("postgres")) {
            skip("PostgreSQL: DC_TEST_WITHOUT names it");
            return None;
        }
        let admin = environment.get("DC_TEST_POSTGRES").unwrap_or(POSTGRES).to_owned();
        let mut server = match server_target(&Secret::new(&admin)).and_then(|target| Pg::connect(&target)) {
            Ok(server) => server,
            Err(error) => {
                let required = environment.get("DC_TEST_REQUIRE").is_some_and(|names| names.contains("postgres"));
                assert!(!required, "PostgreSQL is required: {error}");
                skip(&format!("PostgreSQL: {error}"));
                return None;
            }
        };
        let name = format!("dc_test_{}", uuid::Uuid::now_v7().simple());
        server.batch_execute(&format!("CREATE DATABASE {name}")).expect("a database");
        let (place, options) = admin.split_once('?').unwrap_or((&admin, ""));
        let place = place.rsplit_once('/').map_or(place, |(place, _)| place);
        let url = format!("{place}/{name}?{options}");
        let folder = tempfile::tempdir().expect("a folder");
        let context = context(&folder, &[("DC_DB_MAIN_URL", &url)]);
        Some(Self { context, folder, server: Some((Secret::new(admin), name)) })
    }

    fn open(&self) -> Store {
        Store::open(&self.context, Missing::Create).expect("a store")
    }

    /// A store whose tables are there.
    fn ready(&self) -> Store {
        let mut store = self.open();
        store.migrate().expect("migrations");
        store
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some((admin, name)) = &self.server {
            let server = server_target(admin).and_then(|target| Pg::connect(&target));
            let dropped = server.map(|mut it| it.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")));
            assert!(matches!(dropped, Ok(Ok(()))) || std::thread::panicking(), "{name} stays behind");
        }
    }
}

fn context(folder: &TempDir, pairs: &[(&str, &str)]) -> Context {
    let source = Source { folder: Some(folder.path().to_owned()), config: None };
    let settings = Settings::load(&source, Environment::of(pairs.iter().copied())).expect("settings");
    Context::new(settings, Shell::new(ShellOptions::default(), true))
}

/// Whoever reads the tests' output shall see what did not run: written past the capture of passing tests.
fn skip(what: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "skipped: {what}");
}

fn on_every_backend(check: impl Fn(&House)) {
    check(&House::sqlite());
    if let Some(house) = House::postgres() {
        check(&house);
    }
}

fn app(name: &str, definition: &str) -> AppRegistration {
    AppRegistration {
        name: name.parse().expect("a name"),
        app_type: AppType::Cron,
        definition: definition.to_owned(),
        schedule: Some("0 6 * * *".to_owned()),
        interval_ms: None,
        timezone: "Europe/Zagreb".to_owned(),
        next_run: Some(clock::now()),
        labels: Vec::new(),
        sha: [u8::try_from(definition.len()).expect("a short one"); 32],
    }
}

fn run_of(app_id: i64) -> NewRun {
    NewRun {
        runtime: RuntimeId::new(),
        app_id,
        started_at: clock::now(),
        args: Some("{}".to_owned()),
        started_by: "test".to_owned(),
        host: "here".to_owned(),
        boot_id: None,
        pid_namespace: None,
        lease: std::time::Duration::from_secs(60),
        pid: None,
        pid_started: None,
        occurrence: None,
        serves: false,
    }
}

/// Runs plain SQL behind the house's back.
fn sql(store: &mut Store, text: &str) {
    match &mut store.connection {
        Link::Sqlite(file) => file.batch_execute(text),
        Link::Postgres(server) => server.batch_execute(text),
    }
    .expect(text);
}
