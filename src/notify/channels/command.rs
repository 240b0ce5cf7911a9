//! A channel of the project's own, in any language: a command that is given the letter as one line of JSON.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::clock;
use crate::context::Context;
use crate::error::Result;
use crate::notify::letter::Letter;
use crate::notify::notifier::{Entry, Given, Notifier, Pace, Undelivered};
use crate::secrets::{KEY_VARIABLE, NEW_PASSWORD_VARIABLE, PASSWORD_VARIABLE};

/// This kind's line in the registry.
pub(in crate::notify) const ENTRY: Entry = Entry { name: "command", open };

/// Each is a process.
const EVERY: Duration = Duration::from_millis(100);
/// How long one may take where nothing is set.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How often it is looked whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Of what it says on standard error so many bytes at the end are told.
const TOLD_BYTES_MAX: usize = 400;
/// It takes this letter never (EX_DATAERR).
const REFUSES: i32 = 65;
/// The shell finds no such program, or may not run it.
const NOT_RUN: [i32; 2] = [126, 127];

struct CommandChannel {
    line: String,
    folder: PathBuf,
    timeout: Duration,
}

fn open(context: &Context, given: &Given<'_>) -> Result<Box<dyn Notifier>> {
    let timeout = match given.text("timeout")? {
        None => TIMEOUT,
        Some(text) => clock::duration(&text)
            .ok()
            .filter(|length| !length.is_zero())
            .ok_or_else(|| given.wrong("timeout", "a length of time such as 30s"))?,
    };
    let folder = context.settings().project.root.clone();
    Ok(Box::new(CommandChannel { line: given.required("command")?, folder, timeout }))
}

impl CommandChannel {
    fn start(&self) -> std::io::Result<Child> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &self.line]).current_dir(&self.folder);
        // it has no use for what opens the store
        for name in [PASSWORD_VARIABLE, NEW_PASSWORD_VARIABLE, KEY_VARIABLE] {
            command.env_remove(name);
        }
        // a group of its own, so that all of it can be ended
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()
    }

    /// Waits for its end; `None` when the time was over, and the whole group was ended.
    fn wait(&self, child: &mut Child) -> std::io::Result<Option<ExitStatus>> {
        let started = Instant::now();
        loop {
            match child.try_wait()? {
                Some(status) => return Ok(Some(status)),
                None if started.elapsed() < self.timeout => thread::sleep(LOOK_EVERY),
                None => {
                    end_group(child);
                    return child.wait().map(|_| None);
                }
            }
        }
    }
}

impl Notifier for CommandChannel {
    fn send(&mut self, letter: &Letter, _to: &str) -> Result<(), Undelivered> {
        let away = |reason: String| Undelivered::Away { reason, after: None };
        let mut child = self.start().map_err(|cause| away(format!("the command cannot be started: {cause}")))?;
        let line = format!("{}\n", letter.json());
        let stdin = child.stdin.take();
        // one that does not read must not hold us up, and one that has ended has read what it wanted
        thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(line.as_bytes())));
        let said = child.stderr.take().map(listen);
        let ended = self.wait(&mut child).map_err(|cause| away(format!("the command is lost: {cause}")))?;
        // what it has left behind still has the pipe
        end_group(&child);
        let said = said.and_then(|said| said.join().ok()).unwrap_or_default();
        let because = if said.is_empty() { String::new() } else { format!(": {said}") };
        match ended.map(|status| status.code()) {
            Some(Some(0)) => Ok(()),
            Some(Some(REFUSES)) => Err(Undelivered::Refused { reason: format!("the command refuses it{because}") }),
            Some(Some(status)) if NOT_RUN.contains(&status) => {
                Err(Undelivered::Broken { reason: format!("the command cannot be run{because}") })
            }
            Some(Some(status)) => Err(away(format!("the command ended with status {status}{because}"))),
            Some(None) => Err(away(format!("the command was ended by a signal{because}"))),
            None => Err(away(format!("the command took longer than {}", clock::length_text(self.timeout)))),
        }
    }

    fn pace(&self) -> Pace {
        Pace { every: EVERY }
    }
}

/// Ends what still runs in a command's group; nothing where it is empty.
fn end_group(child: &Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
}

/// The end of what a command says, in one line.
fn listen(mut stderr: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let (mut kept, mut buffer) = (Vec::new(), [0; 1024]);
        while let Ok(count @ 1..) = stderr.read(&mut buffer) {
            kept.extend_from_slice(&buffer[..count]);
            let excess = kept.len().saturating_sub(TOLD_BYTES_MAX);
            kept.drain(..excess);
        }
        String::from_utf8_lossy(&kept).split_whitespace().collect::<Vec<_>>().join(" ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(folder: &std::path::Path, line: &str, timeout: Duration) -> CommandChannel {
        CommandChannel { line: line.to_owned(), folder: folder.to_owned(), timeout }
    }

    fn letter() -> Letter {
        Letter { subject: "disk \"full\"".to_owned(), ..Letter::test("m1".to_owned()) }
    }

    #[test]
    fn a_command_is_given_the_letter() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut sent = channel(folder.path(), "cat >letter.json", TIMEOUT);
        assert_eq!(sent.send(&letter(), ""), Ok(()));
        let text = std::fs::read_to_string(folder.path().join("letter.json")).expect("written");
        let found: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!((found["id"].as_str(), found["subject"].as_str()), (Some("m1"), Some("disk \"full\"")));
    }

    #[test]
    fn how_it_ends_says_what_becomes_of_the_letter() {
        let folder = tempfile::tempdir().expect("a folder");
        let end = |line: &str| channel(folder.path(), line, TIMEOUT).send(&letter(), "");
        assert!(matches!(end("echo no such room >&2; exit 65"),
            Err(Undelivered::Refused { reason }) if reason.ends_with("no such room")));
        assert!(matches!(end("echo busy >&2; exit 1"),
            Err(Undelivered::Away { reason, after: None }) if reason.ends_with("status 1: busy")));
        assert!(matches!(end("./not-there"), Err(Undelivered::Broken { .. })));
        assert!(matches!(end("kill -9 $$"), Err(Undelivered::Away { .. })));
        // it need not read what it is given, and what it leaves behind holds nobody up
        assert_eq!(end("sleep 600 & exit 0"), Ok(()));
    }

    #[test]
    fn one_that_does_not_end_is_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut slow = channel(folder.path(), "sleep 600; echo never", Duration::from_millis(50));
        assert!(matches!(slow.send(&letter(), ""), Err(Undelivered::Away { reason, .. }) if reason.contains("longer")));
    }
}
