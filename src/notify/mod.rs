//! What people need to hear: messages of the outbox, by the channels that the settings name. A message is delivered at
//! least once under an identity that never changes; a storm becomes one digest; a channel that is away delays only itself.

mod away;
mod channel;
mod channels;
mod courier;
mod delivery;
#[cfg(any(test, fuzzing))]
#[path = "../../fuzz/targets/notify.rs"]
pub(crate) mod fuzzing;
mod heartbeat;
mod letter;
mod notifier;
mod pages;
mod quiet;
mod template;
mod url;

pub use channel::{Channel, channels, open_channel};
pub use courier::Couriers;
pub use delivery::deliver_once;
pub use heartbeat::Heartbeat;
pub use letter::{Letter, severity_of};
pub use notifier::{Entry, Given, Notifier, Pace, Undelivered};

use std::sync::{LazyLock, Mutex, PoisonError};

use channels::{command, discord, email, gotify, matrix, ntfy, opsgenie, pagerduty, slack, teams, telegram, webhook};

/// The kinds of channels that come along.
pub const NOTIFIERS: &[Entry] = &[
    telegram::ENTRY,
    teams::ENTRY,
    slack::ENTRY,
    discord::ENTRY,
    email::ENTRY,
    ntfy::ENTRY,
    gotify::ENTRY,
    matrix::ENTRY,
    pagerduty::ENTRY,
    opsgenie::ENTRY,
    webhook::ENTRY,
    command::ENTRY,
];

static MORE: LazyLock<Mutex<Vec<Entry>>> = LazyLock::new(Mutex::default);

/// Adds a kind of channel, for a program that embeds the library.
pub fn append_notifier(entry: Entry) {
    MORE.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
}

fn find(name: &str) -> Option<Entry> {
    let more = MORE.lock().unwrap_or_else(PoisonError::into_inner);
    NOTIFIERS.iter().chain(more.iter()).find(|entry| entry.name == name).copied()
}

fn names() -> Vec<&'static str> {
    let more = MORE.lock().unwrap_or_else(PoisonError::into_inner);
    NOTIFIERS.iter().chain(more.iter()).map(|entry| entry.name).collect()
}
