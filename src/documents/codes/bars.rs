//! Codes of bars: rows and columns of a page are looked through for them.

use super::runs::Said;
use super::{code_39, code_128, ean};
use crate::layout::{Area, Picture};

/// Rows that are looked at, in inches apart.
const STEP: f64 = 0.02;
/// A code is seen in so many rows.
const ROWS_MIN: usize = 3;
/// Rows of one code may miss each other by this, in inches.
const REACH: f64 = 0.12;
/// Runs of a row, and codes of a page, at most.
const RUNS_MAX: usize = 20_000;
const CODES_MAX: usize = 200;
/// The paper before a code is at least so many times as wide as its bars are on average.
const QUIET: f64 = 2.5;

/// A code of bars.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bars {
    pub(super) kind: &'static str,
    pub(super) text: String,
    /// In pixels.
    pub(super) area: Area,
}

/// The codes of a picture.
pub(super) fn find(picture: &Picture) -> Vec<Bars> {
    let (width, height) = (picture.width, picture.height);
    let mut found = seen(width, height, picture.dpi, |x, y| picture.pixels[y * width + x]);
    let upright = seen(height, width, picture.dpi, |y, x| picture.pixels[y * width + x]);
    found.extend(upright.into_iter().map(|bars| {
        let Area { x0, top, x1, bottom } = bars.area;
        Bars { area: Area { x0: top, top: x0, x1: bottom, bottom: x1 }, ..bars }
    }));
    found
}

fn seen(across: usize, down: usize, dpi: u32, shade: impl Fn(usize, usize) -> u8) -> Vec<Bars> {
    let step = ((f64::from(dpi) * STEP) as usize).max(1);
    let reach = f64::from(dpi) * REACH + step as f64;
    let mut open: Vec<(Bars, usize)> = Vec::new();
    for y in (0..down).step_by(step) {
        let row: Vec<u8> = (0..across).map(|x| shade(x, y)).collect();
        let runs = runs(&row);
        let mirrored: Vec<usize> = runs.iter().rev().copied().collect();
        let mut of_row = in_runs(&runs);
        // read from the other end it stands on its head
        of_row.extend(in_runs(&mirrored).into_iter().map(|(said, from, to)| (said, across - to, across - from)));
        for (said, from, to) in of_row {
            let area = Area { x0: from as f64, top: y as f64, x1: to as f64, bottom: y as f64 };
            let is_full = open.len() >= CODES_MAX;
            let known = open.iter_mut().find(|(bars, _)| {
                bars.text == said.text
                    && bars.kind == said.kind
                    && area.top - bars.area.bottom <= reach
                    && bars.area.x0 < area.x1
                    && area.x0 < bars.area.x1
            });
            match known {
                Some((bars, rows)) => {
                    bars.area = Area::around([bars.area, area]).unwrap_or(area);
                    *rows += 1;
                }
                None if !is_full => open.push((Bars { kind: said.kind, text: said.text, area }, 1)),
                None => {}
            }
        }
    }
    open.into_iter().filter(|(_, rows)| *rows >= ROWS_MIN).map(|(bars, _)| bars).collect()
}

/// Lengths of paper and ink by turns, paper first.
fn runs(row: &[u8]) -> Vec<usize> {
    let (least, most) = row.iter().fold((255u8, 0u8), |(least, most), it| (least.min(*it), most.max(*it)));
    if most.saturating_sub(least) < 60 {
        return Vec::new();
    }
    let middle = ((u16::from(least) + u16::from(most)) / 2) as u8;
    let (mut runs, mut is_ink, mut length) = (Vec::new(), false, 0);
    for shade in row {
        if (*shade <= middle) == is_ink {
            length += 1;
            continue;
        }
        runs.push(length);
        (is_ink, length) = (!is_ink, 1);
        if runs.len() >= RUNS_MAX {
            break;
        }
    }
    runs.push(length);
    // paper is at both ends
    if is_ink {
        runs.push(0);
    }
    runs
}

/// The codes in a row, and from which pixel to which.
fn in_runs(runs: &[usize]) -> Vec<(Said, usize, usize)> {
    let mut found = Vec::new();
    let (mut at, mut pixel) = (0, 0);
    while at + 1 < runs.len() {
        let (quiet, bars) = (runs[at], &runs[at + 1..]);
        let start = pixel + quiet;
        let average = bars.iter().take(6).sum::<usize>() as f64 / bars.len().clamp(1, 6) as f64;
        let said = (quiet as f64 >= QUIET * average && bars.len() >= 20)
            .then(|| code_128::read(bars).or_else(|| ean::read(bars)).or_else(|| code_39::read(bars)))
            .flatten();
        match said {
            Some(said) => {
                let taken = said.runs.min(bars.len());
                let end = start + bars[..taken].iter().sum::<usize>();
                // on with the paper behind it
                at += 1 + taken;
                pixel = end;
                found.push((said, start, end));
            }
            None => {
                pixel = start + bars[0];
                at += 2;
            }
        }
    }
    found
}
