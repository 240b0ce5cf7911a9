//! How gently a host is treated.

use std::time::Duration;

use crate::error::Result;
use crate::settings::Section;

/// The longest time between two requests that a rate may mean.
const APART_MAX: Duration = Duration::from_secs(86_400);

/// How gently a host is treated, by all apps together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Politeness {
    /// Requests a second; `None` for as many as come.
    pub rate: Option<f64>,
    /// Requests at once; `None` for as many as come.
    pub concurrency: Option<usize>,
}

impl Politeness {
    /// What a section says, and what holds where it says nothing.
    ///
    /// # Errors
    /// Settings, for what is no number.
    pub(super) fn given(section: &Section<'_>, default: Self) -> Result<Self> {
        let rate = section.decimal("rate")?;
        let concurrency = section.number("concurrency")?.map(|count| count as usize);
        Ok(Self { rate: rate.or(default.rate), concurrency: concurrency.or(default.concurrency) })
    }

    /// How long it is from one request to the next.
    pub(super) fn apart(rate: f64) -> Duration {
        Duration::try_from_secs_f64(1.0 / rate).map_or(APART_MAX, |apart| apart.min(APART_MAX))
    }

    /// Whether anything is said.
    pub(super) fn has_limits(self) -> bool {
        self.rate.is_some() || self.concurrency.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rate_is_too_slow_or_too_fast_for_a_clock() {
        for (rate, expected) in
            [(4.0, Duration::from_millis(250)), (0.0, APART_MAX), (-1.0, APART_MAX), (1e-9, APART_MAX)]
        {
            assert_eq!(Politeness::apart(rate), expected, "{rate}");
        }
        assert_eq!(Politeness::apart(f64::INFINITY), Duration::ZERO);
    }
}
