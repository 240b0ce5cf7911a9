//! The sections of dc.toml and their fields: what may be written there, and what of it is a secret.

mod field;
mod notify;
mod schema;
mod sections;
mod variable;

pub use field::{Field, Kind, field};
pub use schema::json_schema;
use variable::{OTHERS, prefix};
pub(super) use variable::{OWN, check_variables, member as member_of_variable};

use std::path::Path;

use super::failure::settings_error;
use crate::error::{Error, Result};

/// One section.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Its name; `db.*` stands for `db.` and any name.
    pub section: &'static str,
    /// What it is about, in a line.
    pub about: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
}

/// A section.
pub const fn known(section: &'static str, fields: &'static [Field], about: &'static str) -> Known {
    Known { section, about, fields }
}

/// All sections.
pub const KNOWN: &[Known] = &[
    known("db.*", sections::DATABASE, "A database; `main` holds the framework's own tables"),
    known("project", sections::PROJECT, "The project"),
    known("run", sections::RUN, "How apps run, where their app.toml says nothing else"),
    known("merge", sections::MERGE, "Guard against a merge that archives too much"),
    known("manager", sections::MANAGER, "How managers keep schedules"),
    known("group.*", sections::GROUP, "Limits of a group of apps"),
    known("web", sections::WEB, "The dashboard"),
    known("deploy", sections::DEPLOY, "What `dc deploy` publishes for other machines"),
    known("log", sections::LOG, "Where log records go"),
    known("log.file", sections::LOG_FILE, "The sink `file`"),
    known("log.splunk", sections::LOG_SPLUNK, "The sink `splunk`"),
    known("secrets", sections::SECRETS, "The encrypted store of secrets"),
    known("http", sections::HTTP, "Requests to servers"),
    known("host.*", sections::HOST, "Requests to one host: `[host.\"api.example.com\"]`"),
    known("captcha", sections::CAPTCHA, "Solving captchas"),
    known("notify.*", notify::NOTIFY, "A channel by which people get messages"),
    known("broker", sections::BROKER, "RabbitMQ"),
    known("dramatiq", sections::DRAMATIQ, "Queues of Dramatiq"),
    known("storage", sections::STORAGE, "Files that are kept"),
    known("storage.stores.*", sections::STORE, "A store of files: a folder, or a bucket of S3"),
    known("ocr", sections::OCR, "Reading pages"),
];

impl Known {
    /// The `db` of `db.*`.
    pub fn family(&self) -> Option<&'static str> {
        self.section.strip_suffix(".*")
    }

    /// Whether it has this field.
    fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }

    /// The names of its fields.
    fn names(&self) -> Vec<&'static str> {
        self.fields.iter().map(|field| field.name).collect()
    }

    /// The names of the fields whose values are never shown.
    pub(in crate::settings) fn secrets(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().filter(|field| field.is_secret).map(|field| field.name)
    }

    pub(in crate::settings) fn takes(&self, section: &str) -> bool {
        match self.family() {
            Some(family) => member(section, family).is_some(),
            None => self.section == section,
        }
    }
}

/// The name of a member of a family: `main` of `db.main`.
fn member<'a>(section: &'a str, family: &str) -> Option<&'a str> {
    section.strip_prefix(family)?.strip_prefix('.').filter(|member| !member.is_empty())
}

/// The tables that lead to a section. A member's name may have points of its own: `host.api.example.com`.
pub(in crate::settings) fn steps(section: &str) -> Vec<&str> {
    let families = KNOWN.iter().filter_map(Known::family);
    match families.filter_map(|family| Some((family, member(section, family)?))).max_by_key(|(family, _)| family.len())
    {
        Some((family, member)) => family.split('.').chain([member]).collect(),
        None => section.split('.').collect(),
    }
}

/// Refuses what nobody would ever read, and names what is known in its place; `own` are the project's own sections.
pub(in crate::settings) fn check_names(path: &Path, table: &toml::Table, own: &[String]) -> Result<()> {
    for (name, content) in table {
        match content {
            toml::Value::Table(_) if own.contains(name) => {}
            toml::Value::Table(content) => check_section(path, name, content)?,
            _ if KNOWN.iter().any(|known| known.section.split('.').next() == Some(name)) => {
                let message = format!("read {}: `{name}` must be a section, `[{name}]`", path.display());
                return Err(settings_error(message));
            }
            _ => return Err(unknown(path, name, &first_words())),
        }
    }
    Ok(())
}

fn check_section(path: &Path, section: &str, content: &toml::Table) -> Result<()> {
    let known = KNOWN.iter().find(|known| known.takes(section));
    let below = |known: &&Known| known.section.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'));
    let is_above = KNOWN.iter().any(|known| below(&known));
    if known.is_none() && !is_above {
        return Err(unknown(path, section, &first_words()));
    }
    for (name, value) in content {
        let full = format!("{section}.{name}");
        match value {
            toml::Value::Table(content) if is_above => check_section(path, &full, content)?,
            _ => match known {
                Some(known) if known.has(name) => {}
                // [host.api.example.com] without quotes
                Some(known) if value.is_table() && known.family().is_some() => {
                    let message = format!("read {}: there is no section `{full}`", path.display());
                    let family = known.family().unwrap_or_default();
                    return Err(settings_error(message)
                        .hint(format!("a name with points goes in quotes: [{family}.\"api.example.com\"]")));
                }
                Some(known) => return Err(unknown(path, &full, &known.names())),
                None => {
                    let error = settings_error(format!("read {}: `{full}` belongs to no section", path.display()));
                    return Err(
                        error.hint(format!("name what it is about: `[{section}.main]`, and its fields under it"))
                    );
                }
            },
        }
    }
    Ok(())
}

/// Whether a name is free for a section of the project's own.
pub(in crate::settings) fn is_free(section: &str) -> bool {
    let is_word = !section.is_empty() && section.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_word && !first_words().contains(&section) && !OTHERS.iter().any(|name| name.starts_with(&prefix(section)))
}

fn first_words() -> Vec<&'static str> {
    let mut words: Vec<&str> = KNOWN.iter().filter_map(|known| known.section.split('.').next()).collect();
    words.dedup();
    words
}

fn unknown(path: &Path, name: &str, known: &[&str]) -> Error {
    settings_error(format!("read {}: there is no setting `{name}`", path.display()))
        .hint(format!("known here: {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_may_stand_inside_another() {
        assert_eq!(steps("storage.stores.s3"), ["storage", "stores", "s3"]);
        assert_eq!(steps("host.api.example.com"), ["host", "api.example.com"]);
        assert_eq!(steps("log.splunk"), ["log", "splunk"]);
        let check = |text: &str| check_names(Path::new("dc.toml"), &toml::from_str(text).expect("TOML"), &[]);
        assert!(check("[storage]\nstore = \"s3\"\n[storage.stores.s3]\ntype = \"s3\"").is_ok());
        for wrong in
            ["[storage.stores]\nroot = \"x\"", "[storage.shelves.x]\npath = \"x\"", "[storage.stores.x]\nroot = \"x\""]
        {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }
}
