//! The two system calls that no safe crate offers: a session of one's own for a child, and what one child has used.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::libc;

/// What processes have used, as the system counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Processor time in the programs themselves.
    pub cpu_user_ms: i64,
    /// Processor time in the system on their behalf.
    pub cpu_system_ms: i64,
    /// The most memory that one of them held at a time.
    pub memory_peak_kib: i64,
}

impl Usage {
    /// Adds what another process has used.
    pub(super) fn add(&mut self, other: Self) {
        self.cpu_user_ms += other.cpu_user_ms;
        self.cpu_system_ms += other.cpu_system_ms;
        self.memory_peak_kib = self.memory_peak_kib.max(other.memory_peak_kib);
    }
}

/// Makes the child of `command` the leader of a session and group of its own, away from our terminal.
pub(super) fn in_own_session(command: &mut Command, also: impl Fn() -> io::Result<()> + Send + Sync + 'static) {
    before_it_runs(command, None, None, also);
}

/// The same, and the child inherits a descriptor, by its number here. No other child does.
pub(crate) fn in_own_session_with(command: &mut Command, inherited: Option<OwnedFd>) {
    before_it_runs(command, None, inherited, || Ok(()));
}

/// The same, and it enters the control group behind `door` first: no process of its own is ever outside.
pub(super) fn in_own_session_and_group(
    command: &mut Command,
    door: File,
    also: impl Fn() -> io::Result<()> + Send + Sync + 'static,
) {
    before_it_runs(command, Some(door), None, also);
}

/// `also` is done last, and may do nothing but system calls.
fn before_it_runs(
    command: &mut Command,
    door: Option<File>,
    inherited: Option<OwnedFd>,
    also: impl Fn() -> io::Result<()> + Send + Sync + 'static,
) {
    let prepare = move || {
        if let Some(inherited) = &inherited {
            fcntl(inherited, FcntlArg::F_SETFD(FdFlag::empty())).map_err(io::Error::from)?;
        }
        if let Some(door) = &door {
            // 0 is whoever writes it; a group that has gone is no reason not to start
            let _ = nix::unistd::write(door, b"0");
        }
        nix::unistd::setsid().map_err(io::Error::from)?;
        also()
    };
    #[expect(
        unsafe_code,
        reason = "the standard library's own way to setsid is unstable; setsid(2), write(2) and fcntl(2) are async-signal-safe"
    )]
    // SAFETY: between fork and exec the closure makes a few system calls and allocates nothing
    unsafe {
        command.pre_exec(prepare);
    }
}

/// Has the child of `command` killed when the thread that starts it ends, however that comes about.
pub(crate) fn ends_with_us(command: &mut Command) {
    let parent = nix::unistd::getpid();
    let prepare = move || {
        nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL).map_err(io::Error::from)?;
        // it may have ended before that was said
        if nix::unistd::getppid() != parent {
            return Err(io::Error::from(nix::errno::Errno::ESRCH));
        }
        Ok(())
    };
    #[expect(
        unsafe_code,
        reason = "prctl(2) has to be called by the child itself; it and getppid(2) are async-signal-safe"
    )]
    // SAFETY: between fork and exec the closure makes two system calls and allocates nothing
    unsafe {
        command.pre_exec(prepare);
    }
}

/// Whether a process of this machine has a file open for writing; `None` where the file system cannot tell, or the file is
/// not ours. `file` has to be open for reading alone.
pub fn is_open_for_writing(file: &File) -> Option<bool> {
    let lease = |kind: libc::c_int| {
        #[expect(unsafe_code, reason = "no safe crate offers leases of fcntl(2)")]
        // SAFETY: it takes three numbers, and the descriptor is open
        let set = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, kind) };
        if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    match lease(libc::F_RDLCK) {
        Ok(()) => {
            // it goes with the descriptor in any case
            let _ = lease(libc::F_UNLCK);
            Some(false)
        }
        Err(cause) if cause.raw_os_error() == Some(libc::EAGAIN) => Some(true),
        Err(_) => None,
    }
}

/// Has this process stand back behind others: -20 to 19.
pub(super) fn stand_back(nice: i8) -> io::Result<()> {
    #[expect(unsafe_code, reason = "no safe crate offers setpriority(2)")]
    // SAFETY: it takes three numbers
    let set = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice.into()) };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Takes the end of our child `pid` with what it and the children that it waited for have used; `None` while it runs.
///
/// getrusage(2) would mix all children that this process ever had.
pub(super) fn reap(pid: i32, block: bool) -> io::Result<Option<(ExitStatus, Usage)>> {
    let mut status = 0;
    let options = if block { 0 } else { libc::WNOHANG };
    #[expect(unsafe_code, reason = "no safe crate offers wait4(2)")]
    // SAFETY: both pointers are to live values of the right type; all zeros are a valid rusage
    let (result, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::wait4(pid, &raw mut status, options, &raw mut usage), usage)
    };
    match result {
        0 => Ok(None),
        -1 => {
            let cause = io::Error::last_os_error();
            if cause.kind() == io::ErrorKind::Interrupted { reap(pid, block) } else { Err(cause) }
        }
        _ => Ok(Some((ExitStatus::from_raw(status), usage_of(&usage)))),
    }
}

fn usage_of(usage: &libc::rusage) -> Usage {
    let ms = |time: libc::timeval| time.tv_sec * 1_000 + time.tv_usec / 1_000;
    Usage { cpu_user_ms: ms(usage.ru_utime), cpu_system_ms: ms(usage.ru_stime), memory_peak_kib: usage.ru_maxrss }
}
