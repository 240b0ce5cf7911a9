//! Another size.

use crate::layout::Picture;

/// The picture `factor` times as large: smooth where it grows, averaged where it shrinks.
pub(crate) fn resized(picture: &Picture, factor: f64) -> Picture {
    let width = ((picture.width as f64 * factor).round() as usize).max(1);
    let height = ((picture.height as f64 * factor).round() as usize).max(1);
    let dpi = ((f64::from(picture.dpi) * factor).round() as u32).max(1);
    sized(picture, width, height, dpi)
}

/// The picture in another width and height.
pub(crate) fn sized(picture: &Picture, width: usize, height: usize, dpi: u32) -> Picture {
    let across = weights(picture.width, width);
    let down = weights(picture.height, height);
    // first the rows that each line needs are made narrower or wider, then put together
    let mut narrow = vec![0f32; width * picture.height];
    for (y, line) in narrow.chunks_exact_mut(width).enumerate() {
        let row = picture.row(y);
        for (out, (from, shares)) in line.iter_mut().zip(&across) {
            *out = shares.iter().zip(&row[*from..]).map(|(share, pixel)| share * f32::from(*pixel)).sum();
        }
    }
    let mut pixels = Vec::with_capacity(width * height);
    let mut line = vec![0f32; width];
    for (from, shares) in &down {
        line.fill(0.0);
        for (share, row) in shares.iter().zip(narrow[from * width..].chunks_exact(width)) {
            line.iter_mut().zip(row).for_each(|(sum, shade)| *sum += share * shade);
        }
        pixels.extend(line.iter().map(|shade| (shade + 0.5).clamp(0.0, 255.0) as u8));
    }
    Picture { width, height, dpi, pixels }
}

/// For each pixel of the new side: the first pixel of the old one that counts, and how much it and those after it do.
fn weights(old: usize, new: usize) -> Vec<(usize, Vec<f32>)> {
    let step = old as f64 / new as f64;
    let reach = step.max(1.0) * 2.0;
    let weight = |at: usize| {
        let middle = (at as f64 + 0.5) * step - 0.5;
        let first = (middle - reach).ceil().max(0.0) as usize;
        let last = ((middle + reach).floor() as usize).min(old - 1);
        let mut shares: Vec<f32> =
            (first..=last).map(|from| cubic((from as f64 - middle) / step.max(1.0)) as f32).collect();
        let sum: f32 = shares.iter().sum();
        shares.iter_mut().for_each(|share| *share /= sum);
        (first, shares)
    };
    (0..new).map(weight).collect()
}

/// Catmull and Rom's cubic.
fn cubic(at: f64) -> f64 {
    let at = at.abs();
    match at {
        _ if at < 1.0 => 1.5 * at.powi(3) - 2.5 * at.powi(2) + 1.0,
        _ if at < 2.0 => -0.5 * at.powi(3) + 2.5 * at.powi(2) - 4.0 * at + 2.0,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_picture_stays_plain_and_a_size_is_kept() {
        let picture = resized(&Picture::filled(30, 20, 100, 77), 2.5);
        assert_eq!((picture.width, picture.height, picture.dpi), (75, 50, 250));
        assert!(picture.pixels.iter().all(|pixel| *pixel == 77));
        assert!(resized(&picture, 0.3).pixels.iter().all(|pixel| *pixel == 77));
    }
}
