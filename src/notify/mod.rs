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
mod letter;
mod notifier;
mod quiet;
mod template;
mod url;

pub use channel::{Channel, channels, open_channel};
pub use courier::Couriers;
pub use delivery::deliver_once;
pub use letter::{Letter, severity_of};
pub use notifier::{Entry, Given, NOTIFIERS, Notifier, Pace, Undelivered, append_notifier};
