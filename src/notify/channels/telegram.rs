//! Telegram: `sendMessage` of the Bot API, to one chat or several. The limits are those of its documentation: a message a
//! second to a chat, 20 a minute to a group.

use std::time::Duration;

use serde_json::{Value, json};

use crate::context::Context;
use crate::error::Result;
use crate::http::Request;
use crate::notify::away::{judge, session, unreached};
use crate::notify::letter::Letter;
use crate::notify::notifier::{Entry, Given, Notifier, Pace, Undelivered};
use crate::settings::Secret;

/// This kind's line in the registry.
pub(in crate::notify) const ENTRY: Entry = Entry { name: "telegram", open };

/// Where the API is, unless `api` says otherwise.
const API: &str = "https://api.telegram.org";
/// The most characters of a message.
const TEXT_CHARS_MAX: usize = 4_096;
/// The least time between messages to a person, and to a group, whose number is negative.
const EVERY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3));

struct Telegram {
    request: Request,
    api: String,
    token: Secret,
    chats: Vec<String>,
    /// Chats that the letter under way has reached; after a failure it goes on with the others.
    reached: (String, usize),
}

fn open(context: &Context, given: &Given<'_>) -> Result<Box<dyn Notifier>> {
    let token = given.secret("token")?;
    let is_token = |text: &str| text.chars().all(|it| it.is_ascii_alphanumeric() || "_-:".contains(it));
    if !is_token(token.reveal()) {
        return Err(given.wrong("token", "what @BotFather has given: a number, a colon and letters"));
    }
    given.required("chat")?;
    Ok(Box::new(Telegram {
        request: session(context, given)?,
        api: given.text("api")?.unwrap_or_else(|| API.to_owned()).trim_end_matches('/').to_owned(),
        token,
        chats: given.words("chat")?,
        reached: (String::new(), 0),
    }))
}

impl Notifier for Telegram {
    fn send(&mut self, letter: &Letter) -> Result<(), Undelivered> {
        if self.reached.0 != letter.id {
            self.reached = (letter.id.clone(), 0);
        }
        let url = format!("{}/bot{}/sendMessage", self.api, self.token.reveal());
        while let Some(chat) = self.chats.get(self.reached.1) {
            let silent = letter.severity.id() < crate::tables::LogLevel::Warning.id();
            let body = json!({
                "chat_id": chat, "text": letter.text(TEXT_CHARS_MAX), "disable_notification": silent,
                "link_preview_options": {"is_disabled": true},
            });
            let call = self.request.post(&url).json(&body).map_err(unreached)?;
            let answer = call.send().map_err(|error| self.without_token(error))?;
            let said: Value = answer.json().unwrap_or_default();
            let after = said["parameters"]["retry_after"].as_f64().and_then(|it| Duration::try_from_secs_f64(it).ok());
            match judge(&answer, after) {
                // the chat is wrong, not the letter: somebody can mend that
                Err(Undelivered::Refused { reason }) if reason.contains("chat not found") => {
                    return Err(Undelivered::Away { reason, after: None });
                }
                judged => judged?,
            }
            self.reached.1 += 1;
        }
        Ok(())
    }

    fn pace(&self) -> Pace {
        let has_group = self.chats.iter().any(|chat| chat.starts_with(['-', '@']));
        Pace { every: if has_group { EVERY.1 } else { EVERY.0 } }
    }
}

impl Telegram {
    /// The token is a part of the address.
    fn without_token(&self, error: crate::error::Error) -> Undelivered {
        let reason = error.to_string().replace(self.token.reveal(), "***");
        Undelivered::Away { reason, after: None }
    }
}
