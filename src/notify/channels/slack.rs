//! Slack: an incoming webhook, or `chat.postMessage` with a bot's token, with blocks of Block Kit.

use std::time::Duration;

use serde_json::{Value, json};

use crate::context::Context;
use crate::error::Result;
use crate::http::{Auth, Request};
use crate::notify::away::{judge, session, unreached, webhook_unreached};
use crate::notify::letter::{Letter, cut};
use crate::notify::notifier::{Entry, Given, Notifier, Pace, Undelivered};
use crate::settings::Secret;
use crate::tables::LogLevel;

/// This kind's line in the registry.
pub(in crate::notify) const ENTRY: Entry = Entry { name: "slack", open };

/// Where the API is, unless `api` says otherwise.
const API: &str = "https://slack.com/api";
/// The most characters of a header, and of a section.
const HEADER_CHARS_MAX: usize = 150;
const SECTION_CHARS_MAX: usize = 3_000;
/// One message a second to a channel.
const EVERY: Duration = Duration::from_secs(1);
/// Errors of the API that lie in the message.
const OF_THE_MESSAGE: [&str; 4] = ["invalid_blocks", "msg_too_long", "no_text", "invalid_blocks_format"];
/// The same of a webhook.
const OF_THE_LETTER: [&str; 5] =
    ["invalid_payload", "invalid_blocks", "msg_too_long", "no_text", "too_many_attachments"];
/// Errors of the API that pass; all others can be mended.
const PASSING: [&str; 7] = [
    "ratelimited",
    "rate_limited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
];

enum Way {
    Webhook(Secret),
    Bot(Secret),
}

struct Slack {
    request: Request,
    api: String,
    way: Way,
    channels: Vec<String>,
    username: Option<String>,
}

fn open(context: &Context, given: &Given<'_>) -> Result<Box<dyn Notifier>> {
    let way = match given.text("token")? {
        Some(token) => {
            given.required("channel")?;
            Way::Bot(Secret::new(token))
        }
        None => Way::Webhook(given.secret("webhook")?),
    };
    Ok(Box::new(Slack {
        request: session(context, given)?,
        api: given.text("api")?.unwrap_or_else(|| API.to_owned()).trim_end_matches('/').to_owned(),
        way,
        channels: given.words("channel")?,
        username: given.text("username")?,
    }))
}

/// `&`, `<` and `>` mean something to Slack.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn blocks(letter: &Letter) -> Value {
    let sign = match letter.severity {
        LogLevel::Critical | LogLevel::Error => ":red_circle:",
        LogLevel::Warning => ":large_orange_circle:",
        _ => ":large_green_circle:",
    };
    let header = cut(&format!("{sign} {}", letter.subject), HEADER_CHARS_MAX);
    let mut blocks = vec![json!({"type": "header", "text": {"type": "plain_text", "text": header, "emoji": true}})];
    if !letter.body.is_empty() {
        let text = cut(&escaped(&letter.body), SECTION_CHARS_MAX);
        blocks.push(json!({"type": "section", "text": {"type": "mrkdwn", "text": text}}));
    }
    let app = letter.app.as_ref().map(|app| format!("{app} - ")).unwrap_or_default();
    let foot = format!("{app}{} - {}", letter.kind, letter.id);
    blocks.push(json!({"type": "context", "elements": [{"type": "plain_text", "text": foot}]}));
    Value::Array(blocks)
}

impl Notifier for Slack {
    fn recipients(&self) -> Vec<String> {
        self.channels.clone()
    }

    fn send(&mut self, letter: &Letter, to: &str) -> Result<(), Undelivered> {
        let mut body = json!({"text": escaped(&letter.text(SECTION_CHARS_MAX)), "blocks": blocks(letter)});
        if !to.is_empty() {
            body["channel"] = to.into();
        }
        if let Some(username) = &self.username {
            body["username"] = username.as_str().into();
        }
        match &self.way {
            Way::Webhook(url) => {
                let call = self.request.post(url.reveal()).json(&body).map_err(unreached)?;
                let answer = call.send().map_err(webhook_unreached)?;
                judge(&answer, None, &OF_THE_LETTER)
            }
            Way::Bot(token) => {
                let url = format!("{}/chat.postMessage", self.api);
                let call = self.request.post(&url).auth(Auth::Bearer(token.clone())).json(&body).map_err(unreached)?;
                let answer = call.send().map_err(unreached)?;
                judge(&answer, None, &[])?;
                let said: Value = answer.json().map_err(unreached)?;
                if said["ok"] == true {
                    return Ok(());
                }
                let error = said["error"].as_str().unwrap_or("no reason").to_owned();
                let reason = format!("Slack says {error}");
                Err(match error.as_str() {
                    word if OF_THE_MESSAGE.contains(&word) => Undelivered::Refused { reason },
                    word if PASSING.contains(&word) => Undelivered::Away { reason, after: answer.retry_after() },
                    _ => Undelivered::Broken { reason },
                })
            }
        }
    }

    fn body_max(&self, _letter: &Letter) -> Option<usize> {
        Some(SECTION_CHARS_MAX)
    }

    fn weight(&self, character: char) -> usize {
        match character {
            '&' => 5,
            '<' | '>' => 4,
            _ => 1,
        }
    }

    fn pace(&self) -> Pace {
        Pace { every: EVERY }
    }
}
