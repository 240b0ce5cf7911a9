//! What is tried again, and after how long.

use std::time::{Duration, SystemTime};

use ureq::http::Method;

use crate::die;

/// The first pause, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));
/// Statuses that pass.
const STATUSES: [u16; 6] = [408, 425, 429, 500, 502, 503];
/// What servers on the way answer when the one behind them is slow.
const GATEWAY_TIMEOUT: u16 = 504;
/// A server that asks for a longer pause is not waited for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// What is tried again.
#[derive(Debug, Clone)]
pub struct Retries {
    /// How often, after the first attempt.
    pub max: u32,
    /// The pause before the first repetition; it doubles with each. Of each pause a random part, at least half, is waited.
    pub pause: Duration,
    /// The longest pause.
    pub pause_max: Duration,
    /// Statuses that pass. What fails before anything was sent, and answers that break off, count as well.
    pub statuses: Vec<u16>,
    /// Whether POST and PATCH are repeated too, of which a server may do everything twice.
    pub every_method: bool,
    /// The longest pause that a server may ask for with `Retry-After`; for a longer one its answer is handed back.
    pub retry_after_max: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            max: 3,
            pause: PAUSE.0,
            pause_max: PAUSE.1,
            statuses: STATUSES.into_iter().chain([GATEWAY_TIMEOUT]).collect(),
            every_method: false,
            retry_after_max: RETRY_AFTER_MAX,
        }
    }
}

impl Retries {
    /// One attempt.
    pub fn none() -> Self {
        Self { max: 0, ..Self::default() }
    }

    /// Whether doing it twice does no more than doing it once.
    pub(super) fn allows(&self, method: &Method) -> bool {
        self.every_method || is_idempotent(method)
    }

    /// The pause after so many attempts.
    pub(super) fn pause_after(&self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(20);
        let pause = self.pause.saturating_mul(1 << doublings).min(self.pause_max);
        pause.mul_f64(0.5 + 0.5 * die::share())
    }
}

fn is_idempotent(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE].contains(method)
}

/// How long a server asks to be left alone: seconds, or a date.
pub(super) fn retry_after(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds.max(0.0)).ok();
    }
    let at = httpdate::parse_http_date(text).ok()?;
    Some(at.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_when_in_seconds_or_by_a_date() {
        assert_eq!(retry_after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("0.5"), Some(Duration::from_millis(500)));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        // the three forms of a date that HTTP knows
        for past in ["Wednesday, 21-Oct-15 07:28:00 GMT", "Wed Oct 21 07:28:00 2015"] {
            assert_eq!(retry_after(past), Some(Duration::ZERO), "{past}");
        }
        let later = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
        let waits = retry_after(&later).expect("a date");
        assert!((58..=60).contains(&waits.as_secs()), "{waits:?}");
        assert_eq!(retry_after("soon"), None);
        assert_eq!(retry_after("1e300"), None);
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_differ() {
        let retries =
            Retries { pause: Duration::from_secs(1), pause_max: Duration::from_secs(5), ..Retries::default() };
        for (attempts, longest) in [(1, 1.0), (2, 2.0), (3, 4.0), (4, 5.0), (60, 5.0)] {
            let pause = retries.pause_after(attempts).as_secs_f64();
            assert!(pause >= longest / 2.0 && pause <= longest, "{attempts}: {pause}");
        }
        assert!((0..50).map(|_| retries.pause_after(1)).collect::<std::collections::HashSet<_>>().len() > 10);
    }
}
