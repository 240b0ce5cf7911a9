//! Pixels that hang together.

use crate::layout::Picture;

/// Components of a page that are kept; a page with more is noise.
const COMPONENTS_MAX: usize = 2_000_000;

/// A group of dark pixels that touch each other, also across corners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Component {
    pub(crate) x0: usize,
    pub(crate) y0: usize,
    /// Behind the last column.
    pub(crate) x1: usize,
    /// Behind the last row.
    pub(crate) y1: usize,
    pub(crate) pixels: usize,
}

impl Component {
    pub(crate) fn width(&self) -> usize {
        self.x1 - self.x0
    }

    pub(crate) fn height(&self) -> usize {
        self.y1 - self.y0
    }

    fn with(&mut self, other: &Self) {
        self.x0 = self.x0.min(other.x0);
        self.y0 = self.y0.min(other.y0);
        self.x1 = self.x1.max(other.x1);
        self.y1 = self.y1.max(other.y1);
        self.pixels += other.pixels;
    }
}

/// The groups of pixels darker than `threshold`, from the top.
pub(crate) fn components(picture: &Picture, threshold: u8) -> Vec<Component> {
    let dark = |pixel: u8| pixel < threshold;
    let mut parents: Vec<u32> = Vec::new();
    let mut found: Vec<Component> = Vec::new();
    let mut above: Vec<(usize, usize, u32)> = Vec::new();
    for y in 0..picture.height {
        let row = picture.row(y);
        let mut runs: Vec<(usize, usize, u32)> = Vec::with_capacity(above.len());
        let mut x = 0;
        let mut first = 0;
        while x < row.len() {
            if !dark(row[x]) {
                x += 1;
                continue;
            }
            let start = x;
            while x < row.len() && dark(row[x]) {
                x += 1;
            }
            if found.len() >= COMPONENTS_MAX {
                return found;
            }
            let own = Component { x0: start, y0: y, x1: x, y1: y + 1, pixels: x - start };
            let mut label = None;
            while first < above.len() && above[first].1 < start {
                first += 1;
            }
            for &(from, _, other) in above[first..].iter().take_while(|run| run.0 <= x) {
                debug_assert!(from <= x);
                let other = root(&mut parents, other);
                label = Some(match label {
                    None => {
                        found[other as usize].with(&own);
                        other
                    }
                    Some(known) if known == other => known,
                    Some(known) => {
                        let (keep, gone) = (known.min(other), known.max(other));
                        parents[gone as usize] = keep;
                        let moved = found[gone as usize];
                        found[keep as usize].with(&moved);
                        keep
                    }
                });
            }
            let label = label.unwrap_or_else(|| {
                parents.push(found.len() as u32);
                found.push(own);
                (found.len() - 1) as u32
            });
            runs.push((start, x, label));
        }
        above = runs;
    }
    (0..found.len()).filter(|&at| parents[at] == at as u32).map(|at| found[at]).collect()
}

fn root(parents: &mut [u32], mut at: u32) -> u32 {
    while parents[at as usize] != at {
        parents[at as usize] = parents[parents[at as usize] as usize];
        at = parents[at as usize];
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_one_component_and_a_corner_connects() {
        let art = ["#####.#", "#...#.#", "#.#.#..", "#...#..", "#####..", ".....#."];
        let pixels = art.concat().bytes().map(|sign| if sign == b'#' { 0 } else { 255 }).collect();
        let picture = Picture { width: 7, height: 6, dpi: 300, pixels };
        let mut sizes: Vec<usize> = components(&picture, 128).iter().map(|found| found.pixels).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, vec![1, 2, 17]);
    }
}
