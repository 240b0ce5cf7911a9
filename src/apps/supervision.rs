//! The time of an app between its start and the end of its last process: limits, signals, and what is left over.

use std::time::{Duration, Instant};

use nix::libc::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::event::How;
use super::launch::Launch;
use super::process_tree::ProcessTree;
use super::signals::{Bell, Ring};

/// How often the tree is looked at while the app runs.
const REFRESH: Duration = Duration::from_millis(200);
/// The first look; the next ones come after twice the time each, until they come at [`REFRESH`].
const REFRESH_FIRST: Duration = Duration::from_millis(5);
/// Looking takes at most one part in so many of the time.
const REFRESH_SHARE: u32 = 20;
/// A second INT or TERM in this time means now.
const TWICE: Duration = Duration::from_secs(1);
/// How long processes have to end by themselves after the main one: `tee` in a pipe still writes its last lines.
const SETTLE: Duration = Duration::from_millis(300);
/// The first and the longest pause between two looks at what is left over.
const LEFTOVER_PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));

/// What the supervision has found out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outcome {
    /// How it ended, where that was not the program's own doing.
    pub(super) how: Option<How>,
    pub(super) leftovers: usize,
    pub(super) survivors: usize,
}

/// The supervision of one run.
pub(super) struct Supervision<'a> {
    launch: &'a Launch,
    group: Pid,
    bell: &'a Bell,
    timeout_at: Option<Instant>,
    kill_at: Option<Instant>,
    asked_at: Option<Instant>,
    killed: bool,
    outcome: Outcome,
}

impl<'a> Supervision<'a> {
    /// The supervision of the main process `pid`, which leads a group of its own.
    pub(super) fn new(launch: &'a Launch, pid: i32, started: Instant, bell: &'a Bell) -> Self {
        let timeout_at = launch.timeout.and_then(|timeout| started.checked_add(timeout));
        let outcome = Outcome::default();
        Self {
            launch,
            group: Pid::from_raw(pid),
            bell,
            timeout_at,
            kill_at: None,
            asked_at: None,
            killed: false,
            outcome,
        }
    }

    /// Stays until nothing of the app runs any more.
    pub(super) fn run(mut self, tree: &mut ProcessTree) -> Outcome {
        self.until_main_ends(tree);
        self.end_leftovers(tree);
        self.outcome
    }

    /// Enforces the limits. A main process that even KILL does not end (it waits for a dead disk) is waited for.
    fn until_main_ends(&mut self, tree: &mut ProcessTree) {
        let mut pause = REFRESH_FIRST;
        let mut refresh_at = Instant::now();
        loop {
            let now = Instant::now();
            if now >= refresh_at {
                tree.refresh();
                refresh_at = Instant::now() + pause.max(now.elapsed() * REFRESH_SHARE);
                pause = (pause * 2).min(REFRESH);
            }
            if self.kill_at.is_some_and(|kill_at| now >= kill_at) {
                self.outcome.leftovers = tree.others_running();
                self.outcome.survivors = tree.kill();
                (self.kill_at, self.timeout_at, self.killed) = (None, None, true);
            }
            if self.timeout_at.is_some_and(|timeout_at| now >= timeout_at) {
                self.outcome.how = Some(How::Timeout);
                self.timeout_at = None;
                self.kill_at = now.checked_add(self.launch.grace);
                tree.terminate();
            }
            let wake_at = [self.kill_at, self.timeout_at].into_iter().flatten().fold(refresh_at, Instant::min);
            match self.bell.wait(wake_at) {
                Ring::Ended => return,
                Ring::Signal(signal) => self.forward(signal),
                Ring::Time => {}
            }
        }
    }

    /// Passes a signal on to the app's own group, and sets the time for what comes after.
    fn forward(&mut self, signal: i32) {
        if let Ok(signal) = Signal::try_from(signal) {
            let _ = killpg(self.group, signal);
        }
        if !matches!(signal, SIGINT | SIGTERM | SIGHUP | SIGQUIT) {
            return;
        }
        let now = Instant::now();
        if self.outcome.how.is_none() {
            self.outcome.how = Some(How::Stopped(signal));
            self.timeout_at = None;
            self.kill_at = now.checked_add(self.launch.grace);
        }
        if is_urgent(signal) {
            if self.asked_at.is_some_and(|asked_at| now - asked_at <= TWICE) {
                self.kill_at = Some(now);
            }
            self.asked_at = Some(now);
        }
    }

    /// Ends what the main process has left: a moment to settle, TERM, the grace, KILL.
    fn end_leftovers(&mut self, tree: &mut ProcessTree) {
        let asked_all = self.outcome.how == Some(How::Timeout);
        let now = Instant::now();
        let kill_at = self.kill_at.or_else(|| now.checked_add(SETTLE.saturating_add(self.launch.grace)));
        // after the time limit the whole tree has been asked already
        let settled_at = if asked_all { kill_at } else { Some(now + SETTLE) };
        match self.wait_until_empty(tree, settled_at) {
            Wait::Empty => return,
            Wait::Time if !asked_all && !self.killed => {
                self.outcome.leftovers = tree.others_running();
                tree.terminate();
                if self.wait_until_empty(tree, kill_at) == Wait::Empty {
                    return;
                }
            }
            Wait::Time | Wait::Hurry => {
                self.outcome.leftovers = self.outcome.leftovers.max(tree.others_running());
            }
        }
        self.outcome.survivors = tree.kill();
    }

    fn wait_until_empty(&mut self, tree: &mut ProcessTree, until: Option<Instant>) -> Wait {
        let (mut pause, pause_max) = LEFTOVER_PAUSE;
        loop {
            if tree.others_running() == 0 {
                return Wait::Empty;
            }
            let now = Instant::now();
            if self.killed || until.is_some_and(|until| now >= until) {
                return Wait::Time;
            }
            let wake_at = until.map_or(now + pause, |until| until.min(now + pause));
            match self.bell.wait(wake_at) {
                Ring::Signal(signal) if is_urgent(signal) => return Wait::Hurry,
                _ => pause = (pause * 2).min(pause_max),
            }
        }
    }
}

/// Why waiting for an empty tree came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    Empty,
    Time,
    /// A person has no patience left.
    Hurry,
}

fn is_urgent(signal: i32) -> bool {
    matches!(signal, SIGINT | SIGTERM)
}
