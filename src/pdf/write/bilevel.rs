//! Black and white, a bit a pixel, packed as a fax or by zlib, whichever is smaller.

use fax::encoder::Encoder;
use fax::{Color, VecWriter, decoder};

use super::object::packed;

/// Whether they are packed as a fax, and the bytes; a pixel is a byte, 0 or 255.
pub(super) fn smallest(width: usize, height: usize, pixels: &[u8]) -> (bool, Vec<u8>) {
    let bits = packed(&bits(width, pixels));
    match group4(width, height, pixels) {
        Some(fax) if fax.len() < bits.len() => (true, fax),
        _ => (false, bits),
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

/// As ITU-T T.6 has it; `None` where it is too wide or high for that, or would not come back as it was.
fn group4(width: usize, height: usize, pixels: &[u8]) -> Option<Vec<u8>> {
    let (across, down) = (u16::try_from(width).ok()?, u16::try_from(height).ok()?);
    if across >= i16::MAX as u16 || across == 0 || down == u16::MAX {
        return None;
    }
    let color = |pixel: &u8| if *pixel == 0 { Color::Black } else { Color::White };
    let mut encoder = Encoder::new(VecWriter::new());
    for row in pixels.chunks_exact(width) {
        encoder.encode_line(row.iter().map(color), across).ok()?;
    }
    let data = encoder.finish().ok()?.finish();
    let mut rows = pixels.chunks_exact(width);
    let mut is_same = true;
    decoder::decode_g4(data.iter().copied(), across, Some(down), |edges| {
        is_same &= rows.next().is_some_and(|row| decoder::pels(edges, across).eq(row.iter().map(color)));
    })?;
    (is_same && rows.next().is_none()).then_some(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_text_pack_as_a_fax_and_every_pixel_comes_back() {
        let (width, height) = (203, 90);
        let ink = |at: usize| usize::from((at / width) % 9 > 3 && (at % width) % 13 < 5 && !at.is_multiple_of(7));
        let pixels: Vec<u8> = (0..width * height).map(|at| if ink(at) == 1 { 0 } else { 255 }).collect();
        assert!(group4(width, height, &pixels).is_some());
        let black = vec![0u8; width * height];
        assert!(group4(width, height, &black).is_some_and(|data| data.len() < 100));
        assert!(group4(70_000, 1, &vec![0; 70_000]).is_none());
    }
}
