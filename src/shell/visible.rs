//! Text as it can be shown: whatever a terminal would act on, or hide, or order otherwise, stands as a sign. Everything
//! that dc says goes through here, to a terminal and to a pipe alike: what is piped is often read on a terminal later.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

/// What the further lines of a record begin with.
const CONTINUED: &str = "    ";
const ESC: char = '\u{1b}';

/// Text of strangers, such as an app's output, as it can be shown: without colours, and with signs for the characters
/// that would move the cursor, ring the bell, rename the window, or show the text in another order than it has.
/// Controls get their pictures (`␛`), all others their number (`<U+202E>`). Line feeds and tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let text = without_colors(text).replace("\r\n", "\n");
    let mut shown = String::with_capacity(text.len() + 16);
    text.chars().for_each(|letter| push(&mut shown, letter));
    Cow::Owned(shown)
}

/// The same on one line, for names, values and cells of tables: line feeds and tabs are signs too.
pub fn visible_line(text: &str) -> Cow<'_, str> {
    let shown = visible(text);
    if !shown.contains(['\n', '\t']) {
        return shown;
    }
    Cow::Owned(shown.replace('\n', "\u{240a}").replace('\t', "\u{2409}"))
}

/// The same as one record: its further lines are indented, so that none of them looks like another record.
pub fn visible_record(text: &str) -> Cow<'_, str> {
    let shown = visible(text);
    if !shown.contains('\n') {
        return shown;
    }
    Cow::Owned(shown.trim_end_matches('\n').replace('\n', &format!("\n{CONTINUED}")))
}

/// JSON with the same values, in which the characters that a terminal would act on are escaped.
pub fn visible_json(json: &str) -> Cow<'_, str> {
    if !json.contains(is_hidden) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 16);
    for letter in json.chars() {
        if is_hidden(letter) && letter != '\r' {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

/// Adds a letter, or its sign.
fn push(shown: &mut String, letter: char) {
    match letter {
        _ if !is_hidden(letter) => shown.push(letter),
        '\u{7f}' => shown.push('\u{2421}'),
        '\0'..='\u{1f}' => shown.push(char::from_u32(0x2400 + letter as u32).unwrap_or(char::REPLACEMENT_CHARACTER)),
        _ => drop(write!(shown, "<U+{:04X}>", letter as u32)),
    }
}

/// What a terminal acts on, or does not show at its place: controls (C0, DEL, C1); marks that turn the order of letters
/// (bidi), separate lines, join annotations or are tags; letters of no width. Joiners and variation selectors stay:
/// scripts and emoji are made with them.
fn is_hidden(letter: char) -> bool {
    match letter {
        '\n' | '\t' => false,
        // most text is this
        ' '..='~' => false,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' => true,
        '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' => true,
        '\u{e0000}'..='\u{e007f}' => true,
        _ => letter.is_control(),
    }
}

/// Colours alone are no loss; every other sequence stays, and its ESC becomes a sign.
fn without_colors(text: &str) -> Cow<'_, str> {
    if !text.contains(ESC) {
        return Cow::Borrowed(text);
    }
    let (mut left, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(ESC) {
        left.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        match color_len(after) {
            Some(length) => rest = &after[length..],
            None => {
                left.push(ESC);
                rest = after;
            }
        }
    }
    left.push_str(rest);
    Cow::Owned(left)
}

/// How long a colour is that begins behind an ESC: `[1;31m`.
fn color_len(text: &str) -> Option<usize> {
    let numbers = text.strip_prefix('[')?;
    let end = numbers.find(|letter: char| !matches!(letter, '0'..='9' | ';' | ':'))?;
    numbers[end..].starts_with('m').then_some(end + 2)
}

/// Data on its way to a terminal, made visible; bytes that are no UTF-8 become `<9B>`.
pub struct VisibleWriter<W: Write> {
    out: W,
    /// What the last write ended with: the beginning of a character, or of a colour.
    begun: Vec<u8>,
    is_json: bool,
}

/// The longest beginning that is kept: of a character, or of a colour.
const BEGUN_BYTES_MAX: usize = 32;

impl<W: Write> VisibleWriter<W> {
    /// For text, or for JSON.
    pub fn new(out: W, is_json: bool) -> Self {
        Self { out, begun: Vec::new(), is_json }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        for chunk in bytes.utf8_chunks() {
            let shown = if self.is_json { visible_json(chunk.valid()) } else { visible(chunk.valid()) };
            self.out.write_all(shown.as_bytes())?;
            for byte in chunk.invalid() {
                write!(self.out, "<{byte:02X}>")?;
            }
        }
        Ok(())
    }
}

impl<W: Write> Write for VisibleWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = std::mem::take(&mut self.begun);
        all.extend_from_slice(bytes);
        let end = all.len() - begun_len(&all);
        self.begun = all.split_off(end);
        self.put(&all)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let begun = std::mem::take(&mut self.begun);
        self.put(&begun)?;
        self.out.flush()
    }
}

impl<W: Write> Drop for VisibleWriter<W> {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

/// How many bytes at the end may be the beginning of a character, of a colour, or of the end of a line.
fn begun_len(bytes: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(BEGUN_BYTES_MAX)..];
    let color = tail.iter().rposition(|byte| *byte == ESC as u8).map(|at| &tail[at..]);
    let is_begun = |color: &&[u8]| color[1..].iter().all(|byte| matches!(byte, b'[' | b'0'..=b'9' | b';' | b':'));
    if let Some(color) = color.filter(is_begun) {
        return color.len();
    }
    if bytes.last() == Some(&b'\r') {
        return 1;
    }
    let chunk = bytes[bytes.len().saturating_sub(3)..].utf8_chunks().last();
    match chunk {
        Some(chunk) if !chunk.invalid().is_empty() => {
            // what is cut off at its end is an error without a length
            let cut = std::str::from_utf8(chunk.invalid()).is_err_and(|error| error.error_len().is_none());
            if cut { chunk.invalid().len() } else { 0 }
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a terminal acts on, or shows elsewhere than it stands, one of each kind.
    const HIDDEN: [char; 18] = [
        '\0',
        '\u{7}',
        '\u{8}',
        '\r',
        ESC,
        '\u{7f}',
        '\u{85}',
        '\u{9b}',
        '\u{ad}',
        '\u{61c}',
        '\u{200b}',
        '\u{200f}',
        '\u{2028}',
        '\u{202e}',
        '\u{2066}',
        '\u{206f}',
        '\u{feff}',
        '\u{e0041}',
    ];

    #[test]
    fn nothing_that_a_terminal_acts_on_is_left_and_text_stays() {
        for letter in HIDDEN {
            let text = format!("a{letter}[2Jb\n\tc");
            let shown = visible(&text);
            assert!(!shown.contains(is_hidden), "{shown:?}");
            assert!(
                shown.starts_with('a') && shown.ends_with("[2Jb\n\tc") && shown.len() > text.len() - 3,
                "{shown:?}"
            );
            let json = serde_json::to_string(&text).expect("JSON");
            let escaped = visible_json(&json);
            assert!(!escaped.contains(is_hidden), "{escaped:?}");
            assert_eq!(serde_json::from_str::<String>(&escaped).expect("JSON"), text, "the same value");
        }
        for text in ["plain", "Čakovec 東京 שלום", "\u{1f468}\u{200d}\u{1f469}", "a\nb\tc"] {
            assert!(matches!(visible(text), Cow::Borrowed(same) if same == text));
        }
        assert_eq!(visible("\u{1b}[1;31mred\u{1b}[0m \u{1b}]0;title\u{7}\r\nx"), "red ␛]0;title␇\nx");
        assert_eq!(visible("\u{202e}gpj\u{9b}31m"), "<U+202E>gpj<U+009B>31m");
        assert_eq!(visible("\u{1b}[\u{1b}[31m31m"), "␛[31m", "what is left is looked at again");
    }

    #[test]
    fn a_line_feed_forges_neither_a_record_nor_a_row() {
        assert_eq!(visible_line("name\n2026-11-30 ERROR\tforged"), "name␊2026-11-30 ERROR␉forged");
        assert_eq!(visible_record("one\n2026-11-30 ERROR forged\n"), "one\n    2026-11-30 ERROR forged");
    }

    #[test]
    fn data_is_the_same_however_its_pieces_are_cut() {
        let data = "č \u{1b}[31mred\u{1b}[0m \u{9b}2J\r\n\u{202e}end\r\nx \u{1b}]0;y\u{7}".as_bytes();
        let data = [data, b" \x9b \xc4 end \xe2\x80"].concat();
        let shown = |size: usize| {
            let mut out = Vec::new();
            let mut writer = VisibleWriter::new(&mut out, false);
            data.chunks(size).for_each(|piece| writer.write_all(piece).expect("memory"));
            drop(writer);
            String::from_utf8(out).expect("text")
        };
        let whole = shown(data.len());
        assert_eq!(whole, "č red <U+009B>2J\n<U+202E>end\nx ␛]0;y␇ <9B> <C4> end <E2><80>");
        (1..data.len()).for_each(|size| assert_eq!(shown(size), whole, "pieces of {size} bytes"));
    }
}
