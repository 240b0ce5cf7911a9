//! Where a setting comes from: the environment, then the project's dc.toml, then the user's, each field on its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::failure::settings_error;
use super::known::{KNOWN, OWN, check_names, check_variables, is_free, member_of_variable, steps};
use super::setting::Setting;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::secret::{Secret, password_in};

/// One dc.toml that was read.
#[derive(Clone)]
struct File {
    path: PathBuf,
    table: toml::Table,
}

/// What the encrypted store says of the settings.
#[derive(Clone, Default)]
pub(super) enum Store {
    /// Nothing: there is none, it holds no settings, or they are in the environment already.
    #[default]
    Silent,
    /// The values of variables.
    Open { values: BTreeMap<String, Secret>, path: PathBuf },
    /// It holds settings, and nobody knows which: no password was given.
    Locked { path: PathBuf },
}

/// All layers, nearest first.
#[derive(Clone)]
pub(super) struct Layers {
    environment: Environment,
    pub(super) store: Store,
    files: Vec<File>,
}

/// A value as text, with the place it came from for the error that may follow.
struct Found {
    text: String,
    origin: String,
}

impl Layers {
    pub(super) fn new(environment: Environment) -> Self {
        Self { environment, store: Store::Silent, files: Vec::new() }
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
            let place = cause.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            settings_error(format!("read {} line {place}: {}", path.display(), cause.message()))
        })?;
        check_names(path, &table, &self.own_in(&table)?)?;
        self.files.push(File { path: path.to_owned(), table });
        Ok(())
    }

    /// The sections that a file may have besides dc's: those that it, or a file above it, names.
    fn own_in(&self, table: &toml::Table) -> Result<Vec<String>> {
        let mut own = self.own_sections();
        let named = value_at(table, ["project", "sections"].into_iter()).and_then(toml::Value::as_array);
        own.extend(named.into_iter().flatten().filter_map(toml::Value::as_str).map(str::to_owned));
        match own.iter().find(|section| !is_free(section)) {
            Some(taken) => Err(settings_error(format!(
                "read `project.sections`: `{taken}` cannot be a section of yours"
            ))
            .hint("a name of letters, digits and `_` that no section of dc and none of its variables begins with")),
            None => Ok(own),
        }
    }

    /// The sections of the project's own.
    pub(super) fn own_sections(&self) -> Vec<String> {
        let text = self.text("project", "sections").ok().flatten().unwrap_or_default();
        text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    /// All fields of a section of the project's own, each from its nearest layer.
    pub(super) fn own(&self, section: &str) -> BTreeMap<String, Setting> {
        let mut fields = BTreeMap::new();
        for file in self.files.iter().rev() {
            let table = file.table.get(section).and_then(toml::Value::as_table);
            let written = |(name, value): (&String, &toml::Value)| (name.clone(), Setting::Written(value.clone()));
            fields.extend(table.into_iter().flatten().map(written));
        }
        let prefix = format!("{OWN}{}_", section.to_uppercase());
        if let Store::Open { values, .. } = &self.store {
            let named = values.iter().filter_map(|(name, value)| Some((name.strip_prefix(&prefix)?, value)));
            fields.extend(named.map(|(name, value)| (name.to_lowercase(), Setting::Text(value.reveal().to_owned()))));
        }
        for variable in self.environment.names(&prefix) {
            let text = self.environment.get(variable).map(|text| Setting::Text(text.to_owned()));
            fields.extend(text.map(|text| (variable[prefix.len()..].to_lowercase(), text)));
        }
        fields
    }

    /// Refuses variables of ours that nothing reads, in the environment and in the store.
    pub(super) fn check_variables(&self) -> Result<()> {
        let own = self.own_sections();
        let stored = match &self.store {
            Store::Open { values, .. } => values.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        check_variables(self.environment.names(OWN).chain(stored), &own)
    }

    /// The names of a family such as `db`, from files and variables.
    pub(super) fn names(&self, family: &str) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for file in &self.files {
            if let Some(toml::Value::Table(members)) = value_at(&file.table, family.split('.')) {
                names.extend(members.keys().cloned());
            }
        }
        let fields = KNOWN.iter().find(|known| known.family() == Some(family)).map_or(&[][..], |known| known.fields);
        let prefix = format!("DC_{}_", family.replace('.', "_").to_uppercase());
        let stored = match &self.store {
            Store::Open { values, .. } => values.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        let stored = stored.into_iter().filter(|name| name.starts_with(&prefix));
        for variable in self.environment.names(&prefix).chain(stored) {
            let rest = &variable[prefix.len()..];
            names.extend(member_of_variable(fields, rest).map(str::to_lowercase));
        }
        names.sort();
        names.dedup();
        names
    }

    /// The values of all fields that are marked secret, and the passwords inside URLs.
    pub(super) fn secrets(&self) -> Vec<String> {
        let mut found = Vec::new();
        for known in KNOWN {
            let sections = match known.family() {
                Some(family) => self.names(family).iter().map(|name| format!("{family}.{name}")).collect(),
                None => vec![known.section.to_owned()],
            };
            for (section, field) in
                sections.iter().flat_map(|section| known.secrets().map(move |field| (section, field)))
            {
                let text = self.text(section, field).ok().flatten();
                found.extend(match field {
                    "url" if *section != "notify" && !section.starts_with("notify.") => passwords_in(text.as_deref()),
                    "proxies" | "proxy" => passwords_in(text.as_deref()),
                    "url" | "webhook" => tokens_in(text.as_deref()),
                    "headers" => text.iter().flat_map(|text| text.split(',')).filter_map(value_of).collect(),
                    _ => text.into_iter().collect(),
                });
            }
        }
        found
    }

    pub(super) fn text(&self, section: &str, field: &str) -> Result<Option<String>> {
        Ok(self.find(section, field)?.map(|found| found.text))
    }

    /// A value that `read` understands; `wanted` says what the field takes.
    pub(super) fn typed<T>(
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
        let variable = format!("DC_{section}_{field}").to_uppercase();
        let variable: String = variable.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '_' }).collect();
        if let Some(text) = self.environment.get(&variable) {
            return Ok(Some(Found { text: text.to_owned(), origin: format!("the variable {variable}") }));
        }
        match &self.store {
            Store::Open { values, path } => {
                if let Some(secret) = values.get(&variable).filter(|secret| !secret.reveal().is_empty()) {
                    let origin = format!("{variable} in {}", path.display());
                    return Ok(Some(Found { text: secret.reveal().to_owned(), origin }));
                }
            }
            Store::Locked { path } => self.check_not_locked(section, &variable, path)?,
            Store::Silent => self.check_not_withheld(&variable)?,
        }
        for file in &self.files {
            let text = match value_at(&file.table, steps(section).into_iter().chain([field])) {
                None => continue,
                Some(toml::Value::String(text)) => text.clone(),
                Some(toml::Value::Integer(number)) => number.to_string(),
                Some(toml::Value::Float(number)) => number.to_string(),
                Some(toml::Value::Boolean(flag)) => flag.to_string(),
                Some(toml::Value::Array(items)) if items.iter().all(toml::Value::is_str) => {
                    items.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(",")
                }
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

/// What stands at the end of these steps.
fn value_at<'a>(table: &'a toml::Table, mut steps: impl Iterator<Item = &'a str>) -> Option<&'a toml::Value> {
    let first = table.get(steps.next()?)?;
    steps.try_fold(first, |value, step| value.get(step))
}

/// The passwords in URLs, which may be several with commas.
fn passwords_in(text: Option<&str>) -> Vec<String> {
    let urls = text.unwrap_or_default().split(',').map(str::trim);
    urls.filter_map(|url| password_in(url).map(str::to_owned)).collect()
}

/// The parts of a channel's URL that may open it: those that are long and no plain word, and a password of any length.
fn tokens_in(text: Option<&str>) -> Vec<String> {
    let text = text.unwrap_or_default();
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let is_token = |part: &&str| {
        part.len() >= TOKEN_CHARS_MIN && part.bytes().any(|it| it.is_ascii_digit() || it.is_ascii_uppercase())
    };
    let parts = rest.split(['/', '?', '&', '=', '@']).filter(is_token).map(str::to_owned);
    parts.chain(password_in(text).map(str::to_owned)).collect()
}

/// The value of `Name: value`.
fn value_of(header: &str) -> Option<String> {
    header.split_once(':').map(|(_, value)| value.trim().to_owned())
}

/// A shorter part of a channel's URL is a name, not a token.
const TOKEN_CHARS_MIN: usize = 8;

impl Layers {
    /// A setting that a locked store may hold must not silently be another one. Where a variable says anything of a
    /// section, that is enough; and sections that never hold a secret are not waited for.
    fn check_not_locked(&self, section: &str, variable: &str, path: &Path) -> Result<()> {
        let holds_secrets = KNOWN.iter().any(|known| known.secrets().next().is_some() && known.takes(section));
        let prefix = format!("DC_{}_", section.replace('.', "_")).to_uppercase();
        if !holds_secrets || self.environment.names(&prefix).next().is_some() {
            return Ok(());
        }
        let message = format!("read the setting `{variable}`: it may be in {}, which is locked", path.display());
        Err(Error::new(ErrorKind::Permission, message)
            .hint(format!("set DC_SECRET_PASSWORD, or `[secrets] password_file` in dc.toml, or {variable} itself")))
    }

    /// A setting that the app around us was not given must not silently be another one either.
    fn check_not_withheld(&self, variable: &str) -> Result<()> {
        let withheld = self.environment.get("DC_SECRETS_WITHHELD").unwrap_or_default();
        if !withheld.split(',').any(|name| name == variable) {
            return Ok(());
        }
        let message = format!("read the setting `{variable}`: the store has it, and this app is not given it");
        Err(Error::new(ErrorKind::Permission, message).hint(format!("add \"{variable}\" to `secrets` in its app.toml")))
    }
}
