//! Codes of a page that machines read: QR codes, and bars.

mod bars;
mod code_128;
mod code_39;
mod ean;
mod runs;

use serde::{Deserialize, Serialize};

use crate::layout::{Area, Picture};

/// Codes of a page, at most.
const CODES_MAX: usize = 200;
/// A page with a code and no more words than this separates documents.
const WORDS_OF_SEPARATOR: usize = 12;

/// A code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageCode {
    /// Its kind: `qr`, `code128`, `code39`, `ean13`, `ean8`.
    pub kind: String,
    /// What it says.
    pub text: String,
    /// Its place in points.
    pub points: Area,
}

/// The codes of a picture.
pub(super) fn codes(picture: &Picture) -> Vec<PageCode> {
    let points = picture.points();
    let made = |kind: &str, text: String, pixels: Area| PageCode {
        kind: kind.to_owned(),
        text,
        points: pixels.scaled(points),
    };
    let mut found: Vec<PageCode> = Vec::new();
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(picture.width, picture.height, |x, y| {
        picture.pixels[y * picture.width + x]
    });
    for grid in prepared.detect_grids().into_iter().take(CODES_MAX) {
        let Ok((_, text)) = grid.decode() else { continue };
        let corner = |point: &rqrr::Point| {
            let (x, y) = (f64::from(point.x), f64::from(point.y));
            Area { x0: x, top: y, x1: x, bottom: y }
        };
        let area = Area::around(grid.bounds.iter().map(corner)).unwrap_or_default();
        found.push(made("qr", text, area));
    }
    found.extend(bars::find(picture).into_iter().map(|bars| made(bars.kind, bars.text, bars.area)));
    found.truncate(CODES_MAX);
    found
}

/// Whether a page of so many words and codes stands between documents.
pub(super) fn separates(words: usize, codes: &[PageCode]) -> bool {
    !codes.is_empty() && words <= WORDS_OF_SEPARATOR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_read_across_and_upwards() {
        let codes_128 = "110100100001011000100010001000110100110111001100100111011001110010100110001001100011101011";
        let codes_39 = "100010111011101010101110001011101110111010001010100010101110111010100011101011101011100010\
                        101110100010111011101";
        for (kind, modules) in [("code128", codes_128), ("code39", codes_39)] {
            let found = codes(&drawn(modules, false));
            assert_eq!(
                found.iter().map(|it| (it.kind.as_str(), it.text.as_str())).collect::<Vec<_>>(),
                [(kind, "DC-42")]
            );
        }
        let broken = codes_128.replacen("10110001000", "10001011000", 1);
        let found = codes(&drawn(&broken, false));
        assert!(found.is_empty(), "a code whose sum is wrong is none: {found:?}");
        // an EAN-13: 4006381333931
        let modules = "10100011010100111010111101111010001001011001101010100001010000101000010111010010000101100110101";
        let found = codes(&drawn(modules, false));
        assert_eq!(
            found.iter().map(|it| (it.kind.as_str(), it.text.as_str())).collect::<Vec<_>>(),
            [("ean13", "4006381333931")]
        );
        assert!(found[0].points.width() > 50.0 && found[0].points.height() > 20.0, "{found:?}");
        let found = codes(&drawn(modules, true));
        assert_eq!(found.len(), 1, "{found:?}");
    }

    /// Modules as bars of 3 pixels, with paper around them.
    fn drawn(modules: &str, upwards: bool) -> Picture {
        let (across, down) = (modules.len() * 3 + 120, 160);
        let mut picture = Picture::filled(across, down, 150, 255);
        for (at, module) in modules.bytes().enumerate().filter(|(_, module)| *module == b'1') {
            let _ = module;
            for y in 40..120 {
                picture.pixels[y * across + 60 + at * 3..][..3].fill(0);
            }
        }
        if !upwards {
            return picture;
        }
        let mut turned = Picture::filled(down, across, 150, 255);
        for y in 0..down {
            for x in 0..across {
                turned.pixels[(across - 1 - x) * down + y] = picture.pixels[y * across + x];
            }
        }
        turned
    }
}
