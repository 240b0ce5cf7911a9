//! Telegram: `sendMessage` of the Bot API, to one chat or several. The limits are those of its documentation: a message a
//! second to a chat, 20 a minute to a group.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::context::Context;
use crate::error::Result;
use crate::http::{Request, Response};
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
/// What stands behind the subject of a letter that goes in several.
const NUMBER_CHARS: usize = 16;
/// The least time between messages to a person, and to a group, whose number is negative.
const EVERY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3));

/// What a 400 says of a letter; all others lie in the chat: its topic, its rights, its number.
const OF_THE_LETTER: [&str; 5] =
    ["message is too long", "message_too_long", "text is empty", "parse entities", "encoded in utf-8"];

struct Telegram {
    request: Request,
    api: String,
    token: Secret,
    chats: Vec<Chat>,
    /// Groups that have become supergroups, with their new numbers.
    moved: HashMap<String, String>,
    /// Nothing rings, however grave; where nothing is said, what is less than a warning is silent.
    silent: Option<bool>,
    has_previews: bool,
}

/// A chat, or a topic in a group: `-100123`, `-100123:42`, `@channel`.
struct Chat {
    name: String,
    id: String,
    topic: Option<i64>,
}

impl Chat {
    fn read(text: &str, topic: Option<i64>) -> Option<Self> {
        let (id, topic) = match text.split_once(':') {
            Some((id, topic)) => (id, Some(topic.parse().ok()?)),
            None => (text, topic),
        };
        (!id.is_empty()).then(|| Self { name: text.to_owned(), id: id.to_owned(), topic })
    }
}

fn open(context: &Context, given: &Given<'_>) -> Result<Box<dyn Notifier>> {
    let token = given.secret("token")?;
    let is_token = |text: &str| text.chars().all(|it| it.is_ascii_alphanumeric() || "_-:".contains(it));
    if !is_token(token.reveal()) {
        return Err(given.wrong("token", "what @BotFather has given: a number, a colon and letters"));
    }
    given.required("chat")?;
    let topic = match given.text("topic")? {
        Some(text) => Some(text.parse().map_err(|_| given.wrong("topic", "the number of a topic"))?),
        None => None,
    };
    let chat = |text: &String| {
        Chat::read(text, topic).ok_or_else(|| given.wrong("chat", "chats such as -100123, -100123:TOPIC or @channel"))
    };
    Ok(Box::new(Telegram {
        request: session(context, given)?,
        api: given.text("api")?.unwrap_or_else(|| API.to_owned()).trim_end_matches('/').to_owned(),
        token,
        chats: given.words("chat")?.iter().map(chat).collect::<Result<_>>()?,
        moved: HashMap::new(),
        silent: given.flag("silent")?,
        has_previews: given.flag("preview")?.unwrap_or(false),
    }))
}

impl Notifier for Telegram {
    fn send(&mut self, letter: &Letter, to: &str) -> Result<(), Undelivered> {
        let Some(chat) = self.chats.iter().find(|chat| chat.name == to) else {
            return Err(Undelivered::Broken { reason: "the chat is not in the settings".to_owned() });
        };
        let (first, topic) = (chat.id.clone(), chat.topic);
        let mut id = self.moved.get(&first).cloned().unwrap_or_else(|| first.clone());
        // a group that became a supergroup says its new number, once
        for _ in 0..2 {
            let (answer, said) = self.post(letter, &id, topic)?;
            let parameters = &said["parameters"];
            match parameters["migrate_to_chat_id"].as_i64() {
                Some(moved) if !answer.is_success() => {
                    log::warn!("the chat {first} has become {moved}: write that into the settings of its channel");
                    id = moved.to_string();
                    self.moved.insert(first.clone(), id.clone());
                }
                _ => {
                    let after = parameters["retry_after"].as_f64();
                    let after = after.and_then(|it| Duration::try_from_secs_f64(it).ok());
                    return judge(&answer, after, &OF_THE_LETTER);
                }
            }
        }
        Err(Undelivered::Broken { reason: format!("the chat {first} has another number; it moves again and again") })
    }

    fn recipients(&self) -> Vec<String> {
        self.chats.iter().map(|chat| chat.name.clone()).collect()
    }

    fn body_max(&self, letter: &Letter) -> Option<usize> {
        // the subject, its number, and a line end
        let subject = letter.subject.encode_utf16().count();
        Some(TEXT_CHARS_MAX.saturating_sub(subject + NUMBER_CHARS))
    }

    fn weight(&self, character: char) -> usize {
        character.len_utf16()
    }

    fn pace(&self) -> Pace {
        let has_group = self.chats.iter().any(|chat| chat.id.starts_with(['-', '@']));
        Pace { every: if has_group { EVERY.1 } else { EVERY.0 } }
    }
}

impl Telegram {
    fn post(&self, letter: &Letter, chat: &str, topic: Option<i64>) -> Result<(Response, Value), Undelivered> {
        let silent = self.silent.unwrap_or(letter.severity.id() < crate::tables::LogLevel::Warning.id());
        let mut body = json!({
            "chat_id": chat, "text": letter.text(TEXT_CHARS_MAX), "disable_notification": silent,
            "link_preview_options": {"is_disabled": !self.has_previews},
        });
        if let Some(topic) = topic {
            body["message_thread_id"] = topic.into();
        }
        let url = format!("{}/bot{}/sendMessage", self.api, self.token.reveal());
        let call = self.request.post(&url).json(&body).map_err(unreached)?;
        let answer = call.send().map_err(|error| self.without_token(error))?;
        let said = answer.json().unwrap_or_default();
        Ok((answer, said))
    }

    /// The token is a part of the address.
    fn without_token(&self, error: crate::error::Error) -> Undelivered {
        let reason = error.to_string().replace(self.token.reveal(), "***");
        Undelivered::Away { reason, after: None }
    }
}
