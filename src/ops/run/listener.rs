//! Who listens to an app while it runs: each line goes where it is meant for, the log, the telemetry or people.
//!
//! A line is understood first. Then its values lose what is secret, and last it is cut for storage.

use std::sync::{Mutex, PoisonError};

use base64::Engine;
use chrono::NaiveDateTime;
use serde_json::Value;

use super::echo::{self, Said};
use super::overlong::Overlong;
use super::together::{Group, Together};
use crate::apps::{Event, Fields, Message, Piece, Stream};
use crate::http::RequestTimes;
use crate::logs::Capture;
use crate::redact::Redactor;
use crate::tables::{FunctionTimes, LogLevel};
use crate::telemetry::{CaptchaCosts, Telemetry};

/// Who is told what an app says.
pub(super) trait Heard: Sync {
    /// A log record, without secrets.
    fn record(&self, level: LogLevel, source: &str, message: &str, fields: &[(String, String)]);
    /// A part of a record that does not fit into memory.
    fn part(&self, level: LogLevel, source: &str, text: &str, number: &mut u32, is_last: bool);
    /// How far the app is.
    fn progress(&self, task_size: Option<i64>, solved: Option<i64>, failed: Option<i64>);
    /// When it wishes to run next.
    fn next_run(&self, at: NaiveDateTime);
    /// What it measured of its functions.
    fn functions(&self, times: Vec<FunctionTimes>);
    /// Its requests.
    fn requests(&self, times: &RequestTimes);
    /// Its captchas.
    fn captchas(&self, costs: &CaptchaCosts);
}

/// A run that counts: what it says is stored.
pub(super) struct Recorded {
    pub(super) capture: Capture,
    pub(super) telemetry: Telemetry,
}

impl Heard for Recorded {
    fn record(&self, level: LogLevel, source: &str, message: &str, fields: &[(String, String)]) {
        self.capture.record(level, source, message, fields);
    }

    fn part(&self, level: LogLevel, source: &str, text: &str, number: &mut u32, is_last: bool) {
        self.capture.part(level, source, text, number, is_last);
    }

    fn progress(&self, task_size: Option<i64>, solved: Option<i64>, failed: Option<i64>) {
        self.telemetry.progress(task_size, solved, failed);
    }

    fn next_run(&self, at: NaiveDateTime) {
        self.telemetry.next_run(at);
    }

    fn functions(&self, times: Vec<FunctionTimes>) {
        self.telemetry.functions(times);
    }

    fn requests(&self, times: &RequestTimes) {
        self.telemetry.requests(times);
    }

    fn captchas(&self, costs: &CaptchaCosts) {
        self.telemetry.captchas(costs);
    }
}

/// What the lines of one run are told to.
pub(super) struct Listener<'a, H> {
    pub(super) heard: H,
    pub(super) echo: echo::Running,
    pub(super) redactor: &'a Redactor,
    /// The lines that are too long for memory, by stream.
    pub(super) overlong: [Mutex<Overlong>; 2],
    /// Lines of standard error that wait for others which belong to them.
    together: Together,
    /// Requests that a cassette has answered, and those that it does not have.
    replayed: Mutex<Option<(i64, i64)>>,
}

/// Ends the wait for further lines, also where the work ends in a panic.
struct End<'a>(&'a Together);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl<'a, H: Heard> Listener<'a, H> {
    pub(super) fn new(heard: H, echo: echo::Running, redactor: &'a Redactor) -> Self {
        let (overlong, together, replayed) = Default::default();
        Self { heard, echo, redactor, overlong, together, replayed }
    }

    /// Listens to what comes while `work` is done.
    pub(super) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        let done = std::thread::scope(|scope| {
            // without a thread a line waits for the next one
            let watch = || self.together.watch(|group| self.group(&group));
            let _ = std::thread::Builder::new().name("lines".to_owned()).spawn_scoped(scope, watch);
            let _end = End(&self.together);
            work()
        });
        self.together.flush(|group| self.group(&group));
        done
    }

    /// How many requests a cassette has answered, and how many it does not have, as far as the app has told.
    pub(super) fn replayed(&self) -> Option<(i64, i64)> {
        *self.replayed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn group(&self, group: &Group) {
        let level = if group.is_traceback { LogLevel::Error } else { level_of(Stream::Stderr) };
        self.heard.record(level, source(Stream::Stderr), &group.text, &[]);
    }

    pub(super) fn handle(&self, event: Event) {
        if !self.is_text(&event) {
            self.flush(&event);
        }
        match event {
            Event::Started(_) => {}
            Event::Line { stream, piece } if piece.part.is_some() => self.part(stream, piece),
            Event::Line { stream, piece } => {
                let message = match Message::of(&piece.text) {
                    // bytes that are no text are part of what is said, and of nothing that dc is told
                    message @ Message::Record { .. } => message,
                    _ if piece.raw.is_some() => Message::Text { reason: None },
                    message => message,
                };
                self.take(stream, piece, message);
            }
            Event::Unreadable { stream, cause } => {
                let message = format!("the app's output ended early: {cause}");
                self.heard.record(LogLevel::Warning, source(stream), &message, &[]);
            }
        }
    }

    /// Whether it is a line that others may belong to.
    fn is_text(&self, event: &Event) -> bool {
        let Event::Line { stream: Stream::Stderr, piece } = event else { return false };
        piece.part.is_none() && piece.raw.is_none() && !piece.text.trim_start().starts_with('{')
    }

    /// What waits comes before what is said next on the same stream.
    fn flush(&self, event: &Event) {
        if let Event::Line { stream: Stream::Stderr, .. } | Event::Unreadable { stream: Stream::Stderr, .. } = event {
            self.together.flush(|group| self.group(&group));
        }
    }

    fn take(&self, stream: Stream, piece: Piece, message: Message) {
        match message {
            Message::Progress { task_size, solved, failed } => self.heard.progress(task_size, solved, failed),
            Message::NextRun { at } => self.heard.next_run(at),
            Message::Functions { functions } => {
                let functions = functions.into_iter().map(|function| self.without_secrets(function));
                match functions.map(serde_json::from_value).collect::<Result<Vec<FunctionTimes>, _>>() {
                    Ok(times) => match times.iter().find_map(FunctionTimes::flaw) {
                        None => self.heard.functions(times),
                        Some(flaw) => self.text(stream, piece, Some(format!("no times of functions: {flaw}"))),
                    },
                    Err(cause) => {
                        self.text(stream, piece, Some(format!("the times of functions cannot be read: {cause}")));
                    }
                }
            }
            Message::Requests { requests } => match serde_json::from_value::<RequestTimes>(requests) {
                Ok(times) if times.total_ms < 0.0 => {
                    self.text(stream, piece, Some("`total_ms` takes a number from 0 on".to_owned()));
                }
                Ok(times) => self.heard.requests(&times),
                Err(cause) => self.text(stream, piece, Some(format!("the times of requests cannot be read: {cause}"))),
            },
            Message::Captcha { solved, cost, total_ms } => {
                self.heard.captchas(&CaptchaCosts { solved, cost, total_ms });
            }
            Message::Replayed { answered, missing } => {
                let mut replayed = self.replayed.lock().unwrap_or_else(PoisonError::into_inner);
                let (before, lost) = replayed.unwrap_or_default();
                *replayed = Some((before.saturating_add(answered), lost.saturating_add(missing)));
            }
            Message::Record { level, message, context } => self.record(stream, piece, level, &message, context),
            Message::Text { reason } => self.text(stream, piece, reason),
        }
    }

    fn record(&self, stream: Stream, piece: Piece, level: i64, message: &str, context: Fields) {
        let level = LogLevel::from_id(level).unwrap_or(LogLevel::Info);
        let message = self.redactor.text(message);
        let mut fields = Fields::with_capacity(context.len());
        for (key, value) in context {
            let mut seen = Vec::with_capacity(value.len());
            self.redactor.json(&key, &value, &mut seen);
            let mut key = self.redactor.key(&key).into_owned();
            while fields.iter().any(|(known, _)| *known == key) {
                key.push('*');
            }
            fields.push((key, String::from_utf8_lossy(&seen).into_owned()));
        }
        let raw = piece.raw.map(|raw| self.redactor.bytes(&raw).into_owned());
        fields.extend(raw.as_deref().map(bytes_mark));
        let text = match serde_json::from_str::<serde::de::IgnoredAny>(piece.text.trim()) {
            Ok(_) => self.redactor.record(&piece.text),
            Err(_) => self.redactor.text(&piece.text).into_owned(),
        };
        self.echo.record(stream, &Piece { text, raw, ..piece }, &Said { level, message: &message, fields: &fields });
        self.heard.record(level, source(stream), &message, &fields);
    }

    /// Logs a line as it is; `reason` says why it is no message to dc, where it looks like one.
    fn text(&self, stream: Stream, piece: Piece, reason: Option<String>) {
        let raw = piece.raw.map(|raw| self.redactor.bytes(&raw).into_owned());
        let piece = Piece { text: self.redactor.text(&piece.text).into_owned(), raw, ..piece };
        self.echo.line(stream, &piece);
        let is_plain = stream == Stream::Stderr && reason.is_none() && piece.raw.is_none();
        if is_plain && !piece.text.trim_start().starts_with('{') {
            return self.together.take(piece.text, |group| self.group(&group));
        }
        let level = match stream {
            // somebody has to see that dc did not do what it was told
            _ if reason.is_some() => LogLevel::Warning,
            stream => level_of(stream),
        };
        let mut fields: Fields = piece.raw.as_deref().map(bytes_mark).into_iter().collect();
        fields.extend(
            reason.map(|reason| ("protocol".to_owned(), Value::from(&*self.redactor.text(&reason)).to_string())),
        );
        self.heard.record(level, source(stream), &piece.text, &fields);
    }

    /// Takes a part of a line that is too long for memory: nothing is understood of it but how grave it is.
    fn part(&self, stream: Stream, piece: Piece) {
        let overlong = &self.overlong[usize::from(stream == Stream::Stderr)];
        let mut overlong = overlong.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = overlong.without_secrets(piece, self.redactor);
        let level = overlong.level().and_then(LogLevel::from_id).unwrap_or_else(|| level_of(stream));
        self.echo.line(stream, &seen);
        self.heard.part(level, source(stream), &seen.text, &mut overlong.stored, seen.last);
    }

    fn without_secrets(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.redactor.text(&text).into_owned().into(),
            Value::Array(items) => items.into_iter().map(|item| self.without_secrets(item)).collect(),
            Value::Object(fields) => {
                fields.into_iter().map(|(key, value)| (key, self.without_secrets(value))).collect()
            }
            other => other,
        }
    }
}

/// What marks a line that is no UTF-8: its bytes in base64.
fn bytes_mark(raw: &[u8]) -> (String, String) {
    ("bytes".to_owned(), Value::from(base64::engine::general_purpose::STANDARD.encode(raw)).to_string())
}

fn level_of(stream: Stream) -> LogLevel {
    match stream {
        Stream::Stdout => LogLevel::Info,
        Stream::Stderr => LogLevel::Warning,
    }
}

fn source(stream: Stream) -> &'static str {
    match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    }
}
