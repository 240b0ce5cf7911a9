//! The text of a body: what its first bytes mark, else what the header says, else what a page says of itself. What is declared
//! is read as declared, and bytes that stand for nothing in it become U+FFFD, aloud. Only where nothing is declared it is guessed.

mod old;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use old::Old;

/// A page says its charset within its first bytes.
const PAGE_BYTES: usize = 2_048;
/// A body of which so few letters are broken is UTF-8, where nobody says what it is: one of so many.
const BROKEN_SHARE_MAX: usize = 10;

/// A body as text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) text: String,
    /// The charset that it was read in.
    pub(super) charset: &'static str,
    /// Whether some bytes stand for nothing in it, and became U+FFFD.
    pub(super) is_broken: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Charset {
    /// One that browsers read.
    Known(&'static Encoding),
    Old(Old),
}

/// Reads a body.
pub(super) fn decode(body: &[u8], content_type: Option<&str>) -> Decoded {
    find(body, content_type).decode(body)
}

/// The text of a page that came from elsewhere, in the charset that it declares, or a likely one.
pub fn page_text(bytes: &[u8]) -> String {
    decode(bytes, None).text
}

/// Reads a body in a charset by its name; `None` for one that is not known.
pub(super) fn decode_in(body: &[u8], label: &str) -> Option<Decoded> {
    Charset::of(label).map(|charset| charset.decode(body))
}

impl Charset {
    fn of(label: &str) -> Option<Self> {
        let plain: String = label.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        Old::of(&plain).map(Self::Old).or_else(|| Encoding::for_label(label.trim().as_bytes()).map(Self::Known))
    }

    fn decode(self, body: &[u8]) -> Decoded {
        match self {
            Self::Old(old) => {
                let (text, is_broken) = old.decode(body);
                Decoded { text, charset: old.name(), is_broken }
            }
            Self::Known(encoding) => {
                // a mark at the beginning decides, and is left out
                let (text, encoding, is_broken) = encoding.decode(body);
                Decoded { text: text.into_owned(), charset: encoding.name(), is_broken }
            }
        }
    }
}

fn find(body: &[u8], content_type: Option<&str>) -> Charset {
    let marked = || match body {
        [0xff, 0xfe, 0, 0, ..] => Some(Charset::Old(Old::Utf32Le)),
        [0, 0, 0xfe, 0xff, ..] => Some(Charset::Old(Old::Utf32Be)),
        _ => Encoding::for_bom(body).map(|(encoding, _)| Charset::Known(encoding)),
    };
    let told = || content_type.and_then(parameter).and_then(Charset::of);
    marked().or_else(told).or_else(|| in_page(body)).unwrap_or_else(|| Charset::Known(guess(body)))
}

fn guess(body: &[u8]) -> &'static Encoding {
    if is_mostly_utf8(body) {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(body, true);
    detector.guess(None, Utf8Detection::Deny)
}

/// Whether a body is UTF-8, but for a few letters that something has broken.
fn is_mostly_utf8(body: &[u8]) -> bool {
    let (mut whole, mut broken) = (0, 0);
    for chunk in body.utf8_chunks() {
        whole += chunk.valid().chars().filter(|letter| !letter.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    broken * BROKEN_SHARE_MAX <= whole
}

/// `charset=..` of a content type.
fn parameter(content_type: &str) -> Option<&str> {
    let parameters = content_type.split(';').skip(1).filter_map(|part| part.split_once('='));
    let found =
        parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset")).map(|(_, value)| value).next();
    found.map(|value| value.trim().trim_matches(['"', '\'']))
}

/// `<meta charset="..">`, `<meta .. content="text/html; charset=..">` or `<?xml .. encoding="..">`. Whoever can read that knows
/// that it is not UTF-16.
fn in_page(body: &[u8]) -> Option<Charset> {
    let start = String::from_utf8_lossy(&body[..body.len().min(PAGE_BYTES)]).to_ascii_lowercase();
    if !start.trim_start().starts_with('<') {
        return None;
    }
    let found = ["charset=", "encoding="].into_iter().find_map(|mark| {
        let rest = &start[start.find(mark)? + mark.len()..];
        let label: String = rest
            .trim_start_matches(['"', '\''])
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || "-_:".contains(*letter))
            .collect();
        Charset::of(&label)
    });
    match found? {
        Charset::Known(encoding) if [UTF_16LE, UTF_16BE].contains(&encoding) => Some(Charset::Known(UTF_8)),
        Charset::Old(Old::Utf32Le | Old::Utf32Be) => Some(Charset::Known(UTF_8)),
        found => Some(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_it_was_meant() {
        let croatian = "Županija, čćđšž: Požeško-slavonska i Međimurska";
        let (central, _, _) = encoding_rs::WINDOWS_1250.encode(croatian);
        let (utf16, utf8) = ([0xff, 0xfe, 0x7e, 0x01], croatian.as_bytes());
        let page = [b"<html><head><meta charset='windows-1250'>".as_slice(), &central].concat();
        for (body, header, expected) in [
            (utf8, None, croatian),
            (&*central, Some("text/html; charset=Windows-1250"), croatian),
            (&*central, Some("text/plain; charset=\"cp1250\""), croatian),
            (&*central, None, croatian),
            (&utf16, None, "ž"),
            (&[0xef, 0xbb, 0xbf, b'a'], Some("text/plain; charset=latin1"), "a"),
            (b"\xff\xfe\0\0a\0\0\0", None, "a"),
            (b"", None, ""),
            (b"x", Some("text/plain; charset=nonsense"), "x"),
            (b"\xa6upa", Some("text/plain; charset=IBM852"), "Župa"),
            (b"~{VPND~}", Some("text/plain; charset=hz-gb-2312"), "中文"),
        ] {
            let decoded = decode(body, header);
            assert_eq!((decoded.text.as_str(), decoded.is_broken), (expected, false), "{header:?}");
        }
        assert!(decode(&page, Some("text/html")).text.ends_with(croatian));
        assert_eq!(decode_in(&central, "cp1250").expect("a charset").text, croatian);
        assert_eq!(decode_in(b"x", "nonsense"), None);
    }

    #[test]
    fn what_is_declared_counts_and_one_broken_byte_breaks_one_letter() {
        let mut csv = "0;Županija\n".repeat(500).into_bytes();
        csv.push(0xc5);
        for header in [Some("text/csv; charset=utf-8"), Some("text/csv"), None] {
            let decoded = decode(&csv, header);
            assert!(decoded.text.ends_with("0;Županija\n\u{fffd}") && decoded.is_broken, "{header:?}");
            assert_eq!((decoded.charset, decoded.text.matches('\u{fffd}').count()), ("UTF-8", 1), "{header:?}");
        }
        let central = b"\x8eupanija".repeat(20);
        let decoded = decode(&central, Some("text/plain; charset=utf-8"));
        assert!(decoded.charset == "UTF-8" && decoded.is_broken);
        assert_eq!(decode("ž".as_bytes(), Some("text/plain; charset=windows-1252")).text, "Å¾");
    }

    #[test]
    fn a_page_that_can_be_read_is_not_utf_16() {
        for page in
            ["<meta charset=utf-16>ž", "<?xml version='1.0' encoding=\"UTF-16\"?><a>ž</a>", "<meta charset=utf-32>ž"]
        {
            let decoded = decode(page.as_bytes(), None);
            assert_eq!((decoded.text.as_str(), decoded.charset), (page, "UTF-8"));
        }
    }
}
