//! What an app is: the program that it runs, when it is due, and how its runs are kept in bounds.

mod actors;
pub(super) mod fields;
pub(super) mod flaw;
mod known;
mod stages;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::NaiveDateTime;
use serde::Serialize;

use super::limits::Limits;
use super::pipeline::{PipelineDefinition, StageDefinition};
use super::schedule::{AT_BOOT, Schedule};
use crate::clock;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::zone::Zone;
pub use actors::ActorQueues;
use fields::Fields;
pub use known::DEFINITION;

/// The file that defines an app, in the app's folder.
pub const DEFINITION_FILE: &str = "app.toml";
/// The program of an app that names no command.
pub const DEFAULT_PROGRAM: &str = "main";

/// What happens when an app is due while its last run still goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Overlap {
    /// The new run is left out.
    #[default]
    Skip,
    /// The new run waits.
    Queue,
    /// The old run is stopped.
    Replace,
}

/// What happens to the occurrences that were missed while nothing ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CatchUp {
    /// The last one is made up for.
    #[default]
    Last,
    /// Each is made up for.
    All,
    /// None is.
    None,
}

/// Which failures of an app people get a message about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tell {
    /// When it is taken out of service.
    #[default]
    Fatal,
    /// At each failure, too.
    Failure,
    /// Never.
    Never,
}

/// An app as its `app.toml` defines it. Two that are equal have the same JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppDefinition {
    /// The program and its arguments, as written; never empty.
    pub command: Vec<String>,
    /// When it is due.
    pub schedule: Schedule,
    /// The time zone of its cron pattern.
    pub timezone: Zone,
    /// Up to how much later than its schedule it starts, each time differently.
    pub jitter: Option<Duration>,
    /// How long a run may take; `None` leaves it to the settings.
    pub timeout: Option<Duration>,
    /// The time between TERM and KILL; `None` leaves it to the settings.
    pub grace: Option<Duration>,
    /// What happens when a run is due while one goes on.
    pub overlap: Overlap,
    /// What happens to missed occurrences.
    pub catch_up: CatchUp,
    /// The labels of machines on which it may work; any where there are none.
    pub on: Vec<String>,
    /// The failures in a row after which the app is disabled; `None` for never.
    pub max_failures: Option<u32>,
    /// The apps after which it runs: when all of them have ended well since its own last run.
    pub after: Vec<String>,
    /// Whether it is started again whenever it has ended: a service.
    pub keep: bool,
    /// How long a kept app has to run to count as well; `None` for a minute.
    pub healthy_after: Option<Duration>,
    /// Which failures people get a message about.
    pub notify: Tell,
    /// The longest time without a good run; people get a message when it passes.
    pub expect: Option<Duration>,
    /// How often an occurrence is tried again that failed.
    pub retries: u32,
    /// How long after a failure; `None` for at once.
    pub retry_after: Option<Duration>,
    /// What it may take of the machine, and whose it is.
    pub limits: Limits,
    /// Variables for its environment.
    pub env: BTreeMap<String, String>,
    /// The names of the secrets that it is given; all where `None`.
    pub secrets: Option<Vec<String>>,
    /// Where it is a pipeline: where its documents come from, and the stages that they go through.
    pub pipeline: Option<PipelineDefinition>,
    /// The queues of Dramatiq whose messages its program answers.
    pub dramatiq: Option<ActorQueues>,
}

impl AppDefinition {
    /// Reads the definition of the app in `folder`: its app.toml, or the defaults where only a program stands there.
    ///
    /// # Errors
    /// Settings (exit 3) with the file, the field and what it takes; also when there is nothing to run.
    pub fn read(folder: &Path) -> Result<Self> {
        let file = folder.join(DEFINITION_FILE);
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(cause) => return Err(file_error(format!("read {}", file.display()), cause)),
        };
        let place = file.display().to_string();
        let fields = Fields::from_toml(&place, &text)?;
        let has_command = fields.has("command") || fields.has("pipeline");
        let definition = fields.definition()?;
        if !has_command {
            check_default_program(folder)?;
        }
        Ok(definition)
    }

    /// Reads the text of an app.toml that is not written yet.
    ///
    /// # Errors
    /// Settings (exit 3), as for a file.
    pub fn from_toml(text: &str) -> Result<Self> {
        Fields::from_toml(DEFINITION_FILE, text)?.definition()
    }

    /// Reads a definition that [`AppDefinition::to_json`] wrote.
    ///
    /// # Errors
    /// Settings (exit 3), as for a file.
    pub fn from_json(text: &str) -> Result<Self> {
        Fields::from_json("a stored definition", text)?.definition()
    }

    /// The definition as one line of JSON: always the same keys in the same order, so that its hash tells a change.
    /// Fields that say nothing are left out.
    pub fn to_json(&self) -> String {
        let text = Stored::from(self);
        // a structure of texts, numbers and lists of them always serialises
        serde_json::to_string(&text).unwrap_or_default()
    }

    /// The first moment after `after` (both UTC) at which the app is due; `None` when it runs only by hand.
    pub fn next_run(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        self.schedule.next(after, &self.timezone)
    }

    /// The labels of its machines, for people: `ocr` or `zagreb`.
    pub fn on_words(&self) -> String {
        let labels: Vec<String> = self.on.iter().map(|label| format!("`{label}`")).collect();
        labels.join(" or ")
    }

    /// The program to start for the app in `folder`: an absolute path, or a bare word to be found on PATH.
    pub fn program(&self, folder: &Path) -> PathBuf {
        let first = self.command.first().map_or("", String::as_str);
        match first.contains('/') {
            true => {
                let path = folder.join(first.strip_prefix("./").unwrap_or(first));
                std::path::absolute(&path).unwrap_or(path)
            }
            false => PathBuf::from(first),
        }
    }

    /// What the command gives the program as arguments.
    pub fn arguments(&self) -> &[String] {
        self.command.get(1..).unwrap_or_default()
    }
}

/// Whether `path` is a file that may be run.
pub(super) fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// The definition's JSON form: the field names and texts of app.toml, lengths of time in one spelling.
#[derive(Serialize)]
struct Stored<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    command: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<String>,
    timezone: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    jitter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grace: Option<String>,
    overlap: Overlap,
    catch_up: CatchUp,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_failures: Option<u32>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    on: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    after: &'a [String],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    keep: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    healthy_after: Option<String>,
    // what came later is left out where it says nothing, so that what was registered before stays as it is
    #[serde(skip_serializing_if = "Option::is_none")]
    notify: Option<Tell>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expect: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nice: Option<i8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_max: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_max: Option<f64>,
    env: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secrets: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline: Option<&'a PipelineDefinition>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stage: Vec<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dramatiq: Option<&'a ActorQueues>,
}

impl<'a> From<&'a AppDefinition> for Stored<'a> {
    fn from(definition: &'a AppDefinition) -> Self {
        let (schedule, interval) = match &definition.schedule {
            Schedule::ByHand => (None, None),
            Schedule::AtBoot => (Some(AT_BOOT), None),
            Schedule::Cron(pattern) => (Some(pattern.as_str()), None),
            Schedule::Every(interval) => (None, Some(clock::length_text(*interval))),
        };
        Self {
            command: if definition.pipeline.is_some() { &[] } else { &definition.command },
            schedule,
            interval,
            timezone: definition.timezone.name(),
            jitter: definition.jitter.map(clock::length_text),
            timeout: definition.timeout.map(clock::length_text),
            grace: definition.grace.map(clock::length_text),
            overlap: definition.overlap,
            catch_up: definition.catch_up,
            max_failures: definition.max_failures,
            on: &definition.on,
            after: &definition.after,
            keep: definition.keep,
            healthy_after: definition.healthy_after.map(clock::length_text),
            notify: Some(definition.notify).filter(|notify| *notify != Tell::default()),
            expect: definition.expect.map(clock::length_text),
            retries: Some(definition.retries).filter(|retries| *retries > 0),
            retry_after: definition.retry_after.map(clock::length_text),
            user: definition.limits.user.as_deref(),
            nice: definition.limits.nice,
            memory_max: definition.limits.memory_max.map(|bytes| bytes.to_string()),
            cpu_max: definition.limits.cpu_max.map(|share| f64::from(share) / 100.0),
            env: &definition.env,
            secrets: definition.secrets.as_deref(),
            pipeline: definition.pipeline.as_ref(),
            stage: definition.pipeline.iter().flat_map(|it| &it.stages).map(StageDefinition::to_json).collect(),
            dramatiq: definition.dramatiq.as_ref(),
        }
    }
}

fn check_default_program(folder: &Path) -> Result<()> {
    let program = folder.join(DEFAULT_PROGRAM);
    if is_executable(&program) {
        return Ok(());
    }
    let file = folder.join(DEFINITION_FILE);
    let error = Error::new(
        ErrorKind::Settings,
        format!(
            "read {}: it names no `command`, and no executable `{DEFAULT_PROGRAM}` stands beside it",
            file.display()
        ),
    );
    Err(match program.is_file() {
        true => error.hint(format!("`chmod +x {}`", program.display())),
        false => error.hint("add a line such as command = [\"python3\", \"main.py\"]"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

    const FULL: &str = r#"
        command = ["python3", "main.py"]
        schedule = "*/15 6-22 * * mon-fri"
        timezone = "Europe/Zagreb"
        timeout = "90m"
        grace = "10s"
        overlap = "queue"
        catch_up = "all"
        max_failures = 5
        notify = "failure"
        expect = "26h"
        retries = 3
        retry_after = "2m"
        on = ["ocr", "zagreb"]
        secrets = ["API_KEY", "DB_PASSWORD"]
        [env]
        REGION = "hr"
        PAGES = 3
    "#;

    fn read(text: &str) -> Result<AppDefinition> {
        Fields::from_toml("apps/a/b/c/app.toml", text)?.definition()
    }

    #[test]
    fn a_definition_survives_its_json_and_keeps_its_order() {
        let full = read(FULL).expect("a definition");
        let json = full.to_json();
        assert_eq!(
            json,
            r#"{"command":["python3","main.py"],"schedule":"*/15 6-22 * * mon-fri","timezone":"Europe/Zagreb","timeout":"1h30m","grace":"10s","overlap":"queue","catch_up":"all","max_failures":5,"on":["ocr","zagreb"],"notify":"failure","expect":"1d2h","retries":3,"retry_after":"2m","env":{"PAGES":"3","REGION":"hr"},"secrets":["API_KEY","DB_PASSWORD"]}"#
        );
        assert_eq!(AppDefinition::from_json(&json).expect("the same"), full);
        let every = read("interval = \"1500ms\"\ngrace = \"0s\"").expect("a definition");
        assert_eq!(AppDefinition::from_json(&every.to_json()).expect("the same"), every);
        let noon = NaiveDate::from_ymd_opt(2026, 11, 20).and_then(|day| day.and_hms_opt(12, 0, 0)).expect("a moment");
        assert_eq!(full.next_run(noon).map(|due| due.to_string()).as_deref(), Some("2026-11-20 12:15:00"));
    }

    #[test]
    fn a_program_with_a_slash_stands_in_the_folder_and_a_bare_word_on_the_path() {
        let program = |text: &str| read(text).expect(text).program(Path::new("/p/apps/a/b/c"));
        assert_eq!(program(""), Path::new("/p/apps/a/b/c/main"));
        assert_eq!(program("command = \"./run.sh\""), Path::new("/p/apps/a/b/c/run.sh"));
        assert_eq!(program("command = [\"bin/run\", \"x\"]"), Path::new("/p/apps/a/b/c/bin/run"));
        assert_eq!(program("command = [\"/usr/bin/env\"]"), Path::new("/usr/bin/env"));
        assert_eq!(program("command = [\"python3\"]"), Path::new("python3"));
    }

    #[test]
    fn an_app_without_anything_to_run_is_told_what_to_add() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = AppDefinition::read(folder.path()).expect_err("nothing to run");
        assert!(error.hint_text().is_some_and(|hint| hint.contains("command")), "{error:?}");
        fs::write(folder.path().join("main"), "#!/bin/sh\n").expect("a file");
        let error = AppDefinition::read(folder.path()).expect_err("not executable");
        assert!(error.hint_text().is_some_and(|hint| hint.contains("chmod +x")), "{error:?}");
    }
}
