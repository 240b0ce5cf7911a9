//! Where lines of text are: a network gives each pixel the probability that it is of text, and what hangs together is a
//! line.

use rten::RunOptions;
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use super::super::prepare::sized;
use super::models::Models;
use super::rectangle::{Rectangle, smallest};
use crate::error::{Error, Result};
use crate::layout::Picture;

/// The network's picture has sides that this divides.
const STEP: usize = 32;
/// The longer side of the picture that it is shown, at most and at least.
const SIDE: (f64, f64) = (2240.0, 640.0);
/// The height of letters that it finds well, in pixels; it finds larger ones as well, and takes longer.
const LETTER: f64 = 7.5;
/// A pixel is text from this probability on.
const PIXEL_MIN: f32 = 0.3;
/// A line is one from this mean probability on.
const LINE_MIN: f32 = 0.5;
/// By how much a line is larger than the core that the network marks.
const GROWTH: f64 = 1.6;
/// Lower cores are no line.
const CORE_MIN: f64 = 3.0;
/// Lines of a page, at most.
const LINES_MAX: usize = 3000;

/// The longest picture in which letters of this height are found, in pixels.
pub(super) fn length_max(letter: f64) -> f64 {
    if letter > 0.0 { SIDE.0 * letter / LETTER } else { f64::INFINITY }
}

/// The lines of a picture whose letters are so high.
pub(super) fn rectangles(models: &Models, picture: &Picture, letter: f64, run: &RunOptions) -> Result<Vec<Rectangle>> {
    let long = picture.width.max(picture.height) as f64;
    let wanted = if letter > 0.0 { LETTER / letter } else { 1.0 };
    let factor = wanted.clamp(SIDE.1 / long, SIDE.0 / long).min(4.0);
    let side = |side: usize| (((side as f64 * factor / STEP as f64).round() as usize).max(1)) * STEP;
    let (width, height) = (side(picture.width), side(picture.height));
    let small = sized(picture, width, height, picture.dpi);
    let plane: Vec<f32> = small.pixels.iter().map(|pixel| f32::from(*pixel) / 127.5 - 1.0).collect();
    let input = NdTensor::from_data([1, 3, height, width], plane.repeat(3));
    let output = models.detect.run_one(input.view().into(), Some(run.clone())).map_err(|cause| failed(&cause))?;
    let map: NdTensor<f32, 4> = output.try_into().map_err(|_| Error::failed("find lines: the model gives no map"))?;
    let [_, _, down, across] = map.shape();
    let map = map.to_vec();
    if map.len() < down * across || across == 0 {
        return Err(Error::failed("find lines: the model gives an empty map"));
    }
    let (x, y) = (picture.width as f64 / across as f64, picture.height as f64 / down as f64);
    Ok(cores(&map, across, down)
        .iter()
        .filter_map(|core| line(&map, across, down, core))
        .map(|it| it.scaled(x, y))
        .collect())
}

pub(super) fn failed(cause: &dyn std::error::Error) -> Error {
    Error::failed(format!("run the model: {cause}")).hint("fetch the models again: `dc ocr --install-models`")
}

/// The outlines of what hangs together: for each row the first and the last pixel.
fn cores(map: &[f32], across: usize, down: usize) -> Vec<Vec<(f64, f64)>> {
    let mut seen = vec![false; across * down];
    let mut cores = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    for start in 0..across * down {
        if seen[start] || map[start] <= PIXEL_MIN {
            continue;
        }
        seen[start] = true;
        open.push(start);
        let mut rows: Vec<(usize, usize, usize)> = Vec::new();
        while let Some(at) = open.pop() {
            let (x, y) = (at % across, at / across);
            rows.push((y, x, x));
            for near_y in y.saturating_sub(1)..=(y + 1).min(down - 1) {
                for near_x in x.saturating_sub(1)..=(x + 1).min(across - 1) {
                    let near = near_y * across + near_x;
                    if !seen[near] && map[near] > PIXEL_MIN {
                        seen[near] = true;
                        open.push(near);
                    }
                }
            }
        }
        rows.sort_unstable();
        let outline = rows.chunk_by(|a, b| a.0 == b.0).flat_map(|row| {
            let (y, first, last) = (row[0].0 as f64, row[0].1 as f64, row[row.len() - 1].1 as f64);
            [(first, y), (last + 1.0, y), (first, y + 1.0), (last + 1.0, y + 1.0)]
        });
        cores.push(outline.collect());
        if cores.len() >= LINES_MAX {
            break;
        }
    }
    cores
}

fn line(map: &[f32], across: usize, down: usize, core: &[(f64, f64)]) -> Option<Rectangle> {
    let rectangle = smallest(core)?;
    let (width, height) = (rectangle.width(), rectangle.height());
    if width.min(height) < CORE_MIN || mean(map, across, down, &rectangle) < LINE_MIN {
        return None;
    }
    let by = width * height * GROWTH / (2.0 * (width + height));
    Some(rectangle.grown(by))
}

fn mean(map: &[f32], across: usize, down: usize, rectangle: &Rectangle) -> f32 {
    let area = rectangle.area();
    let (mut sum, mut count) = (0.0, 0u32);
    for y in area.top.max(0.0) as usize..(area.bottom.ceil() as usize).min(down) {
        for x in area.x0.max(0.0) as usize..(area.x1.ceil() as usize).min(across) {
            if rectangle.holds(x as f64 + 0.5, y as f64 + 0.5) {
                sum += map[y * across + x];
                count += 1;
            }
        }
    }
    if count == 0 { 0.0 } else { sum / count as f32 }
}
