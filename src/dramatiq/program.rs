//! Actors in any language: a program that is asked by a line of JSON and answers with one. It is a process of its own, so
//! it can be killed when its time is over, and its death costs the message that it died of and nothing else.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::call::{Call, Failure, FailureKind};
use super::json::{Fields, Json};

/// How often it is looked whether the time is over.
const POLL: Duration = Duration::from_millis(50);
/// The longest line of a program.
const LINE_BYTES_MAX: u64 = 64 << 20;
/// Lines that wait to be read.
const LINES_MAX: usize = 64;
/// How long a program may take to end when nothing more is asked of it.
const END_PATIENCE: Duration = Duration::from_secs(5);
/// The longest text of an error that is kept.
const ERROR_CHARS_MAX: usize = 4_000;

/// Which program, and what becomes of what it says.
#[derive(Clone)]
pub struct ProgramOptions {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Its working folder.
    pub folder: PathBuf,
    /// Is given each line of its output that is no answer.
    pub on_line: Arc<dyn Fn(&str) + Send + Sync>,
}

/// A program, started when it is first asked and again after it has died.
pub(super) struct Program {
    options: ProgramOptions,
    running: Option<Running>,
}

struct Running {
    child: Child,
    questions: ChildStdin,
    lines: Receiver<String>,
}

impl Program {
    pub(super) fn new(options: ProgramOptions) -> Self {
        Self { options, running: None }
    }

    /// Asks for what a message wants, and waits for the answer.
    pub(super) fn ask(&mut self, call: &Call<'_>) -> Result<Json, Failure> {
        self.start()?;
        let Some(running) = &mut self.running else { return Err(Failure::passing("no program runs")) };
        let question = question(call);
        if running.questions.write_all(question.as_bytes()).and_then(|()| running.questions.flush()).is_err() {
            return Err(self.died());
        }
        loop {
            match running.lines.recv_timeout(POLL) {
                Ok(line) => match answer(&line) {
                    Some(answer) => return answer,
                    None => (self.options.on_line)(&line),
                },
                Err(RecvTimeoutError::Disconnected) => return Err(self.died()),
                Err(RecvTimeoutError::Timeout) if call.cancellation.is_cancelled() => {
                    self.kill();
                    return Err(Failure::passing("the time is over").named("TimeLimitExceeded"));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn start(&mut self) -> Result<(), Failure> {
        if self.running.is_some() {
            return Ok(());
        }
        let (Some(program), arguments) = (self.options.command.first(), self.options.command.get(1..)) else {
            return Err(Failure::permanent("there is no command"));
        };
        let mut command = Command::new(program);
        command.args(arguments.unwrap_or_default()).current_dir(&self.options.folder);
        // its own group, so that what it starts ends with it
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let failed = |cause: std::io::Error| Failure::passing(format!("{program} does not start: {cause}"));
        let mut child = command.spawn().map_err(failed)?;
        let (Some(questions), Some(out)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::passing("the program cannot be reached"));
        };
        let (sender, lines) = sync_channel(LINES_MAX);
        let read = move || {
            let mut out = BufReader::new(out);
            loop {
                let mut line = Vec::new();
                match out.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {}
                }
                let line = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
                if sender.send(line).is_err() {
                    break;
                }
            }
        };
        std::thread::Builder::new().name("answers".to_owned()).spawn(read).map_err(failed)?;
        self.running = Some(Running { child, questions, lines });
        Ok(())
    }

    /// What it died of. A signal by which processes are asked to end is nobody's fault.
    fn died(&mut self) -> Failure {
        let how = self.running.take().and_then(|mut running| {
            let status = running.child.wait().ok();
            let _ = killpg(Pid::from_raw(running.child.id().cast_signed()), Signal::SIGKILL);
            status
        });
        let (kind, words) = match how.map(|status| (status.signal(), status.code())) {
            Some((Some(signal @ (2 | 15)), _)) => (FailureKind::NotBegun, format!("it was ended by signal {signal}")),
            Some((Some(signal), _)) => (FailureKind::Death, format!("it was killed by signal {signal}")),
            Some((None, Some(code))) => (FailureKind::Death, format!("it ended with status {code}")),
            _ => (FailureKind::Death, "nobody knows how".to_owned()),
        };
        Failure { kind, ..Failure::passing(format!("the program died: {words}")).named("ProgramDied") }
    }

    fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = killpg(Pid::from_raw(running.child.id().cast_signed()), Signal::SIGKILL);
            let _ = running.child.wait();
        }
    }
}

impl Drop for Program {
    /// The end of its input tells it to end.
    fn drop(&mut self) {
        let Some(Running { mut child, questions, lines }) = self.running.take() else { return };
        drop(questions);
        let until = std::time::Instant::now() + END_PATIENCE;
        while let Ok(line) = lines.recv_timeout(until.saturating_duration_since(std::time::Instant::now())) {
            (self.options.on_line)(&line);
        }
        let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
        let _ = child.wait();
    }
}

fn question(call: &Call<'_>) -> String {
    let message = call.message;
    let mut fields = Fields::default();
    fields.set("actor", Json::of_text(&message.actor_name));
    fields.set("args", Json::array(&message.args));
    fields.set("kwargs", message.kwargs.to_json());
    fields.set("message_id", Json::of_text(&message.message_id));
    fields.set("retries", Json::number(message.retries()));
    // what others wrote may be spread over several lines; a line feed stands in no text of JSON
    let mut text = fields.to_json().text().replace(['\n', '\r'], " ");
    text.push('\n');
    text
}

/// The answer that a line is; `None` for any other line.
fn answer(line: &str) -> Option<Result<Json, Failure>> {
    let mut fields = line.starts_with('{').then(|| Json::read(line).ok()?.fields()).flatten()?;
    if let Some(value) = fields.remove("ok") {
        return Some(Ok(value));
    }
    let error = fields.get("error")?;
    let text = error.as_text().unwrap_or_else(|| error.text().to_owned());
    let text = |name: &str| fields.get(name).and_then(Json::as_text).unwrap_or_else(|| text.clone());
    let kind = match fields.get("kind").and_then(Json::as_text).as_deref() {
        Some("permanent") => FailureKind::Permanent,
        _ => FailureKind::Passing,
    };
    let delay_ms = fields.get("delay_ms").and_then(Json::as_whole).and_then(|delay_ms| u64::try_from(delay_ms).ok());
    let class = fields.get("type").and_then(Json::as_text).unwrap_or_else(|| "Error".to_owned());
    let message = text("error").chars().take(ERROR_CHARS_MAX).collect();
    Some(Err(Failure { kind, class, message, delay: delay_ms.map(Duration::from_millis) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_an_object_with_ok_or_error() {
        assert_eq!(
            answer("{\"ok\": NaN}").map(|answer| answer.map(|value| value.text().to_owned())),
            Some(Ok("NaN".to_owned()))
        );
        let failure =
            answer(r#"{"error":"no","kind":"permanent","type":"KeyError"}"#).expect("an answer").expect_err("no");
        assert_eq!((failure.kind, failure.to_string().as_str()), (FailureKind::Permanent, "KeyError: no"));
        let failure = answer(r#"{"error":"no","delay_ms":5}"#).expect("an answer").expect_err("no");
        assert_eq!((failure.kind, failure.delay), (FailureKind::Passing, Some(Duration::from_millis(5))));
        for line in ["hello", "{\"level\":\"info\",\"msg\":\"x\"}", "{", "[1]", "{\"dc\":\"progress\"}"] {
            assert!(answer(line).is_none(), "{line}");
        }
    }
}
