//! Microsoft Teams: an Adaptive Card to the webhook of a workflow.

use std::time::Duration;

use serde_json::json;

use crate::clock;
use crate::context::Context;
use crate::error::Result;
use crate::http::Request;
use crate::ident::host;
use crate::notify::away::{judge, session, unreached, webhook_unreached};
use crate::notify::letter::{Letter, cut};
use crate::notify::notifier::{Entry, Given, Notifier, Pace, Undelivered};
use crate::settings::Secret;
use crate::tables::LogLevel;

/// This kind's line in the registry.
pub(in crate::notify) const ENTRY: Entry = Entry { name: "teams", open };

/// A card has at most 28 KB.
const BODY_CHARS_MAX: usize = 6_000;
/// What a 400 says of a letter; all others lie in the workflow, which may be turned off.
const OF_THE_LETTER: [&str; 3] = ["payload", "too large", "schema"];
/// Four requests a second, and fewer over a longer time.
const EVERY: Duration = Duration::from_secs(1);

struct Teams {
    request: Request,
    webhook: Secret,
}

fn open(context: &Context, given: &Given<'_>) -> Result<Box<dyn Notifier>> {
    Ok(Box::new(Teams { request: session(context, given)?, webhook: given.secret("webhook")? }))
}

/// The text without any meaning to the Markdown of a card: it knows emphasis, lists and links.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_start = true;
    for letter in text.chars() {
        let is_mark = matches!(letter, '\\' | '*' | '_' | '[' | ']' | '`')
            || (is_start && matches!(letter, '#' | '-' | '+' | '>'));
        if is_mark {
            out.push('\\');
        }
        out.push(letter);
        is_start = letter == '\n' || (is_start && letter == ' ');
    }
    out
}

impl Notifier for Teams {
    fn send(&mut self, letter: &Letter, _to: &str) -> Result<(), Undelivered> {
        let color = match letter.severity {
            LogLevel::Critical | LogLevel::Error => "attention",
            LogLevel::Warning => "warning",
            _ => "good",
        };
        let fact = |title: &str, value: &str| json!({"title": title, "value": value});
        let mut facts = vec![fact("Severity", letter.severity_name()), fact("Host", &host())];
        facts.extend(letter.app.as_ref().map(|app| fact("App", app)));
        facts.extend([fact("Time", &clock::brief(letter.at)), fact("Id", &letter.id)]);
        let mut elements = vec![json!({
            "type": "TextBlock", "text": escaped(&letter.subject), "weight": "bolder", "size": "medium", "wrap": true, "color": color,
        })];
        if !letter.body.is_empty() {
            let text = cut(&escaped(&letter.body), BODY_CHARS_MAX).replace('\n', "\n\n");
            elements.push(json!({"type": "TextBlock", "text": text, "wrap": true}));
        }
        elements.push(json!({"type": "FactSet", "facts": facts}));
        let card = json!({
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
            "body": elements, "msteams": {"width": "Full"},
        });
        let body = json!({
            "type": "message",
            "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": card}],
        });
        let call = self.request.post(self.webhook.reveal()).json(&body).map_err(unreached)?;
        let answer = call.send().map_err(webhook_unreached)?;
        judge(&answer, None, &OF_THE_LETTER)
    }

    fn body_max(&self, _letter: &Letter) -> Option<usize> {
        Some(BODY_CHARS_MAX)
    }

    fn weight(&self, character: char) -> usize {
        // what may be escaped, and line ends, which become two
        if character.is_ascii_punctuation() || character == '\n' { 2 } else { 1 }
    }

    fn pace(&self) -> Pace {
        Pace { every: EVERY }
    }
}
