//! The program whose output is merged: it is started here, and what it wrote counts only when it has ended with 0.

use std::ffi::OsString;
use std::fs::File;
use std::io::{IsTerminal, PipeReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::apps::ends_with_us;
use crate::context::Cancellation;
use crate::error::{Error, ErrorKind, OrFail, Result, file_error};
use crate::merge::{Produce, pieces};
use crate::ops::secrets::RESERVED;

/// How often it is looked whether somebody asked to stop, or the program has ended.
const POLL: Duration = Duration::from_millis(50);
/// The time between TERM and KILL.
const GRACE: Duration = Duration::from_secs(5);
/// How long the output may stay open after the program has ended: what it started may still write.
const OPEN_MAX: Duration = Duration::from_secs(5);

/// A program that writes records to its standard output.
#[derive(Debug, Clone)]
pub(super) struct Producer {
    command: Vec<OsString>,
}

impl Producer {
    /// # Errors
    /// Usage, where no program is named.
    pub(super) fn new(command: Vec<OsString>) -> Result<Self> {
        match command.first().is_some_and(|program| !program.is_empty()) {
            true => Ok(Self { command }),
            false => Err(Error::new(ErrorKind::Usage, "start the producer: no program is named behind `--`")),
        }
    }

    fn words(&self) -> String {
        self.command.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    fn start(&self) -> Result<(Running, PipeReader)> {
        let (reader, writer) = std::io::pipe().or_fail(|| "make a pipe".to_owned())?;
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).stdout(Stdio::from(writer));
        // what opens the store of secrets is for dc alone
        RESERVED.iter().filter(|name| name.starts_with("DC_SECRET")).for_each(|name| {
            command.env_remove(name);
        });
        // on a terminal it stays in our group: Ctrl-C reaches it, and it may ask for a password
        let has_group = !std::io::stdin().is_terminal();
        if has_group {
            command.process_group(0);
        }
        ends_with_us(&mut command);
        let child = command.spawn().map_err(|cause| self.not_started(cause))?;
        // our copy of the writing end goes with `command`
        Ok((Running { child, has_group }, reader))
    }

    fn not_started(&self, cause: std::io::Error) -> Error {
        let program = self.command[0].to_string_lossy();
        let kind = match cause.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            std::io::ErrorKind::PermissionDenied => ErrorKind::Permission,
            _ => ErrorKind::Failed,
        };
        Error::new(kind, format!("start the producer `{program}`"))
            .because(cause)
            .hint("a program of the working folder has a slash: `./collect`; nothing was changed")
    }

    fn failed(&self, how: &str) -> Error {
        Error::failed(format!("take what `{}` wrote: {how}", self.words()))
            .hint("its own words stand above; nothing was changed")
    }
}

impl Produce for Producer {
    fn name(&self) -> String {
        format!("the output of `{}`", self.words())
    }

    fn produce(&self, into: &mut File, cancellation: &Cancellation) -> Result<()> {
        let (mut running, reader) = self.start()?;
        let pieces = pieces("the producer", move || Ok(reader))?;
        let mut ended: Option<(ExitStatus, Instant)> = None;
        loop {
            if cancellation.is_cancelled() {
                running.end();
                return cancellation.check();
            }
            match pieces.recv_timeout(POLL) {
                Ok(piece) => {
                    let piece = piece.map_err(|cause| file_error(format!("read {}", self.name()), cause))?;
                    into.write_all(&piece).map_err(|cause| file_error("write a temporary file", cause))?;
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            match ended {
                None => ended = running.status()?.map(|status| (status, Instant::now())),
                Some((_, at)) if at.elapsed() > OPEN_MAX => {
                    running.end();
                    return Err(self.failed("it ended, and what it has started still holds its output open"));
                }
                Some(_) => {}
            }
        }
        let status = match ended {
            Some((status, _)) => status,
            None => running.wait(cancellation)?,
        };
        match (status.code(), status.signal()) {
            (Some(0), _) => Ok(()),
            (Some(code), _) => Err(self.failed(&format!("it ended with exit status {code}"))),
            (None, signal) => {
                let signal = signal.and_then(|signal| Signal::try_from(signal).ok());
                Err(self.failed(&format!("it was ended by {}", signal.map_or("a signal", Signal::as_str))))
            }
        }
    }
}

/// The program while it runs. It does not outlive this.
struct Running {
    child: Child,
    has_group: bool,
}

impl Running {
    fn status(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().or_fail(|| "learn how the producer ended".to_owned())
    }

    /// Waits for the end of a program that has closed its output.
    fn wait(&mut self, cancellation: &Cancellation) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.status()? {
                return Ok(status);
            }
            if cancellation.is_cancelled() {
                self.end();
            }
            cancellation.check()?;
            std::thread::sleep(POLL);
        }
    }

    /// TERM, a moment, KILL.
    fn end(&mut self) {
        self.send(Signal::SIGTERM);
        let began = Instant::now();
        while began.elapsed() < GRACE {
            if !matches!(self.child.try_wait(), Ok(None)) {
                break;
            }
            std::thread::sleep(POLL);
        }
        self.send(Signal::SIGKILL);
        let _ = self.child.wait();
    }

    fn send(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        let _ = if self.has_group { killpg(pid, signal) } else { kill(pid, signal) };
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // one that has ended is reaped, and its number may be another's
        if matches!(self.child.try_wait(), Ok(None)) {
            self.send(Signal::SIGKILL);
            let _ = self.child.wait();
        }
    }
}
