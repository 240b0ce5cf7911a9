//! Tilt: the angle at which the rows of ink are sharpest.

use crate::layout::{Area, Picture};

/// Degrees within which a tilt is looked for, to both sides.
const DEGREES_MAX: f64 = 10.0;
/// Pixels of ink that are looked at.
const INK_MAX: usize = 60_000;
/// By how much sharper the rows must be than without turning.
const GAIN_MIN: f64 = 1.04;

/// The tilt of a page's lines in degrees, positive where they fall to the right; 0 where none is clear.
pub(super) fn measure(picture: &Picture, threshold: u8) -> f64 {
    // a picture a thousand pixels wide is enough
    let step = (picture.width.max(picture.height) / 1000).max(1);
    let mut ink: Vec<(f64, f64)> = Vec::new();
    for y in (0..picture.height).step_by(step) {
        let row = picture.row(y);
        let dark = (0..picture.width).step_by(step).filter(|x| row[*x] < threshold);
        ink.extend(dark.map(|x| ((x / step) as f64, (y / step) as f64)));
    }
    if ink.len() < 200 {
        return 0.0;
    }
    let every = ink.len().div_ceil(INK_MAX);
    let ink: Vec<(f64, f64)> = ink.into_iter().step_by(every).collect();
    let rows = (picture.height / step) as f64 + (picture.width / step) as f64 * 0.4;
    let sharpness = |degrees: f64| sharpness(&ink, degrees, rows);
    let level = sharpness(0.0);
    let mut best = (level, 0.0);
    for (width, step) in [(DEGREES_MAX, 0.5), (0.5, 0.1), (0.1, 0.025)] {
        let middle = best.1;
        let count = (width / step) as i32;
        for at in -count..=count {
            let degrees = middle + f64::from(at) * step;
            let found = sharpness(degrees);
            if found > best.0 {
                best = (found, degrees);
            }
        }
    }
    if best.0 > level * GAIN_MIN && best.1.abs() < DEGREES_MAX { best.1 } else { 0.0 }
}

/// Whether the lines of text seem to run downwards: the columns of ink are sharper than its rows.
pub(super) fn runs_down(picture: &Picture, threshold: u8) -> bool {
    let (mut rows, mut columns) = (vec![0f64; picture.height], vec![0f64; picture.width]);
    for (y, row) in rows.iter_mut().enumerate() {
        for (x, _) in picture.row(y).iter().enumerate().filter(|(_, pixel)| **pixel < threshold) {
            *row += 1.0;
            columns[x] += 1.0;
        }
    }
    let sharp = |counts: &[f64]| {
        let all: f64 = counts.iter().map(|count| count * count).sum();
        counts.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum::<f64>() / all.max(1.0)
    };
    sharp(&columns) > sharp(&rows)
}

/// How much the number of inked pixels differs from row to row, when the page is looked at under this angle.
fn sharpness(ink: &[(f64, f64)], degrees: f64, rows: f64) -> f64 {
    let slope = degrees.to_radians().tan();
    let shift = rows * 0.3;
    let mut counts = vec![0f64; (rows * 1.6) as usize + 2];
    for (x, y) in ink {
        let row = y - x * slope + shift;
        if let Some(count) = counts.get_mut(row.max(0.0) as usize) {
            *count += 1.0;
        }
    }
    counts.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum()
}

/// The page set straight, on a larger sheet so that no corner is lost.
pub(super) fn straightened(picture: &Picture, degrees: f64) -> Picture {
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let (old_width, old_height) = (picture.width as f64, picture.height as f64);
    let width = (old_width * cosine.abs() + old_height * sine.abs()).ceil();
    let height = (old_width * sine.abs() + old_height * cosine.abs()).ceil();
    let mut pixels = Vec::with_capacity((width * height) as usize);
    for y in 0..height as usize {
        for x in 0..width as usize {
            let (across, down) = (x as f64 - width / 2.0, y as f64 - height / 2.0);
            let from_x = across * cosine - down * sine + old_width / 2.0;
            let from_y = across * sine + down * cosine + old_height / 2.0;
            pixels.push(sample(picture, from_x, from_y));
        }
    }
    Picture { width: width as usize, height: height as usize, dpi: picture.dpi, pixels }
}

fn sample(picture: &Picture, x: f64, y: f64) -> u8 {
    if x < -1.0 || y < -1.0 || x > picture.width as f64 || y > picture.height as f64 {
        return 255;
    }
    let (left, top) = (x.floor(), y.floor());
    let (across, down) = (x - left, y - top);
    let at = |dx: isize, dy: isize| f64::from(picture.at(left as isize + dx, top as isize + dy));
    let upper = at(0, 0) * (1.0 - across) + at(1, 0) * across;
    let lower = at(0, 1) * (1.0 - across) + at(1, 1) * across;
    (upper * (1.0 - down) + lower * down + 0.5) as u8
}

/// Where an area of the straightened page was before: its middle is turned back, its size stays.
pub(super) fn back(area: &Area, degrees: f64, now: (f64, f64), before: (f64, f64)) -> Area {
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let (x, y) = area.middle();
    let (across, down) = (x - now.0 / 2.0, y - now.1 / 2.0);
    let (x, y) = (across * cosine - down * sine + before.0 / 2.0, across * sine + down * cosine + before.1 / 2.0);
    let (width, height) = (area.width() / 2.0, area.height() / 2.0);
    Area { x0: x - width, top: y - height, x1: x + width, bottom: y + height }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of short strokes, as text has them, falling by `degrees`.
    fn page(degrees: f64) -> Picture {
        let mut picture = Picture::filled(800, 600, 100, 255);
        let slope = degrees.to_radians().tan();
        for line in 0..14 {
            for x in (60..740).filter(|x| x % 7 != 0) {
                let y = 60.0 + f64::from(line) * 34.0 + (f64::from(x) - 400.0) * slope;
                for thick in 0..9 {
                    picture.pixels[(y as usize + thick) * 800 + x as usize] = 0;
                }
            }
        }
        picture
    }

    #[test]
    fn a_tilt_is_found_and_mended() {
        assert_eq!(measure(&page(0.0), 128), 0.0);
        for degrees in [-4.0, 1.5, 6.0] {
            let tilted = page(degrees);
            let found = measure(&tilted, 128);
            assert!((found - degrees).abs() < 0.2, "{degrees}: {found}");
            let left = measure(&straightened(&tilted, found), 128);
            assert!(left.abs() < 0.2, "{degrees}: {left}");
        }
    }
}
