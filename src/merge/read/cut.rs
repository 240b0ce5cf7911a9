//! Where one record ends and the next begins, in each of the three formats.

use std::ops::Range;

use memchr::{memchr, memchr3};

use crate::merge::plan::format::Format;

/// What stands at the start of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// A record, or nothing but blanks; `consumed` bytes are done with.
    Piece { record: Option<Range<usize>>, consumed: usize },
    /// The bytes end before the record does.
    More,
    /// The end of the array: `consumed` bytes are done with, only blanks may follow.
    End { consumed: usize },
    /// No record can follow, for this reason.
    Broken { at: usize, reason: &'static str },
}

/// Finds the end of the first record in `bytes`, which start where a record may start. `last` when no byte follows.
/// `after_comma` is the memory of an array: whether a comma asks for one more element.
pub(crate) fn cut(format: Format, bytes: &[u8], last: bool, after_comma: &mut bool) -> Cut {
    match format {
        Format::Ndjson => cut_line(bytes, last),
        Format::JsonArray => cut_element(bytes, last, after_comma),
        Format::Csv { delimiter } => cut_row(bytes, last, delimiter),
    }
}

fn cut_line(bytes: &[u8], last: bool) -> Cut {
    let (end, consumed) = match memchr(b'\n', bytes) {
        Some(end) => (end, end + 1),
        None if last => (bytes.len(), bytes.len()),
        None => return Cut::More,
    };
    Cut::Piece { record: trimmed(bytes, 0..end), consumed }
}

/// The range without the blanks around it; `None` when nothing is left.
fn trimmed(bytes: &[u8], range: Range<usize>) -> Option<Range<usize>> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let slice = &bytes[range.clone()];
    let start = slice.iter().position(|byte| !blank(byte))?;
    let end = slice.iter().rposition(|byte| !blank(byte))? + 1;
    Some(range.start + start..range.start + end)
}

fn cut_element(bytes: &[u8], last: bool, after_comma: &mut bool) -> Cut {
    let Some(start) = bytes.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) else {
        return match last {
            true => Cut::Broken { at: bytes.len(), reason: "the input ends before the array is closed with `]`" },
            false => Cut::More,
        };
    };
    if bytes[start] == b']' {
        return match *after_comma {
            true => Cut::Broken { at: start, reason: "the array has a comma and no element after it" },
            false => Cut::End { consumed: start + 1 },
        };
    }
    let mut depth = 0_usize;
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => match end_of_string(bytes, at + 1) {
                Some(end) => at = end,
                None => break,
            },
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 0 => depth -= 1,
            byte @ (b',' | b']') if depth == 0 => {
                *after_comma = byte == b',';
                let consumed = if byte == b',' { at + 1 } else { at };
                let record = trimmed(bytes, start..at).or(Some(start..at));
                return Cut::Piece { record, consumed };
            }
            _ => {}
        }
        at += 1;
    }
    match last {
        true => Cut::Broken { at: start, reason: "the input ends in the middle of this element" },
        false => Cut::More,
    }
}

/// The place of the quote that closes a JSON string; `at` is behind the one that opens it.
fn end_of_string(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr3(b'"', b'\\', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

fn cut_row(bytes: &[u8], last: bool, delimiter: u8) -> Cut {
    let mut at = 0;
    loop {
        // at the start of a field
        if bytes.get(at) == Some(&b'"') {
            at += 1;
            // a doubled quote is a quote of the value; a single one ends the quoted part
            loop {
                match memchr(b'"', &bytes[at..]) {
                    None if last => return Cut::Broken { at: 0, reason: "a quoted field is not closed with `\"`" },
                    None => return Cut::More,
                    Some(quote) => at += quote + 1,
                }
                match bytes.get(at) {
                    Some(b'"') => at += 1,
                    None if !last => return Cut::More,
                    _ => break,
                }
            }
        }
        match memchr3(delimiter, b'\n', b'\n', &bytes[at..]) {
            Some(found) if bytes[at + found] == delimiter => at += found + 1,
            Some(found) => {
                let end = at + found;
                let line = if end > 0 && bytes[end - 1] == b'\r' { end - 1 } else { end };
                return Cut::Piece { record: (line > 0).then_some(0..line), consumed: end + 1 };
            }
            None if last => {
                let end = if bytes.last() == Some(&b'\r') { bytes.len() - 1 } else { bytes.len() };
                return Cut::Piece { record: (end > 0).then_some(0..end), consumed: bytes.len() };
            }
            None => return Cut::More,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(format: Format, text: &str) -> Vec<String> {
        let bytes = text.as_bytes();
        let (mut at, mut found, mut after_comma) = (0, Vec::new(), false);
        while at < bytes.len() {
            // every window length must give the same cuts
            let complete = cut(format, &bytes[at..], true, &mut after_comma.clone());
            for end in at..bytes.len() {
                let partial = cut(format, &bytes[at..end], false, &mut after_comma.clone());
                assert!(
                    partial == Cut::More || partial == complete,
                    "{text:?} {at}..{end}: {partial:?} against {complete:?}"
                );
            }
            match cut(format, &bytes[at..], true, &mut after_comma) {
                Cut::Piece { record, consumed } => {
                    found.extend(record.map(|range| text[at + range.start..at + range.end].to_owned()));
                    at += consumed;
                }
                Cut::End { .. } => break,
                other => panic!("{text:?} at {at}: {other:?}"),
            }
        }
        found
    }

    #[test]
    fn records_are_cut_the_same_in_any_window() {
        assert_eq!(pieces(Format::Ndjson, "{\"a\":1}\r\n\n  {}  \n{\"b\":2}"), ["{\"a\":1}", "{}", "{\"b\":2}"]);
        assert_eq!(pieces(Format::JsonArray, " {\"a\":\"],\\\"\"} , [1,2],3 ]"), ["{\"a\":\"],\\\"\"}", "[1,2]", "3"]);
        let csv = Format::Csv { delimiter: b',' };
        assert_eq!(pieces(csv, "a,b\r\n\"x\n\"\"y\",5\" z\n\nlast,"), ["a,b", "\"x\n\"\"y\",5\" z", "last,"]);
    }
}
