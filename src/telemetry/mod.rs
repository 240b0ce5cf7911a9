//! What a run tells of itself besides its log, while it runs: how far it is, when it wishes to run next, and what its
//! functions, requests and captchas took.

mod costs;
mod progress;
mod run;

pub use costs::CaptchaCosts;
pub use progress::{Beat, Heart};
pub use run::{RunTotals, Telemetry};
