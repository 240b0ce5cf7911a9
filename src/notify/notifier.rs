//! What a channel has to do, and what it is opened with.

use std::collections::BTreeMap;
use std::time::Duration;

use super::letter::Letter;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::settings::{Secret, Section};

/// Brings letters to people.
pub trait Notifier: Send {
    /// Sends a letter to one of its recipients, or to an empty one where it knows none. It may come twice, under the same
    /// identity.
    ///
    /// # Errors
    /// [`Undelivered`]: whether the channel is away or broken, or takes this letter never.
    fn send(&mut self, letter: &Letter, to: &str) -> Result<(), Undelivered>;

    /// To whom it goes, where it goes to several or to one that can be named: each is sent every letter by itself, so that
    /// one that takes nothing holds up no other.
    fn recipients(&self) -> Vec<String> {
        Vec::new()
    }

    /// How long the body of this letter may be, where there is a limit: a longer one goes in several letters.
    fn body_max(&self, _letter: &Letter) -> Option<usize> {
        None
    }

    /// What a character takes of that.
    fn weight(&self, _character: char) -> usize {
        1
    }

    /// How fast it may be used.
    fn pace(&self) -> Pace;
}

/// How fast a channel may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The least time from one letter to the next.
    pub every: Duration,
}

/// Why a letter was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undelivered {
    /// Not now; after so long where the channel says it.
    Away {
        /// Why.
        reason: String,
        /// How long it asks to be left alone.
        after: Option<Duration>,
    },
    /// Nothing, until somebody mends it: a token, an address, a right. The letter waits.
    Broken {
        /// Why.
        reason: String,
    },
    /// Not this letter, however often.
    Refused {
        /// Why.
        reason: String,
    },
}

/// What a channel is opened with: the fields of its section, or the parts of its URL.
pub struct Given<'a> {
    /// The channel's name.
    pub name: &'a str,
    section: Section<'a>,
    parts: BTreeMap<String, String>,
}

impl<'a> Given<'a> {
    pub(super) fn new(name: &'a str, section: Section<'a>, parts: BTreeMap<String, String>) -> Self {
        Self { name, section, parts }
    }

    /// A field; what the section says wins over the URL.
    ///
    /// # Errors
    /// Settings, for a list or a table.
    pub fn text(&self, field: &str) -> Result<Option<String>> {
        Ok(self.section.text(field)?.or_else(|| self.parts.get(field).cloned()))
    }

    /// A field that must be there.
    ///
    /// # Errors
    /// Settings, when it is not.
    pub fn required(&self, field: &str) -> Result<String> {
        self.text(field)?.filter(|text| !text.is_empty()).ok_or_else(|| {
            let name = self.name;
            let message = format!("open the channel `{name}`: the setting `notify.{name}.{field}` is missing");
            let variable = format!("DC_NOTIFY_{}_{}", name.to_uppercase(), field.to_uppercase());
            Error::new(ErrorKind::Settings, message).hint(format!("set it in dc.toml, or {variable}"))
        })
    }

    /// A field that must not be seen.
    ///
    /// # Errors
    /// As [`Given::required`].
    pub fn secret(&self, field: &str) -> Result<Secret> {
        self.required(field).map(Secret::new)
    }

    /// Words: a list, or one text with commas.
    ///
    /// # Errors
    /// As [`Given::text`].
    pub fn words(&self, field: &str) -> Result<Vec<String>> {
        let text = self.text(field)?.unwrap_or_default();
        Ok(text.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect())
    }

    /// A field that is yes or no.
    ///
    /// # Errors
    /// Settings, for anything else.
    pub fn flag(&self, field: &str) -> Result<Option<bool>> {
        let Some(text) = self.text(field)? else { return Ok(None) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(Some(true)),
            "false" | "no" | "off" | "0" => Ok(Some(false)),
            _ => Err(self.wrong(field, "true or false")),
        }
    }

    /// The error of a field that is not what it takes.
    pub fn wrong(&self, field: &str, takes: &str) -> Error {
        let name = self.name;
        let message = format!("open the channel `{name}`: the setting `notify.{name}.{field}` takes {takes}");
        Error::new(ErrorKind::Settings, message)
    }
}

/// One kind of channel.
#[derive(Clone, Copy)]
pub struct Entry {
    /// What a person types as `type`.
    pub name: &'static str,
    /// Makes one out of its settings. Nothing is sent by that.
    pub open: fn(&Context, &Given<'_>) -> Result<Box<dyn Notifier>>,
}
