//! Pixels as a file has them: shades of grey, colours or inks, without anything to see through.

use crate::layout::Picture;
use crate::pdf::EmbeddedPicture;

/// A picture of bytes, row by row from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Raster {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Bytes a pixel: 1 for shades of grey, 3 for colours, 4 for inks.
    pub(super) components: usize,
    pub(super) pixels: Vec<u8>,
}

/// How a pixel is seen through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alpha {
    /// Its colour is that of what is there.
    Apart,
    /// Its colour is made darker by as much as is missing already.
    Multiplied,
}

impl Raster {
    /// Of pixels that have one byte more, which says how much of them is there; paper lies below.
    pub(super) fn on_paper(width: usize, height: usize, components: usize, alpha: Alpha, values: &[u8]) -> Self {
        // no light is white paper, and so is no ink
        let paper: u32 = if components == 4 { 0 } else { 255 };
        let over = |pixel: &[u8]| {
            let there = u32::from(pixel[components]);
            let mix = move |value: &u8| match alpha {
                Alpha::Apart => ((u32::from(*value) * there + paper * (255 - there) + 127) / 255) as u8,
                Alpha::Multiplied => (u32::from(*value) + paper * (255 - there) / 255).min(255) as u8,
            };
            pixel[..components].iter().map(mix).collect::<Vec<u8>>()
        };
        Self { width, height, components, pixels: values.chunks_exact(components + 1).flat_map(over).collect() }
    }

    /// The picture set upright; `orientation` as TIFF and EXIF number it.
    pub(super) fn upright(self, orientation: u16) -> Self {
        let (width, height, size) = (self.width, self.height, self.components);
        let (across, down) = if orientation >= 5 { (height, width) } else { (width, height) };
        let from = |x: usize, y: usize| match orientation {
            2 => (width - 1 - x, y),
            3 => (width - 1 - x, height - 1 - y),
            4 => (x, height - 1 - y),
            5 => (y, x),
            6 => (y, height - 1 - x),
            7 => (width - 1 - y, height - 1 - x),
            8 => (width - 1 - y, x),
            _ => (x, y),
        };
        if !(2..=8).contains(&orientation) {
            return self;
        }
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for y in 0..down {
            for x in 0..across {
                let (x, y) = from(x, y);
                let at = (y * width + x) * size;
                pixels.extend(&self.pixels[at..at + size]);
            }
        }
        Self { width: across, height: down, components: size, pixels }
    }

    /// In shades of grey.
    pub(super) fn grey(&self, dpi: u32) -> Picture {
        let shade = |pixel: &[u8]| match pixel {
            [cyan, magenta, yellow, black] => {
                let light = |ink: &u8| u32::from(255 - ink) * u32::from(255 - black) / 255;
                luma(light(cyan), light(magenta), light(yellow))
            }
            [red, green, blue] => luma(u32::from(*red), u32::from(*green), u32::from(*blue)),
            _ => pixel.first().copied().unwrap_or(255),
        };
        let pixels = match self.components {
            1 => self.pixels.clone(),
            components => self.pixels.chunks_exact(components).map(shade).collect(),
        };
        Picture { width: self.width, height: self.height, dpi, pixels }
    }

    /// As a PDF holds it.
    pub(super) fn embedded(&self, dpi: u32) -> EmbeddedPicture {
        EmbeddedPicture::of(self.width, self.height, dpi, self.components as u8, &self.pixels)
    }
}

fn luma(red: u32, green: u32, blue: u32) -> u8 {
    ((red * 299 + green * 587 + blue * 114 + 500) / 1000).min(255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_paper() {
        let of = |alpha, values: &[u8]| Raster::on_paper(1, 1, 3, alpha, values).pixels;
        assert_eq!(of(Alpha::Apart, &[0, 0, 0, 0]), [255, 255, 255]);
        assert_eq!(of(Alpha::Apart, &[0, 100, 0, 255]), [0, 100, 0]);
        assert_eq!(of(Alpha::Multiplied, &[0, 50, 0, 128]), [127, 177, 127]);
        assert_eq!(Raster::on_paper(1, 1, 4, Alpha::Apart, &[9, 9, 9, 9, 0]).pixels, [0, 0, 0, 0]);
    }

    #[test]
    fn each_orientation_is_undone() {
        // 1 2 3
        // 4 5 6
        let upright = Raster { width: 3, height: 2, components: 1, pixels: vec![1, 2, 3, 4, 5, 6] };
        let stored: [(u16, usize, [u8; 6]); 8] = [
            (1, 3, [1, 2, 3, 4, 5, 6]),
            (2, 3, [3, 2, 1, 6, 5, 4]),
            (3, 3, [6, 5, 4, 3, 2, 1]),
            (4, 3, [4, 5, 6, 1, 2, 3]),
            (5, 2, [1, 4, 2, 5, 3, 6]),
            (6, 2, [3, 6, 2, 5, 1, 4]),
            (7, 2, [6, 3, 5, 2, 4, 1]),
            (8, 2, [4, 1, 5, 2, 6, 3]),
        ];
        for (orientation, width, pixels) in stored {
            let raster = Raster { width, height: 6 / width, components: 1, pixels: pixels.to_vec() };
            assert_eq!(raster.upright(orientation), upright, "{orientation}");
        }
    }
}
