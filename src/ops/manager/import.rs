//! `dc manager import`: what cron, supervisord or PM2 keep, as folders under `apps/`; and what could not be carried over.

mod crontab;
mod pm2;
mod supervisord;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use toml::{Table, Value};

use crate::apps::{AppDefinition, DEFINITION_FILE};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::shell;

/// A longer name is cut.
const PART_LETTERS_MAX: usize = 60;

/// What a file is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A crontab of a user.
    Crontab,
    /// The crontab of the system, whose sixth field is a user.
    SystemCrontab,
    /// A configuration of supervisord.
    Supervisord,
    /// An ecosystem file of PM2 in JSON, or what `pm2 save` writes.
    Pm2,
}

/// What `dc manager import` is asked for.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// What the file is of.
    pub source: Source,
    /// The file.
    pub file: PathBuf,
    /// The first folder under `apps/`; `None` for `imported`.
    pub group: Option<String>,
    /// Only show what would be written.
    pub dry_run: bool,
}

/// An app that was found.
#[derive(Debug, Default)]
struct Found {
    /// What it is called there, or does.
    name: String,
    /// Its app.toml.
    fields: Table,
    /// What is not carried over, or works otherwise.
    notes: Vec<String>,
}

impl Found {
    fn set(&mut self, field: &str, value: impl Into<Value>) {
        self.fields.insert(field.to_owned(), value.into());
    }

    /// A command of a shell, in a folder.
    fn run_in(&mut self, shell: &str, folder: Option<&str>, command: &str) {
        let line = match folder {
            Some(folder) => format!("cd {folder} && {command}"),
            None => command.to_owned(),
        };
        self.set("command", [shell, "-c", &line].map(Value::from).to_vec());
    }

    fn set_env(&mut self, env: &BTreeMap<String, String>) {
        if !env.is_empty() {
            let table: Table = env.iter().map(|(name, value)| (name.clone(), Value::from(value.clone()))).collect();
            self.set("env", table);
        }
    }
}

/// An app that was written, or would be.
#[derive(Debug, Serialize)]
pub struct ImportedApp {
    /// Its full name.
    pub app: String,
    /// Its app.toml.
    pub definition: String,
    /// What is not carried over, or works otherwise.
    pub notes: Vec<String>,
}

/// What came of a file.
#[derive(Debug, Serialize)]
pub struct ImportReport {
    /// Whether it was only tried.
    pub dry_run: bool,
    /// The apps.
    pub apps: Vec<ImportedApp>,
    /// What could not be carried over at all, each with the reason.
    pub left: Vec<String>,
}

impl fmt::Display for ImportReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let would = if self.dry_run { "would be " } else { "" };
        for ImportedApp { app, definition, notes } in &self.apps {
            writeln!(formatter, "{would}written: apps/{app}/{DEFINITION_FILE}")?;
            if self.dry_run {
                definition.lines().try_for_each(|line| writeln!(formatter, "    {line}"))?;
            }
            notes.iter().try_for_each(|note| writeln!(formatter, "    note: {note}"))?;
        }
        self.left.iter().try_for_each(|left| writeln!(formatter, "not carried over: {left}"))?;
        match (self.apps.len(), self.dry_run) {
            (0, _) => formatter.write_str("no app was found"),
            (count, true) => write!(formatter, "{}; nothing was written", shell::counted(count, "app", "apps")),
            (count, false) => write!(
                formatter,
                "{}; `dc deploy` registers them, so stop the old ones first",
                shell::counted(count, "app", "apps")
            ),
        }
    }
}

/// Writes an app for each entry of a file. An app that is there already is left alone.
///
/// # Errors
/// Not found for the file, usage for one that cannot be read, permission where nothing can be written.
pub fn import(context: &Context, options: &ImportOptions) -> Result<ImportReport> {
    let ImportOptions { source, file, group, dry_run } = options;
    let text = fs::read_to_string(file).map_err(|cause| file_error(format!("read {}", file.display()), cause))?;
    let (found, mut left) = match source {
        Source::Crontab => crontab::read(&text, false),
        Source::SystemCrontab => crontab::read(&text, true),
        Source::Supervisord => supervisord::read(&text),
        Source::Pm2 => pm2::read(&text).map_err(|reason| {
            Error::new(ErrorKind::Usage, format!("read {}: {reason}", file.display()))
                .hint("take an ecosystem file in JSON, or ~/.pm2/dump.pm2 as `pm2 save` writes it")
        })?,
    };
    let parent = match source {
        Source::Crontab | Source::SystemCrontab => "cron",
        Source::Supervisord => "supervisord",
        Source::Pm2 => "pm2",
    };
    let group = part(group.as_deref().unwrap_or("imported"));
    let root = context.settings().project.apps();
    let mut apps = Vec::new();
    let mut taken: Vec<String> = Vec::new();
    for Found { name, fields, notes } in found {
        let name = free_name(&part(&name), &taken);
        taken.push(name.clone());
        let app = format!("{group}/{parent}/{name}");
        let definition = toml::to_string(&fields).map_err(|cause| Error::failed("write an app.toml").because(cause))?;
        match write(&root.join(&app), &definition, *dry_run)? {
            None => apps.push(ImportedApp { app, definition, notes }),
            Some(reason) => left.push(format!("{app}: {reason}")),
        }
    }
    Ok(ImportReport { dry_run: *dry_run, apps, left })
}

/// Writes an app.toml; the reason why it is not written, where there is one.
fn write(folder: &Path, definition: &str, dry_run: bool) -> Result<Option<String>> {
    if folder.exists() {
        return Ok(Some(format!("{} is there already", folder.display())));
    }
    if let Err(error) = AppDefinition::from_toml(definition) {
        return Ok(Some(error.to_string()));
    }
    if !dry_run {
        let failed = |cause| file_error(format!("write {}", folder.display()), cause);
        fs::create_dir_all(folder).map_err(failed)?;
        fs::write(folder.join(DEFINITION_FILE), definition).map_err(failed)?;
    }
    Ok(None)
}

/// A name as a part of an app's name may be.
fn part(name: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '-' };
    let part: String = name.chars().take(PART_LETTERS_MAX).map(plain).collect::<String>().to_ascii_lowercase();
    let part = part.trim_matches('-');
    if part.is_empty() { "app".to_owned() } else { part.to_owned() }
}

fn free_name(name: &str, taken: &[String]) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !taken.contains(name)).unwrap_or_else(|| name.to_owned())
}

/// What a command is called: its program, or the script that an interpreter runs.
fn name_of_command(command: &str) -> String {
    let words = command.split_whitespace().filter(|word| !word.starts_with('-') && !word.contains('='));
    let file = |word: &str| {
        let name = word.trim_matches(['"', '\'']).rsplit('/').next().unwrap_or_default();
        name.split('.').next().unwrap_or_default().to_owned()
    };
    let is_interpreter = |name: &String| {
        ["cd", "sh", "bash", "env", "python", "python3", "perl", "node", "php", "ruby", "nice", "exec"]
            .contains(&name.as_str())
    };
    let is_name = |name: &String| name.chars().any(char::is_alphabetic) && !is_interpreter(name);
    words.map(file).find(is_name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_what_is_run() {
        for (command, expected) in [
            ("/opt/jobs/companies.sh --full", "companies"),
            ("python3 -u /srv/fetch/rates.py EUR", "rates"),
            ("X=1 nice -n 5 /usr/bin/backup", "backup"),
            ("", ""),
        ] {
            assert_eq!(name_of_command(command), expected, "{command}");
        }
        assert_eq!(part("Überall & immer"), "berall---immer");
        assert_eq!(free_name("a", &["a".to_owned(), "a-2".to_owned()]), "a-3");
    }
}
