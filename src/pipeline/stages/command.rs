//! A stage whose work a program does, started for each document.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use nix::libc::SIGTERM;

use super::super::stage::{Failure, Given, Job, Output, Spent, Stage, Voice, Worked};
use super::reply;
use crate::apps::{Ended, Event, How, Launch, Limits, Message, Piece, Signals, Stream, supervise};
use crate::tables::LogLevel;

/// What marks the processes of an attempt.
const MARK: &str = "DC_ATTEMPT_MARK";
/// How often it is looked whether an attempt is to be given up.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// An output of more bytes is a file, whatever is in it.
const JSON_BYTES_MAX: u64 = 16 << 20;

/// A program for each document.
pub(in super::super) struct Command {
    /// The program: a path, or a word that is found on PATH.
    pub(in super::super) program: PathBuf,
    /// Its arguments.
    pub(in super::super) arguments: Vec<OsString>,
    /// The time between TERM and KILL.
    pub(in super::super) grace: Duration,
}

/// What a program said while it worked.
#[derive(Default)]
struct Said {
    failure: Option<Failure>,
    last: Option<String>,
}

impl Stage for Command {
    fn work(&mut self, job: &Job<'_>) -> Worked {
        let output = match job.scratch() {
            Ok(scratch) => scratch.join("output"),
            Err(error) => return Err(Failure::of(&error)).into(),
        };
        let launch = match self.launch(job, &output) {
            Ok(launch) => launch,
            Err(failure) => return Err(failure).into(),
        };
        let said = Mutex::new(Said::default());
        let (cancellation, voice) = (job.cancellation, job.say);
        let events = |event: Event| listen(voice, &said, event);
        let mut signals = Signals::sent();
        let sender = signals.sender();
        let (over, is_over) = std::sync::mpsc::channel::<()>();
        let ended = std::thread::scope(|scope| {
            scope.spawn(move || {
                // until the attempt is over: the other side goes
                while let Err(std::sync::mpsc::RecvTimeoutError::Timeout) = is_over.recv_timeout(LOOK_EVERY) {
                    if cancellation.is_cancelled() {
                        sender.send(SIGTERM);
                        break;
                    }
                }
            });
            let ended = supervise(&launch, &events, &mut signals);
            drop(over);
            ended
        });
        let said = said.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        match ended {
            Ok(ended) => Worked { spent: spent(&ended), result: result(&ended, said, job, &output) },
            // a program that is not there is not the document's fault
            Err(error) => Err(Failure { message: Failure::of(&error).message, ..Failure::blocked("") }).into(),
        }
    }
}

impl Command {
    fn launch(&self, job: &Job<'_>, output: &std::path::Path) -> Result<Launch, Failure> {
        let mut environment = environment(job)?;
        environment.push(("DC_OUTPUT".to_owned(), output.into()));
        Ok(Launch {
            program: self.program.clone(),
            arguments: self.arguments.clone(),
            folder: job.folder.to_owned(),
            environment,
            environment_removed: Vec::new(),
            secrets: Vec::new(),
            timeout: Some(job.timeout),
            grace: self.grace,
            limits: Limits::default(),
            alone: false,
            mark: MARK,
        })
    }
}

/// What a program is told of the document.
fn environment(job: &Job<'_>) -> Result<Vec<(String, OsString)>, Failure> {
    let document = job.document().map_err(|error| Failure::of(&error))?.to_owned();
    let input = match &job.input {
        Given::File(path) => path.clone(),
        given => {
            let text = if let Given::Json(text) = given { text.as_str() } else { "null" };
            let path = job.scratch().map_err(|error| Failure::of(&error))?.join("input.json");
            fs::write(&path, text).map_err(|cause| Failure::blocked(format!("{}: {cause}", path.display())))?;
            path
        }
    };
    let texts: [(&str, OsString); 7] = [
        ("DC_TASK", job.task.to_string().into()),
        ("DC_STAGE", job.stage.into()),
        ("DC_ATTEMPT", job.attempt.to_string().into()),
        ("DC_DOCUMENT", document.into()),
        ("DC_NAME", job.name.into()),
        ("DC_SHA256", job.sha256.into()),
        ("DC_INPUT", input.into()),
    ];
    Ok(texts.map(|(name, value)| (name.to_owned(), value)).to_vec())
}

fn listen(voice: Voice<'_>, said: &Mutex<Said>, event: Event) {
    let Event::Line { stream, piece } = event else { return };
    let mut said = said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    match reply::failure(&piece.text) {
        Some(failure) => said.failure = Some(failure),
        None => {
            if stream == Stream::Stderr && !piece.text.trim().is_empty() {
                said.last = Some(piece.text.trim().to_owned());
            }
            drop(said);
            say(voice, stream, &piece);
        }
    }
}

/// Logs what a program printed: a structured record by its level, any other line by its stream.
pub(super) fn say(voice: Voice<'_>, stream: Stream, piece: &Piece) {
    let plain = if stream == Stream::Stdout { LogLevel::Info } else { LogLevel::Warning };
    match Message::of(&piece.text) {
        Message::Record { level, message, .. } => voice(LogLevel::from_id(level).unwrap_or(plain), &message),
        _ => voice(plain, &piece.text),
    }
}

fn spent(ended: &Ended) -> Spent {
    let (exit_code, signal) = match ended.how {
        How::Exit(status) => (Some(i64::from(status)), None),
        How::Signal(signal) => (None, Some(i64::from(signal))),
        How::Timeout | How::Stopped(_) => (ended.own_status.map(i64::from), None),
    };
    Spent {
        cpu_ms: Some(ended.usage.cpu_user_ms + ended.usage.cpu_system_ms),
        memory_peak_kib: Some(ended.usage.memory_peak_kib),
        exit_code,
        signal,
    }
}

fn result(ended: &Ended, said: Said, job: &Job<'_>, output: &std::path::Path) -> Result<Output, Failure> {
    match ended.how {
        How::Exit(0) => match said.failure {
            Some(failure) => Err(failure),
            None => read(output),
        },
        How::Exit(status) => Err(said.failure.unwrap_or_else(|| reply::of_status(status, said.last.as_deref()))),
        How::Signal(signal) => Err(Failure::died(format!("its program was killed by signal {signal}"))),
        How::Timeout => Err(Failure::passing(format!("it took longer than {} s", job.timeout.as_secs_f64()))),
        How::Stopped(_) => Err(Failure::passing("it was stopped".to_owned())),
    }
}

/// What a program wrote: JSON, a file, or nothing.
fn read(output: &std::path::Path) -> Result<Output, Failure> {
    let failed = |cause: std::io::Error| Failure::passing(format!("{}: {cause}", output.display()));
    let length = match fs::symlink_metadata(output) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Output::Same),
        Err(cause) => return Err(failed(cause)),
        Ok(data) if !data.is_file() => return Err(Failure::passing("what it wrote as its output is no file")),
        Ok(data) => data.len(),
    };
    if length == 0 {
        return Ok(Output::Same);
    }
    if length > JSON_BYTES_MAX {
        return Ok(Output::File(output.to_owned()));
    }
    let bytes = fs::read(output).map_err(failed)?;
    match String::from_utf8(bytes) {
        Ok(text) if serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok() => Ok(Output::Json(text)),
        _ => Ok(Output::File(output.to_owned())),
    }
}
