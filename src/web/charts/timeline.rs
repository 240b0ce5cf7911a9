//! A day back and a day ahead on one machine: what ran beside what, in lanes. What is too short to be seen becomes one
//! block with its neighbours.

use std::fmt::Write as _;

use chrono::{NaiveDateTime, TimeDelta, Timelike};
use maud::{Markup, html};

use super::super::parts::{count, length, run_path};
use crate::clock;
use crate::ops::dashboard::{HostTimeline, Timeline};
use crate::tables::RunOutcome;

const WIDTH: f64 = 1_200.0;
const LANE: f64 = 11.0;
const TOP: f64 = 16.0;
/// How wide an hour is written, and `now`.
const LABEL: f64 = 34.0;
const LABEL_NOW: f64 = 28.0;
/// So many lanes are drawn; what finds no place in them is counted.
const LANES_MAX: usize = 14;
/// A block as wide as this stands for itself: it can be pointed at.
const WIDE: f64 = 3.0;
/// So many of those are drawn on one machine.
const LINKED_MAX: usize = 400;
/// What is closer together is one block.
const GAP: f64 = 0.6;

/// Something with a length.
struct Block {
    from: f64,
    to: f64,
    kind: Kind,
    /// The run it is, where it is one alone, and what to say of it.
    link: Option<(String, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Good,
    Failed,
    Other,
    Open,
    Planned,
}

impl Kind {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "fo",
            Self::Failed => "fx",
            Self::Other => "fu",
            Self::Open => "fg",
            Self::Planned => "fp",
        }
    }
}

/// Draws a machine.
pub(crate) fn timeline(all: &Timeline, host: &HostTimeline) -> Markup {
    let span = (all.until - all.from).as_seconds_f64().max(1.0);
    let x = |at: NaiveDateTime| ((at - all.from).as_seconds_f64() / span * WIDTH).clamp(0.0, WIDTH);
    let mut lanes: Vec<Vec<Block>> = Vec::new();
    let mut without_place = 0;
    let name = |app_id: i64| all.names.get(&app_id).map_or("an app that is gone", String::as_str);
    for run in &host.runs {
        let kind = match run.code {
            RunOutcome::Ok => Kind::Good,
            RunOutcome::Running | RunOutcome::Serving => Kind::Open,
            code if code.is_failure() => Kind::Failed,
            _ => Kind::Other,
        };
        let (from, to) = (x(run.started_at), x(run.ended_at.unwrap_or(all.now)));
        let words = || {
            let ended = run.code.name().to_lowercase().replace('_', " ");
            format!("{} {}: {ended}, {}", clock::local(run.started_at), name(run.app_id), length(run.seconds(all.now)))
        };
        without_place += usize::from(!place(&mut lanes, (from, to), kind, || Some((run_path(&run.runtime), words()))));
    }
    for planned in &host.planned {
        let end = planned.at + TimeDelta::milliseconds((planned.seconds * 1e3) as i64);
        without_place += usize::from(!place(&mut lanes, (x(planned.at), x(end)), Kind::Planned, || None));
    }
    let height = TOP + LANE * lanes.len().max(1) as f64 + 4.0;
    let failed = host.runs.iter().filter(|run| run.code.is_failure()).count();
    let words = format!(
        "{}: {} in the last day, {failed} failed; {} planned for the next; at most {} at once",
        host.host,
        count(host.runs.len(), "run"),
        host.planned.len(),
        lanes.len()
    );
    html! {
        figure {
            div.chart tabindex="0" {
                svg viewBox={ "0 0 " (WIDTH) " " (height) } width=(WIDTH) height=(height) role="group"
                    aria-label=(words) {
                    (hours(all, height))
                    (blocks(&lanes))
                    path.now d={ "M" (round(x(all.now))) " 2V" (height) } {}
                    text x=(round(x(all.now)) + 4.0) y="11" { "now" }
                }
            }
            figcaption {
                (words)
                @if without_place > 0 { "; " (without_place) " more found no room in " (LANES_MAX) " lanes" }
                "."
            }
        }
    }
}

/// Puts a block into the first lane that has room; false where none has.
fn place(
    lanes: &mut Vec<Vec<Block>>,
    (from, to): (f64, f64),
    kind: Kind,
    link: impl FnOnce() -> Option<(String, String)>,
) -> bool {
    let to = to.max(from + 0.4);
    let is_small = to - from < WIDE;
    for lane in lanes.iter_mut() {
        let Some(last) = lane.last_mut() else { continue };
        if from + 0.01 < last.to {
            // blocks that cannot be told apart are one
            if is_small && last.kind == kind && last.link.is_none() && from >= last.to - 0.5 {
                last.to = last.to.max(to);
                return true;
            }
            continue;
        }
        if is_small && last.kind == kind && last.link.is_none() && from - last.to < GAP {
            last.to = to;
            return true;
        }
        lane.push(Block { from, to, kind, link: if is_small { None } else { link() } });
        return true;
    }
    if lanes.len() == LANES_MAX {
        return false;
    }
    lanes.push(vec![Block { from, to, kind, link: if is_small { None } else { link() } }]);
    true
}

fn blocks(lanes: &[Vec<Block>]) -> Markup {
    const KINDS: [Kind; 5] = [Kind::Good, Kind::Failed, Kind::Other, Kind::Open, Kind::Planned];
    let mut paths: [String; 5] = Default::default();
    let mut linked: Vec<(f64, &Block, &(String, String))> = Vec::new();
    for (number, lane) in lanes.iter().enumerate() {
        let y = TOP + LANE * number as f64;
        for block in lane {
            if let Some(link) = &block.link
                && linked.len() < LINKED_MAX
            {
                linked.push((y, block, link));
                continue;
            }
            let at = KINDS.iter().position(|kind| *kind == block.kind).unwrap_or_default();
            let (x, width) = (round(block.from), round((block.to - block.from).max(0.8)));
            // what failed stands lower, so that it is seen without colour
            let (y, height) = if block.kind == Kind::Failed { (y + 4.0, 6) } else { (y + 1.0, 7) };
            let _ = write!(paths[at], "M{x} {y}h{width}v{height}h-{width}z");
        }
    }
    html! {
        @for (kind, path) in KINDS.iter().zip(&paths) {
            @if !path.is_empty() { path class=(kind.class()) d=(path) {} }
        }
        @for (y, block, (path, words)) in linked {
            a href=(path) aria-label=(words) tabindex="-1" {
                title { (words) }
                rect class=(block.kind.class()) x=(round(block.from)) y=(y + 1.0)
                    width=(round(block.to - block.from)) height="8" {}
                @if block.kind == Kind::Failed {
                    path.ax d={ "M" (round(block.from)) " " (y + 9.0) "l8 -8" } {}
                }
            }
        }
    }
}

/// Lines and times for every third hour.
fn hours(all: &Timeline, height: f64) -> Markup {
    let span = (all.until - all.from).as_seconds_f64().max(1.0);
    let now = (all.now - all.from).as_seconds_f64() / span * WIDTH;
    let into = i64::from(all.from.num_seconds_from_midnight() % 3_600);
    let first = all.from + TimeDelta::seconds(3_600 - into);
    let each = (0..48).map(|hour| first + TimeDelta::hours(hour)).filter(|at| *at < all.until);
    let each: Vec<(f64, String)> = each
        .filter_map(|at| {
            let text = clock::local(at);
            let clock = text.get(11..16)?.to_owned();
            let is_shown = clock.get(..2)?.parse::<u32>().ok()? % 3 == 0;
            let x = (at - all.from).as_seconds_f64() / span * WIDTH;
            // beside `now` there is no room for another word
            let is_free = !(now - LABEL..now + LABEL_NOW).contains(&x);
            (is_shown && is_free && x < WIDTH - LABEL)
                .then(|| (round(x), if clock.starts_with("00") { text[5..10].to_owned() } else { clock }))
        })
        .collect();
    html! {
        @for (x, text) in each {
            path.ax d={ "M" (x) " 14V" (height) } {}
            text x=(x + 2.0) y="11" { (text) }
        }
    }
}

fn round(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(lanes: &mut Vec<Vec<Block>>, from: f64, to: f64) -> bool {
        place(lanes, (from, to), Kind::Good, || Some((String::new(), String::new())))
    }

    #[test]
    fn what_overlaps_has_a_lane_of_its_own() {
        let mut lanes = Vec::new();
        assert!(put(&mut lanes, 0.0, 10.0) && put(&mut lanes, 5.0, 15.0) && put(&mut lanes, 12.0, 20.0));
        assert_eq!(lanes.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn small_neighbours_are_one_block() {
        let mut lanes = Vec::new();
        (0..10_000).for_each(|at| assert!(put(&mut lanes, f64::from(at) * 0.1, f64::from(at) * 0.1 + 0.05)));
        assert!(lanes.len() <= 2, "{}", lanes.len());
        assert!(lanes.iter().map(Vec::len).sum::<usize>() < 20);
    }

    #[test]
    fn a_full_picture_counts_the_rest() {
        let mut lanes = Vec::new();
        let placed = (0..20).filter(|_| put(&mut lanes, 0.0, 100.0)).count();
        assert_eq!(placed, LANES_MAX);
    }
}
