//! The fields of one row of CSV, as RFC 4180 has them.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr;

/// Goes through the fields of a row.
pub(crate) struct Fields<'a> {
    row: &'a [u8],
    delimiter: u8,
    /// Where the next field begins; `None` after the last.
    at: Option<usize>,
}

/// Where a field stands in its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) range: Range<usize>,
    /// Whether the range is the value; otherwise there are quotes in it that have to be taken out.
    pub(crate) is_plain: bool,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(row: &'a [u8], delimiter: u8) -> Self {
        Self { row, delimiter, at: Some(0) }
    }

    fn is_end(&self, at: usize) -> bool {
        self.row.get(at).is_none_or(|byte| *byte == self.delimiter)
    }

    fn place_of(&self, byte: u8, from: usize) -> usize {
        memchr(byte, &self.row[from..]).map_or(self.row.len(), |found| from + found)
    }

    /// The place behind the closing quote of a field whose first quote stands at `start`.
    fn after_quotes(&self, start: usize) -> usize {
        let mut at = start + 1;
        loop {
            at = self.place_of(b'"', at) + 1;
            if self.row.get(at) != Some(&b'"') {
                return at.min(self.row.len());
            }
            at += 1;
        }
    }
}

impl Iterator for Fields<'_> {
    type Item = Field;

    fn next(&mut self) -> Option<Field> {
        let start = self.at?;
        let is_quoted = self.row.get(start) == Some(&b'"');
        let after = if is_quoted { self.after_quotes(start) } else { start };
        let end = self.place_of(self.delimiter, after);
        self.at = (end < self.row.len()).then_some(end + 1);
        let closing = after.saturating_sub(1);
        let is_simple = is_quoted && self.is_end(after) && self.place_of(b'"', start + 1) == closing && closing > start;
        Some(if is_simple {
            Field { range: start + 1..closing, is_plain: true }
        } else {
            Field { range: start..end, is_plain: !is_quoted }
        })
    }
}

/// Whether a backslash stands before a quote anywhere.
pub(crate) fn has_backslash_quote(row: &[u8]) -> bool {
    memchr::memchr_iter(b'\\', row).any(|at| row.get(at + 1) == Some(&b'"'))
}

/// Whether quotes inside of fields are written with a backslash, as some programs do it: the quoted part then ends too
/// early. A value may end in a backslash (`"C:\"`), as long as no quote stands in what follows.
pub(crate) fn is_quoted_by_backslash(row: &[u8], delimiter: u8) -> bool {
    let mut fields = Fields::of(row, delimiter);
    let mut is_open = false;
    loop {
        let Some(start) = fields.at else { return false };
        let is_quoted = row.get(start) == Some(&b'"');
        let after = if is_quoted { fields.after_quotes(start) } else { start };
        let is_after_backslash = is_quoted && after >= start + 3 && row[after - 2] == b'\\';
        let Some(Field { range, .. }) = fields.next() else { return false };
        let has_quote_behind = memchr(b'"', &row[after.min(range.end)..range.end]).is_some();
        if is_after_backslash && !(after == row.len() || row[after] == delimiter) || is_open && has_quote_behind {
            return true;
        }
        is_open |= is_after_backslash;
    }
}

impl Field {
    /// The field's value.
    pub(crate) fn value<'a>(&self, row: &'a [u8]) -> Cow<'a, [u8]> {
        let bytes = &row[self.range.clone()];
        if self.is_plain { Cow::Borrowed(bytes) } else { Cow::Owned(unquote(bytes)) }
    }
}

/// Takes the quotes out; what stands behind the closing one belongs to the value.
fn unquote(field: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(field.len());
    let mut at = 1;
    while at < field.len() {
        let quote = memchr(b'"', &field[at..]).map_or(field.len(), |found| at + found);
        value.extend_from_slice(&field[at..quote]);
        at = quote + 1;
        if field.get(at) != Some(&b'"') {
            break;
        }
        value.push(b'"');
        at += 1;
    }
    value.extend_from_slice(&field[at.min(field.len())..]);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_behind_a_backslash_is_found() {
        for (row, expected) in [
            (r#""a \"b\" c",1"#, true),
            (r#"1,"5\" disk""#, true),
            (r#""x \", y",1"#, true),
            (r#""C:\",1"#, false),
            (r#""C:\","D:\""#, false),
            (r#""a\""b",1"#, false),
            (r#"a \"b\" c,1"#, false),
            (r#""a","b""#, false),
        ] {
            let found = has_backslash_quote(row.as_bytes()) && is_quoted_by_backslash(row.as_bytes(), b',');
            assert_eq!(found, expected, "{row}");
        }
    }

    #[test]
    fn fields_are_split_as_rfc_4180_has_them() {
        for (row, expected) in [
            ("a,b", vec!["a", "b"]),
            ("", vec![""]),
            (",", vec!["", ""]),
            ("\"a,\"\"b\"\"\",c", vec!["a,\"b\"", "c"]),
            ("5\" pipe,\"\"", vec!["5\" pipe", ""]),
            ("\"a\"b,c", vec!["ab", "c"]),
            ("\"a, b\",\"c\"", vec!["a, b", "c"]),
            ("\"", vec![""]),
            ("a,\"b", vec!["a", "b"]),
            ("\"\"\"\",x", vec!["\"", "x"]),
        ] {
            let fields = Fields::of(row.as_bytes(), b',').map(|field| field.value(row.as_bytes()));
            let fields: Vec<String> = fields.map(|value| String::from_utf8_lossy(&value).into_owned()).collect();
            assert_eq!(fields, expected, "{row}");
        }
    }
}
