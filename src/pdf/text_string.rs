//! Text outside of drawings: titles, values of forms, what stands for a drawing.

/// What the bytes 0x18 to 0x1f and 0x80 to 0xa0 mean; all others below 0x80 are ASCII, and those above Latin 1.
const LOW: [char; 8] = ['˘', 'ˇ', 'ˆ', '˙', '˝', '˛', '˚', '˜'];
const HIGH: [char; 33] = [
    '•', '†', '‡', '…', '—', '–', 'ƒ', '⁄', '‹', '›', '−', '‰', '„', '“', '”', '‘', '’', '‚', '™', 'ﬁ', 'ﬂ', 'Ł', 'Œ',
    'Š', 'Ÿ', 'Ž', 'ı', 'ł', 'œ', 'š', 'ž', '\u{fffd}', '€',
];

/// The text that such bytes stand for: UTF-16 or UTF-8 with a mark, or else PDFDocEncoding.
pub(super) fn text_string(bytes: &[u8]) -> String {
    let units = |from_bytes: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes[2..].chunks_exact(2).map(|pair| from_bytes([pair[0], pair[1]])).collect();
        without_languages(&String::from_utf16_lossy(&units))
    };
    match bytes {
        [0xfe, 0xff, ..] => units(u16::from_be_bytes),
        [0xff, 0xfe, ..] => units(u16::from_le_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => without_languages(&String::from_utf8_lossy(rest)),
        _ => bytes.iter().map(|byte| letter(*byte)).collect(),
    }
}

fn letter(byte: u8) -> char {
    match byte {
        0x18..=0x1f => LOW[usize::from(byte) - 0x18],
        0x80..=0xa0 => HIGH[usize::from(byte) - 0x80],
        _ => char::from(byte),
    }
}

/// Between two escapes stands the language of what follows, and no text.
fn without_languages(text: &str) -> String {
    text.split('\u{1b}').step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_say_how_they_are_written() {
        assert_eq!(text_string(b"\xfe\xff\0A\x20\xac"), "A€");
        assert_eq!(text_string(b"\xef\xbb\xbf\xc4\x8d"), "č");
        assert_eq!(text_string(b"caf\xe9 \xa0 \x80"), "café € •");
        assert_eq!(text_string(b"\xfe\xff\0\x1b\0e\0n\0\x1b\0A"), "A");
        assert_eq!(text_string(b""), "");
    }
}
