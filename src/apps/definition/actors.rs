//! The section `[dramatiq]` of an app.toml: an app whose program does what messages ask for.

use std::time::Duration;

use serde::Serialize;
use toml::{Table, Value};

use super::known::{ACTORS, PROGRAMS_MAX};
use crate::clock;

/// Which queues of Dramatiq an app works for, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActorQueues {
    /// The queues.
    pub queues: Vec<String>,
    /// How many programs work at once, each on one message.
    pub workers: i64,
    /// How often a message is tried again; `None` leaves it to Dramatiq's own 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<i64>,
    /// How long a message may take, as it is written; `None` leaves it to Dramatiq's own ten minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<String>,
    /// The pause before the first retry, as it is written; `None` leaves it to Dramatiq's own 15 seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_backoff: Option<String>,
}

impl ActorQueues {
    /// Reads the section; the field that is wrong, and what it takes.
    pub(super) fn read(value: &Value) -> Result<Self, (&'static str, &'static str)> {
        let table = value.as_table().ok_or(("dramatiq", "a section, `[dramatiq]`"))?;
        if table.keys().any(|name| !ACTORS.iter().any(|field| field.name == name)) {
            return Err(("dramatiq", "the fields queues, workers, max_retries, time_limit and min_backoff"));
        }
        let queues = ("dramatiq.queues", "a list of names such as [\"ner\"], of letters, digits, `_`, `-` and `.`");
        let names = table.get("queues").and_then(Value::as_array).filter(|names| !names.is_empty()).ok_or(queues)?;
        let name = |name: &Value| name.as_str().filter(|name| is_queue(name)).map(str::to_owned);
        let names = names.iter().map(name).collect::<Option<_>>().ok_or(queues)?;
        Ok(Self {
            queues: names,
            workers: number(table, "workers", 1..=PROGRAMS_MAX)
                .ok_or(("dramatiq.workers", "a whole number from 1 to 256"))?
                .unwrap_or(1),
            max_retries: number(table, "max_retries", 0..=1_000_000)
                .ok_or(("dramatiq.max_retries", "a whole number from 0 on"))?,
            time_limit: length(table, "time_limit")
                .ok_or(("dramatiq.time_limit", "a length of time such as \"10m\""))?,
            min_backoff: length(table, "min_backoff")
                .ok_or(("dramatiq.min_backoff", "a length of time such as \"15s\""))?,
        })
    }
}

/// A name that RabbitMQ and Dramatiq take, and that is not one of the queues behind a queue.
fn is_queue(name: &str) -> bool {
    let begins = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let fits = name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.'));
    begins && fits && name.len() <= 200 && !name.ends_with(".DQ") && !name.ends_with(".XQ")
}

/// A number within limits, or none; `None` for what is neither.
fn number(table: &Table, name: &str, limits: std::ops::RangeInclusive<i64>) -> Option<Option<i64>> {
    match table.get(name) {
        None => Some(None),
        Some(value) => value.as_integer().filter(|number| limits.contains(number)).map(Some),
    }
}

fn length(table: &Table, name: &str) -> Option<Option<String>> {
    match table.get(name) {
        None => Some(None),
        Some(value) => {
            let text = value.as_str()?;
            clock::duration(text).ok().filter(|length| *length > Duration::ZERO).map(|_| Some(text.to_owned()))
        }
    }
}
