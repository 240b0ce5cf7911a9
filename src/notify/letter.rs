//! A letter: what a channel sends, a message or the digest of many.

use chrono::NaiveDateTime;

use crate::clock;
use crate::ident::host;
use crate::shell::{visible, visible_line};
use crate::tables::{DigestRow, LogLevel, MessageRow};

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its identity: the same however often it is sent.
    pub id: String,
    /// When it, or the last message in it, was written, in UTC.
    pub at: NaiveDateTime,
    /// How grave it is.
    pub severity: LogLevel,
    /// What it is about: `disabled`, `recovered`, `incident`, `incident_over`, `told`, `digest`, `test`.
    pub kind: String,
    /// The app that it is about.
    pub app: Option<String>,
    /// How many messages it holds.
    pub count: i64,
    /// One line.
    pub subject: String,
    /// The rest; it may be empty.
    pub body: String,
}

impl Letter {
    pub(super) fn of(message: MessageRow, app: Option<String>) -> Self {
        Self {
            id: message.id,
            at: message.created_at,
            severity: LogLevel::from_id(message.severity).unwrap_or(LogLevel::Info),
            kind: message.kind,
            app,
            count: 1,
            // it is read in terminals and by clients that act on marks too
            subject: visible_line(&message.subject).into_owned(),
            body: visible(&message.body).into_owned(),
        }
    }

    /// The digest of many messages: how many of which kind, and the first of them.
    pub(super) fn of_digest(id: &str, digest: &DigestRow) -> Self {
        let kinds: Vec<String> = digest.kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let mut body = kinds.join(", ");
        for message in &digest.first {
            body.push_str(&format!("\n{} {}", clock::brief(message.created_at), visible_line(&message.subject)));
        }
        let more = digest.count - digest.first.len() as i64;
        if more > 0 {
            body.push_str(&format!("\nand {more} more; they are all in the table outbox"));
        }
        Self {
            id: id.to_owned(),
            at: digest.until,
            severity: LogLevel::from_id(digest.severity).unwrap_or(LogLevel::Info),
            kind: "digest".to_owned(),
            app: None,
            count: digest.count,
            subject: format!("{} messages at once", digest.count),
            body,
        }
    }

    /// The letter as one JSON object, for programs.
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "id": self.id, "at": format!("{}Z", self.at.format("%Y-%m-%dT%H:%M:%S%.6f")),
            "severity": self.severity_name().to_lowercase(), "kind": self.kind, "app": self.app, "host": host(),
            "count": self.count, "subject": self.subject, "body": self.body,
        })
    }

    /// A letter that only shows that a channel works.
    pub fn test(id: String) -> Self {
        Self {
            id,
            at: clock::now(),
            severity: LogLevel::Info,
            kind: "test".to_owned(),
            app: None,
            count: 1,
            subject: format!("Test from dc on {}", host()),
            body: "If you read this, the channel works.".to_owned(),
        }
    }

    /// Its severity in a word.
    pub fn severity_name(&self) -> &'static str {
        self.severity.name()
    }

    /// Subject and body as one text, cut to so many characters.
    pub fn text(&self, chars_max: usize) -> String {
        let whole = match self.body.is_empty() {
            true => self.subject.clone(),
            false => format!("{}\n{}", self.subject, self.body),
        };
        cut(&whole, chars_max)
    }
}

/// The text, cut to so many characters.
pub(super) fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(chars_max.saturating_sub(1)).chain(['\u{2026}']).collect(),
    }
}

/// `info`, `warning`, `error`, `critical` as a level.
pub fn severity_of(word: &str) -> Option<LogLevel> {
    let levels = [LogLevel::Debug, LogLevel::Info, LogLevel::Warning, LogLevel::Error, LogLevel::Critical];
    levels.into_iter().find(|level| level.name().eq_ignore_ascii_case(word.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_app_said_does_not_act_on_whoever_reads_the_letter() {
        let evil = "\u{1b}[2J\u{9b}31m\u{202e}x\nBcc: somebody";
        let message = MessageRow {
            id: "1".to_owned(),
            created_at: clock::now(),
            severity: 40,
            kind: "told".to_owned(),
            app_id: None,
            subject: evil.to_owned(),
            body: evil.to_owned(),
        };
        let letter = Letter::of(message, None);
        assert_eq!(letter.subject, "␛[2J<U+009B>31m<U+202E>x␊Bcc: somebody");
        assert_eq!(letter.body, "␛[2J<U+009B>31m<U+202E>x\nBcc: somebody");
    }

    #[test]
    fn a_text_is_cut_at_a_character() {
        assert_eq!(cut("čćž", 3), "čćž");
        assert_eq!(cut("čćžš", 3), "čć\u{2026}");
        assert_eq!(severity_of("Warning"), Some(LogLevel::Warning));
        assert_eq!(severity_of("loud"), None);
    }
}
