//! The lease of a run, which its `dc run` keeps: now and then it looks whether the run is still its own. One that was
//! closed by somebody else is not, so its app is stopped, and nothing more of it is recorded.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::apps::SignalSender;
use crate::ident::RuntimeId;
use crate::tables::{Renewal, Store};
use crate::telemetry::Heart;

/// A lease is looked at so often before it ends.
const LOOKS: u32 = 3;
/// The pause before another try, when the database did not answer.
const AWAY_PAUSE: Duration = Duration::from_secs(2);
/// What an app is stopped by whose run was closed: TERM.
const STOP: i32 = 15;

/// The keeper of one run's lease.
#[derive(Clone, Default)]
pub(super) struct Keeper(Arc<Mutex<Option<String>>>);

impl Keeper {
    /// What keeps the lease, as long as the run goes on.
    pub(super) fn heart(&self, run: RuntimeId, lease: Duration, app: SignalSender) -> Heart {
        let lost = Arc::clone(&self.0);
        let every = lease / LOOKS;
        let mut is_away = false;
        let beat = move |store: &mut Store| match store.runs().renew(&run, lease) {
            Ok(Renewal::Kept) => {
                if std::mem::take(&mut is_away) {
                    log::warn!("the database is back, and the run is still ours");
                }
                Some(every)
            }
            Ok(Renewal::Lost(reason)) => {
                *lost.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
                app.send(STOP);
                None
            }
            Err(error) => {
                if !std::mem::replace(&mut is_away, true) {
                    log::warn!("the lease of the run was not renewed, and is tried again: {error}");
                }
                Some(AWAY_PAUSE.min(every))
            }
        };
        Heart { first: every, beat: Box::new(beat) }
    }

    /// Why the run is no longer ours.
    pub(super) fn lost(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
