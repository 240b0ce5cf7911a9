//! Ruling lines in a scanned page: long straight runs of ink.

use crate::layout::Picture;

/// A rule is at least this long, in inches.
const LENGTH_MIN: f64 = 0.4;
/// A rule is at most this thick, in inches.
const THICKNESS_MAX: f64 = 0.05;
/// Gaps in a run that a scanner leaves, in inches.
const GAP_MAX: f64 = 0.012;
/// A pixel darker than this share of the range is ink.
const INK: u8 = 140;
/// Rules of a page, at most.
const RULES_MAX: usize = 5000;

/// A run of ink: the row, and from which column to which.
type Run = (usize, usize, usize);

/// The rules, as lines in points: x and y of both ends.
pub(super) fn edges(picture: &Picture) -> Vec<(f64, f64, f64, f64)> {
    let points = picture.points();
    let across = lines(picture.width, picture.height, picture.dpi, |x, y| picture.pixels[y * picture.width + x] < INK);
    let down = lines(picture.height, picture.width, picture.dpi, |x, y| picture.pixels[x * picture.width + y] < INK);
    let level = across.into_iter().map(|(y, from, to)| (from * points, y * points, to * points, y * points));
    let upright = down.into_iter().map(|(x, from, to)| (x * points, from * points, x * points, to * points));
    level.chain(upright).take(RULES_MAX).collect()
}

/// Lines along rows: their middle, their start and their end, in pixels.
fn lines(width: usize, height: usize, dpi: u32, is_ink: impl Fn(usize, usize) -> bool) -> Vec<(f64, f64, f64)> {
    let inches = |inches: f64| (inches * f64::from(dpi)).max(1.0) as usize;
    let (length, thickness, gap) = (inches(LENGTH_MIN), inches(THICKNESS_MAX).max(2), inches(GAP_MAX));
    // open lines grow downwards while runs below them cover much the same columns
    let mut open: Vec<(Run, usize)> = Vec::new();
    let mut found = Vec::new();
    for y in 0..=height {
        let runs = if y < height { runs(width, y, length, gap, &is_ink) } else { Vec::new() };
        let mut next: Vec<(Run, usize)> = Vec::new();
        for (_, from, to) in runs {
            let continued = open.iter().position(|((_, start, end), _)| {
                let shared = (to.min(*end)).saturating_sub(from.max(*start));
                shared * 2 > (to - from).min(end - start)
            });
            match continued.map(|at| open.swap_remove(at)) {
                Some(((first, start, end), rows)) => next.push(((first, start.min(from), end.max(to)), rows + 1)),
                None => next.push(((y, from, to), 1)),
            }
        }
        for ((first, from, to), rows) in open.drain(..) {
            // a rule is thin, and much longer than thick
            if rows <= thickness && found.len() < RULES_MAX {
                found.push((first as f64 + rows as f64 / 2.0, from as f64, to as f64));
            }
        }
        open = next;
    }
    found
}

fn runs(width: usize, y: usize, length: usize, gap: usize, is_ink: &impl Fn(usize, usize) -> bool) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut run: Option<(usize, usize)> = None;
    for x in 0..width {
        if !is_ink(x, y) {
            continue;
        }
        run = match run {
            Some((from, to)) if x - to <= gap + 1 => Some((from, x)),
            other => {
                runs.extend(other.filter(|(from, to)| to - from >= length).map(|(from, to)| (y, from, to + 1)));
                Some((x, x))
            }
        };
    }
    runs.extend(run.filter(|(from, to)| to - from >= length).map(|(from, to)| (y, from, to + 1)));
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_four_rules_and_a_block_is_none() {
        let mut picture = Picture::filled(400, 300, 100, 255);
        let mut fill = |x0: usize, y0: usize, x1: usize, y1: usize| {
            for y in y0..y1 {
                picture.pixels[y * 400 + x0..y * 400 + x1].fill(0);
            }
        };
        fill(20, 20, 300, 22);
        fill(20, 200, 300, 202);
        fill(20, 20, 22, 202);
        fill(298, 20, 300, 202);
        fill(100, 80, 180, 120);
        let found = edges(&picture);
        assert_eq!(found.len(), 4, "{found:?}");
    }
}
