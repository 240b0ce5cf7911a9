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
/// Errors of the API that lie in the message; others can be mended, or pass.
const OF_THE_MESSAGE: [&str; 4] = ["invalid_blocks", "msg_too_long", "no_text", "invalid_blocks_format"];

enum Way {
    Webhook(Secret),
    Bot(Secret, String),
}

struct Slack {
    request: Request,
    api: String,
    way: Way,
    channel: Option<String>,
    username: Option<String>,
}

fn open(context: &Context, given: &Given<'_>) -> Result<Box<dyn Notifier>> {
    let way = match given.text("token")? {
        Some(token) => Way::Bot(Secret::new(token), given.required("channel")?),
        None => Way::Webhook(given.secret("webhook")?),
    };
    Ok(Box::new(Slack {
        request: session(context, given)?,
        api: given.text("api")?.unwrap_or_else(|| API.to_owned()).trim_end_matches('/').to_owned(),
        way,
        channel: given.text("channel")?,
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
    fn send(&mut self, letter: &Letter) -> Result<(), Undelivered> {
        let mut body = json!({"text": escaped(&letter.text(SECTION_CHARS_MAX)), "blocks": blocks(letter)});
        if let Some(channel) = &self.channel {
            body["channel"] = channel.as_str().into();
        }
        if let Some(username) = &self.username {
            body["username"] = username.as_str().into();
        }
        match &self.way {
            Way::Webhook(url) => {
                let call = self.request.post(url.reveal()).json(&body).map_err(unreached)?;
                let answer = call.send().map_err(webhook_unreached)?;
                judge(&answer, None)
            }
            Way::Bot(token, channel) => {
                body["channel"] = channel.as_str().into();
                let url = format!("{}/chat.postMessage", self.api);
                let call = self.request.post(&url).auth(Auth::Bearer(token.clone())).json(&body).map_err(unreached)?;
                let answer = call.send().map_err(unreached)?;
                judge(&answer, None)?;
                let said: Value = answer.json().map_err(unreached)?;
                if said["ok"] == true {
                    return Ok(());
                }
                let error = said["error"].as_str().unwrap_or("no reason").to_owned();
                let reason = format!("Slack says {error}");
                Err(match OF_THE_MESSAGE.contains(&error.as_str()) {
                    true => Undelivered::Refused { reason },
                    false => Undelivered::Away { reason, after: answer.retry_after() },
                })
            }
        }
    }

    fn pace(&self) -> Pace {
        Pace { every: EVERY }
    }
}
