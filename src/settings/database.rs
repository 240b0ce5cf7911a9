//! Which database a name stands for, and how it is reached.

use std::path::PathBuf;

use super::ado;
use super::failure::settings_error;
use super::layers::Layers;
use super::percent::encode;
use super::project::Project;
use super::section::Section;
use crate::error::{Error, ErrorKind, Result};
use crate::secret::Secret;

/// The database that holds the framework's own tables.
pub const MAIN: &str = "main";

/// How many connections to a database a process has at most, where nothing is set.
const POOL_SIZE: usize = 20;
/// MariaDB takes 64, PostgreSQL 63.
const SCHEMA_BYTES_MAX: usize = 63;
/// More than servers take.
const POOL_SIZE_MAX: u64 = 10_000;

/// A configured database.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// What it is called in dc.toml and after `--database`.
    pub name: String,
    /// How it is reached.
    pub target: Target,
    /// True when nothing was configured and the embedded default is used.
    pub is_default: bool,
    /// How many connections the threads of one process share at most.
    pub pool_size: usize,
    /// Where the framework's own tables stand, if not among the others: a schema, on MariaDB a database, of SQLite a file
    /// beside.
    pub schema: Option<String>,
    /// What is done with it.
    pub access: Access,
}

/// What is done with a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Anything; an SQLite file that is not there is made.
    #[default]
    Write,
    /// It is only read, and the database itself refuses anything else.
    Read,
    /// What is written is taken back: a file that is not there is not made, but stands in memory.
    Trial,
}

impl DatabaseSettings {
    /// The same database as the framework's own tables are reached in.
    #[must_use]
    pub fn of_framework(mut self) -> Self {
        let Some(schema) = self.schema.clone() else { return self };
        match &mut self.target {
            Target::Sqlite { path } => {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                let end = path.extension().map(|end| format!(".{}", end.to_string_lossy())).unwrap_or_default();
                path.set_file_name(format!("{stem}-{schema}{end}"));
            }
            Target::Server { scheme, url, label } => {
                let (place, options) = match url.reveal().split_once('?') {
                    Some((place, options)) => (place, options),
                    None => (url.reveal(), ""),
                };
                let changed = match scheme.as_str() {
                    "postgres" => format!("{place}?{}", with_search_path(options, &schema)),
                    _ => {
                        let authority = place.rfind('@').or_else(|| place.find("//").map(|at| at + 2)).unwrap_or(0);
                        let end = place[authority..].find('/').map_or(place.len(), |at| authority + at);
                        let options = if options.is_empty() { String::new() } else { format!("?{options}") };
                        *label = format!("{} (database {schema})", label);
                        format!("{}/{schema}{options}", &place[..end])
                    }
                };
                *url = Secret::new(changed);
            }
        }
        self
    }
}

/// The options of a URL with one for the server: names are looked for in the schema first, and then where they were before.
fn with_search_path(options: &str, schema: &str) -> String {
    let path = format!("-csearch_path%3D{schema}%2Cpublic");
    let (given, others): (Vec<&str>, Vec<&str>) =
        options.split('&').filter(|option| !option.is_empty()).partition(|option| option.starts_with("options="));
    let before = given.first().and_then(|option| option.split_once('=')).map(|(_, value)| format!("{value}%20"));
    let option = format!("options={}{path}", before.unwrap_or_default());
    others.into_iter().chain([option.as_str()]).collect::<Vec<_>>().join("&")
}

/// How a database is reached.
#[derive(Debug, Clone)]
pub enum Target {
    /// An SQLite file.
    Sqlite {
        /// The file, absolute.
        path: PathBuf,
    },
    /// A server.
    Server {
        /// The URL's scheme: what the registry of backends is asked for.
        scheme: String,
        /// The whole URL, password and options included.
        url: Secret,
        /// Who, where and what, without the password: for messages.
        label: String,
    },
}

impl Target {
    /// The name of the backend in the registry: `sqlite`, `postgres`, `mysql`, `mssql`.
    pub fn backend(&self) -> &str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Server { scheme, .. } => scheme,
        }
    }

    /// Whether it is a file, which is there or is made, and has no server.
    pub fn is_file(&self) -> bool {
        matches!(self, Self::Sqlite { .. })
    }

    /// The systemd unit of its server, should it run on this machine.
    pub fn unit(&self) -> Option<&'static str> {
        match self.backend() {
            "postgres" => Some("postgresql.service"),
            "mysql" => Some("mariadb.service"),
            "mssql" => Some("mssql-server.service"),
            _ => None,
        }
    }

    /// The place, for messages: a path, or host and name without any password.
    pub fn label(&self) -> String {
        match self {
            Self::Sqlite { path } => path.display().to_string(),
            Self::Server { label, .. } => label.clone(),
        }
    }
}

pub(super) fn read(layers: &Layers, project: &Project, name: &str) -> Result<DatabaseSettings> {
    let section = format!("db.{name}");
    let pool_size = pool_size(layers, &section)?;
    let schema = schema(layers, &section, name)?;
    let settings = |target, is_default| DatabaseSettings {
        name: name.to_owned(),
        target,
        is_default,
        pool_size,
        schema,
        access: Access::Write,
    };
    if let Some(url) = layers.text(&section, "url")? {
        return Ok(settings(from_url(project, &format!("setting `{section}.url`"), &url)?, false));
    }
    if let Some(path) = layers.text(&section, "path")? {
        return Ok(settings(Target::Sqlite { path: project.root.join(path) }, false));
    }
    if let Some(host) = layers.text(&section, "host")? {
        return Ok(settings(from_fields(layers, &section, &host)?, false));
    }
    if name == MAIN {
        return Ok(settings(Target::Sqlite { path: project.embedded_database() }, true));
    }
    let known = layers.names("db").join(", ");
    let known = if known.is_empty() { MAIN.to_owned() } else { known };
    Err(Error::new(ErrorKind::Settings, format!("find the database `{name}` in the settings (configured: {known})"))
        .hint(format!(
            "set DC_DB_{}_URL, or write `[db.{name}]` with a `url` into {}",
            name.to_uppercase(),
            project.config.display()
        )))
}

/// The database that is called so, or that a URL names.
pub(super) fn read_at(layers: &Layers, project: &Project, place: &str) -> Result<DatabaseSettings> {
    if !place.contains(':') {
        return read(layers, project, place);
    }
    let target = from_url(project, "URL of the database", place)?;
    let has_password = place.rsplit_once('@').is_some_and(|(login, _)| {
        let login = login.split_once("//").map_or(login, |(_, login)| login);
        login.contains(':')
    });
    if has_password {
        let what =
            format!("take the URL of {}: everybody on this machine sees the arguments of a command", target.label());
        return Err(Error::new(ErrorKind::Usage, what)
            .hint("write it as `url` under `[db.old]` in dc.toml, or into DC_DB_OLD_URL, and name `old`"));
    }
    Ok(DatabaseSettings {
        name: target.label(),
        target,
        is_default: false,
        pool_size: POOL_SIZE,
        schema: None,
        access: Access::Write,
    })
}

fn schema(layers: &Layers, section: &str, name: &str) -> Result<Option<String>> {
    let Some(schema) = layers.text(section, "schema")? else { return Ok(None) };
    let first = schema.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let is_word = schema.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if name != MAIN {
        let what = format!("read the setting `{section}.schema`: only `main` has tables of the framework");
        return Err(settings_error(what).hint("name the schema in the table: `dc merge SCHEMA.TABLE`"));
    }
    if !first || !is_word || schema.len() > SCHEMA_BYTES_MAX {
        let what = format!("read the setting `{section}.schema`: `{schema}` cannot be the name of a schema");
        return Err(settings_error(what).hint("small letters, digits and `_`, no digit first: schema = \"dc\""));
    }
    Ok(Some(schema))
}

fn pool_size(layers: &Layers, section: &str) -> Result<usize> {
    match Section::new(layers, section).number("pool_size")? {
        None => Ok(POOL_SIZE),
        Some(size @ 1..=POOL_SIZE_MAX) => Ok(size as usize),
        Some(size) => {
            let what = format!("read the setting `{section}.pool_size`: {size} is not between 1 and {POOL_SIZE_MAX}");
            Err(settings_error(what))
        }
    }
}

fn from_url(project: &Project, what: &str, url: &str) -> Result<Target> {
    let wrong = |reason: &str| {
        settings_error(format!("read the {what}: {reason}")).hint(
            "write `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST:PORT/NAME`; `mysql://` and `mssql://` are written so, too",
        )
    };
    let read = ado::as_url(url).map_err(|reason| wrong(&reason))?;
    let url = read.as_deref().unwrap_or(url);
    let (scheme, rest) = url.split_once(':').ok_or_else(|| wrong("it has no scheme"))?;
    if scheme == "sqlite" {
        let path = rest.strip_prefix("//").unwrap_or(rest);
        if path.is_empty() {
            return Err(wrong("it names no file"));
        }
        return Ok(Target::Sqlite { path: project.root.join(path) });
    }
    let rest = rest.strip_prefix("//").ok_or_else(|| wrong("a server's URL has `//` after its scheme"))?;
    // a password may hold any sign, unescaped too: the login ends at the last `@`, and only what follows is shown
    let (user, place) = match rest.rsplit_once('@') {
        Some((login, place)) => (login.split(':').next(), place),
        None => (None, rest),
    };
    let place = place.split(['?', '#']).next().unwrap_or_default();
    let label = match user {
        Some(user) => format!("{scheme}://{user}@{place}"),
        None => format!("{scheme}://{place}"),
    };
    Ok(Target::Server { scheme: backend_of(scheme).to_owned(), url: Secret::new(url), label })
}

/// The backend that a scheme stands for, or a name after `backend =`.
fn backend_of(scheme: &str) -> &str {
    match scheme {
        "postgresql" => "postgres",
        "mariadb" => "mysql",
        "sqlserver" => "mssql",
        other => other,
    }
}

fn from_fields(layers: &Layers, section: &str, host: &str) -> Result<Target> {
    let scheme = layers.text(section, "backend")?.unwrap_or_else(|| "postgres".to_owned());
    let scheme = backend_of(&scheme).to_owned();
    let mut place = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { encode(host) };
    if let Some(port) = Section::new(layers, section).number("port")? {
        let port = u16::try_from(port)
            .map_err(|_| settings_error(format!("read the setting `{section}.port`: {port} is no port")))?;
        place = format!("{place}:{port}");
    }
    if let Some(name) = layers.text(section, "name")? {
        place = format!("{place}/{}", encode(&name));
    }
    let user = layers.text(section, "username")?;
    let password = layers.text(section, "password")?;
    let label = match &user {
        Some(user) => format!("{scheme}://{user}@{place}"),
        None => format!("{scheme}://{place}"),
    };
    let login = match (user, password) {
        (Some(user), Some(password)) => format!("{}:{}@", encode(&user), encode(&password)),
        (Some(user), None) => format!("{}@", encode(&user)),
        (None, Some(_)) => {
            return Err(settings_error(format!("use `{section}.password`: there is no `username` beside it")));
        }
        (None, None) => String::new(),
    };
    let mut url = format!("{scheme}://{login}{place}");
    let mut separator = '?';
    for option in ["sslmode", "sslrootcert", "encrypt", "trust", "instance", "integrated"] {
        if let Some(value) = layers.text(section, option)? {
            url.push(separator);
            url.push_str(&format!("{option}={}", encode(&value)));
            separator = '&';
        }
    }
    Ok(Target::Server { scheme, url: Secret::new(url), label })
}

#[cfg(test)]
mod tests {
    use crate::settings::{Environment, Settings, Source, Target};

    #[test]
    fn the_tables_of_the_framework_may_stand_in_a_schema() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = |pairs: &[(&str, &str)]| {
            let source = Source { folder: Some(folder.path().to_owned()), config: None };
            let settings = Settings::load(&source, Environment::of(pairs.iter().copied())).expect("settings");
            settings.framework().map(|it| match it.target {
                Target::Server { url, .. } => url.reveal().to_owned(),
                Target::Sqlite { path } => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            })
        };
        let main = |main: &str| url(&[("DC_DB_MAIN_URL", main), ("DC_DB_MAIN_SCHEMA", "dc")]).expect("a database");
        assert_eq!(main("sqlite:a.db"), "a-dc.db");
        assert_eq!(main("mysql://me:p@ss/w@h:3306/d?sslmode=disable"), "mysql://me:p@ss/w@h:3306/dc?sslmode=disable");
        assert_eq!(main("mysql://h/d"), "mysql://h/dc");
        assert_eq!(main("postgres://me@h/d"), "postgres://me@h/d?options=-csearch_path%3Ddc%2Cpublic");
        assert_eq!(
            main("postgres://h/d?options=-cwork_mem%3D9MB&sslmode=require"),
            "postgres://h/d?sslmode=require&options=-cwork_mem%3D9MB%20-csearch_path%3Ddc%2Cpublic"
        );
        assert_eq!(url(&[("DC_DB_MAIN_SCHEMA", "dc")]).expect("a database"), "dc-dc.db");
        for wrong in ["Dc", "1c", "a-b", "a b", "\"x"] {
            assert!(url(&[("DC_DB_MAIN_SCHEMA", wrong)]).is_err(), "{wrong}");
        }
        assert!(url(&[("DC_DB_W_URL", "sqlite:w.db"), ("DC_DB_W_SCHEMA", "dc")]).is_ok(), "read with the database");
    }

    #[test]
    fn a_connection_string_is_a_url_of_sql_server() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = "Server=tcp:db.example,1444;Database=d;User ID=sa;Password=\"p;w\";Encrypt=True";
        let source = Source { folder: Some(folder.path().to_owned()), config: None };
        let settings = Settings::load(&source, Environment::of([("DC_DB_W_URL", text)])).expect("settings");
        let found = settings.database("w").expect("a database").target;
        assert_eq!((found.backend(), found.label().as_str()), ("mssql", "mssql://sa@db.example:1444/d"));
    }

    #[test]
    fn mariadb_is_mysql_by_url_and_by_fields() {
        let folder = tempfile::tempdir().expect("a folder");
        for scheme in ["mariadb", "mysql"] {
            let url = format!("{scheme}://me:p@ss@h/d");
            let fields = [
                ("DC_DB_MAIN_URL", url.as_str()),
                ("DC_DB_W_BACKEND", scheme),
                ("DC_DB_W_HOST", "h"),
                ("DC_DB_W_NAME", "d"),
                ("DC_DB_W_USERNAME", "me"),
                ("DC_DB_W_PASSWORD", "p@ss"),
            ];
            let source = Source { folder: Some(folder.path().to_owned()), config: None };
            let settings = Settings::load(&source, Environment::of(fields)).expect("settings");
            for name in ["main", "w"] {
                let found = settings.database(name).expect("a database");
                assert_eq!(found.target.backend(), "mysql");
                assert!(found.target.label().ends_with("://me@h/d"), "{}", found.target.label());
            }
        }
    }
}
