//! PagerDuty: events of the Events API 2. What tells that an app is well again resolves what was told of its failure.

use std::time::Duration;

use serde_json::json;

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
pub(in crate::notify) const ENTRY: Entry = Entry { name: "pagerduty", open };

/// Where the API is, by region, unless `api` says otherwise.
const API: [(&str, &str); 2] = [("us", "https://events.pagerduty.com"), ("eu", "https://events.eu.pagerduty.com")];
/// The most characters of a summary.
const SUMMARY_CHARS_MAX: usize = 1_024;
/// An event has at most 512 KB.
const BODY_CHARS_MAX: usize = 100_000;
/// 120 events a minute.
const EVERY: Duration = Duration::from_millis(500);

struct PagerDuty {
    request: Request,
    api: String,
    key: Secret,
    source: Option<String>,
    component: Option<String>,
    group: Option<String>,
    class: Option<String>,
    /// Where people read more.
    click: Option<String>,
}

fn open(context: &Context, given: &Given<'_>) -> Result<Box<dyn Notifier>> {
    let region = given.text("region")?.unwrap_or_else(|| "us".to_owned());
    let api = API.iter().find(|(known, _)| *known == region).map(|(_, api)| (*api).to_owned());
    let api = api.ok_or_else(|| given.wrong("region", "us or eu"))?;
    Ok(Box::new(PagerDuty {
        request: session(context, given)?,
        api: given.text("api")?.unwrap_or(api).trim_end_matches('/').to_owned(),
        key: given.secret("key")?,
        source: given.text("source")?,
        component: given.text("component")?,
        group: given.text("group")?,
        class: given.text("class")?,
        click: given.text("click")?,
    }))
}

impl Notifier for PagerDuty {
    fn send(&mut self, letter: &Letter, _to: &str) -> Result<(), Undelivered> {
        let severity = match letter.severity {
            LogLevel::Critical => "critical",
            LogLevel::Error => "error",
            LogLevel::Warning => "warning",
            _ => "info",
        };
        let action = if letter.kind == "recovered" { "resolve" } else { "trigger" };
        // all that is told of an app is one incident
        let incident = letter.app.as_ref().map_or_else(|| letter.id.clone(), |app| format!("dc {app}"));
        let body = json!({
            "routing_key": self.key.reveal(), "event_action": action, "dedup_key": incident, "client": "dc", "client_url": self.click,
            "payload": {
                "summary": cut(&letter.subject, SUMMARY_CHARS_MAX), "severity": severity,
                "source": self.source.clone().unwrap_or_else(host),
                "component": self.component.clone().or_else(|| letter.app.clone()),
                "group": self.group, "class": self.class.as_ref().unwrap_or(&letter.kind),
                "timestamp": letter.at.and_utc().to_rfc3339(),
                "custom_details": {"text": cut(&letter.body, BODY_CHARS_MAX), "id": letter.id},
            },
        });
        let call = self.request.post(&format!("{}/v2/enqueue", self.api)).json(&body).map_err(unreached)?;
        let answer = call.send().map_err(unreached)?;
        // the key stands in the event, so a wrong one is an invalid event, too
        judge(&answer, None, &["summary", "length", "too long"])
    }

    fn pace(&self) -> Pace {
        Pace { every: EVERY }
    }
}
