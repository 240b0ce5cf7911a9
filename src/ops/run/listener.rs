//! Who listens to an app while it runs: each line goes where it is meant for, the log, the telemetry or people.

use base64::Engine;

use super::echo;
use crate::apps::{Event, Message, Piece, Stream};
use crate::logs::Capture;
use crate::redact::Redactor;
use crate::tables::{FunctionTimes, LogLevel};
use crate::telemetry::{CaptchaCosts, Telemetry};

/// The keys of a log record besides its message.
pub(super) type Marks = serde_json::Map<String, serde_json::Value>;

/// What the lines of one run are told to.
pub(super) struct Listener<'a> {
    pub(super) capture: Capture,
    pub(super) telemetry: Telemetry,
    pub(super) echo: echo::Running,
    pub(super) redactor: &'a Redactor,
}

impl Listener<'_> {
    pub(super) fn handle(&self, event: Event) {
        match event {
            Event::Started(_) => {}
            Event::Line { stream, piece } => {
                let piece = self.without_secrets(piece);
                let message = match piece.part.is_none() && piece.raw.is_none() {
                    true => Message::of(&piece.text),
                    false => Message::Text { reason: None },
                };
                // what is meant for dc is not for people
                let is_for_dc = !matches!(message, Message::Record { .. } | Message::Text { .. });
                if !is_for_dc {
                    self.echo.line(stream, &piece);
                }
                self.take(stream, &piece, message);
            }
            Event::Unreadable { stream, cause } => {
                let message = format!("the app's output ended early: {cause}");
                self.capture.record(LogLevel::Warning, source(stream), &message, &Marks::new());
            }
        }
    }

    fn without_secrets(&self, piece: Piece) -> Piece {
        let raw = piece.raw.map(|raw| self.redactor.bytes(&raw).into_owned());
        Piece { text: self.redactor.text(&piece.text).into_owned(), raw, ..piece }
    }

    fn take(&self, stream: Stream, piece: &Piece, message: Message) {
        match message {
            Message::Progress { task_size, solved, failed } => self.telemetry.progress(task_size, solved, failed),
            Message::NextRun { at } => self.telemetry.next_run(at),
            Message::Functions { functions } => {
                match functions.into_iter().map(serde_json::from_value).collect::<Result<Vec<FunctionTimes>, _>>() {
                    Ok(times) => self.telemetry.functions(times),
                    Err(cause) => {
                        self.text(stream, piece, Some(format!("the times of functions cannot be read: {cause}")));
                    }
                }
            }
            Message::Requests { requests } => match serde_json::from_value(requests) {
                Ok(times) => self.telemetry.requests(&times),
                Err(cause) => self.text(stream, piece, Some(format!("the times of requests cannot be read: {cause}"))),
            },
            Message::Captcha { solved, cost, total_ms } => {
                self.telemetry.captchas(&CaptchaCosts { solved, cost, total_ms });
            }
            Message::Record { level, message, context } => {
                let level = LogLevel::from_id(level).unwrap_or(LogLevel::Info);
                self.capture.record(level, source(stream), &message, &context);
            }
            Message::Text { reason } => self.text(stream, piece, reason),
        }
    }

    /// Logs a line as it is; `reason` says why it is no message to dc, where it looks like one.
    fn text(&self, stream: Stream, piece: &Piece, reason: Option<String>) {
        let level = match stream {
            // somebody has to see that dc did not do what it was told
            _ if reason.is_some() => LogLevel::Warning,
            Stream::Stdout => LogLevel::Info,
            Stream::Stderr => LogLevel::Warning,
        };
        let mut marks = marks_of(piece);
        marks.extend(reason.map(|reason| ("protocol".to_owned(), reason.into())));
        self.capture.record(level, source(stream), &piece.text, &marks);
    }
}

/// What a line that is more than plain text is marked with: a part of a long one, or one that is no UTF-8, whose bytes
/// are kept in base64.
fn marks_of(piece: &Piece) -> Marks {
    let mut marks = Marks::new();
    if let Some(part) = piece.part {
        marks.insert("part".to_owned(), part.into());
        marks.insert("last".to_owned(), piece.last.into());
    }
    if let Some(raw) = &piece.raw {
        marks.insert("bytes".to_owned(), base64::engine::general_purpose::STANDARD.encode(raw).into());
    }
    marks
}

fn source(stream: Stream) -> &'static str {
    match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    }
}
