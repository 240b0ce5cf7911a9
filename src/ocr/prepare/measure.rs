//! What a page looks like, in numbers: they decide what is done to it.

use serde::{Deserialize, Serialize};

use super::{components, light, tilt};
use crate::layout::Picture;

/// Light that differs by more than this from one place to another is uneven.
const LIGHT_SPREAD_MAX: f64 = 26.0;
/// Paper darker than this is too dark.
const PAPER_MIN: f64 = 200.0;
/// Noise with a larger standard deviation is smoothed.
const NOISE_MAX: f64 = 5.0;
/// More specks than this in a pixel are taken out.
const SPECKS_MAX: f64 = 0.0004;
/// Small letters of a whole page have at most this share of such dots.
const SPECKS_OF_LETTERS_MAX: f64 = 0.003;
/// Below this height of letters, in pixels, dots and thin strokes of letters look like specks.
const SPECKS_LETTER_MIN: f64 = 9.0;
/// A smaller tilt, in degrees, is none.
const TILT_MIN: f64 = 0.25;
/// Letters smaller than this many pixels are enlarged.
const LETTER_MIN: f64 = 15.0;
/// The same on a page without noise, where smaller ones are read as well.
const LETTER_MIN_CLEAN: f64 = 10.0;
/// A page with less noise has none.
const NOISE_CLEAN: f64 = 1.0;
/// Letters larger than this are made smaller.
const LETTER_MAX: f64 = 64.0;
/// What letters are scaled to.
const LETTER_WANTED: f64 = 22.0;
/// A picture is not enlarged more than this.
const SCALE_MAX: f64 = 4.0;
/// A speck differs by this much from all its neighbours.
const SPECK_CONTRAST: u8 = 70;

/// What was measured on a page.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Measurement {
    /// How light the paper is, 0 to 255.
    pub paper: f64,
    /// By how much the light differs over the page.
    pub light_spread: f64,
    /// The standard deviation of the noise.
    pub noise: f64,
    /// The share of pixels that are specks.
    pub specks: f64,
    /// The tilt of the lines in degrees, positive where they fall to the right.
    pub tilt: f64,
    /// The median height of what looks like letters, in pixels; 0 where nothing does.
    pub letter_height: f64,
    /// The share of dark pixels.
    pub ink: f64,
}

impl Measurement {
    /// Measures a page.
    pub fn of(picture: &Picture) -> Self {
        let mut measured = Self::default();
        if picture.width < 8 || picture.height < 8 {
            return measured;
        }
        (measured.paper, measured.light_spread) = light::measure(picture);
        (measured.noise, measured.specks) = noise_and_specks(picture);
        measured.look_at_letters(picture);
        measured
    }

    /// Measures again what noise and light had hidden.
    pub(super) fn look_at_letters(&mut self, picture: &Picture) {
        let threshold = threshold(picture);
        let dark = picture.pixels.iter().filter(|pixel| **pixel < threshold).count();
        self.ink = dark as f64 / picture.pixels.len() as f64;
        self.letter_height = height_of_letters(picture, threshold);
        self.tilt = tilt::measure(picture, threshold);
    }

    pub(super) fn is_inverted(&self) -> bool {
        self.paper < 100.0 && self.ink > 0.6
    }

    pub(super) fn needs_light(&self) -> bool {
        self.light_spread > LIGHT_SPREAD_MAX || self.paper < PAPER_MIN
    }

    pub(super) fn needs_smoothing(&self) -> bool {
        self.noise > NOISE_MAX
    }

    pub(super) fn has_specks(&self) -> bool {
        let are_letters = self.letter_height > 0.0 && self.letter_height < SPECKS_LETTER_MIN;
        self.specks > SPECKS_MAX && !(are_letters && self.specks < SPECKS_OF_LETTERS_MAX)
    }

    pub(super) fn is_tilted(&self) -> bool {
        self.tilt.abs() >= TILT_MIN
    }

    /// By how much to scale a picture of so many pixels; `None` where its letters have a good size.
    pub(super) fn scale(&self, pixels: usize, pixels_max: usize) -> Option<f64> {
        if self.letter_height <= 0.0 {
            return None;
        }
        if self.letter_height > LETTER_MAX {
            return Some((LETTER_WANTED * 1.5 / self.letter_height).max(0.1));
        }
        let is_clean = self.noise < NOISE_CLEAN && !self.has_specks() && !self.needs_light();
        if self.letter_height >= if is_clean { LETTER_MIN_CLEAN } else { LETTER_MIN } {
            return None;
        }
        let room = (pixels_max as f64 / pixels.max(1) as f64).sqrt();
        let factor = (LETTER_WANTED / self.letter_height).min(SCALE_MAX).min(room);
        (factor > 1.2).then_some(factor)
    }
}

/// The shade that parts ink from paper best, after Otsu.
pub(crate) fn threshold(picture: &Picture) -> u8 {
    let mut counts = [0u64; 256];
    picture.pixels.iter().for_each(|pixel| counts[usize::from(*pixel)] += 1);
    let total = picture.pixels.len() as f64;
    let sum: f64 = counts.iter().enumerate().map(|(shade, count)| shade as f64 * *count as f64).sum();
    let (mut below, mut sum_below, mut best, mut at) = (0.0, 0.0, -1.0, 128.0);
    let mut ties = 0.0;
    for (shade, count) in counts.iter().enumerate() {
        below += *count as f64;
        sum_below += shade as f64 * *count as f64;
        let above = total - below;
        if below == 0.0 || above == 0.0 {
            continue;
        }
        let apart = sum_below / below - (sum - sum_below) / above;
        let between = below * above * apart * apart;
        if between > best * (1.0 + 1e-9) {
            (best, at, ties) = (between, shade as f64 + 1.0, 1.0);
        } else if (between - best).abs() <= best * 1e-9 {
            // a wide gap between ink and paper has many best shades: the middle one is safest
            at = (at * ties + shade as f64 + 1.0) / (ties + 1.0);
            ties += 1.0;
        }
    }
    at.clamp(1.0, 255.0) as u8
}

/// The median height of what looks like letters, in pixels; 0 where nothing does.
pub(crate) fn letter_height(picture: &Picture) -> f64 {
    height_of_letters(picture, threshold(picture))
}

fn height_of_letters(picture: &Picture, threshold: u8) -> f64 {
    let tallest = (picture.height / 8).max(12);
    let like_letter = |found: &components::Component| {
        let (width, height) = (found.width(), found.height());
        height >= 4 && height <= tallest && width >= 2 && width <= height * 4 && found.pixels >= 6
    };
    let mut heights: Vec<usize> = components::components(picture, threshold)
        .iter()
        .filter(|found| like_letter(found))
        .map(|found| found.height())
        .collect();
    if heights.len() < 8 {
        return 0.0;
    }
    heights.sort_unstable();
    heights[heights.len() / 2] as f64
}

fn noise_and_specks(picture: &Picture) -> (f64, f64) {
    let (width, height) = (picture.width, picture.height);
    let mut responses = [0u64; 2048];
    let (mut seen, mut specks) = (0u64, 0u64);
    for y in (1..height - 1).step_by(2) {
        let (up, here, down) = (picture.row(y - 1), picture.row(y), picture.row(y + 1));
        for x in (1 + (y / 2) % 2..width - 1).step_by(2) {
            let at = |row: &[u8], x: usize| i32::from(row[x]);
            let response = at(up, x - 1) - 2 * at(up, x) + at(up, x + 1) - 2 * at(here, x - 1) + 4 * at(here, x)
                - 2 * at(here, x + 1)
                + at(down, x - 1)
                - 2 * at(down, x)
                + at(down, x + 1);
            responses[response.unsigned_abs() as usize] += 1;
            seen += 1;
            let around = [up[x - 1], up[x], up[x + 1], here[x - 1], here[x + 1], down[x - 1], down[x], down[x + 1]];
            let (low, high) = around.iter().fold((255u8, 0u8), |(low, high), &it| (low.min(it), high.max(it)));
            let lone = here[x] > high.saturating_add(SPECK_CONTRAST) || here[x].saturating_add(SPECK_CONTRAST) < low;
            specks += u64::from(lone);
        }
    }
    // the median is that of the paper, which edges of letters do not move; a response spreads six times the noise
    let mut below = 0;
    let median = responses.iter().position(|count| {
        below += count;
        below * 2 >= seen
    });
    (median.unwrap_or_default() as f64 / (6.0 * 0.6745), specks as f64 / seen.max(1) as f64)
}
