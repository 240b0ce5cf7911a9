//! What a run left behind whose dc was killed: its processes go on with nobody to hear them, and are ended before the
//! app starts again.

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

/// Ends the processes that carry a run's identity in their environment, and those in their sessions: TERM, `grace`,
/// KILL. Tells how many there were.
///
/// # Errors
/// Busy, when some cannot be ended.
pub fn end_survivors(runtime: &str, grace: Duration) -> Result<usize> {
    let group = ControlGroup::left_by(runtime);
    let found = survivors(runtime)?;
    if found.is_empty() {
        return Ok(0);
    }
    send(&found, Signal::SIGTERM);
    if !wait(runtime, Signal::SIGTERM, grace)? {
        if let Some(group) = &group {
            group.kill();
        }
        if wait(runtime, Signal::SIGKILL, KILL_WAIT_MAX)? {
            return Ok(found.len());
        }
        let left: Vec<String> = survivors(runtime)?.iter().map(|process| process.pid.to_string()).collect();
        return Err(Error::new(
            ErrorKind::Busy,
            format!("end what run {runtime} left behind: process {}", left.join(", ")),
        )
        .hint(format!("look at them: `ps -p {}`", left.join(","))));
    }
    Ok(found.len())
}

/// Waits until none is left; with KILL it strikes again at whoever came meanwhile.
fn wait(runtime: &str, signal: Signal, limit: Duration) -> Result<bool> {
    let started = Instant::now();
    loop {
        let left = survivors(runtime)?;
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

fn survivors(runtime: &str) -> Result<Vec<ProcessStat>> {
    let all = ProcessStat::all().map_err(|cause| file_error("look through /proc", cause))?;
    let own = getpid().as_raw();
    let mark = format!("{RUNTIME_VARIABLE}={runtime}");
    let marked: Vec<bool> = all.iter().map(|process| process.has_variable(mark.as_bytes())).collect();
    let own_session = all.iter().find(|process| process.pid == own).map(|process| process.session);
    let sessions: Vec<i32> =
        all.iter().zip(&marked).filter(|(_, marked)| **marked).map(|(process, _)| process.session).collect();
    let in_group = ControlGroup::pids_left_by(runtime);
    let is_left = |(process, marked): &(&ProcessStat, &bool)| {
        let in_session = Some(process.session) != own_session && sessions.contains(&process.session);
        let is_ours = **marked || in_session || in_group.contains(&process.pid);
        process.pid != own && process.is_running() && is_ours
    };
    Ok(all.iter().zip(&marked).filter(is_left).map(|(process, _)| *process).collect())
}

fn send(processes: &[ProcessStat], signal: Signal) {
    for process in processes {
        // one that has ended meanwhile needs no signal
        let _ = kill(Pid::from_raw(process.pid), signal);
    }
}
