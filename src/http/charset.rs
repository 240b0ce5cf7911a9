//! The text of a body: what its first bytes mark, what the header says, what a page says of itself, UTF-8 where it is
//! that, and else a guess from the letters.

use chardetng::EncodingDetector;
use encoding_rs::{Encoding, UTF_8};

/// A page says its charset within its first bytes.
const PAGE_BYTES: usize = 2_048;

/// The text, and the name of the charset that it was in.
pub(super) fn text(body: &[u8], content_type: Option<&str>) -> (String, &'static str) {
    let encoding = find(body, content_type);
    // a mark at the beginning decides, and is left out
    let (text, encoding, _) = encoding.decode(body);
    (text.into_owned(), encoding.name())
}

fn find(body: &[u8], content_type: Option<&str>) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(body) {
        return encoding;
    }
    let told = content_type.and_then(parameter).and_then(|label| Encoding::for_label(label.as_bytes()));
    let told = told.or_else(|| in_page(body));
    let is_utf8 = std::str::from_utf8(body).is_ok();
    match told {
        // servers say UTF-8 or Latin-1 by default, whatever the page is in
        Some(encoding) if encoding == UTF_8 && !is_utf8 => guess(body),
        Some(encoding) if encoding == encoding_rs::WINDOWS_1252 && is_utf8 => UTF_8,
        Some(encoding) => encoding,
        None if is_utf8 => UTF_8,
        None => guess(body),
    }
}

fn guess(body: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(body, true);
    detector.guess(None, chardetng::Utf8Detection::Deny)
}

/// `charset=..` of a content type.
fn parameter(content_type: &str) -> Option<&str> {
    let parameters = content_type.split(';').skip(1).filter_map(|part| part.split_once('='));
    let found =
        parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset")).map(|(_, value)| value).next();
    found.map(|value| value.trim().trim_matches(['"', '\'']))
}

/// `<meta charset="..">`, `<meta .. content="text/html; charset=..">` or `<?xml .. encoding=".."?>`.
fn in_page(body: &[u8]) -> Option<&'static Encoding> {
    let start = String::from_utf8_lossy(&body[..body.len().min(PAGE_BYTES)]).to_ascii_lowercase();
    if !start.trim_start().starts_with('<') {
        return None;
    }
    ["charset=", "encoding="].into_iter().find_map(|mark| {
        let rest = &start[start.find(mark)? + mark.len()..];
        let label: String = rest
            .trim_start_matches(['"', '\''])
            .chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || "-_:".contains(*letter))
            .collect();
        Encoding::for_label(label.as_bytes())
    })
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
            (&*central, Some("text/plain; charset=utf-8"), croatian),
            (utf8, Some("text/plain; charset=iso-8859-1"), croatian),
            (&utf16, None, "ž"),
            (&[0xef, 0xbb, 0xbf, b'a'], Some("text/plain; charset=latin1"), "a"),
            (b"", None, ""),
            (b"x", Some("text/plain; charset=nonsense"), "x"),
        ] {
            assert_eq!(text(body, header).0, expected, "{header:?}");
        }
        assert!(text(&page, Some("text/html")).0.ends_with(croatian));
    }
}
