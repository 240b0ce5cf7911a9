//! Charsets that browsers no longer read, and offices still write: code pages of DOS, UTF-32, HZ and ISO-2022-KR. Their tables
//! are those of Unicode's mappings, as Python has them.

use std::borrow::Cow;

use encoding_rs::{EUC_KR, GBK};

/// The upper half of code page 437, from 0x80 on.
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒ\
     áíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐\
     └┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
     αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
/// Of 850, Western Europe.
const CP850: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒ\
     áíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐\
     └┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀\
     ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}";
/// Of 852, Central Europe.
const CP852: &str = "ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×č\
     áíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐\
     └┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀\
     ÓßÔŃńňŠšŔÚŕŰýÝţ´\u{ad}˝˛ˇ˘§÷¸°¨˙űŘř■\u{a0}";
/// Begins and ends Korean letters in ISO-2022-KR.
const SHIFT: (u8, u8) = (0x0e, 0x0f);
/// Says which letters those are.
const DESIGNATION: &[u8] = b"\x1b$)C";
/// What no charset of two bytes has.
const NONE: u8 = 0xff;

/// A charset that browsers do not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Old {
    /// A code page: its name and its upper half.
    Page(&'static str, &'static str),
    Utf32Le,
    Utf32Be,
    Hz,
    Iso2022Kr,
}

impl Old {
    /// The one that goes by this name, in small letters and without anything between them.
    pub(super) fn of(label: &str) -> Option<Self> {
        Some(match label {
            "cp437" | "ibm437" | "437" => Self::Page("IBM437", CP437),
            "cp850" | "ibm850" | "850" => Self::Page("IBM850", CP850),
            "cp852" | "ibm852" | "852" => Self::Page("IBM852", CP852),
            // without a mark it is that of most machines
            "utf32" | "utf32le" => Self::Utf32Le,
            "utf32be" => Self::Utf32Be,
            "hz" | "hzgb" | "hzgb2312" => Self::Hz,
            "iso2022kr" | "csiso2022kr" => Self::Iso2022Kr,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Page(name, _) => name,
            Self::Utf32Le => "UTF-32LE",
            Self::Utf32Be => "UTF-32BE",
            Self::Hz => "HZ-GB-2312",
            Self::Iso2022Kr => "ISO-2022-KR",
        }
    }

    /// The text, and whether some bytes stand for nothing.
    pub(super) fn decode(self, body: &[u8]) -> (String, bool) {
        match self {
            Self::Page(_, upper) => (page(body, upper), false),
            Self::Utf32Le => utf32(body, u32::from_le_bytes),
            Self::Utf32Be => utf32(body, u32::from_be_bytes),
            Self::Hz => owned(GBK.decode_without_bom_handling(&hz(body))),
            Self::Iso2022Kr => owned(EUC_KR.decode_without_bom_handling(&korean(body))),
        }
    }
}

fn owned((text, is_wrong): (Cow<'_, str>, bool)) -> (String, bool) {
    (text.into_owned(), is_wrong)
}

fn page(body: &[u8], upper: &str) -> String {
    let upper: Vec<char> = upper.chars().collect();
    let letter = |byte: &u8| match byte.checked_sub(0x80) {
        None => char::from(*byte),
        Some(place) => upper.get(usize::from(place)).copied().unwrap_or(char::REPLACEMENT_CHARACTER),
    };
    body.iter().map(letter).collect()
}

fn utf32(body: &[u8], number: fn([u8; 4]) -> u32) -> (String, bool) {
    let chunks = body.chunks_exact(4);
    let mut is_wrong = !chunks.remainder().is_empty();
    let mut text = String::with_capacity(body.len() / 4);
    for chunk in chunks {
        let letter = <[u8; 4]>::try_from(chunk).ok().map(number).and_then(char::from_u32);
        is_wrong |= letter.is_none();
        text.push(letter.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    (text.trim_start_matches('\u{feff}').to_owned(), is_wrong)
}

/// `~{` begins Chinese letters of two bytes each, `~}` ends them, `~~` is a tilde, and `~` at the end of a line joins it to the next.
fn hz(body: &[u8]) -> Vec<u8> {
    let mut euc = Vec::with_capacity(body.len());
    let (mut at, mut is_chinese) = (0, false);
    while let Some(byte) = body.get(at) {
        let next = body.get(at + 1);
        at += match (byte, next) {
            (b'~', Some(b'{' | b'}')) => {
                is_chinese = next == Some(&b'{');
                2
            }
            (b'~', Some(b'\n')) if !is_chinese => 2,
            (b'~', Some(b'~')) if !is_chinese => {
                euc.push(b'~');
                2
            }
            // a line ends what was begun on it
            (b'\n', _) => {
                is_chinese = false;
                euc.push(b'\n');
                1
            }
            (_, Some(next)) if is_chinese => {
                euc.extend([byte | 0x80, next | 0x80]);
                2
            }
            _ => {
                euc.push(if byte.is_ascii() { *byte } else { NONE });
                1
            }
        };
    }
    euc
}

fn korean(body: &[u8]) -> Vec<u8> {
    let mut euc = Vec::with_capacity(body.len());
    let (mut rest, mut is_korean) = (body, false);
    while let Some((byte, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(DESIGNATION) {
            rest = after;
            continue;
        }
        rest = after;
        match byte {
            byte if *byte == SHIFT.0 || *byte == SHIFT.1 => is_korean = *byte == SHIFT.0,
            b'\n' => {
                is_korean = false;
                euc.push(b'\n');
            }
            byte if !byte.is_ascii() => euc.push(NONE),
            byte => euc.push(if is_korean && *byte > b' ' { byte | 0x80 } else { *byte }),
        }
    }
    euc
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(label: &str, body: &[u8]) -> String {
        let (text, is_wrong) = Old::of(label).expect("a charset").decode(body);
        assert!(!is_wrong, "{label}: {text}");
        text
    }

    #[test]
    fn what_offices_still_write_is_read() {
        assert_eq!(read("ibm852", b"\xa6upanija \xac\x9f\xd0\xe7\xa7"), "Županija Čč\u{111}šž");
        assert_eq!(read("cp437", b"\x80\x81\x9c \xe1"), "Çü£ ß");
        assert_eq!(read("850", b"\x9b\xd5"), "øı");
        assert_eq!(read("utf32", b"a\0\0\0\x7d\x01\0\0"), "aŽ");
        assert_eq!(read("utf32be", b"\0\0\0a"), "a");
        assert_eq!(read("hz", b"a ~{VPND~} ~~ b~\nc"), "a 中文 ~ bc");
        assert_eq!(read("iso2022kr", b"\x1b$)Ca \x0e1h\x0f b"), "a 김 b");
        for (label, body) in [("utf32", b"ab".as_slice()), ("hz", b"\xff"), ("iso2022kr", b"\x0e!\x0f")] {
            assert!(Old::of(label).expect("a charset").decode(body).1, "{label}");
        }
    }
}
