//! Where a setting comes from: the environment, then the project's dc.toml, then the user's, each field on its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::environment::Environment;
use crate::clock;
use crate::error::{Error, ErrorKind, Result, file_error};

/// The sections of dc.toml and their fields; `db.NAME` stands for any name.
pub(super) const KNOWN: &[(&str, &[&str])] = &[
    ("db", &["url", "backend", "path", "host", "port", "name", "username", "password", "sslmode", "sslrootcert"]),
    ("log", &["level", "format"]),
    ("merge", &["max_gone_percent", "max_gone_rows"]),
    ("run", &["map_objects", "timeout", "grace"]),
];

/// One dc.toml that was read.
struct File {
    path: PathBuf,
    table: toml::Table,
}

/// All layers, nearest first.
pub(super) struct Layers {
    environment: Environment,
    files: Vec<File>,
}

/// A value as text, with the place it came from for the error that may follow.
struct Found {
    text: String,
    origin: String,
}

impl Layers {
    pub(super) fn new(environment: Environment) -> Self {
        Self { environment, files: Vec::new() }
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Adds a file below those that are there. A file that does not exist adds nothing.
    pub(super) fn add_file(&mut self, path: &Path) -> Result<()> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(cause) => {
                let error = file_error(format!("read the settings in {}", path.display()), cause);
                return Err(error);
            }
        };
        let table: toml::Table = toml::from_str(&text).map_err(|cause| {
            // the crate's message shows the line, which may hold a password: place and reason are enough
            let place = cause.span().map_or(0, |span| text[..span.start.min(text.len())].lines().count().max(1));
            settings_error(format!("read {} line {place}: {}", path.display(), cause.message()))
        })?;
        check_names(path, &table)?;
        self.files.push(File { path: path.to_owned(), table });
        Ok(())
    }

    /// The names of the configured databases, from files and variables.
    pub(super) fn database_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for file in &self.files {
            if let Some(toml::Value::Table(databases)) = file.table.get("db") {
                names.extend(databases.keys().cloned());
            }
        }
        let fields = KNOWN[0].1;
        for variable in self.environment.names("DC_DB_") {
            let rest = &variable["DC_DB_".len()..];
            let named = fields.iter().find_map(|field| rest.strip_suffix(&format!("_{}", field.to_uppercase())));
            names.extend(named.map(str::to_lowercase));
        }
        names.sort();
        names.dedup();
        names
    }

    pub(super) fn text(&self, section: &str, field: &str) -> Result<Option<String>> {
        Ok(self.find(section, field)?.map(|found| found.text))
    }

    pub(super) fn number(&self, section: &str, field: &str) -> Result<Option<u64>> {
        self.typed(section, field, "a whole number", |text| text.trim().parse().ok())
    }

    pub(super) fn flag(&self, section: &str, field: &str) -> Result<Option<bool>> {
        self.typed(section, field, "true or false", |text| match text.trim().to_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        })
    }

    /// One of some words, of which the first is the default.
    pub(super) fn choice<T: Copy>(&self, section: &str, field: &str, words: &[(&str, T)]) -> Result<T> {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let read =
            |text: &str| words.iter().find(|(name, _)| name.eq_ignore_ascii_case(text.trim())).map(|(_, it)| *it);
        Ok(self.typed(section, field, &format!("one of {}", names.join(", ")), read)?.unwrap_or(words[0].1))
    }

    pub(super) fn duration(&self, section: &str, field: &str) -> Result<Option<Duration>> {
        self.typed(section, field, "a length of time such as 30s or 5m", |text| clock::duration(text).ok())
    }

    fn typed<T>(
        &self,
        section: &str,
        field: &str,
        wanted: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(found) = self.find(section, field)? else { return Ok(None) };
        match read(&found.text) {
            Some(value) => Ok(Some(value)),
            None => Err(settings_error(format!(
                "read the setting `{section}.{field}` from {}: it takes {wanted}, and is `{}`",
                found.origin, found.text
            ))),
        }
    }

    /// Text from a variable stays text until its field asks for a number, so the password `0123` survives.
    fn find(&self, section: &str, field: &str) -> Result<Option<Found>> {
        let variable = format!("DC_{}_{}", section.replace('.', "_"), field).to_uppercase();
        if let Some(text) = self.environment.get(&variable) {
            return Ok(Some(Found { text: text.to_owned(), origin: format!("the variable {variable}") }));
        }
        for file in &self.files {
            let mut value = file.table.get(section.split('.').next().unwrap_or(section));
            for part in section.split('.').skip(1).chain([field]) {
                value = value.and_then(|value| value.get(part));
            }
            let text = match value {
                None => continue,
                Some(toml::Value::String(text)) => text.clone(),
                Some(toml::Value::Integer(number)) => number.to_string(),
                Some(toml::Value::Boolean(flag)) => flag.to_string(),
                Some(other) => {
                    let kind = other.type_str();
                    return Err(settings_error(format!(
                        "read `{section}.{field}` in {}: it cannot be a {kind}",
                        file.path.display()
                    )));
                }
            };
            return Ok(Some(Found { text, origin: file.path.display().to_string() }));
        }
        Ok(None)
    }
}

fn check_names(path: &Path, table: &toml::Table) -> Result<()> {
    let sections: Vec<&str> = KNOWN.iter().map(|(section, _)| *section).collect();
    for (section, content) in table {
        let Some((_, fields)) = KNOWN.iter().find(|(known, _)| known == section) else {
            return Err(unknown(path, section, &sections));
        };
        let toml::Value::Table(content) = content else {
            return Err(settings_error(format!(
                "read {}: `{section}` must be a section, `[{section}]`",
                path.display()
            )));
        };
        for (name, value) in content {
            match (section.as_str(), value) {
                ("db", toml::Value::Table(database)) => {
                    if let Some(field) = database.keys().find(|field| !fields.contains(&field.as_str())) {
                        return Err(unknown(path, &format!("db.{name}.{field}"), fields));
                    }
                }
                ("db", _) => {
                    let error = settings_error(format!("read {}: `db.{name}` belongs to no database", path.display()));
                    return Err(error.hint("name the database: `[db.main]`, and its fields under it"));
                }
                _ if !fields.contains(&name.as_str()) => {
                    return Err(unknown(path, &format!("{section}.{name}"), fields));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn unknown(path: &Path, name: &str, known: &[&str]) -> Error {
    settings_error(format!("read {}: there is no setting `{name}`", path.display()))
        .hint(format!("known here: {}", known.join(", ")))
}

/// A failure of the settings (exit 3).
pub(super) fn settings_error(message: String) -> Error {
    Error::new(ErrorKind::Settings, message)
}
