//! The text of a page as drawing operations that leave no ink.

use hayro::kurbo::{Affine, Point};
use serde::{Deserialize, Serialize};

use super::glyphless::{Glyphless, WIDTH};
use super::object::number;
use super::picture::EmbeddedPicture;
use crate::layout::Area;

/// How far letters reach below their line, of their height.
const DESCENT: f64 = 0.2;

/// A word and its place in points from the top left corner of what is seen of the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerWord {
    /// The letters.
    pub text: String,
    /// Its place.
    pub area: Area,
    /// Whether the next word stands on the same line: a space follows then.
    pub followed: bool,
}

/// What becomes of the text that a page has already. In no case does a stroke of it move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OwnText {
    /// All of it stays.
    Kept,
    /// Hidden text goes; what is seen stays text.
    #[default]
    WithoutHidden,
    /// Hidden text goes; what is seen stays, and is text no more.
    Silent,
}

/// Text for a page of a PDF.
#[derive(Debug, Clone, PartialEq)]
pub struct TextLayer {
    /// The page, from 1 on.
    pub page: usize,
    /// Its words, in the order in which they are read, on the page as it is seen when it is turned by `turned`.
    pub words: Vec<LayerWord>,
    /// By how many degrees the page must be turned, clockwise, to stand upright: 0, 90, 180 or 270.
    pub turned: u16,
    /// Whether the page is turned so for whoever looks at it.
    pub rotates: bool,
    /// By how many degrees its drawing is turned back about its middle, because its lines fall so far to the right. No
    /// picture is changed, and nothing stands where it stood.
    pub tilt: f64,
    /// What becomes of the text that it has.
    pub own: OwnText,
}

/// A picture that becomes a page, with its text.
#[derive(Debug, Clone, PartialEq)]
pub struct PicturePage {
    /// The picture.
    pub picture: EmbeddedPicture,
    /// As [`TextLayer::words`].
    pub words: Vec<LayerWord>,
    /// As [`TextLayer::turned`].
    pub turned: u16,
    /// As [`TextLayer::rotates`].
    pub rotates: bool,
    /// As [`TextLayer::tilt`].
    pub tilt: f64,
}

/// From points of a page of this size, as it is seen, to those of the page turned clockwise.
pub fn turning(degrees: u16, (width, height): (f64, f64)) -> [f64; 6] {
    match degrees {
        90 => [0.0, 1.0, -1.0, 0.0, height, 0.0],
        180 => [-1.0, 0.0, 0.0, -1.0, width, height],
        270 => [0.0, -1.0, 1.0, 0.0, 0.0, width],
        _ => [1.0, 0.0, 0.0, 1.0, 0.0, 0.0],
    }
}

/// The operation that turns a drawing back by so many degrees about the middle of what is seen; `matrix` leads from the
/// space of the drawing to points of what is seen, and `size` is that of what is seen.
pub(super) fn straightening(degrees: f64, matrix: &Affine, (width, height): (f64, f64)) -> String {
    let middle = Point::new(width / 2.0, height / 2.0);
    let seen = Affine::rotate_about(-degrees.to_radians(), middle);
    let own = matrix.inverse() * seen * *matrix;
    // a page turned by a tenth of a degree over a metre needs more digits than a place does
    let coefficients = own.as_coeffs().map(|value| format!("{value:.6}"));
    format!("{} cm\n", coefficients.join(" "))
}

/// The operations that write the words; `matrix` leads from points of what is seen to the space of the page.
pub(super) fn operations(words: &[LayerWord], matrix: &Affine, font: &mut Glyphless) -> String {
    let mut out = String::from("q BT 3 Tr\n");
    for word in words {
        let size = word.area.height().max(1.0);
        let letters = word.text.chars().count();
        let width = word.area.width().max(0.5);
        if letters == 0 {
            continue;
        }
        let start = *matrix * Point::new(word.area.x0, word.area.bottom - size * DESCENT);
        // text runs to the right and its letters stand up, however the page is turned
        let [a, b, c, d, ..] = matrix.as_coeffs();
        let stretch = 100.0 * width / (letters as f64 * WIDTH * size);
        let place = [a, b, -c, -d, start.x, start.y].map(number).join(" ");
        out.push_str(&format!("{place} Tm {} Tz\n", number(stretch.clamp(1.0, 5000.0))));
        let text = if word.followed { format!("{} ", word.text) } else { word.text.clone() };
        for run in font.runs(&text) {
            let codes: String = run.codes.iter().map(|code| format!("{code:02x}")).collect();
            out.push_str(&format!("/{} {} Tf <{codes}> Tj\n", font.name(run.font), number(size)));
        }
    }
    out.push_str("ET Q\n");
    out
}
