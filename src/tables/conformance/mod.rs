//! One suite, every backend: SQLite always, PostgreSQL where `DC_TEST_POSTGRES` answers, MariaDB where `DC_TEST_MARIADB` does.

mod calls;
mod files;
mod following;
mod opening;
mod pipelines;
mod reading;
mod registering;
mod running;
mod servers;
mod sharing;
mod storing;

use diesel::connection::SimpleConnection;
use tempfile::TempDir;

use super::mysql::My;
use super::postgres::Pg;
use super::{AppRegistration, AppType, Link, Missing, NewRun, Store};
use crate::clock;
use crate::context::Context;
use crate::db::{mysql, postgres};
use crate::error::Error;
use crate::ident::RuntimeId;
use crate::settings::{Environment, Secret, Settings, Source, Target};
use crate::shell::{Shell, ShellOptions};

/// Where servers for tests are looked for.
const POSTGRES: &str = "postgres://postgres@127.0.0.1:5432/postgres";
const MARIADB: &str = "mysql://root@127.0.0.1:3306/mysql";

/// A database of its own for one test.
struct House {
    context: Context,
    folder: TempDir,
    /// The server's own database and the name of ours, which is dropped at the end.
    server: Option<(Server, Secret, String)>,
}

/// The servers on which the suite runs.
#[derive(Debug, Clone, Copy)]
enum Server {
    Postgres,
    Mariadb,
}

impl Server {
    /// What it is called in `DC_TEST_REQUIRE` and `DC_TEST_WITHOUT`, what names another one, and where it is otherwise.
    fn place(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Postgres => ("postgres", "DC_TEST_POSTGRES", POSTGRES),
            Self::Mariadb => ("mariadb", "DC_TEST_MARIADB", MARIADB),
        }
    }

    fn connect(self, admin: &Secret) -> Result<Link, Error> {
        match self {
            Self::Postgres => {
                postgres::server::server_target(admin).and_then(|it| Pg::connect(&it)).map(Link::Postgres)
            }
            Self::Mariadb => mysql::server::server_target(admin).and_then(|it| My::connect(&it)).map(Link::Mysql),
        }
    }

    fn drop_words(self) -> &'static str {
        match self {
            Self::Postgres => " WITH (FORCE)",
            Self::Mariadb => "",
        }
    }
}

impl House {
    fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("house.db").display());
        Self { context: context(&folder, &[("DC_DB_MAIN_URL", &url)]), folder, server: None }
    }

    fn postgres() -> Option<Self> {
        Self::on(Server::Postgres)
    }

    fn mariadb() -> Option<Self> {
        Self::on(Server::Mariadb)
    }

    /// `None`, with a note, where no server answers; a failure where one is required.
    fn on(server: Server) -> Option<Self> {
        let environment = Environment::process();
        let (word, variable, usual) = server.place();
        if environment.get("DC_TEST_WITHOUT").is_some_and(|names| names.contains(word)) {
            skip(&format!("{server:?}: DC_TEST_WITHOUT names it"));
            return None;
        }
        let admin = environment.get(variable).unwrap_or(usual).to_owned();
        let mut link = match server.connect(&Secret::new(&admin)) {
            Ok(link) => link,
            Err(error) => {
                let required = environment.get("DC_TEST_REQUIRE").is_some_and(|names| names.contains(word));
                assert!(!required, "{server:?} is required: {error}");
                skip(&format!("{server:?}: {error}"));
                return None;
            }
        };
        let name = format!("dc_test_{}", uuid::Uuid::now_v7().simple());
        execute(&mut link, &format!("CREATE DATABASE {name}"));
        let (place, options) = admin.split_once('?').unwrap_or((&admin, ""));
        let place = place.rsplit_once('/').map_or(place, |(place, _)| place);
        let url = format!("{place}/{name}?{options}");
        let folder = tempfile::tempdir().expect("a folder");
        let context = context(&folder, &[("DC_DB_MAIN_URL", &url)]);
        Some(Self { context, folder, server: Some((server, Secret::new(admin), name)) })
    }

    /// The URL of a server's database.
    fn url(&self) -> String {
        match self.context.settings().database("main").expect("main").target {
            Target::Server { url, .. } => url.reveal().to_owned(),
            Target::Sqlite { .. } => panic!("a server"),
        }
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
        if let Some((server, admin, name)) = &self.server {
            let dropped = server.connect(admin).map(|mut it| {
                let sql = format!("DROP DATABASE {name}{}", server.drop_words());
                run(&mut it, &sql)
            });
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
    on_every_server(check);
}

fn on_every_server(check: impl Fn(&House)) {
    [House::postgres, House::mariadb].iter().filter_map(|house| house()).for_each(|house| check(&house));
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
    execute(&mut store.connection, text);
}

fn execute(link: &mut Link, text: &str) {
    run(link, text).expect(text);
}

fn run(link: &mut Link, text: &str) -> diesel::QueryResult<()> {
    match link {
        Link::Sqlite(file) => file.batch_execute(text),
        Link::Postgres(server) => server.batch_execute(text),
        Link::Mysql(server) => server.batch_execute(text),
    }
}
