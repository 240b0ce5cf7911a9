//! What the captchas of a run took.

/// What captchas took.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CaptchaCosts {
    /// How many were solved.
    pub solved: i64,
    /// What they cost, in the currency of the account.
    pub cost: f64,
    /// How long they took together, in milliseconds.
    pub total_ms: i64,
}

impl CaptchaCosts {
    /// Adds those of another process.
    pub fn add(&mut self, other: &Self) {
        self.solved = self.solved.saturating_add(other.solved);
        self.cost += other.cost;
        self.total_ms = self.total_ms.saturating_add(other.total_ms);
    }
}
