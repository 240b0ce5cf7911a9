//! Opsgenie: alerts. What tells that an app is well again closes what was told of its failure.

use std::time::Duration;

use serde_json::{Value, json};

use crate::context::Context;
use crate::error::Result;
use crate::http::Request;
use crate::ident::host;
use crate::notify::away::{judge, session, unreached};
use crate::notify::letter::{Letter, cut};
use crate::notify::notifier::{Entry, Given, Notifier, Pace, Undelivered};
use crate::settings::Secret;
use crate::tables::LogLevel;

/// This kind's line in the registry.
pub(in crate::notify) const ENTRY: Entry = Entry { name: "opsgenie", open };

/// Where the API is, by region, unless `api` says otherwise.
const API: [(&str, &str); 2] = [("us", "https://api.opsgenie.com"), ("eu", "https://api.eu.opsgenie.com")];
/// The most characters of a message, and of a description.
const MESSAGE_CHARS_MAX: usize = 130;
const DESCRIPTION_CHARS_MAX: usize = 15_000;
/// Some hundred a minute.
const EVERY: Duration = Duration::from_millis(500);

struct Opsgenie {
    request: Request,
    api: String,
    key: Secret,
    /// Who is called: `@user`, `#team`, `*schedule`, `^escalation`.
    responders: Vec<Value>,
    tags: Vec<String>,
    entity: Option<String>,
    priority: Option<String>,
}

fn open(context: &Context, given: &Given<'_>) -> Result<Box<dyn Notifier>> {
    let region = given.text("region")?.unwrap_or_else(|| "us".to_owned());
    let api = API.iter().find(|(known, _)| *known == region).map(|(_, api)| (*api).to_owned());
    let api = api.ok_or_else(|| given.wrong("region", "us or eu"))?;
    let responder = |text: String| match text.chars().next() {
        // a UUID
        Some('@') if text.len() == 37 && text.matches('-').count() == 4 => json!({"type": "user", "id": &text[1..]}),
        Some('@') => json!({"type": "user", "username": &text[1..]}),
        Some('*') => json!({"type": "schedule", "name": &text[1..]}),
        Some('^') => json!({"type": "escalation", "name": &text[1..]}),
        Some('#') => json!({"type": "team", "name": &text[1..]}),
        _ if text.contains('@') => json!({"type": "user", "username": text}),
        _ => json!({"type": "team", "name": text}),
    };
    let priority = given.text("priority")?.map(|text| text.to_ascii_uppercase());
    if priority.as_ref().is_some_and(|text| !["P1", "P2", "P3", "P4", "P5"].contains(&text.as_str())) {
        return Err(given.wrong("priority", "P1 to P5"));
    }
    Ok(Box::new(Opsgenie {
        request: session(context, given)?,
        api: given.text("api")?.unwrap_or(api).trim_end_matches('/').to_owned(),
        key: given.secret("key")?,
        responders: given.words("to")?.into_iter().map(responder).collect(),
        tags: given.words("tags")?,
        entity: given.text("entity")?,
        priority,
    }))
}

impl Notifier for Opsgenie {
    fn send(&mut self, letter: &Letter, _to: &str) -> Result<(), Undelivered> {
        // all that is told of an app is one alert
        let alias = letter.app.as_ref().map_or_else(|| letter.id.clone(), |app| format!("dc {app}"));
        let source = json!({"source": host(), "user": "dc"});
        let (call, body) = match letter.kind == "recovered" {
            true => {
                let url = format!("{}/v2/alerts/{}/close", self.api, alias.replace(' ', "%20"));
                (self.request.post(&url).query("identifierType", "alias"), source)
            }
            false => {
                let priority = self.priority.as_deref().unwrap_or(match letter.severity {
                    LogLevel::Critical => "P1",
                    LogLevel::Error => "P2",
                    LogLevel::Warning => "P3",
                    _ => "P5",
                });
                let text = if letter.subject.chars().count() > MESSAGE_CHARS_MAX {
                    letter.text(DESCRIPTION_CHARS_MAX)
                } else {
                    cut(&letter.body, DESCRIPTION_CHARS_MAX)
                };
                let entity = self.entity.clone().or_else(|| letter.app.clone()).unwrap_or_else(host);
                let body = json!({
                    "message": cut(&letter.subject, MESSAGE_CHARS_MAX), "description": text, "alias": alias,
                    "responders": self.responders, "tags": self.tags, "entity": entity, "source": host(),
                    "priority": priority, "details": {"id": letter.id, "kind": letter.kind},
                });
                (self.request.post(&format!("{}/v2/alerts", self.api)), body)
            }
        };
        let call = call.header("Authorization", format!("GenieKey {}", self.key.reveal()));
        let answer = call.json(&body).map_err(unreached)?.send().map_err(unreached)?;
        // 422 is about names of people and teams, too, which can be mended
        match judge(&answer, None, &["message", "description"]) {
            Err(Undelivered::Refused { reason }) if answer.status() == 422 => Err(Undelivered::Broken { reason }),
            judged => judged,
        }
    }

    fn pace(&self) -> Pace {
        Pace { every: EVERY }
    }
}
