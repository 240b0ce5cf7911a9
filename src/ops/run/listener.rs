//! Who listens to an app while it runs: each line goes where it is meant for, the log, the telemetry or people.
//!
//! A line is understood first. Then its values lose what is secret, and last it is cut for storage.

use std::sync::{Mutex, PoisonError};

use base64::Engine;
use serde_json::Value;

use super::echo;
use super::overlong::Overlong;
use crate::apps::{Event, Fields, Message, Piece, Stream};
use crate::http::RequestTimes;
use crate::logs::Capture;
use crate::redact::Redactor;
use crate::tables::{FunctionTimes, LogLevel};
use crate::telemetry::{CaptchaCosts, Telemetry};

/// What the lines of one run are told to.
pub(super) struct Listener<'a> {
    pub(super) capture: Capture,
    pub(super) telemetry: Telemetry,
    pub(super) echo: echo::Running,
    pub(super) redactor: &'a Redactor,
    /// The lines that are too long for memory, by stream.
    pub(super) overlong: [Mutex<Overlong>; 2],
}

impl Listener<'_> {
    pub(super) fn handle(&self, event: Event) {
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
                self.capture.record(LogLevel::Warning, source(stream), &message, &Fields::new());
            }
        }
    }

    fn take(&self, stream: Stream, piece: Piece, message: Message) {
        match message {
            Message::Progress { task_size, solved, failed } => self.telemetry.progress(task_size, solved, failed),
            Message::NextRun { at } => self.telemetry.next_run(at),
            Message::Functions { functions } => {
                let functions = functions.into_iter().map(|function| self.without_secrets(function));
                match functions.map(serde_json::from_value).collect::<Result<Vec<FunctionTimes>, _>>() {
                    Ok(times) => match times.iter().find_map(FunctionTimes::flaw) {
                        None => self.telemetry.functions(times),
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
                Ok(times) => self.telemetry.requests(&times),
                Err(cause) => self.text(stream, piece, Some(format!("the times of requests cannot be read: {cause}"))),
            },
            Message::Captcha { solved, cost, total_ms } => {
                self.telemetry.captchas(&CaptchaCosts { solved, cost, total_ms });
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
        self.echo.line(stream, &Piece { text, raw, ..piece });
        self.capture.record(level, source(stream), &message, &fields);
    }

    /// Logs a line as it is; `reason` says why it is no message to dc, where it looks like one.
    fn text(&self, stream: Stream, piece: Piece, reason: Option<String>) {
        let raw = piece.raw.map(|raw| self.redactor.bytes(&raw).into_owned());
        let piece = Piece { text: self.redactor.text(&piece.text).into_owned(), raw, ..piece };
        self.echo.line(stream, &piece);
        let level = match stream {
            // somebody has to see that dc did not do what it was told
            _ if reason.is_some() => LogLevel::Warning,
            stream => level_of(stream),
        };
        let mut fields: Fields = piece.raw.as_deref().map(bytes_mark).into_iter().collect();
        fields.extend(
            reason.map(|reason| ("protocol".to_owned(), Value::from(&*self.redactor.text(&reason)).to_string())),
        );
        self.capture.record(level, source(stream), &piece.text, &fields);
    }

    /// Takes a part of a line that is too long for memory: nothing is understood of it but how grave it is.
    fn part(&self, stream: Stream, piece: Piece) {
        let overlong = &self.overlong[usize::from(stream == Stream::Stderr)];
        let mut overlong = overlong.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = overlong.without_secrets(piece, self.redactor);
        let level = overlong.level().and_then(LogLevel::from_id).unwrap_or_else(|| level_of(stream));
        self.echo.line(stream, &seen);
        self.capture.part(level, source(stream), &seen.text, &mut overlong.stored, seen.last);
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
