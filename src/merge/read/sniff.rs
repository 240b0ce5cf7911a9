//! How a CSV file is written that does not say so: what stands between its fields.

use super::cut::{Cut, cut};
use super::row::Fields;
use crate::merge::plan::format::Format;

/// What may stand between two fields; of those that fit equally well the first counts.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Rows that are looked at.
const ROWS_MAX: usize = 100;

/// How a CSV file is written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) delimiter: u8,
    /// Bytes of a first line that only names the delimiter, as spreadsheets write it.
    pub(crate) skipped: usize,
}

/// The dialect that the first bytes of a file tell; `is_whole` when no byte follows.
pub(crate) fn dialect_of(start: &[u8], is_whole: bool) -> Dialect {
    if let Some(dialect) = told(start) {
        return dialect;
    }
    let fit = |delimiter: &u8| {
        let widths = widths(start, *delimiter, is_whole);
        let header = widths.first().copied().unwrap_or(0);
        let is_even = header > 1 && widths.iter().all(|width| *width == header);
        // a table whose rows are all of one width; else whatever parts the header into most names
        (is_even && widths.len() > 1, header)
    };
    let best = DELIMITERS.iter().rev().max_by_key(|delimiter| fit(delimiter)).copied().unwrap_or(b',');
    Dialect { delimiter: best, skipped: 0 }
}

/// `sep=;` in the first line.
fn told(start: &[u8]) -> Option<Dialect> {
    let end = memchr::memchr(b'\n', start)?;
    let line = start[..end].strip_suffix(b"\r").unwrap_or(&start[..end]);
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    match line {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter] if !delimiter.is_ascii_alphanumeric() => {
            Some(Dialect { delimiter: *delimiter, skipped: end + 1 })
        }
        _ => None,
    }
}

/// How many fields the first rows have.
fn widths(start: &[u8], delimiter: u8, is_whole: bool) -> Vec<usize> {
    let (mut at, mut widths) = (0, Vec::new());
    while at < start.len() && widths.len() < ROWS_MAX {
        let Cut::Piece { record, consumed } = cut(Format::Csv { delimiter }, &start[at..], is_whole, &mut false) else {
            break;
        };
        if let Some(range) = record {
            widths.push(Fields::of(&start[at + range.start..at + range.end], delimiter).count());
        }
        at += consumed;
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_tell_what_stands_between_their_fields() {
        for (text, delimiter) in [
            ("a,b\n1,2\n", b','),
            ("a;b\n1,5;2,5\n3,0;4,1\n", b';'),
            ("a\tb\n1\t2\n", b'\t'),
            ("a|b|c\nx|y|z\n", b'|'),
            ("name;note\n\"x;y\";\"a, b, c\"\n", b';'),
            ("only\n1\n2\n", b','),
            ("a;b;c\n", b';'),
            ("a,b\n1,2,3\n", b','),
            ("a,b;c\n1,2;3\n", b','),
        ] {
            assert_eq!(dialect_of(text.as_bytes(), true).delimiter, delimiter, "{text:?}");
        }
        assert_eq!(dialect_of(b"sep=;\r\na;b\n", true), Dialect { delimiter: b';', skipped: 7 });
        assert_eq!(dialect_of(b"sep=x\na,b\n", true).skipped, 0);
    }
}
