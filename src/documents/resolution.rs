//! How many dots an inch a picture has: what its file says, or what a sheet of paper suggests.

/// Fewer than this many dots an inch are what programs write that do not know.
const TOLD_MIN: f64 = 100.0;
/// More are a mistake.
const TOLD_MAX: f64 = 2400.0;
/// The short side of a sheet of paper (A4 and Letter), in inches.
const SHEET: f64 = 8.3;
/// Long side by short side of a sheet: from Letter to Legal.
const SHEET_SHAPE: (f64, f64) = (1.2, 1.7);
/// Where nothing can be said.
const USUAL: u32 = 150;

/// Dots an inch of a picture of this size, of which its file says `told`.
pub(super) fn dots(told: Option<f64>, width: usize, height: usize) -> u32 {
    if let Some(told) = told.filter(|told| (TOLD_MIN..=TOLD_MAX).contains(told)) {
        return told.round() as u32;
    }
    let (short, long) = (width.min(height) as f64, width.max(height) as f64);
    let shape = long / short.max(1.0);
    if shape >= SHEET_SHAPE.0 && shape <= SHEET_SHAPE.1 {
        return ((short / SHEET).round() as u32).clamp(50, 600);
    }
    USUAL
}

/// What the header of a PNG, JPEG or TIFF says.
pub(super) fn told(bytes: &[u8]) -> Option<f64> {
    if bytes.starts_with(b"\x89PNG") {
        return png(bytes);
    }
    if bytes.starts_with(b"\xff\xd8") {
        return jpeg(bytes);
    }
    None
}

fn png(bytes: &[u8]) -> Option<f64> {
    let mut at = 8;
    loop {
        let length = u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize;
        let name = bytes.get(at + 4..at + 8)?;
        let data = bytes.get(at + 8..)?.get(..length)?;
        match name {
            b"pHYs" if data.len() >= 9 && data[8] == 1 => {
                return Some(f64::from(u32::from_be_bytes(data[..4].try_into().ok()?)) * 0.0254);
            }
            b"IDAT" => return None,
            _ => at += 12 + length,
        }
    }
}

fn jpeg(bytes: &[u8]) -> Option<f64> {
    let mut at = 2;
    while bytes.get(at) == Some(&0xff) {
        let (marker, length) = (*bytes.get(at + 1)?, u16::from_be_bytes(bytes.get(at + 2..at + 4)?.try_into().ok()?));
        let data = bytes.get(at + 4..at + 2 + usize::from(length))?;
        if marker == 0xe0 && data.starts_with(b"JFIF\0") && data.len() >= 12 {
            let density = f64::from(u16::from_be_bytes([data[8], data[9]]));
            return match data[7] {
                1 => Some(density),
                2 => Some(density * 2.54),
                _ => None,
            };
        }
        if marker == 0xda {
            return None;
        }
        at += 2 + usize::from(length);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_tells_its_dots_and_a_lie_is_not_believed() {
        assert_eq!(dots(Some(300.0), 100, 100), 300);
        assert_eq!(dots(Some(72.0), 2480, 3508), 299);
        assert_eq!(dots(None, 827, 1170), 100);
        assert_eq!(dots(None, 4000, 600), USUAL);
    }
}
