//! How long runs took and what they brought, run by run.

use chrono::NaiveDateTime;
use maud::{Markup, html};

use super::super::parts::{count, length, number};
use crate::clock;
use crate::ops::dashboard::RunLine;
use crate::tables::RunOutcome;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 62.0;
const HEIGHT: f64 = 96.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 20.0;

/// The durations of runs, the oldest first.
pub(crate) fn durations(runs: &[RunLine], usual: Option<f64>, now: NaiveDateTime) -> Markup {
    let longest = runs.iter().map(|line| line.run.seconds(now)).fold(0.0, f64::max).max(0.01);
    let failures = runs.iter().filter(|line| line.run.code.is_failure()).count();
    let usual_words = usual.map(|usual| format!("; usually {}", length(usual))).unwrap_or_default();
    let all = count(runs.len(), "run");
    let words = format!("{all}, the longest {}{usual_words}; {failures} failed", length(longest));
    let scale = |seconds: f64| seconds / longest * HEIGHT;
    html! {
        figure {
            div.chart tabindex="0" {
                svg viewBox=(view_box()) width=(WIDTH) height=(TOP + HEIGHT + BOTTOM) role="group"
                    aria-label=(words) {
                    (axis(&length(longest), "0", runs, TOP + HEIGHT))
                    @if let Some(usual) = usual.filter(|usual| *usual <= longest) {
                        path.fp d={ "M" (LEFT) " " (round(TOP + HEIGHT - scale(usual))) "H" (WIDTH) } {}
                    }
                    @for (at, line) in runs.iter().enumerate() {
                        @let (x, width) = place(at, runs.len());
                        @let height = scale(line.run.seconds(now)).max(1.5);
                        @let y = round(TOP + HEIGHT - height);
                        (bar(line, (x, y), (width, round(height)), now))
                    }
                }
            }
            figcaption {
                (words) ". "
                span.key { "▮ well" span { "▯ with a slash: failed" } span { "dashed: goes on, or the usual length"
                    } }
            }
        }
    }
}

fn bar(line: &RunLine, (x, y): (f64, f64), (width, height): (f64, f64), now: NaiveDateTime) -> Markup {
    let code = line.run.code;
    let words = code.name().to_lowercase().replace('_', " ");
    let title = format!("{}: {words}, {}", clock::local(line.run.started_at), length(line.run.seconds(now)));
    html! {
        a href=(super::super::parts::run_path(&line.run.runtime)) aria-label=(title) tabindex="-1" {
            title { (title) }
            @match code {
                RunOutcome::Ok => { rect.fo x=(x) y=(y) width=(width) height=(height) {} }
                RunOutcome::Running | RunOutcome::Serving => {
                    rect.g fill="none" x=(x) y=(y) width=(width) height=(height) {}
                }
                code if code.is_failure() => {
                    rect.x fill="none" x=(x) y=(y) width=(width) height=(height) {}
                    path.hatch d={ "M" (x) " " (round(y + height)) "L" (round(x + width)) " " (y) } {}
                }
                _ => { rect.fu x=(x) y=(y) width=(width) height=(height) {} }
            }
        }
    }
}

/// The rows that runs inserted, above the line, and retired, below it; nothing where none merged.
pub(crate) fn rows(runs: &[RunLine]) -> Option<Markup> {
    let merged: Vec<(i64, i64)> = runs.iter().filter_map(|line| line.rows).collect();
    let inserted_max = merged.iter().map(|(inserted, _)| *inserted).max()?;
    let retired_max = merged.iter().map(|(_, retired)| *retired).max()?;
    let all = (inserted_max + retired_max).max(1) as f64;
    let ground = TOP + HEIGHT * inserted_max as f64 / all;
    let scale = |rows: i64| HEIGHT * rows as f64 / all;
    let (inserted, retired) = merged.iter().fold((0, 0), |(new, old), (more, less)| (new + more, old + less));
    let words = format!(
        "{} merged: {} rows inserted, {} retired; at most {} and {} in one",
        count(merged.len(), "run"),
        number(inserted),
        number(retired),
        number(inserted_max),
        number(retired_max)
    );
    Some(html! {
        figure {
            div.chart tabindex="0" {
                svg viewBox=(view_box()) width=(WIDTH) height=(TOP + HEIGHT + BOTTOM) role="group"
                    aria-label=(words) {
                    (axis(&number(inserted_max), &number(retired_max), runs, ground))
                    @for (at, line) in runs.iter().enumerate() {
                        @if let Some((inserted, retired)) = line.rows {
                            @let (x, width) = place(at, runs.len());
                            @let (up, down) = (scale(inserted), scale(retired));
                            g {
                                title { (clock::local(line.run.started_at)) ": +" (inserted) " −" (retired) }
                                @if inserted > 0 {
                                    rect.fo x=(x) y=(round(ground - up)) width=(width) height=(round(up.max(1.0))) {}
                                }
                                @if retired > 0 {
                                    rect.x fill="none" x=(x) y=(round(ground)) width=(width)
                                        height=(round(down.max(1.0))) {}
                                }
                            }
                        }
                    }
                }
            }
            figcaption { (words) ". " span.key { "▮ above the line: inserted" span { "▯ below: retired" } } }
        }
    })
}

fn view_box() -> String {
    format!("0 0 {WIDTH} {}", TOP + HEIGHT + BOTTOM)
}

/// The scale at the left, the line on which bars stand, and the days at both ends.
fn axis(most: &str, least: &str, runs: &[RunLine], ground: f64) -> Markup {
    let day = |line: Option<&RunLine>| line.map(|line| clock::local(line.run.started_at)).unwrap_or_default();
    let (first, last) = (day(runs.first()), day(runs.last()));
    let (end, under) = (LEFT - 6.0, TOP + HEIGHT + 14.0);
    html! {
        path.ax d={ "M" (LEFT) " " (round(ground)) "H" (WIDTH) } {}
        text x=(end) y=(TOP + 6.0) text-anchor="end" { (most) }
        text x=(end) y=(TOP + HEIGHT) text-anchor="end" { (least) }
        text x=(LEFT) y=(under) { (first.get(..16).unwrap_or_default()) }
        text x=(WIDTH) y=(under) text-anchor="end" { (last.get(..16).unwrap_or_default()) }
    }
}

/// Where a bar stands, and how wide it is.
fn place(at: usize, count: usize) -> (f64, f64) {
    let step = ((WIDTH - LEFT) / count.max(1) as f64).min(24.0);
    (round(LEFT + 1.0 + step * at as f64), round((step - 2.5).max(1.5)))
}

fn round(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
