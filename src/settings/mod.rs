//! Typed settings from dc.toml and `DC_*`: flag, environment, project file, user file, default, in this order.

mod ado;
mod around;
mod database;
mod dotenv;
mod environment;
mod failure;
mod known;
mod layers;
mod older;
mod own;
mod percent;
mod project;
mod section;
mod setting;

pub use crate::secret::Secret;
pub(crate) use crate::secret::known_secrets;
pub(crate) use around::{BEYOND_VARIABLES, DOOR_VARIABLE, TRIAL_RECORDS_VARIABLE, TRIAL_VARIABLE};
pub use around::{CassetteMode, CassetteSettings, Inside, TrialSettings};
pub use database::{Access, DatabaseSettings, MAIN, Target};
pub use environment::Environment;
pub use known::{Field, KNOWN, Kind, Known, field, json_schema, known};
pub use project::Project;
pub use section::Section;
pub(crate) use section::bytes;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use crate::error::Result;
use layers::{Layers, Store};

/// The share of a scope's rows that one merge may archive before the guard asks.
const MAX_GONE_PERCENT: u64 = 50;
/// Below so many rows that would go the guard stays silent.
const MAX_GONE_ROWS: u64 = 20;
/// The store of secrets of a project that says nothing else.
const STORE_FILE: &str = "secrets.zip";
/// How long an app has between TERM and KILL.
const GRACE: Duration = Duration::from_secs(10);
/// How often a manager shows that it lives, where an address for that is given.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(60);
/// How long a run or a manager is believed to live without being heard of.
const LEASE: Duration = Duration::from_secs(60);
/// Shorter ones end while a busy database has its owner wait; longer ones are taken for those of a wrong clock.
const LEASES: std::ops::RangeInclusive<Duration> = Duration::from_secs(2)..=Duration::from_secs(600);
/// How long an app is not started again after a failure: the first pause, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(3_600));
/// How many bytes of log records may wait on disk for one sink.
const WAITING_BYTES_MAX: u64 = 1 << 30;
/// How long the last log records are waited for at the end.
const FLUSH: Duration = Duration::from_secs(5);

/// Where the settings come from; the flags of a command line that say otherwise.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// The folder to start from; the working folder when `None`.
    pub folder: Option<PathBuf>,
    /// The settings file (`--config`, `DC_CONFIG`); its folder is the project then.
    pub config: Option<PathBuf>,
}

/// All settings, typed.
#[derive(Clone)]
pub struct Settings {
    /// The project's folder and file.
    pub project: Project,
    /// `[run]`
    pub run: RunSettings,
    /// `[merge]`
    pub merge: MergeSettings,
    /// `[log]`
    pub log: LogSettings,
    /// `[manager]`
    pub manager: ManagerSettings,
    /// The cassette that the requests of this process go to or come from.
    pub cassette: Option<CassetteSettings>,
    /// `[secrets]`
    pub secrets: SecretsSettings,
    /// The run that this process is part of, when an app calls dc.
    pub inside: Option<Inside>,
    /// Set inside of a run that is only tried: nothing may be written.
    pub trial: Option<TrialSettings>,
    /// A person's name in what the database records: who typed this.
    pub user: String,
    /// Whether `NO_COLOR` asks for plain text.
    pub no_color: bool,
    /// What people should know of the settings, though they hold: variables with older names.
    pub notes: Vec<String>,
    layers: Layers,
}

/// `[run]`: how apps are run, where their app.toml says nothing else.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// Whether the tables, views and routines that an app touches are recorded.
    pub map_objects: bool,
    /// How long an app may run; `None` for ever.
    pub timeout: Option<Duration>,
    /// The time between TERM and KILL.
    pub grace: Duration,
    /// How long a run or a manager that is not heard of is believed to live: 2 s to 10 min.
    pub lease: Duration,
}

/// `[merge]`: the blast-radius guard.
#[derive(Debug, Clone)]
pub struct MergeSettings {
    /// The percentage of a scope's active rows that may go in one merge.
    pub max_gone_percent: u64,
    /// The number of rows from which on that counts.
    pub max_gone_rows: u64,
}

/// `[log]`: where log records go, and what becomes of them when they cannot go there.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// A filter as `RUST_LOG` takes it: `info`, `debug`, `data_collector::merge=trace`; `None` where nobody said any.
    pub level: Option<String>,
    /// How a record is written to the console.
    pub format: LogFormat,
    /// The sinks, besides the console, by their names in the registry.
    pub sinks: Vec<String>,
    /// What becomes of a record when too many wait.
    pub full: WhenFull,
    /// Where records wait on disk.
    pub folder: PathBuf,
    /// How many bytes may wait there for one sink.
    pub waiting_bytes_max: u64,
    /// How long the last records are waited for at the end.
    pub flush: Duration,
}

/// `[secrets]`: where the encrypted store is, and what opens it.
#[derive(Debug, Clone)]
pub struct SecretsSettings {
    /// The store, absolute, whether it exists or not.
    pub path: PathBuf,
    /// A file with its password, which only its owner can read.
    pub password_file: Option<PathBuf>,
}

/// `[manager]`: how schedules are kept.
#[derive(Debug, Clone)]
pub struct ManagerSettings {
    /// How many apps may run at once; 0 for no limit.
    pub max_running: u64,
    /// How many apps of a group may run at once: `[group.NAME] max_running`.
    pub group_max_running: Vec<(String, u64)>,
    /// How long an app is not started again after its first failure; it doubles with each one in a row.
    pub backoff: Duration,
    /// The longest such pause.
    pub backoff_max: Duration,
    /// How long runs, occurrences and commands are kept; `None` for ever.
    pub keep: Option<Duration>,
    /// The labels of this machine: apps with `on` in app.toml work only where one of theirs is.
    pub labels: Vec<String>,
    /// Whether what is new or differs under `apps/` is registered by itself.
    pub deploys: bool,
    /// An address that is asked for while the manager works, so that a service elsewhere notices when it does not.
    pub heartbeat: Option<Secret>,
    /// How often.
    pub heartbeat_every: Duration,
}

/// What becomes of a record when too many wait for a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// It waits on disk, in its order.
    #[default]
    Spill,
    /// It is dropped, counted and told.
    DropNewest,
    /// Whoever writes it waits.
    Block,
}

/// How a record is written to the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Settings {
    /// Reads all layers.
    ///
    /// # Errors
    /// Settings (exit 3) with the file or variable, the field and what it takes.
    pub fn load(source: &Source, environment: Environment) -> Result<Self> {
        let mut environment = environment;
        environment.check_own()?;
        let project = find_project(source, &environment)?;
        dotenv::add(&project, &mut environment)?;
        let notes = older::rename(&mut environment);
        let user_file = environment.user_file();
        let mut layers = Layers::new(environment);
        layers.add_file(&project.config)?;
        if let Some(file) = user_file {
            layers.add_file(&file)?;
        }
        Ok(Self { notes, ..Self::of_layers(project, layers)? })
    }

    /// The same settings, with the values of variables that the store at `path` holds: below the environment, above
    /// every file.
    ///
    /// # Errors
    /// As [`Settings::load`], for the values of the store.
    pub fn with_store(mut self, values: BTreeMap<String, Secret>, path: &Path) -> Result<Self> {
        self.layers.store = Store::Open { values, path: path.to_owned() };
        Ok(Self { notes: self.notes, ..Self::of_layers(self.project, self.layers)? })
    }

    /// The same settings, when the store at `path` holds some and cannot be opened: those that it may hold cannot be
    /// read any more, so that nothing works on another database than it should.
    #[must_use]
    pub fn with_locked_store(mut self, path: &Path) -> Self {
        self.layers.store = Store::Locked { path: path.to_owned() };
        self
    }

    /// One of dc's own variables, `DC_*`, which were looked through when the settings were read; an empty one counts as
    /// not set.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.layers.environment().get(name)
    }

    /// A variable of others; an empty one counts as not set.
    ///
    /// # Errors
    /// Settings, when it is no text.
    pub fn foreign_variable(&self, name: &str) -> Result<Option<&str>> {
        self.layers.environment().check(name).map(|()| self.variable(name))
    }

    /// A variable that is a path; an empty one counts as not set.
    pub fn path_variable(&self, name: &str) -> Option<PathBuf> {
        self.layers.environment().path(name)
    }

    /// The variables that the project's `.env` alone sets: a program that is started does not have them by itself.
    pub fn filed_variables(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.layers.environment().filed()
    }

    /// Whether a variable is set and not empty, whatever it holds.
    pub fn has_variable(&self, name: &str) -> bool {
        self.layers.environment().is_set(name)
    }

    fn of_layers(project: Project, layers: Layers) -> Result<Self> {
        layers.check_variables()?;
        let section = |name| Section::new(&layers, name);
        let run = RunSettings {
            map_objects: section("run").flag("map_objects")?.unwrap_or(true),
            timeout: section("run").duration("timeout")?,
            grace: section("run").duration("grace")?.unwrap_or(GRACE),
            lease: lease(section("run"))?,
        };
        let merge = MergeSettings {
            max_gone_percent: section("merge").number("max_gone_percent")?.unwrap_or(MAX_GONE_PERCENT),
            max_gone_rows: section("merge").number("max_gone_rows")?.unwrap_or(MAX_GONE_ROWS),
        };
        let log = log_settings(section("log"), &project)?;
        let manager = manager_settings(&layers)?;
        let secrets = SecretsSettings {
            path: project.root.join(section("secrets").text("path")?.unwrap_or_else(|| STORE_FILE.to_owned())),
            password_file: section("secrets").text("password_file")?.map(|file| project.root.join(file)),
        };
        let environment = layers.environment();
        let inside = around::inside(environment)?;
        let cassette = around::cassette(environment)?;
        let trial = around::trial(environment)?;
        let user = ["USER", "LOGNAME"].iter().find_map(|name| environment.get(name)).filter(|name| !name.is_empty());
        let user = user.map_or_else(user_of_process, str::to_owned);
        let no_color = environment.is_set("NO_COLOR");
        Ok(Self {
            project,
            run,
            merge,
            log,
            manager,
            cassette,
            secrets,
            inside,
            trial,
            user,
            no_color,
            notes: Vec::new(),
            layers,
        })
    }

    /// The database of this name: `[db.NAME]` or `DC_DB_NAME_*`; `main` has an embedded default.
    ///
    /// # Errors
    /// Settings, when it is not configured or its fields do not fit; the hint says what to set.
    pub fn database(&self, name: &str) -> Result<DatabaseSettings> {
        database::read(&self.layers, &self.project, name)
    }

    /// The database `main` as the framework's own tables are reached in it: in `[db.main] schema` where that is set.
    ///
    /// # Errors
    /// As [`Settings::database`].
    pub fn framework(&self) -> Result<DatabaseSettings> {
        self.database(MAIN).map(DatabaseSettings::of_framework)
    }

    /// The database of this name, or the one that a URL without a password names.
    ///
    /// # Errors
    /// As [`Settings::database`]; Usage for a URL with a password.
    pub fn database_at(&self, place: &str) -> Result<DatabaseSettings> {
        database::read_at(&self.layers, &self.project, place)
    }

    /// A section by its name, for what reads its own fields.
    pub fn section<'a>(&'a self, name: &'a str) -> Section<'a> {
        Section::new(&self.layers, name)
    }

    /// A section of the project's own, which `[project] sections` names: `DC_<SECTION>_<FIELD>` wins over dc.toml. The
    /// text of a variable is what its field asks for: a number, true or false, a list with commas.
    ///
    /// # Errors
    /// Settings, for a section that is not named there, and for a field that does not fit `T`.
    pub fn own<T: DeserializeOwned>(&self, section: &str) -> Result<T> {
        own::read(&self.layers, section)
    }

    /// Everything in the settings that must not be seen: passwords, and those inside URLs, as written and decoded.
    pub fn secret_values(&self) -> Vec<Secret> {
        let mut secrets: Vec<Secret> = Vec::new();
        let password = self.layers.environment().get("DC_SECRET_PASSWORD").map(str::to_owned);
        for text in self.layers.secrets().into_iter().chain(password) {
            let decoded = percent_decode_str(&text).decode_utf8().ok().filter(|decoded| *decoded != text);
            secrets.extend(decoded.map(Secret::new));
            secrets.push(Secret::new(text));
        }
        secrets
    }

    /// The names of a family's members: `notify` for all `[notify.NAME]`.
    pub fn names(&self, family: &str) -> Vec<String> {
        self.layers.names(family)
    }

    /// The names of the databases that are configured; `main` is there even when it is not listed.
    pub fn database_names(&self) -> Vec<String> {
        self.layers.names("db")
    }
}

fn log_settings(section: Section<'_>, project: &Project) -> Result<LogSettings> {
    let full = [("spill", WhenFull::Spill), ("drop_newest", WhenFull::DropNewest), ("block", WhenFull::Block)];
    Ok(LogSettings {
        level: section.text("level")?,
        format: section.choice("format", &[("text", LogFormat::Text), ("json", LogFormat::Json)])?,
        sinks: section.words("sinks")?.unwrap_or_else(|| vec!["database".to_owned()]),
        full: section.choice("queue", &full)?,
        folder: project.root.join(section.text("folder")?.unwrap_or_else(|| ".dc/log".to_owned())),
        waiting_bytes_max: section.bytes("waiting_max")?.unwrap_or(WAITING_BYTES_MAX),
        flush: section.duration("flush")?.unwrap_or(FLUSH),
    })
}

fn lease(section: Section<'_>) -> Result<Duration> {
    let Some(lease) = section.duration("lease")? else { return Ok(LEASE) };
    if !LEASES.contains(&lease) {
        let message = format!("read `{}.lease`: {} s is out of its limits", section.name(), lease.as_secs_f64());
        return Err(failure::settings_error(message).hint("lease = \"60s\" is the default; it takes 2s to 10m"));
    }
    Ok(lease)
}

fn manager_settings(layers: &Layers) -> Result<ManagerSettings> {
    let section = Section::new(layers, "manager");
    let mut group_max_running = Vec::new();
    for group in layers.names("group") {
        let name = format!("group.{group}");
        group_max_running.extend(Section::new(layers, &name).number("max_running")?.map(|limit| (group, limit)));
    }
    Ok(ManagerSettings {
        max_running: section.number("max_running")?.unwrap_or_default(),
        group_max_running,
        backoff: section.duration("backoff")?.unwrap_or(BACKOFF.0),
        backoff_max: section.duration("backoff_max")?.unwrap_or(BACKOFF.1),
        keep: section.duration("keep")?,
        labels: labels(&section)?,
        deploys: deploys(&section)?,
        heartbeat: section.text("heartbeat")?.map(Secret::new),
        heartbeat_every: section.duration("heartbeat_every")?.unwrap_or(HEARTBEAT_EVERY),
    })
}

/// Whether a text can be the label of a machine.
pub fn is_label(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|char| char.is_ascii_alphanumeric() || "_-.".contains(char))
}

/// `labels = ["ocr", "zagreb"]`, in order and each once.
fn labels(section: &Section<'_>) -> Result<Vec<String>> {
    let mut labels = section.words("labels")?.unwrap_or_default();
    if let Some(wrong) = labels.iter().find(|label| !is_label(label)) {
        return Err(failure::settings_error(format!("read `manager.labels`: `{wrong}` is no label"))
            .hint("a label has letters, digits, `_`, `-` and `.`: labels = [\"ocr\", \"zagreb\"]"));
    }
    labels.sort();
    labels.dedup();
    Ok(labels)
}

/// Whose process this is: cron and containers set no variable that says so.
fn user_of_process() -> String {
    let uid = nix::unistd::geteuid();
    let known = nix::unistd::User::from_uid(uid).ok().flatten();
    known.map_or_else(|| format!("user {uid}"), |user| user.name)
}

/// `deploy = "manual"` or `"auto"`.
fn deploys(section: &Section<'_>) -> Result<bool> {
    match section.text("deploy")?.as_deref() {
        None | Some("manual") => Ok(false),
        Some("auto") => Ok(true),
        Some(other) => Err(failure::settings_error(format!("read `manager.deploy`: `{other}` is not known"))
            .hint("deploy = \"auto\" registers apps by itself; \"manual\" (default) waits for `dc deploy`")),
    }
}

fn find_project(source: &Source, environment: &Environment) -> Result<Project> {
    let config = source.config.clone().or_else(|| environment.get("DC_CONFIG").map(PathBuf::from));
    if let Some(config) = config {
        let config = std::path::absolute(&config).unwrap_or(config);
        let root = config.parent().map_or_else(|| PathBuf::from("."), Path::to_owned);
        if source.config.is_some() && !config.is_file() {
            let hint = format!("check the path, or leave `--config` out to use the project around {}", root.display());
            return Err(failure::settings_error(format!("find the settings file {}", config.display())).hint(hint));
        }
        return Ok(Project { root, config });
    }
    let folder = source.folder.clone().unwrap_or_else(|| PathBuf::from("."));
    Project::find(&folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(folder: &Path, pairs: &[(&str, &str)]) -> Result<Settings> {
        let source = Source { folder: Some(folder.to_owned()), config: None };
        Settings::load(&source, Environment::of(pairs.iter().copied()))
    }

    #[test]
    fn a_variable_wins_and_a_password_stays_text() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("dc.toml"), "[db.main]\nhost = \"a\"\nport = 1\n").expect("a file");
        let pairs = [("DC_DB_MAIN_HOST", "b"), ("DC_DB_MAIN_USERNAME", "me"), ("DC_DB_MAIN_PASSWORD", "0123")];
        let main = load(folder.path(), &pairs).and_then(|settings| settings.database("main")).expect("settings");
        assert_eq!(main.target.label(), "postgres://me@b:1");
        let Target::Server { url, .. } = &main.target else { panic!("a server") };
        assert_eq!(url.reveal(), "postgres://me:0123@b:1");
        assert!(!format!("{main:?}").contains("0123"));
    }

    #[test]
    fn any_name_works_as_a_database_and_an_unknown_one_names_the_known() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = load(folder.path(), &[("DC_DB_WARE_HOUSE_URL", "sqlite:w.db")]).expect("settings");
        assert!(settings.database("ware_house").is_ok());
        let error = settings.database("warehouse").expect_err("unknown");
        assert!(error.to_string().contains("ware_house"), "{error}");
    }

    #[test]
    fn a_wrong_value_names_field_and_origin() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = load(folder.path(), &[("DC_RUN_TIMEOUT", "soon")]).err().expect("an error");
        assert!(error.to_string().contains("DC_RUN_TIMEOUT"), "{error}");
        std::fs::write(folder.path().join("dc.toml"), "[run]\ntimeuot = \"3s\"\n").expect("a file");
        let error = load(folder.path(), &[]).err().expect("an error");
        assert!(error.to_string().contains("run.timeuot"), "{error}");
        std::fs::write(folder.path().join("dc.toml"), "[run]\n\n1 2 = 3\n").expect("a file");
        let error = load(folder.path(), &[]).err().expect("an error");
        assert!(error.to_string().contains("dc.toml line 3"), "{error}");
    }
}
