//! A font's map to Unicode, read for its entries alone: whatever else stands in it may be broken.

use std::collections::HashMap;

/// Entries of a map; there are no more codes of two bytes.
const ENTRIES_MAX: usize = 1 << 16;
/// UTF-16 units that a code may stand for.
const UNITS_MAX: usize = 64;

/// The letters of codes.
#[derive(Debug, Default, PartialEq)]
pub(super) struct UnicodeMap {
    entries: HashMap<u32, String>,
}

/// A piece of a map.
#[derive(Debug, PartialEq)]
enum Piece<'a> {
    /// What stands in angle brackets.
    Bytes(Vec<u8>),
    Word(&'a [u8]),
    Open,
    Close,
}

impl UnicodeMap {
    /// The entries that can be understood.
    pub(super) fn of(data: &[u8]) -> Self {
        let mut map = Self::default();
        let mut at = 0;
        while let Some(found) = next_section(data, at) {
            let (start, is_range) = found;
            let end =
                data[start..].windows(5).position(|window| window == b"endbf").map_or(data.len(), |it| start + it);
            let pieces = pieces(&data[start..end]);
            if is_range {
                map.add_ranges(&pieces)
            } else {
                map.add_codes(&pieces)
            }
            at = end;
        }
        map
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What a code stands for.
    pub(super) fn letters(&self, code: u32) -> Option<String> {
        self.entries.get(&code).cloned()
    }

    fn add(&mut self, code: u32, units: &[u16]) {
        let text = String::from_utf16_lossy(units);
        let is_known = !text.is_empty() && !text.contains(['\0', char::REPLACEMENT_CHARACTER]);
        if is_known && self.entries.len() < ENTRIES_MAX {
            self.entries.entry(code).or_insert(text);
        }
    }

    fn add_codes(&mut self, pieces: &[Piece<'_>]) {
        let mut at = 0;
        while let Some(pair) = pieces.get(at..at + 2) {
            if let [Piece::Bytes(code), Piece::Bytes(letters)] = pair {
                if let Some(code) = number(code) {
                    self.add(code, &units(letters));
                }
                at += 2;
            } else {
                at += 1;
            }
        }
    }

    fn add_ranges(&mut self, pieces: &[Piece<'_>]) {
        let mut at = 0;
        while let Some(three) = pieces.get(at..at + 3) {
            let [Piece::Bytes(first), Piece::Bytes(last), to] = three else {
                at += 1;
                continue;
            };
            let (Some(first), Some(last)) = (number(first), number(last)) else {
                at += 1;
                continue;
            };
            at += 3;
            let codes = (first..=last).take(ENTRIES_MAX);
            match to {
                Piece::Bytes(letters) => {
                    let mut letters = units(letters);
                    for code in codes {
                        self.add(code, &letters);
                        let Some(next) = letters.last_mut().filter(|unit| **unit < u16::MAX) else { break };
                        *next += 1;
                    }
                }
                Piece::Open => {
                    for code in codes {
                        let Some(Piece::Bytes(letters)) = pieces.get(at) else { break };
                        self.add(code, &units(letters));
                        at += 1;
                    }
                    at += usize::from(pieces.get(at) == Some(&Piece::Close));
                }
                _ => {}
            }
        }
    }
}

/// Where the next list of entries begins, and whether it is one of ranges.
fn next_section(data: &[u8], from: usize) -> Option<(usize, bool)> {
    let found = data.get(from..)?.windows(7).position(|window| window == b"beginbf")? + from + 7;
    match data.get(found..)? {
        rest if rest.starts_with(b"range") => Some((found + 5, true)),
        rest if rest.starts_with(b"char") => Some((found + 4, false)),
        _ => next_section(data, found),
    }
}

fn pieces(data: &[u8]) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(byte) = data.get(at) {
        match byte {
            b'<' => {
                let end = data[at..].iter().position(|byte| *byte == b'>').map_or(data.len(), |it| at + it);
                pieces.push(Piece::Bytes(hexadecimal(&data[at + 1..end])));
                at = end + 1;
            }
            b'[' => {
                pieces.push(Piece::Open);
                at += 1;
            }
            b']' => {
                pieces.push(Piece::Close);
                at += 1;
            }
            byte if byte.is_ascii_whitespace() || *byte == 0 => at += 1,
            _ => {
                let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'<' | b'[' | b']');
                let end = data[at..].iter().position(is_end).map_or(data.len(), |it| at + it.max(1));
                pieces.push(Piece::Word(&data[at..end]));
                at = end;
            }
        }
    }
    pieces
}

fn hexadecimal(text: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = text.iter().filter_map(|byte| char::from(*byte).to_digit(16)).map(|it| it as u8).collect();
    digits.chunks(2).take(UNITS_MAX * 2).map(|pair| (pair[0] << 4) | pair.get(1).copied().unwrap_or(0)).collect()
}

fn number(bytes: &[u8]) -> Option<u32> {
    let fits = (1..=4).contains(&bytes.len());
    fits.then(|| bytes.iter().fold(0, |number, byte| (number << 8) | u32::from(*byte)))
}

/// UTF-16; some write a single byte.
fn units(bytes: &[u8]) -> Vec<u16> {
    match bytes {
        [one] => vec![u16::from(*one)],
        _ => bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_whatever_stands_around_them() {
        let broken = b"/CIDInit /ProcSet findresource begin /CIDSystemInfo << /Registry (Adobe /Ordering (UCS >> def\n\
            3 begincodespacerange <00 <FF> endcodespacerange\n\
            2 beginbfchar <41> <0061> oops <42> <D835DC00> endbfchar\n\
            2 beginbfrange <0003> <0005> <0020> <10> <12> [<0031> <00320033> <34>] endbfrange\n\
            1 beginbfchar <99> <0000> endbfchar 1 beginbfrange <00";
        let map = UnicodeMap::of(broken);
        let of = |code| map.letters(code);
        assert_eq!(of(0x41).as_deref(), Some("a"));
        assert_eq!(of(0x42).as_deref(), Some("\u{1d400}"));
        assert_eq!(of(4).as_deref(), Some("!"));
        assert_eq!(of(0x11).as_deref(), Some("23"));
        assert_eq!(of(0x12).as_deref(), Some("4"));
        assert_eq!(of(0x99), None);
        assert!(UnicodeMap::of(b"beginbfrange <00000000> <ffffffff> <0041> endbfrange").entries.len() <= ENTRIES_MAX);
    }
}
