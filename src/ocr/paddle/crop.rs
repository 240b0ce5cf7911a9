//! A line cut out of a page and set straight.

use super::rectangle::Rectangle;
use crate::layout::Picture;

/// The height that the reading network wants.
pub(super) const HEIGHT: usize = 48;
/// The longest line that is read, in pixels.
const WIDTH_MAX: usize = 48_000;
/// A rectangle this many times higher than wide is a line that runs downwards.
const UPRIGHT: f64 = 1.5;

/// The line inside a rectangle, 48 pixels high.
pub(super) fn cut(picture: &Picture, rectangle: &Rectangle) -> Picture {
    let [mut a, mut b, mut c, mut d] = rectangle.corners;
    let (mut width, mut height) = (rectangle.width().max(1.0), rectangle.height().max(1.0));
    if height > width * UPRIGHT {
        (a, b, c, d) = (b, c, d, a);
        (width, height) = (height, width);
    }
    let across = ((HEIGHT as f64 * width / height).ceil() as usize).clamp(8, WIDTH_MAX);
    // where the line is made smaller, several samples a pixel keep thin strokes
    let samples = ((height / HEIGHT as f64).round() as usize).clamp(1, 4);
    let mut pixels = Vec::with_capacity(across * HEIGHT);
    let _ = c;
    for y in 0..HEIGHT {
        for x in 0..across {
            let mut sum = 0.0;
            for at in 0..samples * samples {
                let part = |at: usize| (at as f64 + 0.5) / samples as f64;
                let u = (x as f64 + part(at % samples)) / across as f64;
                let v = (y as f64 + part(at / samples)) / HEIGHT as f64;
                let from_x = a.0 + (b.0 - a.0) * u + (d.0 - a.0) * v;
                let from_y = a.1 + (b.1 - a.1) * u + (d.1 - a.1) * v;
                sum += sample(picture, from_x - 0.5, from_y - 0.5);
            }
            pixels.push((sum / (samples * samples) as f64 + 0.5) as u8);
        }
    }
    Picture { width: across, height: HEIGHT, dpi: picture.dpi, pixels }
}

fn sample(picture: &Picture, x: f64, y: f64) -> f64 {
    let (left, top) = (x.floor(), y.floor());
    let (across, down) = (x - left, y - top);
    let at = |dx: isize, dy: isize| f64::from(picture.at(left as isize + dx, top as isize + dy));
    let upper = at(0, 0) * (1.0 - across) + at(1, 0) * across;
    let lower = at(0, 1) * (1.0 - across) + at(1, 1) * across;
    upper * (1.0 - down) + lower * down
}
