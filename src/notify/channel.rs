//! The channels of the settings: `[notify.NAME]`, what goes there, and when.

use std::collections::BTreeMap;
use std::time::Duration;

use super::letter::{Letter, severity_of};
use super::notifier::{Given, Notifier, Pace, Undelivered};
use super::pages::{cut_to, pages};
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
    /// To whom it goes; one empty recipient where it knows none.
    pub recipients: Vec<String>,
    /// What is less grave is not sent there.
    pub severity: LogLevel,
    /// From so many messages that wait at once they become one digest.
    pub digest_from: i64,
    pub(super) quiet: Option<Quiet>,
    subject: Option<Template>,
    body: Option<Template>,
    every: Option<Duration>,
    /// A long letter is cut, and not sent in several.
    is_cut: bool,
    notifier: Box<dyn Notifier>,
    redactor: Redactor,
    /// The letter and the recipient of whom only so many pages were sent.
    begun: Option<((String, String), usize)>,
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
    let is_cut = match given.text("overflow")?.as_deref() {
        None | Some("split") => false,
        Some("truncate") => true,
        Some(_) => return Err(given.wrong("overflow", "split or truncate")),
    };
    let notifier = (entry.open)(context, &given)?;
    let mut recipients: Vec<String> = Vec::new();
    for recipient in notifier.recipients() {
        if !recipients.contains(&recipient) {
            recipients.push(recipient);
        }
    }
    if recipients.is_empty() {
        recipients.push(String::new());
    }
    Ok(Channel {
        name: name.to_owned(),
        kind: entry.name,
        recipients,
        severity,
        digest_from: i64::try_from(digest_from).unwrap_or(i64::MAX),
        quiet,
        subject,
        body,
        every,
        is_cut,
        notifier,
        begun: None,
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
    /// What the database knows a recipient by: the channel's name, and the recipient behind it.
    pub fn key(&self, to: &str) -> String {
        if to.is_empty() { self.name.clone() } else { format!("{}/{to}", self.name) }
    }

    /// Sends a letter to a recipient, as the templates have it, and without any credential of the settings. A long one goes in
    /// several.
    ///
    /// # Errors
    /// [`Undelivered`]. What was sent of a letter in several is not sent again, as long as the channel is open.
    pub fn send(&mut self, letter: &Letter, to: &str) -> Result<(), Undelivered> {
        let identity = (letter.id.clone(), to.to_owned());
        let begun = self.begun.take().filter(|(begun, _)| *begun == identity).map_or(0, |(_, pages)| pages);
        for (number, page) in self.letters(letter).iter().enumerate().skip(begun) {
            if number > begun {
                std::thread::sleep(self.pace().every);
            }
            if let Err(undelivered) = self.notifier.send(page, to) {
                self.begun = Some((identity, number));
                return Err(self.without_secrets(undelivered));
            }
        }
        Ok(())
    }

    /// The letters that this one is sent as: one, or several where it is too long.
    pub fn letters(&self, letter: &Letter) -> Vec<Letter> {
        let mut letter = letter.clone();
        let (subject, body) = (self.subject.as_ref(), self.body.as_ref());
        let filled = (subject.map(|it| it.fill(&letter)), body.map(|it| it.fill(&letter)));
        letter.subject = filled.0.unwrap_or(letter.subject);
        letter.body = filled.1.unwrap_or(letter.body);
        letter.subject = self.redactor.text(&letter.subject.replace(['\r', '\n'], " ")).into_owned();
        letter.body = self.redactor.text(&letter.body).into_owned();
        let Some(max) = self.notifier.body_max(&letter) else { return vec![letter] };
        let weight = |character| self.notifier.weight(character);
        if self.is_cut {
            letter.body = cut_to(&letter.body, max, weight);
            return vec![letter];
        }
        let pages = pages(&letter.body, max, weight);
        if let [_] = pages.as_slice() {
            return vec![letter];
        }
        let count = pages.len();
        let letters = pages.into_iter().enumerate().map(|(number, body)| {
            let subject = format!("{} ({}/{count})", letter.subject, number + 1);
            Letter { subject, body, ..letter.clone() }
        });
        letters.collect()
    }

    fn without_secrets(&self, undelivered: Undelivered) -> Undelivered {
        let seen = |reason: &str| self.redactor.text(reason).into_owned();
        match undelivered {
            Undelivered::Away { reason, after } => Undelivered::Away { reason: seen(&reason), after },
            Undelivered::Broken { reason } => Undelivered::Broken { reason: seen(&reason) },
            Undelivered::Refused { reason } => Undelivered::Refused { reason: seen(&reason) },
        }
    }

    /// How fast it may be used: as its kind says, or slower where the settings say so.
    pub fn pace(&self) -> Pace {
        let pace = self.notifier.pace();
        Pace { every: self.every.map_or(pace.every, |every| every.max(pace.every)) }
    }
}
