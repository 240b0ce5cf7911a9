//! The lines that an app writes: of any length and any bytes, in bounded memory, and nothing lost.

use std::io::{self, BufRead, Read};

/// The most bytes of a line that are handed on as one piece: a line is understood as a whole, or not at all.
pub const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The bytes of the longest line end, `\r\n`.
const END_BYTES_MAX: usize = 2;
/// Room to begin with: most apps write little, and many run at once. It doubles up to what two pieces take.
const FIRST_BYTES: usize = 8 * 1024;
/// The bytes of the longest character in UTF-8.
const CHARACTER_BYTES_MAX: usize = 4;

/// A line, or a part of a line that is longer than [`LINE_BYTES_MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The text without its line end; bytes that are no UTF-8, and NUL, stand in it as `\xNN`.
    pub text: String,
    /// The bytes themselves, where the text had to write some of them as `\xNN`.
    pub raw: Option<Vec<u8>>,
    /// Which part of a long line this is, from 0; `None` for a line in one piece.
    pub part: Option<u32>,
    /// Whether the line ends here.
    pub last: bool,
}

/// Cuts what it reads into [`Piece`]s.
///
/// A line ends with `\n` or `\r\n`; a lone `\r` is part of the line. Text after the last line end is a line too.
pub struct LineReader<R> {
    input: R,
    /// The most bytes of a piece.
    limit: usize,
    buffer: Vec<u8>,
    /// The first byte that was not handed on.
    start: usize,
    /// The first byte that was not searched for a line end.
    searched: usize,
    /// The end of what was read.
    end: usize,
    part: Option<u32>,
    ended: bool,
}

impl<R: Read> LineReader<R> {
    /// A reader of the lines of `input`, which needs no buffer of its own.
    pub fn new(input: R) -> Self {
        Self::with_limit(input, LINE_BYTES_MAX)
    }

    /// One whose pieces have at most `limit` bytes.
    pub(crate) fn with_limit(input: R, limit: usize) -> Self {
        Self { input, limit, buffer: vec![0; FIRST_BYTES], start: 0, searched: 0, end: 0, part: None, ended: false }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// The input's own; what was read before is handed on by the calls that follow.
    pub fn next_piece(&mut self) -> io::Result<Option<Piece>> {
        loop {
            let limit = self.end.min(self.start + self.limit + END_BYTES_MAX);
            if let Some(newline) = find_newline(&self.buffer[self.searched..limit]) {
                return Ok(Some(self.line(self.searched + newline)));
            }
            self.searched = limit;
            let waiting = self.end - self.start;
            if waiting >= self.limit + END_BYTES_MAX || (self.ended && waiting > self.limit) {
                return Ok(Some(self.cut()));
            }
            if self.ended {
                return Ok((waiting > 0).then(|| self.take(self.end, self.end, true)));
            }
            self.fill()?;
        }
    }

    /// The line that ends at `newline`.
    fn line(&mut self, newline: usize) -> Piece {
        let content = match self.buffer[self.start..newline].last() {
            Some(b'\r') => newline - 1,
            _ => newline,
        };
        // a \r that has the last place of a full piece belongs to a longer line only when no \n follows it
        if content - self.start > self.limit { self.cut() } else { self.take(content, newline + 1, true) }
    }

    /// As much of a long line as fits, up to the end of a character.
    fn cut(&mut self) -> Piece {
        let full = self.start + self.limit;
        let mut end = full;
        for back in 1..CHARACTER_BYTES_MAX {
            let byte = self.buffer[full - back];
            if byte & 0b1100_0000 != 0b1000_0000 {
                // the first byte of a character says how many there are
                let length = byte.leading_ones() as usize;
                if (2..=CHARACTER_BYTES_MAX).contains(&length) && length > back {
                    end = full - back;
                }
                break;
            }
        }
        self.take(end, end, false)
    }

    fn take(&mut self, content_end: usize, next: usize, last: bool) -> Piece {
        let bytes = &self.buffer[self.start..content_end];
        let (text, raw) = readable(bytes);
        let part = match (self.part, last) {
            (None, true) => None,
            (None, false) => Some(0),
            (Some(part), _) => Some(part.saturating_add(1)),
        };
        self.part = if last { None } else { part };
        self.start = next;
        self.searched = next;
        Piece { text, raw, part, last }
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.start == self.end {
            (self.start, self.searched, self.end) = (0, 0, 0);
        } else if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            self.searched -= self.start;
            self.end -= self.start;
            self.start = 0;
        }
        match self.input.read(&mut self.buffer[self.end..]) {
            Ok(0) => self.ended = true,
            Ok(count) => {
                self.end += count;
                // a writer that fills it has more to say
                let most = 2 * self.limit + END_BYTES_MAX;
                if self.end == self.buffer.len() && self.end < most {
                    self.buffer.resize((2 * self.end).min(most), 0);
                }
            }
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => {
                self.ended = true;
                return Err(cause);
            }
        }
        Ok(())
    }
}

impl<R: Read> Iterator for LineReader<R> {
    type Item = io::Result<Piece>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_piece().transpose()
    }
}

fn find_newline(bytes: &[u8]) -> Option<usize> {
    // the standard library keeps its memchr to itself; skipping through a slice is the door to it
    let skipped = { bytes }.skip_until(b'\n').unwrap_or_default();
    (skipped > 0 && bytes[skipped - 1] == b'\n').then(|| skipped - 1)
}

/// The bytes as text, and the bytes again where the text could not take them as they are.
fn readable(bytes: &[u8]) -> (String, Option<Vec<u8>>) {
    // databases refuse NUL in text, though it is valid UTF-8
    match std::str::from_utf8(bytes) {
        Ok(text) if !bytes.contains(&0) => (text.to_owned(), None),
        _ => (escaped(bytes), Some(bytes.to_owned())),
    }
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\0', "\\x00"));
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small enough for a test that reads byte by byte.
    const LIMIT: usize = 64 * 1024;

    /// Hands out a few bytes at a time, so that every boundary comes up.
    struct Drops<'a>(&'a [u8], usize);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn pieces(bytes: &[u8]) -> Vec<Piece> {
        let whole: Vec<Piece> = LineReader::with_limit(bytes, LIMIT).map(|piece| piece.expect("a piece")).collect();
        let steps: &[usize] = if bytes.len() < 2 * LIMIT { &[1, 7, 65_536] } else { &[65_536] };
        for &step in steps {
            let in_drops: Vec<Piece> =
                LineReader::with_limit(Drops(bytes, step), LIMIT).map(|piece| piece.expect("one")).collect();
            assert!(in_drops == whole, "the same in steps of {step}");
        }
        whole
    }

    fn texts(bytes: &[u8]) -> Vec<String> {
        pieces(bytes).into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn lines_end_as_lines_do() {
        assert_eq!(texts(b"a\nb\r\n\n\r\nc\rd\n\re\r"), ["a", "b", "", "", "c\rd", "\re\r"]);
        assert_eq!(texts(b""), [""; 0]);
        assert_eq!(texts(b"\n"), [""]);
        assert_eq!(texts("č\n€".as_bytes()), ["č", "€"]);
    }

    #[test]
    fn bytes_that_are_no_text_are_marked_and_kept() {
        let found = pieces(b"a\xff\xfeb\0c \xe2\x82\nfine\n");
        assert_eq!(found[0].text, "a\\xff\\xfeb\\x00c \\xe2\\x82");
        assert_eq!(found[0].raw.as_deref(), Some(&b"a\xff\xfeb\0c \xe2\x82"[..]));
        assert_eq!((found[1].text.as_str(), &found[1].raw), ("fine", &None));
    }

    #[test]
    fn a_long_line_comes_in_parts_that_make_it_whole() {
        for extra in [1, 2, 3, LIMIT, LIMIT + 1, 3_000_000] {
            let line: String = "aé€😀".chars().cycle().take((LIMIT + extra) * 4 / 10 + 4).collect();
            for end in ["", "\n", "\r\n", "\nnext"] {
                let found = pieces(format!("{line}{end}").as_bytes());
                let lasts = found.iter().filter(|piece| piece.last).count();
                assert_eq!(lasts, if end == "\nnext" { 2 } else { 1 });
                let parts: Vec<&Piece> = found.iter().filter(|piece| piece.part.is_some()).collect();
                assert!(parts.iter().enumerate().all(|(number, piece)| piece.part == Some(number as u32)));
                assert!(parts.iter().all(|piece| piece.raw.is_none() && piece.text.len() <= LIMIT));
                let again: String = parts.iter().map(|piece| piece.text.as_str()).collect();
                assert!(again == line, "whole again after {extra} more bytes and {end:?}");
            }
        }
    }

    #[test]
    fn a_line_that_just_fits_is_one_piece() {
        for (length, expected) in [(LIMIT, 1), (LIMIT + 1, 2), (LIMIT + 2, 2)] {
            for end in ["", "\n", "\r\n"] {
                let found = pieces(format!("{}{end}", "x".repeat(length)).as_bytes());
                assert_eq!(found.len(), expected, "{length} {end:?}");
                assert_eq!(found.iter().map(|piece| piece.text.len()).sum::<usize>(), length);
            }
        }
        let found = pieces(&[0x80; LIMIT + 5]);
        assert_eq!(found.iter().filter_map(|piece| piece.raw.as_ref()).map(Vec::len).sum::<usize>(), LIMIT + 5);
    }
}
