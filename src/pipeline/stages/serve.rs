//! A stage whose work a program does that stays: a line of JSON for each document, and a line of JSON back.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::super::stage::{Failure, Given, Job, Output, Spent, Stage, Worked};
use super::command::say;
use super::reply::{self, Answer};
use crate::apps::{Piece, Stream};

/// How often it is looked whether an attempt is to be given up.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long a process has to end when it is told that nothing more comes.
const END_PATIENCE: Duration = Duration::from_secs(2);
/// Lines of a process that wait to be read.
const LINES_MAX: usize = 1_000;

/// A program that serves many documents.
pub(in super::super) struct Serve {
    /// The program: a path, or a word that is found on PATH.
    pub(in super::super) program: PathBuf,
    /// Its arguments.
    pub(in super::super) arguments: Vec<OsString>,
    pub(in super::super) running: Option<Running>,
}

pub(in super::super) struct Running {
    child: Child,
    questions: Option<ChildStdin>,
    lines: Receiver<(Stream, String)>,
}

impl Stage for Serve {
    fn work(&mut self, job: &Job<'_>) -> Worked {
        let result = self.ask(job);
        let spent = match &result {
            Err((_, Some(status))) => Spent {
                exit_code: status.code().map(i64::from),
                signal: status.signal().map(i64::from),
                ..Spent::default()
            },
            _ => Spent::default(),
        };
        Worked { result: result.map_err(|(failure, _)| failure), spent }
    }
}

type Failed = (Failure, Option<ExitStatus>);

impl Serve {
    fn ask(&mut self, job: &Job<'_>) -> Result<Output, Failed> {
        let question = question(job).map_err(|failure| (failure, None))?;
        let running = match self.running.take() {
            Some(running) => running,
            None => self.start(job).map_err(|failure| (failure, None))?,
        };
        // it stays only when it has answered
        let running = self.running.insert(running);
        let sent = running.questions.as_mut().map(|pipe| pipe.write_all(&question).and_then(|()| pipe.flush()));
        if !matches!(sent, Some(Ok(()))) {
            return Err(self.died(job));
        }
        let until = Instant::now() + job.timeout;
        loop {
            let Some(running) = &self.running else { return Err((Failure::passing("its program is gone"), None)) };
            match running.lines.recv_timeout(LOOK_EVERY) {
                Ok((Stream::Stdout, line)) => match reply::answer(&line, job.task) {
                    Some(Answer::Of(answer)) => return answer.map_err(|failure| (failure, None)),
                    Some(Answer::Confused(reason)) => {
                        self.running = None;
                        return Err((Failure::passing(reason), None));
                    }
                    None => say(job.say, Stream::Stdout, &piece(line)),
                },
                Ok((Stream::Stderr, line)) => say(job.say, Stream::Stderr, &piece(line)),
                Err(RecvTimeoutError::Disconnected) => return Err(self.died(job)),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if job.cancellation.is_cancelled() {
                self.running = None;
                return Err((Failure::passing("it was stopped"), None));
            }
            if Instant::now() >= until {
                self.running = None;
                return Err((Failure::passing(format!("it took longer than {} s", job.timeout.as_secs_f64())), None));
            }
        }
    }

    fn start(&self, job: &Job<'_>) -> Result<Running, Failure> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(job.folder).env("DC_STAGE", job.stage);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let failed = |cause| Failure::blocked(format!("could not start {}: {cause}", self.program.display()));
        let mut child = command.spawn().map_err(failed)?;
        let questions = child.stdin.take();
        let (sender, lines) = channel();
        let pipes: [(Stream, Option<Box<dyn std::io::Read + Send>>); 2] = [
            (Stream::Stdout, child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn std::io::Read + Send>)),
            (Stream::Stderr, child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn std::io::Read + Send>)),
        ];
        for (stream, pipe) in pipes {
            let (Some(pipe), sender) = (pipe, sender.clone()) else { continue };
            let read = move || {
                let mut pipe = BufReader::new(pipe);
                let mut bytes = Vec::new();
                while pipe.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
                    let line = String::from_utf8_lossy(bytes.trim_ascii_end()).into_owned();
                    bytes.clear();
                    if sender.send((stream, line)).is_err() {
                        break;
                    }
                }
            };
            std::thread::Builder::new().name("serve".to_owned()).spawn(read).map_err(failed)?;
        }
        Ok(Running { child, questions, lines })
    }

    /// What became of a process that went away while it had a document.
    fn died(&mut self, job: &Job<'_>) -> Failed {
        let Some(mut running) = self.running.take() else { return (Failure::passing("its program is gone"), None) };
        let mut said = None;
        for (stream, line) in running.lines.try_iter().take(LINES_MAX) {
            if !line.is_empty() {
                said = Some(line.clone());
            }
            say(job.say, stream, &piece(line));
        }
        match running.child.wait() {
            Ok(status) => match (status.signal(), status.code()) {
                (Some(signal), _) => {
                    (Failure::died(format!("its program was killed by signal {signal}")), Some(status))
                }
                (None, code) => (reply::of_status(code.unwrap_or_default(), said.as_deref()), Some(status)),
            },
            Err(cause) => (Failure::passing(format!("its program is gone: {cause}")), None),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // a program that reads its lines to the end ends by itself
        drop(self.questions.take());
        let until = Instant::now() + END_PATIENCE;
        while Instant::now() < until {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(10)),
                _ => break,
            }
        }
        // what it started goes with it
        let group = Pid::from_raw(self.child.id().cast_signed());
        let _ = killpg(group, Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

fn question(job: &Job<'_>) -> Result<Vec<u8>, Failure> {
    let input: Value = match &job.input {
        Given::File(path) => json!({ "file": path.to_string_lossy() }),
        given => given.value()?,
    };
    let document = job.document().map_err(|error| Failure::of(&error))?;
    let about = json!({
        "task": job.task,
        "stage": job.stage,
        "attempt": job.attempt,
        "document": document.to_string_lossy(),
        "name": job.name,
        "sha256": job.sha256,
        "input": input,
    });
    let mut line = about.to_string().into_bytes();
    line.push(b'\n');
    Ok(line)
}

fn piece(text: String) -> Piece {
    Piece { text, raw: None, part: None, last: true }
}
