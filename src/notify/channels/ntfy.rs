//! ntfy: a message to a topic, at ntfy.sh or at a server of one's own.

use std::time::Duration;

use serde_json::json;

use crate::context::Context;
use crate::error::Result;
use crate::http::{Auth, Request};
use crate::notify::away::{judge, session, unreached, webhook_unreached};
use crate::notify::letter::Letter;
use crate::notify::notifier::{Entry, Given, Notifier, Pace, Undelivered};
use crate::settings::Secret;
use crate::tables::LogLevel;

/// This kind's line in the registry.
pub(in crate::notify) const ENTRY: Entry = Entry { name: "ntfy", open };

/// Where topics are, unless `server` says otherwise.
const SERVER: &str = "https://ntfy.sh";
/// A longer message becomes an attachment. It counts bytes.
const BODY_BYTES_MAX: usize = 4_096;
/// 60 at once, then one each 5 s.
const EVERY: Duration = Duration::from_secs(5);

struct Ntfy {
    request: Request,
    server: String,
    topics: Vec<String>,
    auth: Option<Auth>,
    tags: Vec<String>,
    /// What ntfy takes as it is: where a touch leads, an address of e-mail, a delay, a picture.
    more: Vec<(&'static str, String)>,
    /// 1 to 5, where it does not follow from how grave a letter is.
    priority: Option<u8>,
}

fn open(context: &Context, given: &Given<'_>) -> Result<Box<dyn Notifier>> {
    given.required("topic")?;
    let auth = match (given.text("token")?, given.text("username")?) {
        (Some(token), _) => Some(Auth::Bearer(Secret::new(token))),
        (None, Some(username)) => Some(Auth::Basic(username, given.secret("password")?)),
        (None, None) => None,
    };
    let priority = match given.text("priority")?.as_deref() {
        None => None,
        Some("min" | "1") => Some(1),
        Some("low" | "2") => Some(2),
        Some("default" | "normal" | "3") => Some(3),
        Some("high" | "4") => Some(4),
        Some("max" | "urgent" | "5") => Some(5),
        Some(_) => return Err(given.wrong("priority", "min, low, default, high, max, or 1 to 5")),
    };
    let mut more = Vec::new();
    for (field, name) in [("click", "click"), ("email", "email"), ("delay", "delay"), ("avatar", "icon")] {
        more.extend(given.text(field)?.map(|value| (name, value)));
    }
    Ok(Box::new(Ntfy {
        request: session(context, given)?,
        server: given.text("server")?.unwrap_or_else(|| SERVER.to_owned()).trim_end_matches('/').to_owned(),
        topics: given.words("topic")?,
        auth,
        tags: given.words("tags")?,
        more,
        priority,
    }))
}

impl Notifier for Ntfy {
    fn send(&mut self, letter: &Letter, to: &str) -> Result<(), Undelivered> {
        let priority = self.priority.unwrap_or(match letter.severity {
            LogLevel::Critical => 5,
            LogLevel::Error => 4,
            LogLevel::Warning => 3,
            _ => 2,
        });
        // a message without any text becomes "triggered"
        let text = if letter.body.is_empty() { &letter.subject } else { &letter.body };
        let mut body = json!({"topic": to, "title": letter.subject, "message": text, "priority": priority});
        if !self.tags.is_empty() {
            body["tags"] = json!(self.tags);
        }
        for (field, value) in &self.more {
            body[field] = value.as_str().into();
        }
        let mut call = self.request.post(&self.server).json(&body).map_err(unreached)?;
        if let Some(auth) = &self.auth {
            call = call.auth(auth.clone());
        }
        // who knows a topic may write there, so its place is not told
        let answer = call.send().map_err(webhook_unreached)?;
        judge(&answer, None, &["too large", "message"])
    }

    fn recipients(&self) -> Vec<String> {
        self.topics.clone()
    }

    fn body_max(&self, _letter: &Letter) -> Option<usize> {
        Some(BODY_BYTES_MAX)
    }

    fn weight(&self, character: char) -> usize {
        character.len_utf8()
    }

    fn pace(&self) -> Pace {
        Pace { every: EVERY }
    }
}
