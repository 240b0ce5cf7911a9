//! An app's run from its start to the end of its last process: output, time limit, signals, and nothing left behind.

use std::ffi::OsString;
use std::io::{self, PipeReader};
use std::os::fd::OwnedFd;
use std::process::{Child, ExitStatus};
use std::thread::{self, Scope};
use std::time::Instant;

use nix::errno::Errno;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use super::control_group::ControlGroup;
use super::event::{Ended, Event, How, Stream};
use super::identity::ProcessIdentity;
use super::launch::Launch;
use super::output::Output;
use super::process_tree::{ProcessTree, become_subreaper};
use super::signals::{Bell, Signals};
use super::supervision::{Outcome, Supervision};
use super::system_call::{Usage, reap};
use crate::error::{Error, ErrorKind, OrFail, Result};
use crate::ident::RuntimeId;

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
    let given = launch.environment.iter().rev().find(|(name, _)| name == launch.mark);
    let marker = given.map_or_else(|| OsString::from(RuntimeId::new().as_str()), |(_, value)| value.clone());
    signals.bell().reset();
    let started = Instant::now();
    let group = ControlGroup::make(&marker);
    let child = launch.start(&marker, group.as_ref())?;
    let main = Main::of(&child, &marker, launch, group);
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
        Ok(Ended { how, own_status: status.code(), leftovers, survivors, usage, elapsed: started.elapsed() })
    })
}

/// The main process and its tree, which are gone when this is.
struct Main {
    pid: i32,
    tree: ProcessTree,
    reaped: bool,
}

impl Main {
    fn of(child: &Child, marker: &OsString, launch: &Launch, group: Option<ControlGroup>) -> Self {
        let pid = child.id().cast_signed();
        let mut variable = OsString::from(format!("{}=", launch.mark));
        variable.push(marker);
        Self { pid, tree: ProcessTree::of(pid, variable.into_encoded_bytes(), launch.alone, group), reaped: false }
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
