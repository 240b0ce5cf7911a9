//! A page that was sent as a fax: Group 3 in one and two dimensions, its kind without marks, and Group 4.

use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext, EncodingMode, decode};

use super::raster::Raster;
use super::tiff_directory::{Directory, tag};
use crate::error::{Error, Result};

/// How a page is packed.
const HUFFMAN: u64 = 2;
const GROUP_3: u64 = 3;
const GROUP_4: u64 = 4;
/// The bit of a page's options that says that lines lean on those above them.
const TWO_DIMENSIONS: u64 = 1;

/// Whether a page is a fax.
pub(super) fn is_fax(directory: &Directory<'_>) -> bool {
    matches!(directory.first(tag::COMPRESSION), Some(HUFFMAN | GROUP_3 | GROUP_4))
}

/// The rows of a page, as bytes of black and white.
struct Rows {
    width: usize,
    pixels: Vec<u8>,
    ink: u8,
}

impl Decoder for Rows {
    fn push_row(&mut self, changes: &[u32]) {
        let start = self.pixels.len();
        self.pixels.resize(start + self.width, !self.ink);
        for run in changes.chunks(2) {
            let from = (run[0] as usize).min(self.width);
            let to = run.get(1).map_or(self.width, |to| (*to as usize).min(self.width));
            if from < to {
                self.pixels[start + from..start + to].fill(self.ink);
            }
        }
    }
}

/// The picture of a page of this size, whose bits are in the usual order.
///
/// # Errors
/// Failed, where a strip gives no row at all.
pub(super) fn fax_page(bytes: &[u8], directory: &Directory<'_>, width: usize, height: usize) -> Result<Raster> {
    let compression = directory.first(tag::COMPRESSION).unwrap_or(GROUP_4);
    let options = directory.first(tag::T4_OPTIONS).unwrap_or(0);
    let rows_a_strip = directory.first(tag::ROWS_PER_STRIP).map_or(height, |rows| (rows as usize).clamp(1, height));
    // in a fax white is zero, unless the file says that black is
    let ink = if directory.first(tag::PHOTOMETRIC) == Some(1) { 255 } else { 0 };
    let mut rows = Rows { width, pixels: Vec::new(), ink };
    for (number, piece) in directory.pieces().into_iter().enumerate() {
        let left = height.saturating_sub(number * rows_a_strip).min(rows_a_strip);
        if left == 0 {
            break;
        }
        let settings = DecodeSettings {
            columns: width as u32,
            rows: left as u32,
            end_of_block: compression != HUFFMAN,
            end_of_line: compression == GROUP_3,
            rows_are_byte_aligned: compression == HUFFMAN,
            encoding: match compression {
                GROUP_4 => EncodingMode::Group4,
                GROUP_3 if options & TWO_DIMENSIONS != 0 => EncodingMode::Group3_2D,
                _ => EncodingMode::Group3_1D,
            },
            strict: false,
        };
        let before = rows.pixels.len();
        let done = decode(bytes.get(piece).unwrap_or_default(), &mut rows, &mut DecoderContext::new(settings));
        let is_whole = rows.pixels.len() >= before + left * width;
        if let (Err(cause), false) = (done, is_whole) {
            // of a line that was cut off or disturbed the rows before it are good
            if rows.pixels.len() == before {
                return Err(Error::failed(format!("read the picture: its fax data is damaged ({cause:?})")));
            }
        }
        rows.pixels.resize(before + left * width, !ink);
    }
    if rows.pixels.is_empty() {
        return Err(Error::failed("read the picture: it is cut off"));
    }
    rows.pixels.resize(width * height, !ink);
    Ok(Raster { width, height, components: 1, pixels: rows.pixels })
}
