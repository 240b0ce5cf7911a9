//! An app's run from its start to the end of its last process: output, time limit, signals, and nothing left behind.

use std::ffi::OsString;
use std::io::{self, PipeReader};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use super::control_group::ControlGroup;
use super::launch::{Launch, RUNTIME_VARIABLE};
use super::line::Piece;
use super::output::Output;
use super::process::ProcessIdentity;
use super::process_tree::{ProcessTree, become_subreaper};
use super::signals::{Bell, Signals};
use super::supervision::Supervision;
use super::system_call::{Usage, reap};
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::ident::RuntimeId;

/// The exit status of a run that took too long.
const STATUS_TIMEOUT: i32 = 124;
/// The exit status of a run that was asked to stop.
const STATUS_INTERRUPTED: i32 = 130;
/// What a shell adds to the number of the signal that ended a program.
const STATUS_SIGNAL: i32 = 128;

/// Where an app wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What a run tells while it goes on.
#[derive(Debug)]
pub enum Event {
    /// The main process has started; told first, from the thread that supervises.
    Started(ProcessIdentity),
    /// The app wrote a line, or a part of a long one; told in order, from a thread for each stream.
    Line {
        /// Where.
        stream: Stream,
        /// What.
        piece: Piece,
    },
    /// A stream broke; nothing more comes from it.
    Unreadable {
        /// Which.
        stream: Stream,
        /// Why.
        cause: io::Error,
    },
}

/// How a run came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The program ended by itself with this status.
    Exit(i32),
    /// This signal ended the program, and it was not passed on by us.
    Signal(i32),
    /// It took too long and was ended.
    Timeout,
    /// It was asked to stop by this signal, and ended or was ended.
    Stopped(i32),
}

impl How {
    /// The exit status to pass on: its own, 128 + n for a signal, 124 for the time limit, 130 when interrupted.
    pub fn exit_status(self) -> i32 {
        match self {
            Self::Exit(status) => status,
            Self::Signal(signal) => STATUS_SIGNAL + signal,
            Self::Timeout => STATUS_TIMEOUT,
            Self::Stopped(_) => STATUS_INTERRUPTED,
        }
    }

    pub(super) fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exit(code),
            (None, signal) => Self::Signal(signal.unwrap_or_default()),
        }
    }
}

/// A run that is over: nothing of it runs any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// How the main process ended.
    pub how: How,
    /// The processes that still ran when the main process had ended or was killed, and were ended.
    pub leftovers: usize,
    /// Those of them that could not be killed: of another user, or stuck in the system.
    pub survivors: usize,
    /// What all of its processes have used.
    pub usage: Usage,
    /// How long it took, to the end of the last process.
    pub elapsed: Duration,
}

/// Starts a program and stays with it until it and everything that it started has ended.
///
/// `events` may block: the app waits then when it writes, and the time limit still holds. One thread reads each stream.
///
/// # Errors
/// The program did not start: not found (exit 5), permission (exit 4), busy (exit 75). A program that starts and fails
/// is no error here.
pub fn supervise(launch: &Launch, events: &(dyn Fn(Event) + Sync), signals: &mut Signals) -> Result<Ended> {
    become_subreaper()?;
    let (quit, call_off) = io::pipe().or_fail(|| "make a pipe".to_owned())?;
    let given = launch.environment.iter().rev().find(|(name, _)| name == RUNTIME_VARIABLE);
    let marker = given.map_or_else(|| OsString::from(RuntimeId::new().as_str()), |(_, value)| value.clone());
    signals.bell().reset();
    let started = Instant::now();
    let group = ControlGroup::make(&marker);
    let child = launch.start(&marker, group.as_ref())?;
    let main = Main::of(&child, &marker, launch.alone, group);
    thread::scope(|scope| {
        // inside the scope, so that a panic ends the app before the scope waits for the threads that wait for the app
        let (mut main, call_off) = (main, call_off);
        if let Some(identity) = ProcessIdentity::of(main.pid)? {
            events(Event::Started(identity));
        }
        watch(scope, child, &quit, events, signals.bell())?;
        let outcome = Supervision::new(launch, main.pid, started, signals.bell()).run(&mut main.tree);
        let (status, usage) = main.reap()?;
        drop(call_off);
        let how = outcome.how.unwrap_or(How::of(status));
        let Outcome { leftovers, survivors, .. } = outcome;
        Ok(Ended { how, leftovers, survivors, usage, elapsed: started.elapsed() })
    })
}

/// What the supervision has found out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outcome {
    /// How it ended, where that was not the program's own doing.
    pub(super) how: Option<How>,
    pub(super) leftovers: usize,
    pub(super) survivors: usize,
}

/// The main process and its tree, which are gone when this is.
struct Main {
    pid: i32,
    tree: ProcessTree,
    reaped: bool,
}

impl Main {
    fn of(child: &Child, marker: &OsString, alone: bool, group: Option<ControlGroup>) -> Self {
        let pid = child.id().cast_signed();
        let mut variable = OsString::from(format!("{RUNTIME_VARIABLE}="));
        variable.push(marker);
        Self { pid, tree: ProcessTree::of(pid, variable.into_encoded_bytes(), alone, group), reaped: false }
    }

    /// Takes the end of the main process, which only now gives its number back.
    fn reap(&mut self) -> Result<(ExitStatus, Usage)> {
        self.reaped = true;
        let mut usage = self.tree.usage();
        match reap(self.pid, true).or_fail(|| "learn how the app ended".to_owned())? {
            Some((status, own)) => {
                usage.add(own);
                Ok((status, usage))
            }
            None => Err(Error::failed("learn how the app ended")),
        }
    }
}

impl Drop for Main {
    fn drop(&mut self) {
        if !self.reaped {
            self.tree.kill();
            let _ = reap(self.pid, true);
        }
    }
}

/// Starts the threads that read both streams and wait for the end of the main process.
fn watch<'scope>(
    scope: &'scope Scope<'scope, '_>,
    mut child: Child,
    quit: &'scope PipeReader,
    events: &'scope (dyn Fn(Event) + Sync),
    bell: &'scope Bell,
) -> Result<()> {
    let failed = |cause| Error::new(ErrorKind::Busy, "start a thread for the app").because(cause);
    let pipes: [(Stream, Option<OwnedFd>); 2] = [
        (Stream::Stdout, child.stdout.take().map(OwnedFd::from)),
        (Stream::Stderr, child.stderr.take().map(OwnedFd::from)),
    ];
    let pid = Pid::from_raw(child.id().cast_signed());
    let named = |name: &str| thread::Builder::new().name(name.to_owned());
    named("main process").spawn_scoped(scope, move || wait_for_end(pid, bell)).map_err(failed)?;
    for (stream, pipe) in pipes {
        let Some(pipe) = pipe else { continue };
        let output = Output::new(pipe, quit);
        named("output").spawn_scoped(scope, move || output.tell(stream, events)).map_err(failed)?;
    }
    Ok(())
}

/// Waits without reaping: the number stays taken until the whole tree has been seen to.
fn wait_for_end(pid: Pid, bell: &Bell) {
    while let Err(Errno::EINTR) = waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {}
    bell.end();
}

#[cfg(test)]
mod tests;
