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
/// What a 400 says of a letter: an invalid form, an empty message.
const OF_THE_LETTER: [&str; 2] = ["50035", "50006"];
/// 30 messages a minute to a webhook.
const EVERY: Duration = Duration::from_secs(2);

struct Discord {
    request: Request,
    webhook: Secret,
    username: Option<String>,
    avatar: Option<String>,
    /// A thread of the channel.
    thread: Option<String>,
    /// Where the title leads.
    click: Option<String>,
    is_spoken: bool,
}

/// The text without any meaning to Markdown.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_start = true;
    for letter in text.chars() {
        let is_mark = matches!(letter, '\\' | '*' | '_' | '~' | '`' | '|' | '[' | ']' | '<' | '>' | '@')
            || (is_start && matches!(letter, '#' | '-' | '+'));
        if is_mark {
            out.push('\\');
        }
        out.push(letter);
        // also behind blanks
        is_start = letter == '\n' || (is_start && letter == ' ');
    }
    out
}

fn open(context: &Context, given: &Given<'_>) -> Result<Box<dyn Notifier>> {
    let webhook = given.secret("webhook")?;
    Ok(Box::new(Discord {
        request: session(context, given)?,
        webhook,
        username: given.text("username")?,
        avatar: given.text("avatar")?,
        thread: given.text("thread")?,
        click: given.text("click")?,
        is_spoken: given.flag("tts")?.unwrap_or(false),
    }))
}

impl Notifier for Discord {
    fn send(&mut self, letter: &Letter, _to: &str) -> Result<(), Undelivered> {
        let color = match letter.severity {
            LogLevel::Critical | LogLevel::Error => 0x00c0_392b,
            LogLevel::Warning => 0x00e6_7e22,
            _ => 0x0027_ae60,
        };
        let mut body = json!({
            // names of people and roles in a message wake nobody
            "allowed_mentions": {"parse": []},
            "embeds": [{
                "title": cut(&escaped(&letter.subject), TITLE_CHARS_MAX),
                "description": cut(&escaped(&letter.body), DESCRIPTION_CHARS_MAX),
                "color": color,
                "timestamp": letter.at.and_utc().to_rfc3339(),
                "footer": {"text": format!("{} {}", letter.kind, letter.id)},
            }],
        });
        if let Some(username) = &self.username {
            body["username"] = username.as_str().into();
        }
        if let Some(avatar) = &self.avatar {
            body["avatar_url"] = avatar.as_str().into();
        }
        if let Some(click) = &self.click {
            body["embeds"][0]["url"] = click.as_str().into();
        }
        if self.is_spoken {
            body["tts"] = true.into();
        }
        let mut call = self.request.post(self.webhook.reveal()).query("wait", "true");
        if let Some(thread) = &self.thread {
            call = call.query("thread_id", thread);
        }
        let call = call.json(&body).map_err(unreached)?;
        let answer = call.send().map_err(webhook_unreached)?;
        let said: Value = answer.json().unwrap_or_default();
        let after = said["retry_after"].as_f64().and_then(|it| Duration::try_from_secs_f64(it).ok());
        judge(&answer, after, &OF_THE_LETTER)
    }

    fn body_max(&self, _letter: &Letter) -> Option<usize> {
        Some(DESCRIPTION_CHARS_MAX)
    }

    fn weight(&self, character: char) -> usize {
        // what may be escaped
        if character.is_ascii_punctuation() { 2 } else { 1 }
    }

    fn pace(&self) -> Pace {
        Pace { every: EVERY }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_markdown_would_read_is_shown_as_it_is() {
        for (text, expected) in [
            ("a_b_c *d* `e`", "a\\_b\\_c \\*d\\* \\`e\\`"),
            ("# 1\n - 2\n3 - 4 # 5", "\\# 1\n \\- 2\n3 - 4 # 5"),
            ("<@1> [a](b) ||c|| \\", "\\<\\@1\\> \\[a\\](b) \\|\\|c\\|\\| \\\\"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }
}
