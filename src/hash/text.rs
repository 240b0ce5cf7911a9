//! Text in the canonical form: NFC, lower-case, without white space, escaped as Python's `json` escapes.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::record::plain_length;

/// Writes `text` as a JSON string; unless `exact`, normalised first.
pub(crate) fn write_text(text: &str, exact: bool, out: &mut Vec<u8>) {
    out.push(b'"');
    if exact {
        escape(text.as_bytes(), out);
    } else if text.is_ascii() {
        normalise_ascii(text.as_bytes(), out);
    } else {
        normalise(text, out);
    }
    out.push(b'"');
}

fn normalise_ascii(text: &[u8], out: &mut Vec<u8>) {
    if plain_length(text) < text.len() {
        let kept = text.iter().filter(|byte| !is_ascii_space(**byte));
        kept.for_each(|byte| escape(&[byte.to_ascii_lowercase()], out));
        return;
    }
    // nothing below the space is left: each byte is written, and one that is a space is written over, without a branch
    let start = out.len();
    out.resize(start + text.len(), 0);
    let added = &mut out[start..];
    let mut length = 0;
    for byte in text {
        added[length] = byte.to_ascii_lowercase();
        length += usize::from(*byte != b' ');
    }
    out.truncate(start + length);
}

fn is_ascii_space(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | 0x1c..=0x20)
}

/// The order is part of the definition: NFC, then lower-casing of the whole text (a final sigma sees its neighbours),
/// then white space goes.
fn normalise(text: &str, out: &mut Vec<u8>) {
    let lower = match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text.to_lowercase(),
        _ => text.nfc().collect::<String>().to_lowercase(),
    };
    if lower.contains(is_space) {
        escape(lower.replace(is_space, "").as_bytes(), out);
    } else {
        escape(lower.as_bytes(), out);
    }
}

/// What Python's `str.isspace()` holds for: Unicode's White_Space and the four separators U+001C to U+001F.
fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}')
}

fn escape(mut text: &[u8], out: &mut Vec<u8>) {
    loop {
        let (plain, rest) = text.split_at(plain_length(text));
        out.extend_from_slice(plain);
        let Some((special, rest)) = rest.split_first() else { return };
        escape_byte(*special, out);
        text = rest;
    }
}

fn escape_byte(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0x08 => out.extend_from_slice(b"\\b"),
        0x0c => out.extend_from_slice(b"\\f"),
        other => out.extend_from_slice(format!("\\u{other:04x}").as_bytes()),
    }
}
