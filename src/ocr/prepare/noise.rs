//! Noise: specks are replaced by the median of what is around them, grain is smoothed where no edge is.

use crate::layout::Picture;

/// The page without specks: each pixel is the median of the nine around it, where it stands out from them.
pub(super) fn without_specks(picture: &Picture) -> Picture {
    let mut pixels = picture.pixels.clone();
    for y in 0..picture.height {
        for x in 0..picture.width {
            let mut around = [0u8; 9];
            for (at, shade) in around.iter_mut().enumerate() {
                *shade = picture.at(x as isize + (at % 3) as isize - 1, y as isize + (at / 3) as isize - 1);
            }
            let own = around[4];
            around.sort_unstable();
            // a letter's own corner has at least two neighbours of its shade; a speck has none, or one
            if own <= around[1] || own >= around[7] {
                pixels[y * picture.width + x] = around[4];
            }
        }
    }
    Picture { pixels, ..*picture }
}

/// The page with its grain smoothed: an average over the pixels around that differ by little more than the noise.
pub(super) fn smoothed(picture: &Picture, noise: f64) -> Picture {
    const REACH: isize = 2;
    let near: Vec<(isize, isize, f32)> = (-REACH..=REACH)
        .flat_map(|y| (-REACH..=REACH).map(move |x| (x, y, (-((x * x + y * y) as f32) / 3.0).exp())))
        .collect();
    let spread = (noise * 3.0).clamp(12.0, 90.0);
    let alike: Vec<f32> = (0..256).map(|apart| (-(f64::from(apart) / spread).powi(2) / 2.0).exp() as f32).collect();
    let (width, height) = (picture.width as isize, picture.height as isize);
    let mut pixels = Vec::with_capacity(picture.pixels.len());
    for y in 0..height {
        for x in 0..width {
            let own = picture.pixels[(y * width + x) as usize];
            let inside = x >= REACH && y >= REACH && x < width - REACH && y < height - REACH;
            let (mut sum, mut weight) = (0.0f32, 0.0f32);
            for (dx, dy, close) in &near {
                let other = match inside {
                    true => picture.pixels[((y + dy) * width + x + dx) as usize],
                    false => picture.at(x + dx, y + dy),
                };
                let share = close * alike[usize::from(own.abs_diff(other))];
                sum += share * f32::from(other);
                weight += share;
            }
            pixels.push((sum / weight + 0.5) as u8);
        }
    }
    Picture { pixels, ..*picture }
}
