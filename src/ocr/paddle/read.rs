//! What a line says: a network gives each narrow column of it a letter or a gap.

use rten::RunOptions;
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use super::super::found::FoundWord;
use super::super::prepare::threshold;
use super::crop::HEIGHT;
use super::detect::failed;
use super::models::Models;
use super::order::Piece;
use super::rectangle::Rectangle;
use super::tiles::parts;
use crate::error::{Error, Result};
use crate::layout::Picture;

/// The longest line that is read at once, in pixels, and the parts of one that is longer.
const WIDTH_MAX: usize = 3200;
const PART_MAX: usize = 2400;
/// Lines whose letters are less probable than this are none.
const TEXT_MIN: f32 = 0.5;

/// A letter, where in its line it stands (0 to 1), and how probable it is.
pub(super) struct Sign {
    letter: String,
    at: f64,
    probability: f32,
}

/// The letters of a line; a long one is read in parts, from gap to gap.
pub(super) fn line(models: &Models, crop: &Picture, run: &RunOptions) -> Result<Vec<Sign>> {
    if crop.width <= WIDTH_MAX {
        return text(models, crop, run);
    }
    let dark = threshold(crop);
    let ink = |x: usize| (0..HEIGHT).filter(|y| crop.pixels[y * crop.width + x] < dark).count();
    let mut signs = Vec::new();
    for part in parts(crop.width, PART_MAX, ink) {
        let pixels = (0..HEIGHT).flat_map(|y| crop.row(y)[part.clone()].iter().copied()).collect();
        let piece = Picture { width: part.len(), height: HEIGHT, dpi: crop.dpi, pixels };
        let place = |at: f64| (part.start as f64 + at * part.len() as f64) / crop.width as f64;
        if !signs.is_empty() {
            signs.push(Sign { letter: " ".to_owned(), at: place(0.0), probability: 1.0 });
        }
        signs.extend(text(models, &piece, run)?.into_iter().map(|sign| Sign { at: place(sign.at), ..sign }));
    }
    Ok(signs)
}

/// The letters of a line. Lines are read one by one: what the network makes of several at once does not fit into the
/// processor's caches, and takes longer than they do in turn.
fn text(models: &Models, crop: &Picture, run: &RunOptions) -> Result<Vec<Sign>> {
    let width = crop.width.div_ceil(8) * 8;
    let mut data = vec![0f32; 3 * HEIGHT * width];
    for plane in data.chunks_exact_mut(HEIGHT * width) {
        for (y, line) in plane.chunks_exact_mut(width).enumerate() {
            line.iter_mut().zip(crop.row(y)).for_each(|(value, pixel)| *value = f32::from(*pixel) / 127.5 - 1.0);
        }
    }
    let input = NdTensor::from_data([1, 3, HEIGHT, width], data);
    let output = models.read.run_one(input.view().into(), Some(run.clone())).map_err(|cause| failed(&cause))?;
    let classes: NdTensor<f32, 3> =
        output.try_into().map_err(|_| Error::failed("read lines: the model gives no letters"))?;
    let [lines, _, count] = classes.shape();
    if lines != 1 || count == 0 || count > models.letters.len() {
        let message = format!("read lines: the model gives {count} letters and names {}", models.letters.len());
        return Err(Error::failed(message).hint("fetch the models again: `dc ocr --install-models`"));
    }
    Ok(signs(&classes.to_vec(), count, &models.letters, width as f64 / crop.width as f64))
}

/// A letter that stands in several columns in a row is one; the first class is a gap.
fn signs(classes: &[f32], count: usize, letters: &[String], share: f64) -> Vec<Sign> {
    let columns = classes.len() / count;
    let mut signs: Vec<Sign> = Vec::new();
    let mut last = 0;
    for (column, values) in classes.chunks_exact(count).enumerate() {
        let (mut best, mut probability) = (0, f32::NEG_INFINITY);
        for (class, value) in values.iter().enumerate() {
            if *value > probability {
                (best, probability) = (class, *value);
            }
        }
        if best != 0 && best != last {
            let at = ((column as f64 + 0.5) / columns as f64 * share).min(1.0);
            signs.push(Sign { letter: letters[best].clone(), at, probability });
        }
        last = best;
    }
    signs
}

/// The words of a line where it stands on the page; `None` where it says nothing.
pub(super) fn piece(rectangle: &Rectangle, signs: Vec<Sign>) -> Option<Piece> {
    let letters: Vec<&Sign> = signs.iter().filter(|sign| !sign.letter.trim().is_empty()).collect();
    let mean = letters.iter().map(|sign| sign.probability).sum::<f32>() / letters.len().max(1) as f32;
    if letters.is_empty() || mean < TEXT_MIN {
        return None;
    }
    let downwards = rectangle.height() > rectangle.width() * 1.5;
    let mut words = Vec::new();
    // half a letter to each side of a letter's middle
    let half = 0.5 / signs.len().max(1) as f64;
    for word in signs.split(|sign| sign.letter.trim().is_empty()).filter(|word| !word.is_empty()) {
        let (start, end) = ((word[0].at - half).max(0.0), (word[word.len() - 1].at + half).min(1.0));
        let area = if downwards { rectangle.area() } else { rectangle.part(start, end) };
        let probability = word.iter().map(|sign| sign.probability).sum::<f32>() / word.len() as f32;
        let text = word.iter().map(|sign| sign.letter.as_str()).collect();
        words.push(FoundWord { text, area, confidence: probability * 100.0 });
    }
    Some(Piece { area: rectangle.area(), words })
}
