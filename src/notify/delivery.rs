//! One look at a channel: what has come is taken in, and what waits is sent, as far as its pace and its hours allow. Each
//! step is written down, so a kill between two of them has at most one letter sent twice, under one identity.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};

use super::channel::{Channel, channels, open_channel};
use super::letter::Letter;
use super::notifier::Undelivered;
use crate::context::{Cancellation, Context};
use crate::error::Result;
use crate::failpoint;
use crate::ident::new_identity;
use crate::tables::{ChannelRow, LogLevel, MessageKind, NewMessage, Sent, Store};

/// How long a channel is held without a sign of life.
const HOLD: TimeDelta = TimeDelta::seconds(90);
/// The first and the longest pause of a channel that is away.
const AWAY: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(900));
/// A channel is never left alone for longer, whatever it says.
const AFTER_MAX: Duration = Duration::from_secs(24 * 3_600);
/// A storm is over when nothing has come for so long, or when it has lasted so long.
const CALM: (TimeDelta, TimeDelta) = (TimeDelta::seconds(3), TimeDelta::seconds(30));
/// The longest pause between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a look came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Looked {
    /// Letters that were sent.
    pub(super) sent: usize,
    /// When to look again.
    pub(super) pause: Duration,
}

/// One recipient of a channel, as long as the channel is open.
pub(super) struct Recipient {
    pub(super) name: String,
    /// When the storm that goes on was first seen.
    pub(super) storm_since: Option<NaiveDateTime>,
}

impl Recipient {
    /// All of a channel.
    pub(super) fn all(channel: &Channel) -> Vec<Self> {
        channel.recipients.iter().map(|name| Self { name: name.clone(), storm_since: None }).collect()
    }
}

/// Looks at all recipients of a channel, one after the other.
pub(super) fn look_at_all(
    channel: &mut Channel,
    recipients: &mut [Recipient],
    store: &mut Store,
    (holder, cancellation): (&str, &Cancellation),
) -> Result<Looked> {
    let mut all = Looked { sent: 0, pause: LOOK_EVERY };
    for recipient in recipients {
        let (key, to) = (channel.key(&recipient.name), recipient.name.as_str());
        let storm_since = &mut recipient.storm_since;
        let mut delivery = Delivery { channel, store, key, to, holder, cancellation, storm_since };
        let looked = delivery.look()?;
        all = Looked { sent: all.sent + looked.sent, pause: all.pause.min(looked.pause) };
    }
    Ok(all)
}

/// One recipient at work.
struct Delivery<'a> {
    channel: &'a mut Channel,
    store: &'a mut Store,
    /// What the database knows the recipient by.
    key: String,
    to: &'a str,
    holder: &'a str,
    cancellation: &'a Cancellation,
    /// When the storm that goes on was first seen.
    storm_since: &'a mut Option<NaiveDateTime>,
}

impl Delivery<'_> {
    /// Looks once, and sends what may be sent now.
    fn look(&mut self) -> Result<Looked> {
        let mut looked = Looked { sent: 0, pause: LOOK_EVERY };
        loop {
            if self.cancellation.is_cancelled() {
                return Ok(looked);
            }
            let name = self.key.clone();
            let pause_max = span(AFTER_MAX).max(span(self.channel.pace().every));
            let held = self.store.channels().hold(&name, self.holder, HOLD, pause_max)?;
            let Some((row, now)) = held else { return Ok(looked) };
            self.store.channels().take_in(&name, self.channel.severity.id(), now)?;
            if let Some(wait) =
                row.not_before.and_then(|not_before| (not_before - now).to_std().ok()).filter(|it| !it.is_zero())
            {
                looked.pause = wait.min(LOOK_EVERY);
                return Ok(looked);
            }
            let Some((sent, letter)) = self.next(now)? else { return Ok(looked) };
            looked.sent += usize::from(self.send(&row, &sent, &letter)?);
        }
    }

    /// The letter that is next; `None` when there is none, or it is better to wait.
    fn next(&mut self, now: NaiveDateTime) -> Result<Option<(Sent, Letter)>> {
        let name = self.key.clone();
        let is_quiet = self.channel.quiet.as_ref().is_some_and(|quiet| quiet.holds(now));
        let severity = if is_quiet { LogLevel::Critical } else { self.channel.severity };
        let waiting = self.store.channels().waiting(&name, severity.id())?;
        if let Some(digest) = waiting.digest {
            // begun before: the same one again
            return self.digest(digest).map(Some);
        }
        if waiting.count == 0 {
            *self.storm_since = None;
            return Ok(None);
        }
        if waiting.count < self.channel.digest_from {
            let first = self.store.channels().messages(&name, severity.id(), 1)?.pop();
            let Some(message) = first else { return Ok(None) };
            let app = self.app(message.app_id)?;
            return Ok(Some((Sent::Message(message.id.clone()), Letter::of(message, app))));
        }
        let since = *self.storm_since.get_or_insert(now);
        let is_calm = waiting.newest.is_none_or(|newest| now - newest >= CALM.0) || now - since >= CALM.1;
        if !is_calm {
            return Ok(None);
        }
        let digest = new_identity();
        self.store.channels().seal_digest(&name, severity.id(), &digest)?;
        failpoint::point("notify.bound")?;
        *self.storm_since = None;
        self.digest(digest).map(Some)
    }

    fn digest(&mut self, digest: String) -> Result<(Sent, Letter)> {
        let held = self.store.channels().digest(&digest)?;
        let letter = Letter::of_digest(&digest, &held);
        Ok((Sent::Digest(digest), letter))
    }

    fn app(&mut self, app_id: Option<i64>) -> Result<Option<String>> {
        let Some(app_id) = app_id else { return Ok(None) };
        Ok(self.store.apps().by_id(app_id)?.map(|app| app.name.to_string()))
    }

    fn pace(&mut self, every: TimeDelta) -> Result<()> {
        let not_before = self.store.now()? + every;
        self.store.channels().pace(&self.key, not_before)
    }

    /// Whether it was delivered.
    fn send(&mut self, row: &ChannelRow, sent: &Sent, letter: &Letter) -> Result<bool> {
        let name = self.key.clone();
        let every = span(self.channel.pace().every);
        self.pace(every)?;
        failpoint::point("notify.paced")?;
        match self.channel.send(letter, self.to) {
            Ok(()) => {
                failpoint::point("notify.sent")?;
                let mended = notice(MessageKind::ChannelMended, format!("The channel {name} works again"), "");
                self.store.channels().note_sent(&name, sent, &mended)?;
                failpoint::point("notify.noted")?;
                self.pace(every)?;
                if row.failures > 0 || row.refusals > 0 {
                    log::info!("the channel `{name}` works again");
                }
                Ok(true)
            }
            Err(Undelivered::Refused { reason }) => {
                log::error!("the channel `{name}` refuses the message {}: {reason}", letter.id);
                let subject = format!("The channel {name} refuses a message");
                let about = notice(MessageKind::ChannelBroken, subject, &format!("{}\n{reason}", letter.subject));
                self.store.channels().note_refused(&name, sent, &reason, &about)?;
                Ok(false)
            }
            Err(Undelivered::Broken { reason }) => {
                let failures = row.failures + 1;
                if row.broken_since.is_none() {
                    log::error!("the channel `{name}` is broken, its messages wait: {reason}");
                }
                let not_before = self.store.now()? + span(pause_after(failures)).max(every);
                let subject = format!("The channel {name} is broken: its messages wait until somebody mends it");
                let about = notice(MessageKind::ChannelBroken, subject, &reason);
                self.store.channels().note_broken(&name, &reason, (failures, not_before), &about)?;
                Ok(false)
            }
            Err(Undelivered::Away { reason, after }) => {
                let failures = row.failures + 1;
                let pause = after.unwrap_or_else(|| pause_after(failures)).min(AFTER_MAX);
                if failures == 1 {
                    log::warn!("the channel `{name}` is away, its messages wait: {reason}");
                }
                let not_before = self.store.now()? + span(pause).max(every);
                self.store.channels().note_away(&name, &reason, failures, not_before)?;
                Ok(false)
            }
        }
    }
}

/// How long a channel is left alone after so many failures in a row.
fn pause_after(failures: i64) -> Duration {
    let doublings = u32::try_from(failures - 1).unwrap_or(0).min(16);
    AWAY.0.saturating_mul(1 << doublings).min(AWAY.1)
}

/// A message about a channel, for the others.
fn notice(kind: MessageKind, subject: String, body: &str) -> NewMessage {
    let severity = if kind == MessageKind::ChannelBroken { LogLevel::Error } else { LogLevel::Info };
    NewMessage { kind, severity, app_id: None, subject, body: body.to_owned() }
}

fn span(length: Duration) -> TimeDelta {
    TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX)
}

/// Looks at every channel once, one after the other; how many letters were sent. What cannot be opened or is away is
/// logged, and keeps nothing else from being sent.
///
/// # Errors
/// What the database says.
pub fn deliver_once(context: &Context, holder: &str) -> Result<usize> {
    let mut sent = 0;
    let mut store = Store::ready(context)?;
    for name in channels(context) {
        let mut channel = match open_channel(context, &name) {
            Ok(channel) => channel,
            Err(error) => {
                log::error!("{error}");
                continue;
            }
        };
        let mut recipients = Recipient::all(&channel);
        let keys: Vec<String> = channel.recipients.iter().map(|to| channel.key(to)).collect();
        store.channels().hand_over(&name, &keys)?;
        sent += look_at_all(&mut channel, &mut recipients, &mut store, (holder, context.cancellation()))?.sent;
        for key in &keys {
            store.channels().release(key, holder)?;
        }
    }
    Ok(sent)
}
