//! The channels of the settings: `[notify.NAME]`, what goes there, and when.

use std::collections::BTreeMap;
use std::time::Duration;

use super::letter::{Letter, severity_of};
use super::notifier::{Given, Notifier, Pace, Undelivered};
use super::quiet::Quiet;
use super::template::Template;
use super::url;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::redact::Redactor;
use crate::settings::Section;
use crate::tables::LogLevel;
use crate::zone::Zone;

/// So many messages that wait at once are a storm.
const DIGEST_FROM: u64 = 6;

/// A channel, ready to be used.
pub struct Channel {
    /// Its name in the settings.
    pub name: String,
    /// Its kind: `telegram`, `email`.
    pub kind: &'static str,
    /// What is less grave is not sent there.
    pub severity: LogLevel,
    /// From so many messages that wait at once they become one digest.
    pub digest_from: i64,
    pub(super) quiet: Option<Quiet>,
    subject: Option<Template>,
    body: Option<Template>,
    every: Option<Duration>,
    notifier: Box<dyn Notifier>,
    redactor: Redactor,
}

/// The names of the channels in the settings.
pub fn channels(context: &Context) -> Vec<String> {
    context.settings().names("notify")
}

/// Opens a channel. Nothing is sent by that.
///
/// # Errors
/// Settings, for what is missing or not what it takes.
pub fn open_channel(context: &Context, name: &str) -> Result<Channel> {
    let full = format!("notify.{name}");
    let section = context.settings().section(&full);
    let (told, parts) = kind_of(name, section)?;
    let wrong = |field: &str, why: String| {
        Error::new(ErrorKind::Settings, format!("open the channel `{name}`: `{full}.{field}`: {why}"))
    };
    let entry = super::find(&told).ok_or_else(|| {
        let message = format!("open the channel `{name}`: there is no kind `{told}`");
        Error::new(ErrorKind::Settings, message).hint(format!("known: {}", super::names().join(", ")))
    })?;
    let severity = match section.text("severity")? {
        Some(word) => severity_of(&word)
            .ok_or_else(|| wrong("severity", "it takes debug, info, warning, error or critical".to_owned()))?,
        None => LogLevel::Info,
    };
    let zone = match section.text("timezone")? {
        Some(zone) => Some(Zone::named(&zone).ok_or_else(|| wrong("timezone", format!("`{zone}` is no time zone")))?),
        None => None,
    };
    let quiet = match section.text("quiet")? {
        Some(text) => {
            let takes = || wrong("quiet", "it takes two times, such as 22:00-07:00".to_owned());
            Some(Quiet::read(&text, zone).ok_or_else(takes)?)
        }
        None => None,
    };
    let template = |field: &str| -> Result<Option<Template>> {
        let text = section.text(field)?;
        text.map(|text| Template::read(&text).map_err(|why| wrong(field, why))).transpose()
    };
    let (subject, body) = (template("subject")?, template("body")?);
    let every = section.duration("every")?;
    let digest_from = section.number("digest_at")?.unwrap_or(DIGEST_FROM).max(2);
    let given = Given::new(name, section, parts);
    Ok(Channel {
        name: name.to_owned(),
        kind: entry.name,
        severity,
        digest_from: i64::try_from(digest_from).unwrap_or(i64::MAX),
        quiet,
        subject,
        body,
        every,
        notifier: (entry.open)(context, &given)?,
        redactor: Redactor::of(context.settings()),
    })
}

/// The kind, and the fields that its URL holds.
fn kind_of(name: &str, section: Section<'_>) -> Result<(String, BTreeMap<String, String>)> {
    let told = section.text("type")?;
    let Some(text) = section.text("url")? else {
        let missing = || {
            let message = format!("open the channel `{name}`: it has neither `url` nor `type`");
            let hint = format!("known types: {}; or a URL such as tgram://TOKEN/CHAT", super::names().join(", "));
            Error::new(ErrorKind::Settings, message).hint(hint)
        };
        return Ok((told.ok_or_else(missing)?, BTreeMap::new()));
    };
    let (kind, fields) = url::read(&text).map_err(|why| {
        Error::new(ErrorKind::Settings, format!("open the channel `{name}`: read `notify.{name}.url`: {why}"))
    })?;
    Ok((told.unwrap_or_else(|| kind.to_owned()), fields))
}

impl Channel {
    /// Sends a letter, as the templates have it, and without any credential of the settings.
    ///
    /// # Errors
    /// [`Undelivered`].
    pub fn send(&mut self, letter: &Letter) -> Result<(), Undelivered> {
        let mut letter = letter.clone();
        let (subject, body) = (self.subject.as_ref(), self.body.as_ref());
        let filled = (subject.map(|it| it.fill(&letter)), body.map(|it| it.fill(&letter)));
        letter.subject = filled.0.unwrap_or(letter.subject);
        letter.body = filled.1.unwrap_or(letter.body);
        letter.subject = self.redactor.text(&letter.subject.replace(['\r', '\n'], " ")).into_owned();
        letter.body = self.redactor.text(&letter.body).into_owned();
        self.notifier.send(&letter).map_err(|undelivered| self.without_secrets(undelivered))
    }

    fn without_secrets(&self, undelivered: Undelivered) -> Undelivered {
        let seen = |reason: &str| self.redactor.text(reason).into_owned();
        match undelivered {
            Undelivered::Away { reason, after } => Undelivered::Away { reason: seen(&reason), after },
            Undelivered::Refused { reason } => Undelivered::Refused { reason: seen(&reason) },
        }
    }

    /// How fast it may be used: as its kind says, or slower where the settings say so.
    pub fn pace(&self) -> Pace {
        let pace = self.notifier.pace();
        Pace { every: self.every.map_or(pace.every, |every| every.max(pace.every)) }
    }
}
