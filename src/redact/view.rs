//! A text read as another program would read it: with its escapes resolved, and where each byte of that stood before.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;

/// So many readings of a text are looked at.
const VIEWS_MAX: usize = 16;
/// Escapes inside escapes are resolved so often.
const DEPTH_MAX: usize = 3;

/// What is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    /// Those behind a backslash: of JSON, and of literals in Python, Rust, Go and JavaScript.
    Backslash,
    /// `%2F`
    Percent,
    /// `%2F`, and a plus for a space.
    Form,
    /// `&amp;`, `&#39;`, `&#x27;`
    Html,
    /// `=2F`
    QuotedPrintable,
    /// Line ends, and what indents the line behind.
    LineEnd,
}

/// A reading of a text.
pub(super) struct View<'a> {
    bytes: Cow<'a, [u8]>,
    /// Where each byte stood in the text; `None` for the text itself.
    places: Option<Vec<(u32, u32)>>,
    depth: usize,
}

impl View<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where these bytes stood in the text.
    pub(super) fn place(&self, span: &Range<usize>) -> Range<usize> {
        match &self.places {
            None => span.clone(),
            Some(places) => places[span.start].0 as usize..places[span.end - 1].1 as usize,
        }
    }
}

/// All readings of a text. `is_json` says that it is the inside of a JSON string: then nothing is found that would tear
/// one of its escapes apart.
pub(super) fn views(text: &[u8], is_json: bool, knows_spaces: bool, mut each: impl FnMut(&View<'_>)) {
    let first = View { bytes: Cow::Borrowed(text), places: None, depth: 0 };
    let first = match is_json {
        true => read(&first, Escape::Backslash).map(|view| View { depth: 0, ..view }).unwrap_or(first),
        false => first,
    };
    let mut waiting = VecDeque::from([first]);
    let mut count = 0;
    while let Some(view) = waiting.pop_front() {
        each(&view);
        count += 1;
        if view.depth >= DEPTH_MAX {
            continue;
        }
        let escapes =
            [Escape::Backslash, Escape::Percent, Escape::Html, Escape::LineEnd, Escape::QuotedPrintable, Escape::Form];
        for escape in escapes {
            if count + waiting.len() >= VIEWS_MAX || (escape == Escape::Form && !knows_spaces) {
                continue;
            }
            // what was resolved in two orders is the same
            if let Some(read) = read(&view, escape).filter(|read| !waiting.iter().any(|it| it.bytes == read.bytes)) {
                waiting.push_back(read);
            }
        }
    }
}

/// `None` where nothing is to be resolved.
fn read(view: &View<'_>, escape: Escape) -> Option<View<'static>> {
    let marks: &[u8] = match escape {
        Escape::Backslash => b"\\",
        Escape::Percent => b"%",
        Escape::Form => b"+",
        Escape::Html => b"&",
        Escape::QuotedPrintable => b"=",
        Escape::LineEnd => b"\n",
    };
    let source = &view.bytes;
    let first = memchr::memchr(marks[0], source)?;
    let mut bytes = Vec::with_capacity(source.len());
    let mut places: Vec<(u32, u32)> = Vec::with_capacity(source.len());
    let place = |from: usize, to: usize| {
        let place = view.place(&(from..to));
        (place.start as u32, place.end as u32)
    };
    let mut found = false;
    let mut at = 0;
    while at < source.len() {
        let letter = if at < first { None } else { resolve(&source[at..], escape) };
        match letter {
            Some((length, letter)) => {
                found = true;
                let from_to = place(at, at + length);
                for byte in letter.bytes() {
                    bytes.push(*byte);
                    places.push(from_to);
                }
                at += length;
            }
            None => {
                bytes.push(source[at]);
                places.push(place(at, at + 1));
                at += 1;
            }
        }
    }
    found.then_some(View { bytes: Cow::Owned(bytes), places: Some(places), depth: view.depth + 1 })
}

/// What an escape stands for, in UTF-8.
struct Letter([u8; 4], usize);

impl Letter {
    fn byte(byte: u8) -> Self {
        Self([byte, 0, 0, 0], 1)
    }

    fn of(code: u32) -> Option<Self> {
        let letter = char::from_u32(code)?;
        let mut bytes = [0; 4];
        let length = letter.encode_utf8(&mut bytes).len();
        Some(Self(bytes, length))
    }

    fn bytes(&self) -> impl Iterator<Item = &u8> {
        self.0[..self.1].iter()
    }
}

/// The escape that `text` begins with: how long it is, and what it stands for.
fn resolve(text: &[u8], escape: Escape) -> Option<(usize, Letter)> {
    match (escape, text[0]) {
        (Escape::Backslash, b'\\') => backslash(text),
        (Escape::Percent | Escape::Form, b'%') | (Escape::QuotedPrintable, b'=') => {
            Some((3, Letter::byte(u8::try_from(hex(text.get(1..3)?)?).ok()?)))
        }
        (Escape::Form, b'+') => Some((1, Letter::byte(b' '))),
        (Escape::Html, b'&') => entity(text),
        (Escape::LineEnd, b'\n' | b'\r') => {
            let length = text.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            text[..length].contains(&b'\n').then_some((length, Letter([0; 4], 0)))
        }
        _ => None,
    }
}

fn backslash(text: &[u8]) -> Option<(usize, Letter)> {
    let byte = |byte| Some((2, Letter::byte(byte)));
    match text.get(1)? {
        b'n' => byte(b'\n'),
        b'r' => byte(b'\r'),
        b't' => byte(b'\t'),
        b'b' => byte(8),
        b'f' => byte(12),
        quoted @ (b'"' | b'\'' | b'\\' | b'/' | b'$' | b'`' | b'&' | b'@') => byte(*quoted),
        b'x' => Some((4, Letter::byte(u8::try_from(hex(text.get(2..4)?)?).ok()?))),
        b'U' => Some((10, Letter::of(hex(text.get(2..10)?)?)?)),
        b'u' if text.get(2) == Some(&b'{') => {
            let end = text.iter().take(10).position(|byte| *byte == b'}')?;
            Some((end + 1, Letter::of(hex(text.get(3..end)?)?)?))
        }
        b'u' => {
            let unit = hex(text.get(2..6)?)?;
            if (0xd800..0xdc00).contains(&unit) && text.get(6..8) == Some(br"\u") {
                let low = hex(text.get(8..12)?)?;
                let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                return Some((12, Letter::of(0x1_0000 + ((unit - 0xd800) << 10) + low)?));
            }
            Some((6, Letter::of(unit)?))
        }
        _ => None,
    }
}

fn entity(text: &[u8]) -> Option<(usize, Letter)> {
    let end = text.iter().take(12).position(|byte| *byte == b';')?;
    let code = match &text[1..end] {
        b"amp" => u32::from(b'&'),
        b"lt" => u32::from(b'<'),
        b"gt" => u32::from(b'>'),
        b"quot" => u32::from(b'"'),
        b"apos" => u32::from(b'\''),
        [b'#', b'x' | b'X', digits @ ..] => hex(digits)?,
        [b'#', digits @ ..] => std::str::from_utf8(digits).ok()?.parse().ok()?,
        _ => return None,
    };
    Some((end + 1, Letter::of(code)?))
}

fn hex(digits: &[u8]) -> Option<u32> {
    let is_hex = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    is_hex.then(|| std::str::from_utf8(digits).ok()).flatten().and_then(|text| u32::from_str_radix(text, 16).ok())
}
