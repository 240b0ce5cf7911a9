//! Gotify: a message to a server of one's own.

use std::time::Duration;

use serde_json::json;

use crate::context::Context;
use crate::error::Result;
use crate::http::Request;
use crate::notify::away::{judge, session, unreached};
use crate::notify::letter::Letter;
use crate::notify::notifier::{Entry, Given, Notifier, Pace, Undelivered};
use crate::settings::Secret;
use crate::tables::LogLevel;

/// This kind's line in the registry.
pub(in crate::notify) const ENTRY: Entry = Entry { name: "gotify", open };

/// Ten a second.
const EVERY: Duration = Duration::from_millis(100);

struct Gotify {
    request: Request,
    server: String,
    token: Secret,
    priority: Option<i64>,
}

fn open(context: &Context, given: &Given<'_>) -> Result<Box<dyn Notifier>> {
    let priority = match given.text("priority")?.as_deref() {
        None => None,
        Some("low") => Some(1),
        Some("moderate") => Some(3),
        Some("normal") => Some(5),
        Some("high") => Some(8),
        Some("emergency") => Some(10),
        Some(text) => {
            let number = text.parse().ok().filter(|number| (0..=10).contains(number));
            Some(number.ok_or_else(|| given.wrong("priority", "low, moderate, normal, high, emergency, or 0 to 10"))?)
        }
    };
    Ok(Box::new(Gotify {
        request: session(context, given)?,
        server: given.required("server")?.trim_end_matches('/').to_owned(),
        token: given.secret("token")?,
        priority,
    }))
}

impl Notifier for Gotify {
    fn send(&mut self, letter: &Letter, _to: &str) -> Result<(), Undelivered> {
        let priority = self.priority.unwrap_or(match letter.severity {
            LogLevel::Critical => 10,
            LogLevel::Error => 8,
            LogLevel::Warning => 5,
            _ => 2,
        });
        // an empty message is refused
        let text = if letter.body.is_empty() { &letter.subject } else { &letter.body };
        let body = json!({"title": letter.subject, "message": text, "priority": priority});
        let call = self.request.post(&format!("{}/message", self.server)).header("X-Gotify-Key", self.token.reveal());
        let answer = call.json(&body).map_err(unreached)?.send().map_err(unreached)?;
        judge(&answer, None, &["message", "title"])
    }

    fn pace(&self) -> Pace {
        Pace { every: EVERY }
    }
}
