//! How gently a host is treated.

/// How gently a host is treated, by all apps together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Politeness {
    /// Requests a second; `None` for as many as come.
    pub rate: Option<f64>,
    /// Requests at once; `None` for as many as come.
    pub concurrency: Option<usize>,
}

impl Politeness {
    /// Whether anything is said.
    pub(super) fn has_limits(self) -> bool {
        self.rate.is_some() || self.concurrency.is_some()
    }
}
