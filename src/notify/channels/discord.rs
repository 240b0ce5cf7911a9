//! Discord: a webhook with an embed. 429 says in its body how long to wait.

use std::time::Duration;

use serde_json::{Value, json};

use crate::context::Context;
use crate::error::Result;
use crate::http::Request;
use crate::notify::away::{judge, session, unreached, webhook_unreached};
use crate::notify::letter::{Letter, cut};
use crate::notify::notifier::{Entry, Given, Notifier, Pace, Undelivered};
use crate::settings::Secret;
use crate::tables::LogLevel;

/// This kind's line in the registry.
pub(in crate::notify) const ENTRY: Entry = Entry { name: "discord", open };

/// The most characters of a title, and of a description.
const TITLE_CHARS_MAX: usize = 256;
const DESCRIPTION_CHARS_MAX: usize = 4_096;
/// 30 messages a minute to a webhook.
const EVERY: Duration = Duration::from_secs(2);

struct Discord {
    request: Request,
    webhook: Secret,
    username: Option<String>,
}

fn open(context: &Context, given: &Given<'_>) -> Result<Box<dyn Notifier>> {
    let webhook = given.secret("webhook")?;
    Ok(Box::new(Discord { request: session(context, given)?, webhook, username: given.text("username")? }))
}

impl Notifier for Discord {
    fn send(&mut self, letter: &Letter) -> Result<(), Undelivered> {
        let color = match letter.severity {
            LogLevel::Critical | LogLevel::Error => 0x00c0_392b,
            LogLevel::Warning => 0x00e6_7e22,
            _ => 0x0027_ae60,
        };
        let mut body = json!({
            // names of people and roles in a message wake nobody
            "allowed_mentions": {"parse": []},
            "embeds": [{
                "title": cut(&letter.subject, TITLE_CHARS_MAX),
                "description": cut(&letter.body, DESCRIPTION_CHARS_MAX),
                "color": color,
                "timestamp": letter.at.and_utc().to_rfc3339(),
                "footer": {"text": format!("{} {}", letter.kind, letter.id)},
            }],
        });
        if let Some(username) = &self.username {
            body["username"] = username.as_str().into();
        }
        let call = self.request.post(self.webhook.reveal()).query("wait", "true").json(&body).map_err(unreached)?;
        let answer = call.send().map_err(webhook_unreached)?;
        let said: Value = answer.json().unwrap_or_default();
        let after = said["retry_after"].as_f64().and_then(|it| Duration::try_from_secs_f64(it).ok());
        judge(&answer, after)
    }

    fn pace(&self) -> Pace {
        Pace { every: EVERY }
    }
}
