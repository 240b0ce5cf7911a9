//! The signals that are to reach an app: those that arrive at dc, and those that dc itself wishes to send.

use std::collections::VecDeque;
use std::fs;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use nix::libc::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2};
use signal_hook::iterator::{Handle, Signals as Arriving};

use crate::error::{OrFail, Result};

/// The signals that dc passes on.
const FORWARDED: [i32; 6] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2];
/// The most signals that wait for an app; more of them say nothing new.
const WAITING_MAX: usize = 64;

/// Where the supervision of one app hears of signals.
///
/// Signals that arrive at dc need [`Signals::forwarded`], made before the app starts so that none is missed. When it is
/// dropped, these signals are ignored and not deadly again: the handlers stay, with nothing behind them.
pub struct Signals {
    bell: Arc<Bell>,
    arriving: Option<(Handle, JoinHandle<()>)>,
}

/// Sends signals to an app that another thread supervises.
#[derive(Clone)]
pub struct SignalSender(Arc<Bell>);

/// What wakes the supervision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ring {
    /// The main process has ended; told once.
    Ended,
    /// This signal is for the app.
    Signal(i32),
    /// The time is up.
    Time,
}

#[derive(Default)]
pub(super) struct Bell {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    signals: VecDeque<i32>,
    ended: bool,
}

impl Signals {
    /// Only what a [`SignalSender`] sends: for many apps in one process.
    pub fn sent() -> Self {
        Self { bell: Arc::default(), arriving: None }
    }

    /// INT, TERM, HUP, QUIT, USR1 and USR2 that arrive at this process, too; TSTP does not make it stand still. Those that whoever started us had us ignore
    /// stay ignored, as nohup(1) expects of HUP.
    ///
    /// # Errors
    /// When the system does not allow a handler or a thread.
    pub fn forwarded() -> Result<Self> {
        let bell: Arc<Bell> = Arc::default();
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let heard = FORWARDED.into_iter().chain([SIGTSTP]).filter(|signal| !is_ignored(&status, *signal));
        let mut arriving = Arriving::new(heard).or_fail(|| "watch for signals".to_owned())?;
        let handle = arriving.handle();
        let sender = SignalSender(Arc::clone(&bell));
        let thread = thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || arriving.forever().for_each(|signal| hear(&sender, signal)))
            .or_fail(|| "start a thread for signals".to_owned())?;
        Ok(Self { bell, arriving: Some((handle, thread)) })
    }

    /// A way to send signals from other threads.
    pub fn sender(&self) -> SignalSender {
        SignalSender(Arc::clone(&self.bell))
    }

    pub(super) fn bell(&self) -> &Bell {
        &self.bell
    }
}

/// Passes a signal on. Ctrl-Z is not obeyed: the app would go on, and nobody would keep its limits or its lease.
fn hear(sender: &SignalSender, signal: i32) {
    match signal {
        SIGTSTP => ::log::warn!("an app cannot be suspended: it goes on and is watched; Ctrl-C ends it"),
        signal => sender.send(signal),
    }
}

/// Whether a process with this /proc/PID/status ignores a signal: a bit in a number of base 16.
fn is_ignored(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask >> (signal - 1) & 1 == 1
}

impl Drop for Signals {
    fn drop(&mut self) {
        if let Some((handle, thread)) = self.arriving.take() {
            handle.close();
            let _ = thread.join();
        }
    }
}

impl SignalSender {
    /// Has the supervision pass `signal` on; INT, TERM, HUP and QUIT make it end the app after the grace.
    pub fn send(&self, signal: i32) {
        let mut state = self.0.lock();
        if state.signals.len() < WAITING_MAX {
            state.signals.push_back(signal);
        }
        self.0.changed.notify_all();
    }
}

impl Bell {
    /// Forgets the end of the app before.
    pub(super) fn reset(&self) {
        self.lock().ended = false;
    }

    /// Tells that the main process has ended.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// Waits for the next ring, at most until `until`.
    pub(super) fn wait(&self, until: Instant) -> Ring {
        let mut state = self.lock();
        loop {
            if std::mem::take(&mut state.ended) {
                return Ring::Ended;
            }
            if let Some(signal) = state.signals.pop_front() {
                return Ring::Signal(signal);
            }
            let rest = until.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return Ring::Time;
            }
            state = self.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_status() {
        let status = "Name:\tdc\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000440\n";
        assert!(is_ignored(status, SIGHUP));
        assert!(!is_ignored(status, SIGINT) && !is_ignored(status, SIGTERM) && !is_ignored("", SIGHUP));
    }

    #[test]
    fn the_end_is_told_once_and_before_the_signals() {
        let signals = Signals::sent();
        signals.sender().send(SIGUSR1);
        signals.bell().end();
        let rings: Vec<Ring> = (0..3).map(|_| signals.bell().wait(Instant::now())).collect();
        assert_eq!(rings, [Ring::Ended, Ring::Signal(SIGUSR1), Ring::Time]);
    }
}
