//! A sign of life for a service elsewhere, which calls people when none comes: the only alarm that also works when this
//! machine is gone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::bound::spawn;
use crate::context::{Cancellation, Context};
use crate::error::{Error, Result};
use crate::http::{Request, RequestOptions, Timeouts};
use crate::settings::Secret;

/// How long one sign may take; it never holds up the manager.
const PATIENCE: Duration = Duration::from_secs(10);

/// The signs of life of a manager, in a thread of their own. They end when this goes.
pub struct Heartbeat {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    /// Whether the manager has worked since the last sign.
    has_worked: AtomicBool,
    cancellation: Cancellation,
    rung: Mutex<()>,
    ringing: Condvar,
}

impl Heartbeat {
    /// Signs to the address of the settings; `None` where there is none.
    ///
    /// # Errors
    /// Settings for an address that is none, and when the system gives no thread.
    pub fn start(context: &Context) -> Result<Option<Self>> {
        let settings = &context.settings().manager;
        let Some(url) = settings.heartbeat.clone() else { return Ok(None) };
        let timeouts = Timeouts { connect: PATIENCE, read: PATIENCE, total: Some(PATIENCE) };
        let session = Request::with(context, RequestOptions { timeouts, ..RequestOptions::own() })?;
        let state = Arc::new(State::default());
        let (shared, every) = (Arc::clone(&state), settings.heartbeat_every);
        let thread = spawn("heartbeat", move || sign(&shared, &session, &url, every))?;
        Ok(Some(Self { state, thread: Some(thread) }))
    }

    /// The manager has done its work once more, and the database answered.
    pub fn note(&self) {
        if !self.state.has_worked.swap(true, Ordering::Relaxed) {
            self.state.ringing.notify_all();
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.state.cancellation.cancel();
        self.state.ringing.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Signs once after each piece of work, and no more often than `every`.
fn sign(state: &State, session: &Request, url: &Secret, every: Duration) {
    let mut is_away = false;
    while !state.cancellation.is_cancelled() {
        let guard = state.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |_: &mut ()| !state.has_worked.load(Ordering::Relaxed) && !state.cancellation.is_cancelled();
        drop(state.ringing.wait_timeout_while(guard, every, waits));
        if !state.has_worked.swap(false, Ordering::Relaxed) {
            continue;
        }
        let failure = match session.get(url.reveal()).send() {
            Ok(answer) if answer.is_success() => None,
            Ok(answer) => Some(format!("it answers {}", answer.status())),
            // the address is a secret: whoever has it can make people believe that all is well
            Err(error) => Some(reasons(&error)),
        };
        match &failure {
            Some(reason) if !is_away => log::warn!("the heartbeat was not taken: {reason}"),
            None if is_away => log::warn!("the heartbeat is taken again"),
            _ => {}
        }
        is_away = failure.is_some();
        let guard = state.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |_: &mut ()| !state.cancellation.is_cancelled();
        drop(state.ringing.wait_timeout_while(guard, every, waits));
    }
}

fn reasons(error: &Error) -> String {
    error.causes().join(": ")
}
