//! What the integration tests share: databases of their own, projects of their own, and the binary.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod browser;
pub(crate) mod calls;
pub(crate) mod certificate;
pub(crate) mod elsewhere;
pub(crate) mod manager;
pub(crate) mod mariadb;
pub(crate) mod mssql;
pub(crate) mod needs;
pub(crate) mod notify;
pub(crate) mod page;
pub(crate) mod picture;
pub(crate) mod proxy;
pub(crate) mod pty;
pub(crate) mod rabbit;
pub(crate) mod services;
pub(crate) mod splunk;
pub(crate) mod store;
pub(crate) mod stranger;
pub(crate) mod terminal;
pub(crate) mod unruly;

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use data_collector::context::Context;
use data_collector::db::Connection;
use data_collector::ops;
use data_collector::settings::{Environment, Settings, Source};
use data_collector::shell::{Shell, ShellOptions};
use tempfile::TempDir;

/// The server that PostgreSQL tests make their databases on.
const POSTGRES: &str = "postgres://postgres@127.0.0.1:5432/postgres";

/// The server that tests of MariaDB make their databases on.
const MARIADB: &str = "mysql://root@127.0.0.1:3306/mysql";

/// What a database is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
    Mariadb,
    Mssql,
}

/// A database that goes when the test ends, also when it fails.
pub(crate) struct Backend {
    pub(crate) engine: Engine,
    pub(crate) url: String,
    pub(crate) folder: TempDir,
    /// The server and the database's name, where there is one.
    server: Option<(String, String)>,
}

impl Backend {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        Self { engine: Engine::Sqlite, url, folder, server: None }
    }

    /// As [`Backend::postgres`].
    pub(crate) fn mariadb() -> Option<Self> {
        let server = std::env::var("DC_TEST_MARIADB").unwrap_or_else(|_| MARIADB.to_owned());
        let name = format!("dc_test_{}", uuid::Uuid::now_v7().simple());
        needs::need("mariadb", || mariadb::run(&server, &format!("CREATE DATABASE {name}")))?;
        let (place, _) = server.rsplit_once('/').expect("a URL with a database");
        let folder = tempfile::tempdir().expect("a folder");
        Some(Self { engine: Engine::Mariadb, url: format!("{place}/{name}"), folder, server: Some((server, name)) })
    }

    /// `None`, said aloud, where no server answers; a failure where one is required.
    pub(crate) fn postgres() -> Option<Self> {
        let server = std::env::var("DC_TEST_POSTGRES").unwrap_or_else(|_| POSTGRES.to_owned());
        let name = format!("dc_test_{}", uuid::Uuid::now_v7().simple());
        needs::need("postgres", || {
            postgres::Client::connect(&server, postgres::NoTls)
                .and_then(|mut client| client.batch_execute(&format!("CREATE DATABASE {name}")))
                .map_err(|cause| cause.to_string())
        })?;
        let (place, _) = server.rsplit_once('/').expect("a URL with a database");
        let folder = tempfile::tempdir().expect("a folder");
        Some(Self { engine: Engine::Postgres, url: format!("{place}/{name}"), folder, server: Some((server, name)) })
    }

    /// A database for users' tables on SQL Server, or on what speaks like it.
    pub(crate) fn mssql() -> Option<Self> {
        let server = mssql::server()?;
        let name = format!("dc_test_{}", uuid::Uuid::now_v7().simple());
        needs::need("mssql", || mssql::run(&server, &[&format!("CREATE DATABASE {name}")]))?;
        let folder = tempfile::tempdir().expect("a folder");
        let url = server.replacen("/master", &format!("/{name}"), 1);
        Some(Self { engine: Engine::Mssql, url, folder, server: Some((server, name)) })
    }

    /// All backends that are there, for the framework's own tables and for users'.
    pub(crate) fn all() -> Vec<Self> {
        [Some(Self::sqlite()), Self::postgres(), Self::mariadb()].into_iter().flatten().collect()
    }

    /// All backends that are there, for users' tables alone.
    pub(crate) fn all_of_users() -> Vec<Self> {
        Self::all().into_iter().chain(Self::mssql()).collect()
    }

    pub(crate) fn context(&self) -> Context {
        self.context_with(&[])
    }

    pub(crate) fn context_with(&self, more: &[(&str, &str)]) -> Context {
        context(self.folder.path(), &[&[("DC_DB_MAIN_URL", self.url.as_str())], more].concat())
    }

    pub(crate) fn connect(&self) -> Connection {
        ops::connect(&self.context(), "main").expect("a connection")
    }

    /// As another role of the server.
    pub(crate) fn connect_as(&self, role: &Role) -> Connection {
        let url = self.url.replacen("//postgres@", &format!("//{}@", role.0), 1);
        ops::connect(&self.context_with(&[("DC_DB_MAIN_URL", &url)]), "main").expect("a connection")
    }

    /// As much of something that takes its time as this one bears: what speaks like SQL Server here is slow.
    pub(crate) fn share(&self, all: u32) -> u32 {
        let is_peer = self.engine == Engine::Mssql && std::env::var_os("DC_TEST_MSSQL").is_none();
        if is_peer { all / 20 } else { all }
    }

    /// A way to a server that can be listened to and cut, and its URL.
    pub(crate) fn by_proxy(&self) -> (proxy::Proxy, String) {
        let server = self.url.split(['@', '/']).nth(3).expect("a host").to_owned();
        let proxy = proxy::Proxy::to(&server);
        let url = self.url.replace(&server, &format!("127.0.0.1:{}", proxy.port));
        (proxy, format!("{url}?sslmode=disable"))
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.engine == Engine::Sqlite
    }

    /// What is so on each engine: SQLite, PostgreSQL, MariaDB, SQL Server.
    pub(crate) fn of<T>(&self, [sqlite, postgres, mariadb, mssql]: [T; 4]) -> T {
        match self.engine {
            Engine::Sqlite => sqlite,
            Engine::Postgres => postgres,
            Engine::Mariadb => mariadb,
            Engine::Mssql => mssql,
        }
    }

    /// A table's name with its schema.
    pub(crate) fn full_name(&self, table: &str) -> String {
        match (&self.server, self.engine) {
            (Some((_, name)), Engine::Mariadb) => format!("{name}.{table}"),
            (Some(_), Engine::Mssql) => format!("dbo.{table}"),
            (Some(_), _) => format!("public.{table}"),
            (None, _) => format!("main.{table}"),
        }
    }

    /// The columns of the framework, for a table that a test makes itself.
    pub(crate) fn own_columns(&self) -> &'static str {
        self.of([
            "id INTEGER PRIMARY KEY, sha BLOB NOT NULL, archive TIMESTAMP, date_created TIMESTAMP, date_modified TIMESTAMP",
            "id bigint GENERATED BY DEFAULT AS IDENTITY, sha bytea NOT NULL, archive timestamp, date_created timestamptz, \
             date_modified timestamp",
            "id BIGINT AUTO_INCREMENT PRIMARY KEY, sha BINARY(32) NOT NULL, archive DATETIME(6), date_created DATETIME(6), \
             date_modified DATETIME(6)",
            "id BIGINT IDENTITY(1,1) NOT NULL PRIMARY KEY, sha BINARY(32) NOT NULL, archive DATETIME2(6) NULL, \
             date_created DATETIME2(6) NULL, date_modified DATETIME2(6) NULL",
        ])
    }

    /// Makes a table with the framework's columns and these, with the index over its active rows.
    pub(crate) fn make(&self, database: &mut Connection, table: &str, columns: &str) {
        let guard = self.of(["", "", ", sha_active BINARY(32) AS (IF(archive IS NULL, sha, NULL)) VIRTUAL UNIQUE", ""]);
        let make = format!("CREATE TABLE {table} ({}{guard}, {columns})", self.own_columns());
        database.execute(&make, &[]).unwrap_or_else(|error| panic!("{make}: {error}"));
        if self.engine != Engine::Mariadb {
            let index = format!("CREATE UNIQUE INDEX {table}_sha ON {table} (sha) WHERE archive IS NULL");
            database.execute(&index, &[]).expect("an index");
        }
    }

    /// A number of any precision as text, without the zeros at its end that MariaDB fills it up with.
    pub(crate) fn digits_of(&self, column: &str) -> String {
        match self.engine {
            Engine::Mariadb => format!("TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM CAST({column} AS char)))"),
            Engine::Mssql => format!(
                "REPLACE(RTRIM(REPLACE(REPLACE(RTRIM(REPLACE({}, '0', ' ')), ' ', '0'), '.', ' ')), ' ', '.')",
                self.as_text(column)
            ),
            _ => self.as_text(column),
        }
    }

    /// A number as [`Backend::digits_of`] gives it back.
    pub(crate) fn kept_digits<'a>(&self, number: &'a str) -> &'a str {
        match self.engine {
            Engine::Mariadb | Engine::Mssql if number.contains('.') => {
                number.trim_end_matches('0').trim_end_matches('.')
            }
            _ => number,
        }
    }

    /// The moment so many seconds ago, in UTC, by the database's clock.
    pub(crate) fn ago(&self, seconds: u32) -> String {
        self.of([
            format!("datetime('now', '-{seconds} seconds')"),
            format!("now() AT TIME ZONE 'UTC' - interval '{seconds} seconds'"),
            format!("UTC_TIMESTAMP(6) - INTERVAL {seconds} SECOND"),
            format!("DATEADD(second, -{seconds}, SYSUTCDATETIME())"),
        ])
    }

    /// An expression as text.
    pub(crate) fn as_text(&self, expression: &str) -> String {
        format!("CAST({expression} AS {})", self.of(["text", "text", "char", "NVARCHAR(MAX)"]))
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
        match (&self.server, self.engine) {
            (Some((server, name)), Engine::Mariadb) => {
                let _ = mariadb::run(server, &format!("DROP DATABASE {name}"));
                return;
            }
            (Some((server, name)), Engine::Mssql) => {
                let close = format!("ALTER DATABASE {name} SET SINGLE_USER WITH ROLLBACK IMMEDIATE");
                let _ = mssql::run(server, &[&close, &format!("DROP DATABASE {name}")]);
                return;
            }
            _ => {}
        }
        if let Some((server, name)) = &self.server
            && let Ok(mut client) = postgres::Client::connect(server, postgres::NoTls)
        {
            let _ = client.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

/// A context over the settings that are named, for a project in a folder.
pub(crate) fn context(folder: &Path, pairs: &[(&str, &str)]) -> Context {
    let source = Source { folder: Some(folder.to_owned()), config: None };
    let settings = Settings::load(&source, Environment::of(pairs.iter().copied())).expect("settings");
    Context::new(settings, Shell::new(ShellOptions::default(), true))
}

/// A command that no setting reaches of whoever runs the tests; what is for the tests themselves it inherits.
pub(crate) fn clean(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let bytes = name.as_encoded_bytes();
        if bytes.starts_with(b"DC_") && !bytes.starts_with(b"DC_TEST_") {
            command.env_remove(name);
        }
    }
    command
}

/// `dc` in a folder, with nothing of our own settings.
pub(crate) fn dc(folder: &Path) -> Command {
    let mut command = clean(env!("CARGO_BIN_EXE_dc"));
    command.current_dir(folder).env("XDG_CONFIG_HOME", folder).env("TZ", "UTC");
    // a machine for tests may have a disk that is almost full
    command.env("DC_STORAGE_MIN_FREE", "0");
    command
}

/// The same command by another program, which comes before its arguments.
pub(crate) fn same_by(program: &Path, before: &[&str], command: &Command) -> Command {
    let mut other = clean(program);
    other.args(before).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => other.env(name, value),
            None => other.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        other.current_dir(folder);
    }
    other
}

/// Runs dc until a failpoint kills it. That it ends otherwise is a failure: no kill would have landed.
pub(crate) fn killed_at(point: &str, command: &mut Command) {
    let output = command.env("DC_FAILPOINT", format!("{point}=kill")).output().expect("dc starts");
    assert_eq!(output.status.signal(), Some(9), "{point}: {}{}", stdout(&output), stderr(&output));
}

/// dc that a failpoint stops; it goes with the test.
pub(crate) struct Stopped(Child);

impl Stopped {
    /// Starts dc, and waits until it stands still at a failpoint.
    pub(crate) fn at(point: &str, command: &mut Command) -> Self {
        command.env("DC_FAILPOINT", format!("{point}=stop")).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut stopped = Self(command.spawn().expect("dc starts"));
        manager::wait_for(point, 120, || {
            if let Some(status) = stopped.0.try_wait().expect("its state") {
                panic!("it ended before {point}, with {status}: {}", stopped.said());
            }
            is_stopped(stopped.id())
        });
        stopped
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Lets it go on to its end; its status, and what it complained of.
    pub(crate) fn go_on(mut self) -> (ExitStatus, String) {
        signal("CONT", self.id());
        let said = self.said();
        (self.0.wait().expect("its end"), said)
    }

    fn said(&mut self) -> String {
        let mut said = String::new();
        self.0.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
        said
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether a process is stopped, as by SIGSTOP.
pub(crate) fn is_stopped(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") T "))
}

/// Whether a signal has come to a process that was not told of it yet.
pub(crate) fn has_pending(number: i32, pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let pending = |name: &str| {
        let mask = status.lines().find_map(|line| line.strip_prefix(name)).expect("a mask");
        u64::from_str_radix(mask.trim(), 16).expect("a number")
    };
    (pending("SigPnd:") | pending("ShdPnd:")) & (1 << (number - 1)) != 0
}

/// Sends a signal, named as `kill` has it.
pub(crate) fn signal(name: &str, pid: u32) {
    let sent = clean("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(sent.expect("kill starts").success());
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

/// A process that is one of the ignored tests of this program, named with its module. An unknown name runs nothing and
/// succeeds: whoever starts it looks at what it has done, or at [`has_run`].
pub(crate) fn ignored_test(name: &str) -> Command {
    let mut command = clean(std::env::current_exe().expect("this program"));
    command.args(["--exact", name, "--ignored", "--nocapture", "--test-threads=1"]);
    command
}

/// Whether an ignored test was there, ran and passed.
pub(crate) fn has_run(output: &Output) -> bool {
    output.status.success() && stdout(output).contains("test result: ok. 1 passed")
}

/// A script that becomes an ignored test of this program, for an app that is written in Rust.
pub(crate) fn script_of_ignored_test(name: &str) -> String {
    let program = std::env::current_exe().expect("this program");
    format!("exec '{}' --exact {name} --ignored --nocapture --test-threads=1", program.display())
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
