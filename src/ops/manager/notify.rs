//! `dc manager notify`: how the channels are, a test of them, and messages of one's own.

use std::fmt;

use serde::Serialize;

use crate::clock;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::ident::new_identity;
use crate::notify::{Letter, Undelivered, channels, open_channel, severity_of};
use crate::shell;
use crate::tables::{LogLevel, MessageKind, NewMessage, Store};

/// What `dc manager notify` is asked for.
#[derive(Debug, Clone, Default)]
pub struct NotifyOptions {
    /// Only this channel.
    pub channel: Option<String>,
    /// Send a test right now, past the outbox.
    pub test: bool,
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

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct NotifyReport {
    /// What was done: `looked`, `tested`, `written`.
    pub done: &'static str,
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

impl fmt::Display for NotifyReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(message) = &self.message {
            return write!(formatter, "message {message} is written; a manager delivers it");
        }
        if self.channels.is_empty() {
            return write!(
                formatter,
                "no channel is configured; for example in dc.toml:\n[notify.ops]\nurl = \"tgram://TOKEN/CHAT\""
            );
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

/// Shows the channels, tests them, or writes a message.
///
/// # Errors
/// Usage for a severity that is none; not found for a channel that is none; what the database says. A channel that does
/// not work is no error: it is in the report.
pub fn notify(context: &Context, options: &NotifyOptions) -> Result<NotifyReport> {
    if let Some(subject) = &options.subject {
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
    match options.test {
        true => Ok(NotifyReport {
            done: "tested",
            message: None,
            channels: names.iter().map(|name| test(context, name)).collect(),
        }),
        false => look(context, &names),
    }
}

fn write(context: &Context, options: &NotifyOptions, subject: &str) -> Result<NotifyReport> {
    let severity = match options.severity.as_deref() {
        None => LogLevel::Info,
        Some(word) => severity_of(word).ok_or_else(|| {
            Error::new(ErrorKind::Usage, format!("read `{word}` as a severity"))
                .hint("it takes debug, info, warning, error or critical")
        })?,
    };
    let message = NewMessage {
        kind: MessageKind::Told,
        severity,
        app_id: context.settings().inside.as_ref().map(|inside| inside.app_id),
        subject: subject.to_owned(),
        body: options.body.clone().unwrap_or_default(),
    };
    let message = Store::ready(context)?.outbox().tell(&message)?;
    Ok(NotifyReport { done: "written", message: Some(message), channels: Vec::new() })
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
    let wrong = match channel.send(&Letter::test(new_identity())) {
        Ok(()) => None,
        Err(Undelivered::Away { reason, .. } | Undelivered::Refused { reason }) => Some(reason),
    };
    nothing(name, Some(channel.kind), wrong)
}

fn look(context: &Context, names: &[String]) -> Result<NotifyReport> {
    let mut states = Vec::new();
    if names.is_empty() {
        return Ok(NotifyReport { done: "looked", message: None, channels: states });
    }
    let mut store = Store::ready(context)?;
    let (rows, now) = (store.channels().all()?, store.now()?);
    for name in names {
        let (kind, wrong) = match open_channel(context, name) {
            Ok(channel) => (Some(channel.kind), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let mut state = nothing(name, kind, wrong);
        for (word, count) in store.channels().counts(name)? {
            match word.as_str() {
                "sent" => state.sent += count,
                "refused" => state.refused += count,
                _ => state.waiting += count,
            }
        }
        if let Some(row) = rows.iter().find(|row| row.name == *name) {
            state.sent_at = row.sent_at.map(clock::brief);
            state.not_before = row.not_before.filter(|at| *at > now).map(clock::brief);
            let away = row.reason.as_ref().filter(|_| row.failures > 0);
            state.wrong =
                state.wrong.or_else(|| away.map(|reason| format!("away, tried {} times: {reason}", row.failures)));
        }
        states.push(state);
    }
    Ok(NotifyReport { done: "looked", message: None, channels: states })
}
