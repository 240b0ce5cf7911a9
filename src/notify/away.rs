//! What an answer of a service means for a letter.

use std::time::Duration;

use super::notifier::{Given, Undelivered};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::http::{Proxying, Request, RequestOptions, Response, Timeouts};
use crate::settings::Secret;

/// How long one attempt may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// The longest that the settings may have it.
const PATIENCE_MAX: Duration = Duration::from_secs(300);
/// Letters of an answer that are told.
const TOLD_CHARS_MAX: usize = 200;

/// A session for a service, by the channel's own proxy where it has one.
///
/// # Errors
/// As [`Request::with`].
pub(super) fn session(context: &Context, given: &Given<'_>) -> Result<Request> {
    let seconds = |field: &str, default: Duration| -> Result<Duration> {
        let Some(text) = given.text(field)? else { return Ok(default) };
        let length = text.parse().ok().and_then(|seconds: f64| Duration::try_from_secs_f64(seconds).ok());
        let length = length.filter(|length| !length.is_zero() && *length <= PATIENCE_MAX);
        length.ok_or_else(|| given.wrong(field, "seconds, from above 0 to 300"))
    };
    let connect = seconds("connect_timeout", Duration::from_secs(10))?;
    let read = seconds("read_timeout", PATIENCE)?;
    let timeouts = Timeouts { connect, read, total: Some(PATIENCE.max(connect + read)) };
    let proxies = given.text("proxy")?.into_iter().map(Secret::new).collect();
    // the only way is not left alone: the pace of the channel sees to that
    let proxying = Proxying { proxies, cool_down: Duration::ZERO, ban_statuses: Vec::new(), ..Proxying::default() };
    Request::with(context, RequestOptions { timeouts, proxying, ..RequestOptions::own() })
}

/// No answer came.
pub(super) fn unreached(error: Error) -> Undelivered {
    Undelivered::Away { reason: error.to_string(), after: None }
}

/// No answer came from a webhook. Its address opens it, so only the reasons are told.
pub(super) fn webhook_unreached(error: Error) -> Undelivered {
    let reason = error.causes().join(": ");
    Undelivered::Away { reason: format!("the webhook cannot be reached: {reason}"), after: None }
}

/// A letter that was taken, or why not. `after` is what the body says of how long to wait. Of a 400 only what has one of
/// these words is the letter's fault, in small letters; all of them where there are no words.
pub(super) fn judge(answer: &Response, after: Option<Duration>, of_the_letter: &[&str]) -> Result<(), Undelivered> {
    if answer.is_success() {
        return Ok(());
    }
    let said: String =
        answer.text().split_whitespace().collect::<Vec<_>>().join(" ").chars().take(TOLD_CHARS_MAX).collect();
    let reason = format!("it answers {} {said}", answer.status());
    let is_of_the_letter = || {
        let whole = answer.text().to_lowercase();
        of_the_letter.is_empty() || of_the_letter.iter().any(|word| whole.contains(word))
    };
    Err(match answer.status() {
        // what is wrong with the letter itself stays wrong
        413 | 415 | 422 => Undelivered::Refused { reason },
        400 if is_of_the_letter() => Undelivered::Refused { reason },
        // what is wrong with the channel may be mended: a token, a chat
        400 | 401 | 403 | 404 | 405 | 410 => Undelivered::Broken { reason },
        _ => Undelivered::Away { reason, after: after.or_else(|| answer.retry_after()) },
    })
}
