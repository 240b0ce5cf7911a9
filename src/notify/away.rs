//! What an answer of a service means for a letter.

use std::time::Duration;

use super::notifier::{Given, Undelivered};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::http::{Proxying, Request, RequestOptions, Response, Timeouts};
use crate::settings::Secret;

/// How long one attempt may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Letters of an answer that are told.
const TOLD_CHARS_MAX: usize = 200;

/// A session for a service, by the channel's own proxy where it has one.
///
/// # Errors
/// As [`Request::with`].
pub(super) fn session(context: &Context, given: &Given<'_>) -> Result<Request> {
    let timeouts = Timeouts { connect: Duration::from_secs(10), read: PATIENCE, total: Some(PATIENCE) };
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

/// A letter that was taken, or why not. `after` is what the body says of how long to wait.
pub(super) fn judge(answer: &Response, after: Option<Duration>) -> Result<(), Undelivered> {
    if answer.is_success() {
        return Ok(());
    }
    let said: String =
        answer.text().split_whitespace().collect::<Vec<_>>().join(" ").chars().take(TOLD_CHARS_MAX).collect();
    let reason = format!("it answers {} {said}", answer.status());
    Err(match answer.status() {
        // what is wrong with the letter itself stays wrong
        400 | 413 | 415 | 422 => Undelivered::Refused { reason },
        // what is wrong with the channel may be mended: a token, a chat
        _ => Undelivered::Away { reason, after: after.or_else(|| answer.retry_after()) },
    })
}
