//! What a run left behind whose dc was killed: its processes go on with nobody to hear them, and are ended before the
//! app starts again.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid};

use super::control_group::ControlGroup;
use super::launch::RUNTIME_VARIABLE;
use super::process::ProcessStat;
use crate::error::{Error, ErrorKind, Result, file_error};

/// How often we look whether they have ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long KILL may take to show.
const KILL_WAIT_MAX: Duration = Duration::from_secs(3);

/// Ends the processes that carry a run's identity in their environment, those in their sessions, and all that descend from
/// them: TERM, `grace`, KILL. Tells how many there were.
///
/// # Errors
/// Busy, when some cannot be ended.
pub fn end_survivors(runtime: &str, grace: Duration) -> Result<usize> {
    let group = ControlGroup::left_by(runtime);
    let mut survivors = Survivors::of(runtime);
    let found = survivors.look()?;
    if found.is_empty() {
        return Ok(0);
    }
    send(&found, Signal::SIGTERM);
    if survivors.wait(Signal::SIGTERM, grace)? {
        return Ok(found.len());
    }
    if let Some(group) = &group {
        group.kill();
    }
    if survivors.wait(Signal::SIGKILL, KILL_WAIT_MAX)? {
        return Ok(found.len());
    }
    let left: Vec<String> = survivors.look()?.iter().map(|process| process.pid.to_string()).collect();
    let what = format!("end what run {runtime} left behind: process {}", left.join(", "));
    Err(Error::new(ErrorKind::Busy, what).hint(format!("look at them: `ps -p {}`", left.join(","))))
}

/// The processes of a run, as they are found from look to look. Who was found once is known by number and start time,
/// also after its parent has ended: a child that left the session and cleared its environment has nothing else.
struct Survivors<'a> {
    runtime: &'a str,
    mark: String,
    own: i32,
    known: BTreeSet<(i32, u64)>,
}

impl<'a> Survivors<'a> {
    fn of(runtime: &'a str) -> Self {
        let mark = format!("{RUNTIME_VARIABLE}={runtime}");
        Self { runtime, mark, own: getpid().as_raw(), known: BTreeSet::new() }
    }

    /// Those that run now.
    fn look(&mut self) -> Result<Vec<ProcessStat>> {
        let all = ProcessStat::all().map_err(|cause| file_error("look through /proc", cause))?;
        let own_session = all.iter().find(|process| process.pid == self.own).map(|process| process.session);
        let in_group = ControlGroup::pids_left_by(self.runtime);
        let is_seed = |process: &ProcessStat| {
            self.known.contains(&(process.pid, process.start_ticks))
                || in_group.contains(&process.pid)
                || process.has_variable(self.mark.as_bytes())
        };
        let mut members: BTreeSet<i32> =
            all.iter().filter(|process| is_seed(process)).map(|process| process.pid).collect();
        // children and sessions lead to each other, so until nobody new turns up
        loop {
            let is_of = |process: &&ProcessStat| members.contains(&process.pid);
            let sessions: BTreeSet<i32> = all.iter().filter(is_of).map(|process| process.session).collect();
            let joins = |process: &&ProcessStat| {
                let in_session = Some(process.session) != own_session && sessions.contains(&process.session);
                !members.contains(&process.pid) && (in_session || members.contains(&process.parent))
            };
            let new: Vec<i32> = all.iter().filter(joins).map(|process| process.pid).collect();
            if new.is_empty() {
                break;
            }
            members.extend(new);
        }
        members.remove(&self.own);
        let members: Vec<ProcessStat> = all.into_iter().filter(|process| members.contains(&process.pid)).collect();
        self.known.extend(members.iter().map(|process| (process.pid, process.start_ticks)));
        Ok(members.into_iter().filter(ProcessStat::is_running).collect())
    }

    /// Waits until none is left; with KILL it strikes again at whoever came meanwhile.
    fn wait(&mut self, signal: Signal, limit: Duration) -> Result<bool> {
        let started = Instant::now();
        loop {
            let left = self.look()?;
            if left.is_empty() {
                return Ok(true);
            }
            if signal == Signal::SIGKILL {
                send(&left, signal);
            }
            if started.elapsed() >= limit {
                return Ok(false);
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

fn send(processes: &[ProcessStat], signal: Signal) {
    for process in processes {
        // one that has ended meanwhile needs no signal
        let _ = kill(Pid::from_raw(process.pid), signal);
    }
}
