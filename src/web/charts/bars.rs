//! The last runs of an app as a row of bars: how high says how long, what stands below the line says that it failed.

use std::fmt::Write as _;

use chrono::NaiveDateTime;
use maud::{Markup, html};

use crate::tables::{RunMark, RunOutcome};

/// So many bars have room.
const BARS_MAX: usize = 30;
/// From one bar to the next.
const STEP: usize = 4;
/// Where the bars stand, and how high they are at the most.
const GROUND: usize = 15;
const HEIGHT_MAX: f64 = 13.0;

/// Draws them, the oldest first.
pub(crate) fn bars(runs: &[RunMark], now: NaiveDateTime) -> Markup {
    if runs.is_empty() {
        return html! { span.soft { "no runs" } };
    }
    let runs = &runs[runs.len().saturating_sub(BARS_MAX)..];
    let longest = runs.iter().map(|run| run.seconds(now)).fold(0.0, f64::max).max(0.001);
    // a line for each way to end, so that thousands of bars stay small
    let (mut good, mut failed, mut other, mut open) = (String::new(), String::new(), String::new(), String::new());
    let first = BARS_MAX - runs.len();
    for (at, run) in runs.iter().enumerate() {
        let (x, height) = ((first + at) * STEP + 3, (run.seconds(now) / longest * HEIGHT_MAX).round().max(2.0));
        let path = match run.code {
            RunOutcome::Ok => &mut good,
            RunOutcome::Running | RunOutcome::Serving => &mut open,
            code if code.is_failure() => {
                let _ = write!(failed, "M{x} 17v3");
                &mut failed
            }
            _ => &mut other,
        };
        // writing to a text cannot fail
        let _ = write!(path, "M{x} {GROUND}v-{height}");
    }
    let failures = runs.iter().filter(|run| run.code.is_failure()).count();
    let last = runs.last().map(|run| run.code.name().to_lowercase().replace('_', " ")).unwrap_or_default();
    let words = format!("{failures} of the last {} runs failed; the last one: {last}", runs.len());
    let paths = [("o", good), ("x", failed), ("u", other), ("g", open)];
    html! {
        svg.bars viewBox="0 0 126 20" role="img" aria-label=(words) {
            title { (words) }
            @for (class, path) in paths { @if !path.is_empty() { path class=(class) stroke-width="3" d=(path) {} } }
        }
    }
}
