//! The pixels of a PNG as they are packed: a PDF takes them as they are.

use crate::pdf::{EmbeddedPicture, Filter};

/// The picture of a PNG; `None` where a PDF cannot take it so: it can be seen through, is interlaced, or is black and white
/// alone, which is smaller as a fax.
pub(super) fn embedded(bytes: &[u8], dpi: u32) -> Option<EmbeddedPicture> {
    let (mut header, mut palette, mut data) = (None, None, Vec::new());
    let mut at = 8;
    while let Some((name, chunk)) = chunk(bytes, at) {
        match name {
            b"IHDR" => header = Some(Header::of(chunk)?),
            b"PLTE" => palette = Some(chunk.to_vec()),
            b"IDAT" => data.extend(chunk),
            b"tRNS" | b"fcTL" => return None,
            b"IEND" => break,
            _ => {}
        }
        at += 12 + chunk.len();
    }
    let Header { width, height, bits, kind } = header?;
    let (components, palette) = match kind {
        0 if bits > 1 => (1, None),
        2 => (3, None),
        3 => (1, Some(palette.filter(|palette| !palette.is_empty() && palette.len().is_multiple_of(3))?)),
        _ => return None,
    };
    Some(EmbeddedPicture { width, height, dpi, components, bits, palette, filter: Filter::Predicted, data })
}

struct Header {
    width: usize,
    height: usize,
    bits: u8,
    kind: u8,
}

impl Header {
    fn of(chunk: &[u8]) -> Option<Self> {
        let side = |at: usize| Some(u32::from_be_bytes(chunk.get(at..at + 4)?.try_into().ok()?) as usize);
        let &[bits, kind, _, _, interlaced] = chunk.get(8..13)? else { return None };
        (interlaced == 0).then_some(Self { width: side(0)?, height: side(4)?, bits, kind })
    }
}

fn chunk(bytes: &[u8], at: usize) -> Option<(&[u8], &[u8])> {
    let length = u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize;
    Some((bytes.get(at + 4..at + 8)?, bytes.get(at + 8..)?.get(..length)?))
}
