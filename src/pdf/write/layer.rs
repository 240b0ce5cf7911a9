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

/// The text of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct TextLayer {
    /// The page, from 1 on.
    pub page: usize,
    /// Its words, in the order in which they are read.
    pub words: Vec<LayerWord>,
    /// What is shown instead of what the page draws; `None` to leave it as it is.
    pub picture: Option<EmbeddedPicture>,
}

/// The operations that write the words; `matrix` leads from points of what is seen to the space of the page.
pub(super) fn operations(words: &[LayerWord], matrix: &Affine, font: &mut Glyphless) -> String {
    let mut out = String::from("BT 3 Tr\n");
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
            out.push_str(&format!("/DcText{} {} Tf <{codes}> Tj\n", run.font, number(size)));
        }
    }
    out.push_str("ET\n");
    out
}
