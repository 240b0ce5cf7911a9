//! A page made easier to read. Each step is taken only where a measurement of the page says that it is needed: on a clean
//! page every one of them does harm.

mod components;
mod light;
mod measure;
mod noise;
mod scale;
mod tilt;

pub(super) use components::{Component, components};
pub use measure::Measurement;
pub(super) use measure::{letter_height, threshold};
pub(super) use scale::{resized, sized};

use serde::{Deserialize, Serialize};

use crate::layout::{Area, Picture};

/// Which steps may be taken, and how large a prepared picture may be.
#[derive(Debug, Clone, Copy)]
pub struct Preprocessor {
    /// Whether uneven or dark light is taken out.
    pub light: bool,
    /// Whether noise and specks are taken out.
    pub noise: bool,
    /// Whether small letters are enlarged and huge ones made smaller.
    pub scale: bool,
    /// Whether a tilted page is set straight.
    pub tilt: bool,
    /// Whether specks and grain are taken out of every page, and not only where many are measured.
    pub cleans_all: bool,
    /// No picture is enlarged beyond this.
    pub pixels_max: usize,
}

impl Default for Preprocessor {
    fn default() -> Self {
        Self { light: true, noise: true, scale: true, tilt: true, cleans_all: false, pixels_max: 100_000_000 }
    }
}

/// A step that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// White on black was turned around.
    Inverted,
    /// The light was made even.
    Light,
    /// Noise was smoothed.
    Noise,
    /// Specks were taken out.
    Specks,
    /// The picture was made this many times as large.
    Scaled(f64),
    /// The page was turned by so many degrees, clockwise.
    Straightened(f64),
    /// The page was turned by quarters, clockwise.
    Turned(u16),
}

impl Step {
    /// One word, for a table.
    pub fn word(&self) -> String {
        match self {
            Self::Inverted => "inverted".to_owned(),
            Self::Light => "light".to_owned(),
            Self::Noise => "noise".to_owned(),
            Self::Specks => "specks".to_owned(),
            Self::Scaled(factor) => format!("scaled {factor:.1}"),
            Self::Straightened(degrees) => format!("straightened {degrees:.1}"),
            Self::Turned(degrees) => format!("turned {degrees}"),
        }
    }
}

/// A prepared page, and the way back.
pub struct Prepared {
    /// The picture to read.
    pub picture: Picture,
    /// What was found out about the page.
    pub measurement: Measurement,
    /// What was done to it, in this order.
    pub steps: Vec<Step>,
    /// Width and height before.
    original: (f64, f64),
}

impl Preprocessor {
    /// Prepares a page.
    pub fn prepare(&self, picture: &Picture) -> Prepared {
        let mut measurement = Measurement::of(picture);
        let mut steps = Vec::new();
        let mut page = picture.clone();
        if measurement.is_inverted() {
            page.pixels.iter_mut().for_each(|pixel| *pixel = 255 - *pixel);
            measurement = Measurement::of(&page);
            steps.push(Step::Inverted);
        }
        if self.noise && (measurement.has_specks() || self.cleans_all) {
            page = noise::without_specks(&page);
            steps.push(Step::Specks);
        }
        if self.light && measurement.needs_light() {
            page = light::even(&page);
            steps.push(Step::Light);
        }
        if self.noise && (measurement.needs_smoothing() || self.cleans_all) {
            page = noise::smoothed(&page, measurement.noise);
            steps.push(Step::Noise);
        }
        if !steps.is_empty() {
            measurement.look_at_letters(&page);
        }
        if let Some(factor) = self.scale.then(|| measurement.scale(page.pixels.len(), self.pixels_max)).flatten() {
            page = resized(&page, factor);
            steps.push(Step::Scaled(factor));
        }
        if self.tilt && measurement.is_tilted() {
            page = tilt::straightened(&page, measurement.tilt);
            steps.push(Step::Straightened(measurement.tilt));
        }
        let original = (picture.width as f64, picture.height as f64);
        Prepared { picture: page, measurement, steps, original }
    }
}

impl Prepared {
    /// How high letters are in the prepared picture.
    pub(super) fn letter_height(&self) -> f64 {
        self.measurement.letter_height * self.factor()
    }

    /// The quarter turns, clockwise, that may set it upright: its lines tell whether it lies on its side.
    pub(super) fn turns(&self) -> &'static [u16] {
        if tilt::runs_down(&self.picture, threshold(&self.picture)) { &[90, 270] } else { &[180] }
    }

    fn factor(&self) -> f64 {
        let scaled =
            self.steps.iter().find_map(|step| if let Step::Scaled(factor) = step { Some(*factor) } else { None });
        scaled.unwrap_or(1.0)
    }

    /// The prepared page turned by quarters, clockwise, from where it stood at first: 90, 180 or 270 degrees.
    pub(super) fn turned_from_start(&self, degrees: u16) -> Self {
        match self.steps.last() {
            Some(Step::Turned(already)) => {
                let mut start = self.turned((360 - already) % 360);
                start.steps.truncate(self.steps.len() - 1);
                start.turned(degrees)
            }
            _ => self.turned(degrees),
        }
    }

    fn turned(&self, degrees: u16) -> Self {
        let mut steps = self.steps.clone();
        steps.push(Step::Turned(degrees));
        Self { picture: turned(&self.picture, degrees), measurement: self.measurement, steps, original: self.original }
    }

    /// Where an area of the prepared picture lies in the original, in its pixels.
    pub fn to_original(&self, area: &Area) -> Area {
        let (mut width, mut height) = (self.picture.width as f64, self.picture.height as f64);
        let mut area = *area;
        for step in self.steps.iter().rev() {
            match step {
                Step::Turned(degrees) => {
                    area = unturned(&area, *degrees, width, height);
                    if degrees % 180 == 90 {
                        (width, height) = (height, width);
                    }
                }
                Step::Straightened(degrees) => {
                    let (before_width, before_height) = self.before_straightening();
                    area = tilt::back(&area, *degrees, (width, height), (before_width, before_height));
                    (width, height) = (before_width, before_height);
                }
                Step::Scaled(factor) => {
                    area = area.scaled(1.0 / factor);
                    (width, height) = self.original;
                }
                Step::Inverted | Step::Light | Step::Noise | Step::Specks => {}
            }
        }
        area
    }

    fn before_straightening(&self) -> (f64, f64) {
        let factor = self.factor();
        ((self.original.0 * factor).round(), (self.original.1 * factor).round())
    }
}

fn turned(picture: &Picture, degrees: u16) -> Picture {
    let (width, height) = (picture.width, picture.height);
    let (across, down) = if degrees % 180 == 90 { (height, width) } else { (width, height) };
    let mut pixels = Vec::with_capacity(width * height);
    for y in 0..down {
        for x in 0..across {
            let (from_x, from_y) = match degrees {
                90 => (y, height - 1 - x),
                180 => (width - 1 - x, height - 1 - y),
                270 => (width - 1 - y, x),
                _ => (x, y),
            };
            pixels.push(picture.pixels[from_y * width + from_x]);
        }
    }
    Picture { width: across, height: down, dpi: picture.dpi, pixels }
}

/// `width` and `height` are those of the turned picture.
fn unturned(area: &Area, degrees: u16, width: f64, height: f64) -> Area {
    let Area { x0, top, x1, bottom } = *area;
    match degrees {
        90 => Area { x0: top, top: width - x1, x1: bottom, bottom: width - x0 },
        180 => Area { x0: width - x1, top: height - bottom, x1: width - x0, bottom: height - top },
        270 => Area { x0: height - bottom, top: x0, x1: height - top, bottom: x1 },
        _ => *area,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_finds_its_way_back_through_a_quarter_turn() {
        let mut picture = Picture::filled(40, 30, 300, 255);
        picture.pixels[5 * 40 + 7] = 0;
        let prepared =
            Prepared { measurement: Measurement::of(&picture), picture, steps: vec![], original: (40.0, 30.0) };
        for degrees in [90, 180, 270] {
            let page = prepared.turned(degrees);
            let at = page.picture.pixels.iter().position(|pixel| *pixel == 0).expect("the dot");
            let (x, y) = ((at % page.picture.width) as f64, (at / page.picture.width) as f64);
            let back = page.to_original(&Area { x0: x, top: y, x1: x + 1.0, bottom: y + 1.0 });
            assert_eq!((back.x0, back.top, back.x1, back.bottom), (7.0, 5.0, 8.0, 6.0), "{degrees}");
        }
    }
}
