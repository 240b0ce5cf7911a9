//! What of the secrets a run is given: those that its app names, or all; and that it sees nothing of the others.

use std::ffi::OsString;

use crate::apps::FoundApp;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::secrets::{RESERVED, given_names};
use crate::redact::Redactor;
use crate::secrets::{Document, GIVEN_VARIABLE, Hide, SETTING_PREFIX, WITHHELD_VARIABLE};
use crate::settings::{Secret, Settings};

/// What a run is given.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// Secrets for its environment.
    pub(super) values: Vec<(String, Secret)>,
    /// Variables of ours that it does not get.
    pub(super) removed: Vec<String>,
    /// What tells a dc inside the run of both.
    pub(super) marks: Vec<(String, OsString)>,
    /// Secrets that it has from our own environment: a variable wins over the store.
    inherited: Vec<(String, Secret)>,
    /// Which of both the store marks.
    hides: Vec<(String, Hide)>,
}

impl Given {
    /// What the app names, from the environment or the store. The store is opened only where something is missing.
    ///
    /// # Errors
    /// Permission (exit 4), when the store cannot be opened, or has not what the app names.
    pub(super) fn to(context: &Context, app: &FoundApp) -> Result<Self> {
        let (settings, secrets) = (context.settings(), context.secrets());
        let before: Option<Vec<&str>> = settings.variable(GIVEN_VARIABLE).map(|names| names.split(',').collect());
        let named = app.definition.secrets.as_deref();
        let is_set = |name: &str| settings.has_variable(name) || app.definition.env.contains_key(name);
        let needs_store = match named {
            Some(names) => names.iter().any(|name| !is_set(name)),
            None => before.is_none() || secrets.has_password(),
        };
        // where it costs nobody a question, the store also tells what the app must not be given
        let tells = before.is_none() && named.is_some_and(|names| !names.is_empty()) && secrets.has_password();
        let unlocked = match needs_store || tells {
            true => secrets.open().map_err(|error| within(error, app))?,
            false => secrets.opened(),
        };
        let document = unlocked.as_ref().map(|unlocked| &unlocked.document);
        let known = known_names(document, before.as_deref().unwrap_or_default());
        let wanted: Vec<&str> = match named {
            Some(names) => names.iter().map(String::as_str).collect(),
            None => known.clone(),
        };
        let hides = document.map(Document::hides).unwrap_or_default();
        let mut given = Self { hides, ..Self::default() };
        for name in wanted.iter().copied().filter(|name| !RESERVED.contains(name)) {
            match (settings.foreign_variable(name)?, document.and_then(|document| document.get(name))) {
                (Some(value), _) => given.inherited.push((name.to_owned(), Secret::new(value))),
                (None, Some(value)) => given.values.push((name.to_owned(), value.clone())),
                (None, None) if is_set(name) || named.is_none() => {}
                (None, None) => return Err(missing(context, app, name)),
            }
        }
        let withheld: Vec<&str> = known.into_iter().filter(|name| !wanted.contains(name)).collect();
        // what `.env` says a dc has without its process having it
        let is_given = |name: &str| !RESERVED.contains(&name) && !withheld.contains(&name);
        let filed = settings.filed_variables().filter(|(name, _)| is_given(name));
        given.values.extend(filed.map(|(name, value)| (name.to_owned(), value.clone())));
        let settings_withheld: Vec<&str> = withheld
            .iter()
            .copied()
            .filter(|name| name.starts_with(SETTING_PREFIX) && !RESERVED.contains(name))
            .collect();
        given.removed =
            RESERVED.iter().filter(|name| name.starts_with("DC_SECRET")).map(|name| (*name).to_owned()).collect();
        given.removed.extend(withheld.iter().map(|name| (*name).to_owned()));
        if before.is_some() || document.is_some() {
            given.marks.push((GIVEN_VARIABLE.to_owned(), given_names(&wanted).into()));
        }
        if !settings_withheld.is_empty() {
            given.marks.push((WITHHELD_VARIABLE.to_owned(), settings_withheld.join(",").into()));
        }
        Ok(given)
    }

    /// What finds them in the app's output, besides what the settings hold.
    pub(super) fn redactor(&self, settings: &Settings) -> Redactor {
        let own = settings.secret_values();
        let hide = |name: &str| self.hides.iter().find(|(known, _)| known == name).map(|(_, hide)| *hide);
        let ours = self.values.iter().chain(&self.inherited);
        let ours = ours.map(|(name, value)| (name.as_str(), value.reveal(), hide(name).unwrap_or_default()));
        Redactor::with_store(own.iter().map(|secret| secret.reveal().to_owned()), ours)
    }
}

/// The names that the store has, or that our environment was given of it.
fn known_names<'a>(document: Option<&'a Document>, before: &[&'a str]) -> Vec<&'a str> {
    let stored = document.map(Document::names).unwrap_or_default();
    let more = before.iter().copied().filter(|name| *name != "-" && !stored.contains(name)).collect::<Vec<_>>();
    [stored, more].concat()
}

fn within(error: Error, app: &FoundApp) -> Error {
    error.within(format!("give {} its secrets", app.name))
}

fn missing(context: &Context, app: &FoundApp, name: &str) -> Error {
    let path = context.secrets().path().display();
    Error::new(ErrorKind::Permission, format!("give {} the secret `{name}`: {path} does not have it", app.name))
        .hint(format!("`dc secrets set {name}`, or take it out of `secrets` in its app.toml"))
}
