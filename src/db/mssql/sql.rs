//! SQL as SQL Server reads it: literals, and placeholders, which it calls `@P1`.

use std::borrow::Cow;

use tiberius::ColumnData;

use super::client::Bound;
use crate::db::placeholder::{fill, no_place, placeholders};
use crate::db::table::quote_by;
use crate::db::text;
use crate::error::Result;
use crate::record::Value;

/// The sign around a name.
pub(super) const NAME_SIGN: char = '"';
/// The collation that compares text letter for letter, but for blanks at its end.
pub(super) const LETTERS: &str = "COLLATE Latin1_General_100_BIN2";
/// Digits of a number that the server takes.
const DIGITS_MAX: usize = 38;

/// Text as a literal. What the server may not read in a statement is written by its code.
pub(super) fn literal(text: &str) -> String {
    if text.contains('\0') {
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        return format!("CAST({} AS NVARCHAR(MAX))", bytes_literal(&bytes));
    }
    format!("N'{}'", text.replace('\'', "''"))
}

/// Bytes as a literal.
pub(super) fn bytes_literal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(bytes.len() * 2 + 2);
    out.push_str("0x");
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    out
}

/// A name in quotes, safe inside SQL.
pub(super) fn quote(name: &str) -> String {
    quote_by(NAME_SIGN, name)
}

/// A name in brackets, for functions that take names as text.
pub(super) fn bracketed(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// A statement as the server takes it, and its values: `$1` becomes `@P1`, each `?` the next.
///
/// # Errors
/// Placeholders without a value, and values without a placeholder.
pub(super) fn bind<'a>(sql: &'a str, values: &[Value<'_>]) -> Result<(Cow<'a, str>, Vec<Bound>)> {
    let places = placeholders(sql, skip);
    if places.is_empty() {
        // whoever writes for this server alone may write its own
        let are_own = sql.contains("@P1") || sql.contains("@p1");
        return match values.len() {
            count if count > 0 && !are_own => Err(no_place(sql, count)),
            _ => Ok((Cow::Borrowed(sql), values.iter().map(bound).collect())),
        };
    }
    let out = fill(sql, places, values, &mut |at, value, out| match value {
        // as text they would be compared as what the other side is
        Value::BigInteger(digits) | Value::Decimal(digits) if is_literal(digits) => {
            out.push_str(&format!("({digits})"));
        }
        _ => out.push_str(&format!("@P{}", at + 1)),
    })?;
    Ok((Cow::Owned(out), values.iter().map(bound).collect()))
}

/// Whether a number may stand in a statement as it is, with all its digits.
pub(super) fn is_literal(digits: &str) -> bool {
    !digits.contains(['e', 'E']) && digits.bytes().filter(u8::is_ascii_digit).count() <= DIGITS_MAX
}

fn bound(value: &Value<'_>) -> Bound {
    Bound(match value {
        Value::Null => ColumnData::String(None),
        Value::Bool(flag) => ColumnData::Bit(Some(*flag)),
        Value::Integer(number) => ColumnData::I64(Some(*number)),
        Value::Float(number) => ColumnData::F64(Some(*number)),
        Value::Bytes(bytes) => ColumnData::Binary(Some(Cow::Owned(bytes.clone()))),
        other => ColumnData::String(Some(Cow::Owned(text(other).into_owned()))),
    })
}

/// What stands behind the text, the name in quotes or the comment that begins here; the same place when none does.
pub(super) fn skip(bytes: &[u8], at: usize) -> usize {
    let quoted = |end: u8| {
        let mut place = at + 1;
        while let Some(byte) = bytes.get(place) {
            if *byte == end {
                if bytes.get(place + 1) != Some(&end) {
                    return place + 1;
                }
                place += 1;
            }
            place += 1;
        }
        bytes.len()
    };
    match bytes[at..] {
        [b'-', b'-', ..] => {
            let line = bytes[at..].iter().position(|byte| *byte == b'\n');
            line.map_or(bytes.len(), |end| at + end + 1)
        }
        [b'/', b'*', ..] => comment_end(bytes, at),
        [b'[', ..] => quoted(b']'),
        [quote @ (b'\'' | b'"'), ..] => quoted(quote),
        _ => at,
    }
}

/// Comments stand in comments.
fn comment_end(bytes: &[u8], at: usize) -> usize {
    let (mut place, mut depth) = (at + 2, 1);
    while depth > 0 && place < bytes.len() {
        match bytes[place..] {
            [b'*', b'/', ..] => (depth, place) = (depth - 1, place + 2),
            [b'/', b'*', ..] => (depth, place) = (depth + 1, place + 2),
            _ => place += 1,
        }
    }
    place.min(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound_to(sql: &str, values: &[Value<'_>]) -> String {
        bind(sql, values).unwrap_or_else(|error| panic!("{sql}: {error}")).0.into_owned()
    }

    #[test]
    fn numbered_places_may_come_in_any_order_and_more_than_once() {
        let values = [Value::from(1), Value::from("b")];
        assert_eq!(bound_to("$2 $1 $2", &values), "@P2 @P1 @P2");
        assert_eq!(bound_to("a = ? AND b = ?", &values), "a = @P1 AND b = @P2");
        assert_eq!(bound_to("a = @P1 AND b = @P2", &values), "a = @P1 AND b = @P2");
    }

    #[test]
    fn what_stands_in_quotes_and_comments_is_no_place() {
        let sql = "SELECT '?''$1\\', \"$1\"\"?\", [$1]]?], a$1 -- $1 ?\n, /* ? /* $1 */ ? */ 1 FROM t WHERE x = $1a";
        let error = bind(sql, &[Value::from(1)]).err().expect("no place");
        assert!(error.to_string().contains("no place for 1"), "{error}");
        for sql in ["SELECT '", "/*", "/* /* */", "-- $1", "["] {
            assert!(bind(sql, &[]).is_ok(), "{sql}");
        }
    }

    #[test]
    fn places_and_values_are_as_many() {
        let values = [Value::from(1), Value::from(2)];
        for (sql, count) in [("?", 2), ("$1", 2), ("? ? ?", 2), ("$3", 2), ("$0", 1), ("SELECT 1", 1), ("$2", 2)] {
            assert!(bind(sql, &values[..count]).is_err(), "{sql}");
        }
    }

    #[test]
    fn numbers_that_no_type_of_the_protocol_holds_stand_in_the_statement() {
        let values = [Value::Decimal("1.50".into()), Value::BigInteger("-99999999999999999999".into())];
        assert_eq!(bound_to("$1 $2", &values), "(1.50) (-99999999999999999999)");
        let long = Value::BigInteger("1".repeat(39).into());
        assert_eq!(bound_to("$1", &[long]), "@P1");
    }

    #[test]
    fn a_literal_cannot_end_early() {
        assert_eq!(literal("a'\\ä"), "N'a''\\ä'");
        assert_eq!(literal("a\0"), "CAST(0x61000000 AS NVARCHAR(MAX))");
        assert_eq!((quote("a\"b").as_str(), bracketed("a]b").as_str()), ("\"a\"\"b\"", "[a]]b]"));
    }
}
