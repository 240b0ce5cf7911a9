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
use crate::tables::{ChannelRow, LogLevel, Sent, Store};

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

/// One channel at work.
pub(super) struct Delivery<'a> {
    pub(super) channel: &'a mut Channel,
    pub(super) store: &'a mut Store,
    pub(super) holder: &'a str,
    pub(super) cancellation: &'a Cancellation,
    /// When the storm that goes on was first seen.
    pub(super) storm_since: &'a mut Option<NaiveDateTime>,
}

impl Delivery<'_> {
    /// Looks once, and sends what may be sent now.
    pub(super) fn look(&mut self) -> Result<Looked> {
        let mut looked = Looked { sent: 0, pause: LOOK_EVERY };
        loop {
            if self.cancellation.is_cancelled() {
                return Ok(looked);
            }
            let name = self.channel.name.clone();
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
        let name = self.channel.name.clone();
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
        self.store.channels().pace(&self.channel.name, not_before)
    }

    /// Whether it was delivered.
    fn send(&mut self, row: &ChannelRow, sent: &Sent, letter: &Letter) -> Result<bool> {
        let name = self.channel.name.clone();
        let every = span(self.channel.pace().every);
        self.pace(every)?;
        failpoint::point("notify.paced")?;
        match self.channel.send(letter) {
            Ok(()) => {
                failpoint::point("notify.sent")?;
                self.store.channels().note_sent(&name, sent)?;
                failpoint::point("notify.noted")?;
                self.pace(every)?;
                if row.failures > 0 {
                    log::info!("the channel `{name}` works again");
                }
                Ok(true)
            }
            Err(Undelivered::Refused { reason }) => {
                log::error!("the channel `{name}` refuses the message {}: {reason}", letter.id);
                self.store.channels().note_refused(&name, sent, &reason)?;
                Ok(false)
            }
            Err(Undelivered::Away { reason, after }) => {
                let failures = row.failures + 1;
                let doublings = u32::try_from(failures - 1).unwrap_or(0).min(16);
                let pause = after.unwrap_or_else(|| AWAY.0.saturating_mul(1 << doublings).min(AWAY.1)).min(AFTER_MAX);
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
        let mut storm_since = None;
        let mut delivery = Delivery {
            channel: &mut channel,
            store: &mut store,
            holder,
            cancellation: context.cancellation(),
            storm_since: &mut storm_since,
        };
        sent += delivery.look()?.sent;
        store.channels().release(&name, holder)?;
    }
    Ok(sent)
}
