//! A page as dots.

/// A picture in shades of grey, a byte a pixel, row by row from the top; 0 is black.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// Pixels an inch.
    pub dpi: u32,
    /// `width` times `height` bytes.
    pub pixels: Vec<u8>,
}

impl Picture {
    /// A picture of one shade.
    pub fn filled(width: usize, height: usize, dpi: u32, shade: u8) -> Self {
        Self { width, height, dpi, pixels: vec![shade; width * height] }
    }

    /// The row `y`.
    pub fn row(&self, y: usize) -> &[u8] {
        &self.pixels[y * self.width..(y + 1) * self.width]
    }

    /// The pixel, or that at the nearest border for what lies outside.
    pub fn at(&self, x: isize, y: isize) -> u8 {
        let x = x.clamp(0, self.width as isize - 1) as usize;
        let y = y.clamp(0, self.height as isize - 1) as usize;
        self.pixels[y * self.width + x]
    }

    /// Whether it has no pixels.
    pub fn is_empty(&self) -> bool {
        self.pixels.is_empty()
    }

    /// Points a pixel.
    pub fn points(&self) -> f64 {
        72.0 / f64::from(self.dpi.max(1))
    }
}
