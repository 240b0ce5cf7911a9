//! A picture as a PDF holds it.

use super::bilevel;
use super::object::packed;
use super::predict::predicted;

/// How the bytes of a picture are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// As zlib packs them.
    Flate,
    /// As zlib packs them, each row told by its difference from others, as in PNG.
    Predicted,
    /// As a JPEG file has them.
    Jpeg,
    /// As a fax has them: Group 4.
    Fax,
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
    /// Bits a component: 1, 2, 4, 8 or 16.
    pub bits: u8,
    /// The colours that values of one component stand for, three bytes each; `None` where they are shades.
    pub palette: Option<Vec<u8>>,
    /// How its bytes are packed.
    pub filter: Filter,
    /// Its bytes, packed.
    pub data: Vec<u8>,
}

impl EmbeddedPicture {
    /// A picture of bytes, `components` a pixel, packed without loss: as a fax where it is black and white alone.
    pub fn of(width: usize, height: usize, dpi: u32, components: u8, pixels: &[u8]) -> Self {
        let is_two_coloured = components == 1 && pixels.iter().all(|pixel| matches!(pixel, 0 | 255));
        let (bits, filter, data) = match is_two_coloured {
            true => {
                let (is_fax, data) = bilevel::smallest(width, height, pixels);
                (1, if is_fax { Filter::Fax } else { Filter::Flate }, data)
            }
            false => {
                let row = width * usize::from(components);
                (8, Filter::Predicted, packed(&predicted(pixels, row, usize::from(components))))
            }
        };
        Self { width, height, dpi, components, bits, palette: None, filter, data }
    }

    /// Width and height in points.
    pub fn size(&self) -> (f64, f64) {
        let points = 72.0 / f64::from(self.dpi.max(1));
        (self.width as f64 * points, self.height as f64 * points)
    }
}

pub(super) fn picture_object(picture: &EmbeddedPicture) -> Vec<u8> {
    let space = match (&picture.palette, picture.components) {
        (Some(palette), _) => {
            let colours: String = palette.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("[/Indexed/DeviceRGB {}<{colours}>]", (palette.len() / 3).saturating_sub(1))
        }
        (None, 1) => "/DeviceGray".to_owned(),
        (None, 4) => "/DeviceCMYK".to_owned(),
        (None, _) => "/DeviceRGB".to_owned(),
    };
    let (width, height, bits) = (picture.width, picture.height, picture.bits);
    let filter = match (picture.filter, picture.components) {
        (Filter::Flate, _) => "/FlateDecode".to_owned(),
        (Filter::Predicted, colors) => {
            format!("/FlateDecode/DecodeParms<</Predictor 15/Colors {colors}/BitsPerComponent {bits}/Columns {width}>>")
        }
        (Filter::Fax, _) => {
            format!("/CCITTFaxDecode/DecodeParms<</K -1/Columns {width}/Rows {height}>>")
        }
        // the inks of JPEG files are written the other way round
        (Filter::Jpeg, 4) => "/DCTDecode/Decode[1 0 1 0 1 0 1 0]".to_owned(),
        (Filter::Jpeg, _) => "/DCTDecode".to_owned(),
    };
    let mut out = format!(
        "<</Type/XObject/Subtype/Image/Width {width}/Height {height}/ColorSpace{}{space}/BitsPerComponent {bits}\
         /Filter{filter}/Length {}>>\nstream\n",
        if space.starts_with('/') { "" } else { " " },
        picture.data.len()
    )
    .into_bytes();
    out.extend(&picture.data);
    out.extend(b"\nendstream");
    out
}
