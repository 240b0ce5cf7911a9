//! What the integration tests share: databases of their own, projects of their own, and the binary.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use data_collector::context::Context;
use data_collector::db::Connection;
use data_collector::settings::{Environment, Settings, Source};
use data_collector::shell::{Shell, ShellOptions};
use tempfile::TempDir;

/// The server that PostgreSQL tests make their databases on.
const POSTGRES: &str = "postgres://postgres@127.0.0.1:5432/postgres";

/// A database that goes when the test ends, also when it fails.
pub(crate) struct Backend {
    pub(crate) url: String,
    pub(crate) folder: TempDir,
    /// The server and the database's name, for PostgreSQL.
    server: Option<(String, String)>,
}

impl Backend {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        Self { url, folder, server: None }
    }

    /// `None`, said aloud, where no server answers; a failure where one is required.
    pub(crate) fn postgres() -> Option<Self> {
        let server = std::env::var("DC_TEST_POSTGRES").unwrap_or_else(|_| POSTGRES.to_owned());
        let name = format!("dc_test_{}", uuid::Uuid::now_v7().simple());
        let made = postgres::Client::connect(&server, postgres::NoTls)
            .and_then(|mut client| client.batch_execute(&format!("CREATE DATABASE {name}")));
        if let Err(cause) = made {
            let is_required = std::env::var("DC_TEST_REQUIRE").is_ok_and(|required| required.contains("postgres"));
            assert!(!is_required, "PostgreSQL is required and cannot be used: {cause}");
            // past the capture of passing tests, so that it is seen
            let _ = writeln!(std::io::stderr(), "skipped: PostgreSQL cannot be used: {cause}");
            return None;
        }
        let (place, _) = server.rsplit_once('/').expect("a URL with a database");
        let folder = tempfile::tempdir().expect("a folder");
        Some(Self { url: format!("{place}/{name}"), folder, server: Some((server, name)) })
    }

    /// All backends that are there.
    pub(crate) fn all() -> Vec<Self> {
        [Some(Self::sqlite()), Self::postgres()].into_iter().flatten().collect()
    }

    pub(crate) fn context(&self) -> Context {
        self.context_with(&[])
    }

    pub(crate) fn context_with(&self, more: &[(&str, &str)]) -> Context {
        let pairs = [("DC_DB_MAIN_URL", self.url.as_str())].into_iter().chain(more.iter().copied());
        let source = Source { folder: Some(self.folder.path().to_owned()), config: None };
        let settings = Settings::load(&source, Environment::of(pairs)).expect("settings");
        Context::new(settings, Shell::new(ShellOptions::default(), true))
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(&self.context(), "main").expect("a connection")
    }

    /// As another role of the server.
    pub(crate) fn connect_as(&self, role: &Role) -> Connection {
        let url = self.url.replacen("//postgres@", &format!("//{}@", role.0), 1);
        Connection::open(&self.context_with(&[("DC_DB_MAIN_URL", &url)]), "main").expect("a connection")
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.server.is_none()
    }
}

/// A role of the PostgreSQL server that is no superuser. It has to go after the databases in which it has rights, so it
/// stands before them in a test.
pub(crate) struct Role(pub(crate) String);

impl Role {
    /// `None` where no server answers.
    pub(crate) fn new() -> Option<Self> {
        let name = format!("dc_test_{}", uuid::Uuid::now_v7().simple());
        administer(&format!("CREATE ROLE {name} LOGIN")).then_some(Self(name))
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        administer(&format!("DROP ROLE {}", self.0));
    }
}

fn administer(sql: &str) -> bool {
    let server = std::env::var("DC_TEST_POSTGRES").unwrap_or_else(|_| POSTGRES.to_owned());
    postgres::Client::connect(&server, postgres::NoTls).and_then(|mut client| client.batch_execute(sql)).is_ok()
}

impl Drop for Backend {
    fn drop(&mut self) {
        if let Some((server, name)) = &self.server
            && let Ok(mut client) = postgres::Client::connect(server, postgres::NoTls)
        {
            let _ = client.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

/// `dc` in a folder, with nothing of our own settings.
pub(crate) fn dc(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dc"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("DC_")) {
        command.env_remove(name);
    }
    command.current_dir(folder).env("XDG_CONFIG_HOME", folder).env("TZ", "UTC");
    command
}

pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    dc(folder).args(arguments).output().expect("dc starts")
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A process that is one of the ignored tests of this program.
pub(crate) fn ignored_test(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", name, "--ignored", "--nocapture", "--test-threads=1"]);
    command
}

/// Makes an app out of a shell script.
pub(crate) fn app(project: &Path, name: &str, script: &str, definition: &str) {
    use std::os::unix::fs::PermissionsExt;
    let folder = project.join("apps").join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("main"), format!("#!/bin/sh\n{script}\n")).expect("a script");
    std::fs::set_permissions(folder.join("main"), PermissionsExt::from_mode(0o755)).expect("a mode");
    if !definition.is_empty() {
        std::fs::write(folder.join("app.toml"), definition).expect("a definition");
    }
}
