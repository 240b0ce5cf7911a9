//! A progress bar on stderr.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a bar is drawn.
const TICK: Duration = Duration::from_millis(100);

/// A bar that counts bytes or rows up to a total. Its clones are the same bar.
#[derive(Debug, Clone)]
pub struct Bar(ProgressBar);

impl Bar {
    pub(super) fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    pub(super) fn drawn() -> Self {
        let bar = ProgressBar::new(0);
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    /// Begins anew and counts `total` bytes.
    pub fn count_bytes(&self, total: u64, what: &str) {
        self.count("{bytes}/{total_bytes} {bytes_per_sec}", total, what);
    }

    /// Begins anew and counts `total` rows.
    pub fn count_rows(&self, total: u64, what: &str) {
        self.count("{human_pos}/{human_len} {per_sec}", total, what);
    }

    /// Moves on by so many.
    pub fn advance(&self, by: u64) {
        self.0.inc(by);
    }

    /// Changes the total.
    pub fn set_total(&self, total: u64) {
        self.0.set_length(total);
    }

    /// Hides the bar while something else is written.
    pub fn suspend<T>(&self, work: impl FnOnce() -> T) -> T {
        self.0.suspend(work)
    }

    /// Takes the bar away.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }

    fn count(&self, unit: &str, total: u64, what: &str) {
        let template = format!("{{prefix}} {{wide_bar}} {unit} ETA {{eta}} {{msg}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            self.0.set_style(style);
        }
        self.0.set_prefix(super::visible_line(what).into_owned());
        self.0.set_length(total);
        self.0.reset();
    }
}
