//! `dc manager notify`: how the channels are, a test of them, and messages of one's own.

use std::fmt;

use serde::Serialize;

use crate::clock;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::ident::new_identity;
use crate::notify::{Channel, Letter, Undelivered, channels, open_channel, severity_of};
use crate::shell;
use crate::tables::{LogLevel, MessageKind, NewMessage, Store};

/// What `dc manager notify` is asked for.
#[derive(Debug, Clone, Default)]
pub struct NotifyOptions {
    /// Only this channel.
    pub channel: Option<String>,
    /// Send a test right now, past the outbox.
    pub test: bool,
    /// Only show what each channel would be sent.
    pub preview: bool,
    /// A message for people; it goes by the outbox.
    pub subject: Option<String>,
    /// The rest of the message.
    pub body: Option<String>,
    /// How grave it is: `info`, `warning`, `error`, `critical`.
    pub severity: Option<String>,
}

/// One channel.
#[derive(Debug, Clone, Serialize)]
pub struct ChannelState {
    /// Its name.
    pub channel: String,
    /// Its kind.
    pub kind: Option<&'static str>,
    /// Messages that wait for it.
    pub waiting: i64,
    /// Messages that it was sent, by themselves or in a digest.
    pub sent: i64,
    /// Messages that it takes never.
    pub refused: i64,
    /// When something was sent the last time, UTC.
    pub sent_at: Option<String>,
    /// Nothing is sent before, UTC.
    pub not_before: Option<String>,
    /// What is wrong with it.
    pub wrong: Option<String>,
}

/// What a channel would be sent: by its templates, and in several letters where it is long.
#[derive(Debug, Clone, Serialize)]
pub struct Preview {
    /// The channel.
    pub channel: String,
    /// To whom.
    pub to: Vec<String>,
    /// Why it would be sent nothing.
    pub skipped: Option<String>,
    /// Subject and body of each letter.
    pub letters: Vec<(String, String)>,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct NotifyReport {
    /// What was done: `looked`, `tested`, `written`, `previewed`.
    pub done: &'static str,
    /// What each channel would be sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub previews: Vec<Preview>,
    /// The identity of the message that was written.
    pub message: Option<String>,
    /// The channels.
    pub channels: Vec<ChannelState>,
}

impl NotifyReport {
    /// Whether no channel has anything wrong.
    pub fn is_well(&self) -> bool {
        self.channels.iter().all(|channel| channel.wrong.is_none())
    }
}

/// A message was written, and there is no channel to deliver it by.
const KEPT: &str = "kept";
/// What to write into dc.toml.
const EXAMPLE: &str = "for example in dc.toml:\n[notify.ops]\nurl = \"tgram://TOKEN/CHAT\"";

impl fmt::Display for NotifyReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(message) = &self.message {
            return match self.done == KEPT {
                true => write!(
                    formatter,
                    "message {message} is kept, and nobody gets it: no channel is configured\n{EXAMPLE}"
                ),
                false => write!(formatter, "message {message} is written; a manager delivers it"),
            };
        }
        if self.done == "previewed" && !self.previews.is_empty() {
            return self.previews.iter().enumerate().try_for_each(|(place, preview)| {
                let between = if place == 0 { "" } else { "\n\n" };
                write!(formatter, "{between}{preview}")
            });
        }
        if self.channels.is_empty() {
            return write!(formatter, "no channel is configured\n{EXAMPLE}");
        }
        let is_test = self.done == "tested";
        let mut table = match is_test {
            true => shell::table(["channel", "kind", "test"]),
            false => shell::table(["channel", "kind", "waiting", "sent", "refused", "last sent", "state"]),
        };
        for it in &self.channels {
            let (name, kind) = (it.channel.clone(), it.kind.unwrap_or("-").to_owned());
            let state = it.wrong.clone().unwrap_or_else(|| if is_test { "sent" } else { "ok" }.to_owned());
            if is_test {
                table.add_row([name, kind, state]);
            } else {
                let last = it.sent_at.clone().unwrap_or_default();
                let (waiting, sent, refused) = (it.waiting.to_string(), it.sent.to_string(), it.refused.to_string());
                table.add_row([name, kind, waiting, sent, refused, last, state]);
            }
        }
        write!(formatter, "{table}")
    }
}

impl fmt::Display for Preview {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to: Vec<&str> = self.to.iter().map(String::as_str).filter(|to| !to.is_empty()).collect();
        let to = if to.is_empty() { String::new() } else { format!(" to {}", to.join(", ")) };
        write!(formatter, "{}{to}", self.channel)?;
        if let Some(skipped) = &self.skipped {
            return write!(formatter, ": {skipped}");
        }
        for (subject, body) in &self.letters {
            write!(formatter, "\n  {}", shell::visible(subject))?;
            body.lines().try_for_each(|line| write!(formatter, "\n    {}", shell::visible(line)))?;
        }
        Ok(())
    }
}

/// Shows the channels, tests them, or writes a message.
///
/// # Errors
/// Usage for a severity that is none; not found for a channel that is none; what the database says. A channel that does
/// not work is no error: it is in the report.
pub fn notify(context: &Context, options: &NotifyOptions) -> Result<NotifyReport> {
    if let (Some(subject), false) = (&options.subject, options.preview) {
        if options.channel.is_some() {
            let message = "tell people something by one channel: a message goes to all that want its severity";
            return Err(Error::new(ErrorKind::Usage, message).hint("with --preview one channel may be named"));
        }
        return write(context, options, subject);
    }
    let mut names = channels(context);
    if let Some(wanted) = &options.channel {
        if !names.contains(wanted) {
            let message = format!("find the channel `{wanted}` in the settings");
            return Err(Error::new(ErrorKind::NotFound, message).hint(format!("known: {}", names.join(", "))));
        }
        names.retain(|name| name == wanted);
    }
    if options.preview {
        let letter = preview_of(options)?;
        let previews = names.iter().map(|name| preview(context, name, &letter)).collect();
        return Ok(NotifyReport { done: "previewed", previews, message: None, channels: Vec::new() });
    }
    match options.test {
        true => Ok(NotifyReport {
            done: "tested",
            previews: Vec::new(),
            message: None,
            channels: names.iter().map(|name| test(context, name)).collect(),
        }),
        false => look(context, &names),
    }
}

/// The severity that was asked for.
fn severity(options: &NotifyOptions) -> Result<LogLevel> {
    match options.severity.as_deref() {
        None => Ok(LogLevel::Info),
        Some(word) => severity_of(word).ok_or_else(|| {
            Error::new(ErrorKind::Usage, format!("read `{word}` as a severity"))
                .hint("it takes debug, info, warning, error or critical")
        }),
    }
}

/// The message as a letter; without one, the test.
fn preview_of(options: &NotifyOptions) -> Result<Letter> {
    let letter = Letter::test(new_identity());
    Ok(match &options.subject {
        None => letter,
        Some(subject) => Letter {
            severity: severity(options)?,
            kind: MessageKind::Told.name().to_owned(),
            subject: subject.clone(),
            body: options.body.clone().unwrap_or_default(),
            ..letter
        },
    })
}

fn preview(context: &Context, name: &str, letter: &Letter) -> Preview {
    let nothing = |to, why| Preview { channel: name.to_owned(), to, skipped: Some(why), letters: Vec::new() };
    let channel = match open_channel(context, name) {
        Ok(channel) => channel,
        Err(error) => return nothing(Vec::new(), error.to_string()),
    };
    // a test goes everywhere
    if letter.severity.id() < channel.severity.id() && letter.kind != "test" {
        let why = format!("nothing less than {} is sent there", channel.severity.name().to_lowercase());
        return nothing(channel.recipients, why);
    }
    let letters = channel.letters(letter).into_iter().map(|letter| (letter.subject, letter.body)).collect();
    Preview { channel: name.to_owned(), to: channel.recipients, skipped: None, letters }
}

fn write(context: &Context, options: &NotifyOptions, subject: &str) -> Result<NotifyReport> {
    let severity = severity(options)?;
    let message = NewMessage {
        kind: MessageKind::Told,
        severity,
        app_id: context.settings().inside.as_ref().map(|inside| inside.app_id),
        subject: subject.to_owned(),
        body: options.body.clone().unwrap_or_default(),
    };
    let message = Store::ready(context)?.outbox().tell(&message)?;
    let done = if context.settings().names("notify").is_empty() { KEPT } else { "written" };
    Ok(NotifyReport { done, previews: Vec::new(), message: Some(message), channels: Vec::new() })
}

fn nothing(name: &str, kind: Option<&'static str>, wrong: Option<String>) -> ChannelState {
    ChannelState {
        channel: name.to_owned(),
        kind,
        waiting: 0,
        sent: 0,
        refused: 0,
        sent_at: None,
        not_before: None,
        wrong,
    }
}

fn test(context: &Context, name: &str) -> ChannelState {
    let mut channel = match open_channel(context, name) {
        Ok(channel) => channel,
        Err(error) => return nothing(name, None, Some(error.to_string())),
    };
    let recipients = channel.recipients.clone();
    let wrong: Vec<String> = recipients
        .iter()
        .filter_map(|to| match channel.send(&Letter::test(new_identity()), to) {
            Ok(()) => None,
            Err(
                Undelivered::Away { reason, .. } | Undelivered::Broken { reason } | Undelivered::Refused { reason },
            ) => Some(of_recipient(&channel, to, reason)),
        })
        .collect();
    nothing(name, Some(channel.kind), (!wrong.is_empty()).then(|| wrong.join("; ")))
}

/// What is wrong with a recipient, with its name where there are several.
fn of_recipient(channel: &Channel, to: &str, wrong: String) -> String {
    if channel.recipients.len() > 1 { format!("{to}: {wrong}") } else { wrong }
}

fn look(context: &Context, names: &[String]) -> Result<NotifyReport> {
    let mut states = Vec::new();
    if names.is_empty() {
        return Ok(NotifyReport { done: "looked", previews: Vec::new(), message: None, channels: states });
    }
    let mut store = Store::ready(context)?;
    let (rows, counts, now) = (store.channels().all()?, store.channels().counts()?, store.now()?);
    for name in names {
        let channel = open_channel(context, name);
        let mut state = match &channel {
            Ok(channel) => nothing(name, Some(channel.kind), None),
            Err(error) => nothing(name, None, Some(error.to_string())),
        };
        // before it was handed over to its recipients, a channel had one row
        let of_channel = |key: &str| match (&channel, key == name) {
            (_, true) => Some(String::new()),
            (Ok(channel), false) => channel.recipients.iter().find(|to| channel.key(to) == key).cloned(),
            (Err(_), false) => key.strip_prefix(&format!("{name}/")).map(str::to_owned),
        };
        for (_, word, count) in counts.iter().filter(|(key, ..)| of_channel(key).is_some()) {
            match word.as_str() {
                "sent" => state.sent += count,
                "refused" => state.refused += count,
                "waiting" | "sealed" => state.waiting += count,
                // about the channel itself
                _ => {}
            }
        }
        let mut wrong: Vec<String> = state.wrong.take().into_iter().collect();
        let (mut sent_at, mut not_before) = (None, None);
        for (row, to) in rows.iter().filter_map(|row| Some((row, of_channel(&row.name)?))) {
            sent_at = sent_at.max(row.sent_at);
            not_before = not_before.max(row.not_before.filter(|at| *at > now));
            wrong.extend(row.wrong().map(|wrong| match &channel {
                Ok(channel) => of_recipient(channel, &to, wrong),
                Err(_) => wrong,
            }));
        }
        state.sent_at = sent_at.map(clock::brief);
        state.not_before = not_before.map(clock::brief);
        state.wrong = (!wrong.is_empty()).then(|| wrong.join("; "));
        states.push(state);
    }
    Ok(NotifyReport { done: "looked", previews: Vec::new(), message: None, channels: states })
}
