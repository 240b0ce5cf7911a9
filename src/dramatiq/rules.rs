//! How messages of an actor are tried again, and for how long they run. What a message says itself counts before it, as in
//! Dramatiq.

use std::time::Duration;

use super::json::Json;
use super::message::{Message, milliseconds};
use crate::die;

/// The longest pause between two tries, whatever anybody says.
const BACKOFF_MAX: Duration = Duration::from_secs(7 * 86_400);
/// From so many tries on the pause grows no more.
const EXPONENT_MAX: i64 = 32;

/// What holds for all messages of an actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActorOptions {
    /// The queue that it is asked through.
    pub queue: String,
    /// Among messages that wait in a worker the lowest goes first. It is Dramatiq's `priority`; that of the broker stands
    /// on a message.
    pub priority: i64,
    /// How often a message is tried again; `None` for ever.
    pub max_retries: Option<u32>,
    /// The pause before the first retry; it doubles with each.
    pub min_backoff: Duration,
    /// The longest pause.
    pub max_backoff: Duration,
    /// How long it may take; `None` for ever.
    pub time_limit: Option<Duration>,
    /// Older messages are not executed any more and go to the dead letters.
    pub max_age: Option<Duration>,
    /// Whether the next one of a pipe is not given its result.
    pub pipe_ignore: bool,
    /// The actor that is sent the message and its result.
    pub on_success: Option<String>,
    /// The actor that is sent the message and what failed, each time.
    pub on_failure: Option<String>,
    /// The actor that is sent the message when its retries are used up.
    pub on_retry_exhausted: Option<String>,
}

impl Default for ActorOptions {
    /// As Dramatiq's own.
    fn default() -> Self {
        Self {
            queue: "default".to_owned(),
            priority: 0,
            max_retries: Some(20),
            min_backoff: Duration::from_secs(15),
            max_backoff: BACKOFF_MAX,
            time_limit: Some(Duration::from_secs(600)),
            max_age: None,
            pipe_ignore: false,
            on_success: None,
            on_failure: None,
            on_retry_exhausted: None,
        }
    }
}

impl ActorOptions {
    /// Dramatiq's own, for a queue.
    pub fn on(queue: &str) -> Self {
        Self { queue: queue.to_owned(), ..Self::default() }
    }

    /// How often the message may be tried again; `None` for ever.
    pub(super) fn retries_max(&self, message: &Message) -> Option<i64> {
        match message.options.get("max_retries") {
            Some(value) if value.is_null() => None,
            Some(value) => value.as_whole().or(self.max_retries.map(i64::from)),
            None => self.max_retries.map(i64::from),
        }
    }

    /// The pause before the next try of a message that has been tried again so often.
    pub(super) fn backoff_ms(&self, message: &Message, retries: i64) -> i64 {
        let of = |name, default: Duration| {
            let said = message.options.get(name).and_then(Json::as_whole);
            said.unwrap_or_else(|| milliseconds(default)).max(0) as f64
        };
        let longest = of("max_backoff", self.max_backoff).min(milliseconds(BACKOFF_MAX) as f64);
        let exponent = i32::try_from(retries.clamp(0, EXPONENT_MAX)).unwrap_or_default();
        let pause = (of("min_backoff", self.min_backoff) * 2_f64.powi(exponent) * (1.0 + die::share())).floor();
        if pause > longest { (longest * (0.5 + 0.5 * die::share())) as i64 } else { pause as i64 }
    }

    /// How long the message may be executed.
    pub(super) fn time_limit(&self, message: &Message) -> Option<Duration> {
        match message.options.get("time_limit").filter(|value| value.is_truthy()) {
            Some(value) => value.as_whole().map(|limit_ms| Duration::from_millis(limit_ms.max(0).unsigned_abs())),
            None => self.time_limit,
        }
    }

    /// Whether the message is too old.
    pub(super) fn is_too_old(&self, message: &Message, now_ms: i64) -> bool {
        let said = message.options.get("max_age").filter(|value| value.is_truthy()).and_then(Json::as_whole);
        let longest = said.or(self.max_age.map(milliseconds).filter(|age_ms| *age_ms > 0));
        longest.is_some_and(|longest_ms| now_ms.saturating_sub(message.message_timestamp) >= longest_ms)
    }
}

/// What a message says itself, or what holds for its actor.
pub(super) fn target(message: &Message, option: &str, actor: Option<&String>) -> Option<String> {
    let said = message.options.get(option).filter(|value| value.is_truthy()).and_then(Json::as_text);
    said.or_else(|| actor.cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(options: &str) -> Message {
        let mut message = Message::new("q", "a");
        message.options = Json::read(options).expect("JSON").fields().expect("an object");
        message
    }

    #[test]
    fn pauses_double_and_are_spread_and_bounded() {
        let rules = ActorOptions::default();
        for _ in 0..200 {
            assert!((15_000..=30_000).contains(&rules.backoff_ms(&message("{}"), 0)));
            assert!((60_000..=120_000).contains(&rules.backoff_ms(&message("{}"), 2)));
            assert!((302_400_000..=604_800_000).contains(&rules.backoff_ms(&message("{}"), 1_000)));
            assert!((50..=100).contains(&rules.backoff_ms(&message("{\"max_backoff\":100}"), 3)));
            assert!((20..=40).contains(&rules.backoff_ms(&message("{\"min_backoff\":10}"), 1)));
        }
    }

    #[test]
    fn what_a_message_says_counts_before_its_actor() {
        let rules = ActorOptions::default();
        assert_eq!(rules.retries_max(&message("{}")), Some(20));
        assert_eq!(rules.retries_max(&message("{\"max_retries\":0}")), Some(0));
        assert_eq!(rules.retries_max(&message("{\"max_retries\":null}")), None);
        assert_eq!(rules.time_limit(&message("{\"time_limit\":50}")), Some(Duration::from_millis(50)));
        assert_eq!(rules.time_limit(&message("{\"time_limit\":Infinity}")), None);
        assert_eq!(rules.time_limit(&message("{\"time_limit\":0}")), Some(Duration::from_secs(600)));
        let old = Message { message_timestamp: 1_000, ..message("{\"max_age\":500}") };
        assert!(rules.is_too_old(&old, 1_500) && !rules.is_too_old(&old, 1_499));
    }
}
