//! Light: how light the paper is from place to place, and a page as if it were lit evenly.

use crate::layout::Picture;

/// The side of a tile whose paper is looked at, in a share of the picture's longer side.
const TILES: usize = 48;
/// The share of a tile's pixels that are darker than its paper.
const PAPER_QUANTILE: f64 = 0.85;

/// The paper's shade, tile by tile.
struct Paper {
    side: usize,
    across: usize,
    down: usize,
    shades: Vec<f64>,
}

/// How light the paper is in the middle of all tiles, and by how much it differs.
pub(super) fn measure(picture: &Picture) -> (f64, f64) {
    let paper = Paper::of(picture);
    let mut shades = paper.shades.clone();
    shades.sort_by(f64::total_cmp);
    let at = |share: f64| shades[((shades.len() - 1) as f64 * share) as usize];
    (at(0.5), at(0.95) - at(0.05))
}

/// The page as if its paper were white everywhere.
pub(super) fn even(picture: &Picture) -> Picture {
    let paper = Paper::of(picture);
    let mut pixels = Vec::with_capacity(picture.pixels.len());
    let columns: Vec<(usize, usize, f64)> = (0..picture.width).map(|x| paper.place(x, paper.across)).collect();
    for y in 0..picture.height {
        let (above, below, share) = paper.place(y, paper.down);
        for (pixel, (left, right, part)) in picture.row(y).iter().zip(&columns) {
            let shade = |row: usize, column: usize| paper.shades[row * paper.across + column];
            let upper = shade(above, *left) * (1.0 - part) + shade(above, *right) * part;
            let lower = shade(below, *left) * (1.0 - part) + shade(below, *right) * part;
            let white = (upper * (1.0 - share) + lower * share).max(16.0);
            pixels.push((f64::from(*pixel) * 255.0 / white).min(255.0) as u8);
        }
    }
    Picture { pixels, ..*picture }.stretched()
}

impl Paper {
    fn of(picture: &Picture) -> Self {
        let side = (picture.width.max(picture.height) / TILES).max(8);
        let (across, down) = (picture.width.div_ceil(side), picture.height.div_ceil(side));
        let mut shades = Vec::with_capacity(across * down);
        for tile_y in 0..down {
            for tile_x in 0..across {
                let mut counts = [0u32; 256];
                let mut total = 0;
                for y in (tile_y * side..((tile_y + 1) * side).min(picture.height)).step_by(2) {
                    let row = picture.row(y);
                    for pixel in &row[tile_x * side..((tile_x + 1) * side).min(picture.width)] {
                        counts[usize::from(*pixel)] += 1;
                        total += 1;
                    }
                }
                shades.push(quantile(&counts, total));
            }
        }
        let mut paper = Self { side, across, down, shades };
        // a tile full of ink knows nothing of its paper: the lightest neighbour does
        paper.spread(f64::max);
        paper.spread_mean();
        paper
    }

    fn spread(&mut self, of: fn(f64, f64) -> f64) {
        let known = self.shades.clone();
        self.each(|x, y, paper| paper.around(x, y).map(|at| known[at]).fold(known[y * paper.across + x], of));
    }

    fn spread_mean(&mut self) {
        let known = self.shades.clone();
        self.each(|x, y, paper| {
            let all: Vec<f64> = paper.around(x, y).map(|at| known[at]).collect();
            all.iter().sum::<f64>() / all.len() as f64
        });
    }

    fn each(&mut self, shade: impl Fn(usize, usize, &Self) -> f64) {
        let places = (0..self.down).flat_map(|y| (0..self.across).map(move |x| (x, y)));
        self.shades = places.map(|(x, y)| shade(x, y, self)).collect();
    }

    fn around(&self, x: usize, y: usize) -> impl Iterator<Item = usize> {
        let across = self.across;
        let (left, right) = (x.saturating_sub(1), (x + 1).min(across - 1));
        let (top, bottom) = (y.saturating_sub(1), (y + 1).min(self.down - 1));
        (top..=bottom).flat_map(move |row| (left..=right).map(move |column| row * across + column))
    }

    /// The two tiles between whose middles a pixel lies, and how far it is from the first to the second.
    fn place(&self, pixel: usize, tiles: usize) -> (usize, usize, f64) {
        let at = (pixel as f64 + 0.5) / self.side as f64 - 0.5;
        let first = at.floor().max(0.0) as usize;
        let first = first.min(tiles - 1);
        (first, (first + 1).min(tiles - 1), (at - first as f64).clamp(0.0, 1.0))
    }
}

fn quantile(counts: &[u32; 256], total: u32) -> f64 {
    let wanted = f64::from(total) * PAPER_QUANTILE;
    let mut below = 0.0;
    let found = counts.iter().position(|count| {
        below += f64::from(*count);
        below >= wanted
    });
    found.unwrap_or(255) as f64
}

impl Picture {
    /// The picture with its darkest ink as black.
    fn stretched(mut self) -> Self {
        let mut counts = [0u64; 256];
        self.pixels.iter().for_each(|pixel| counts[usize::from(*pixel)] += 1);
        let wanted = self.pixels.len() as u64 / 200;
        let mut below = 0;
        let dark = counts.iter().position(|count| {
            below += count;
            below > wanted
        });
        let dark = dark.unwrap_or_default().min(160) as f64;
        if dark > 8.0 {
            let stretch = |pixel: u8| ((f64::from(pixel) - dark).max(0.0) * 255.0 / (255.0 - dark)) as u8;
            self.pixels.iter_mut().for_each(|pixel| *pixel = stretch(*pixel));
        }
        self
    }
}
