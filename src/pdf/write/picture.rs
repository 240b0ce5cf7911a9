//! A picture as a PDF holds it.

use super::object::packed;

/// How the bytes of a picture are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// As zlib packs them.
    Flate,
    /// As a JPEG file has them.
    Jpeg,
}

/// A picture as a PDF holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedPicture {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// Pixels an inch.
    pub dpi: u32,
    /// 1 for shades of grey, 3 for colours, 4 for inks.
    pub components: u8,
    /// 1 or 8.
    pub bits: u8,
    /// How its bytes are packed.
    pub filter: Filter,
    /// Its bytes, packed.
    pub data: Vec<u8>,
}

impl EmbeddedPicture {
    /// A picture of bytes, `components` a pixel. One of black and white alone takes a bit a pixel.
    pub fn of(width: usize, height: usize, dpi: u32, components: u8, pixels: &[u8]) -> Self {
        let is_two_coloured = components == 1 && pixels.iter().all(|pixel| matches!(pixel, 0 | 255));
        let (bits, data) = match is_two_coloured {
            true => (1, packed(&bits(width, pixels))),
            false => (8, packed(pixels)),
        };
        Self { width, height, dpi, components, bits, filter: Filter::Flate, data }
    }

    /// Width and height in points.
    pub fn size(&self) -> (f64, f64) {
        let points = 72.0 / f64::from(self.dpi.max(1));
        (self.width as f64 * points, self.height as f64 * points)
    }
}

fn bits(width: usize, pixels: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for row in pixels.chunks_exact(width.max(1)) {
        for eight in row.chunks(8) {
            out.push(eight.iter().enumerate().fold(0u8, |byte, (at, pixel)| byte | ((pixel >> 7) << (7 - at))));
        }
    }
    out
}

pub(super) fn picture_object(picture: &EmbeddedPicture) -> Vec<u8> {
    let space = match picture.components {
        1 => "DeviceGray",
        4 => "DeviceCMYK",
        _ => "DeviceRGB",
    };
    let (filter, decode) = match (picture.filter, picture.components) {
        (Filter::Flate, _) => ("FlateDecode", ""),
        // the inks of JPEG files are written the other way round
        (Filter::Jpeg, 4) => ("DCTDecode", "/Decode[1 0 1 0 1 0 1 0]"),
        (Filter::Jpeg, _) => ("DCTDecode", ""),
    };
    let mut out = format!(
        "<</Type/XObject/Subtype/Image/Width {}/Height {}/ColorSpace/{space}/BitsPerComponent {}/Filter/{filter}{decode}\
         /Length {}>>\nstream\n",
        picture.width,
        picture.height,
        picture.bits,
        picture.data.len()
    )
    .into_bytes();
    out.extend(&picture.data);
    out.extend(b"\nendstream");
    out
}
