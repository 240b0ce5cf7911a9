//! SQL as MariaDB and MySQL read it: literals, and placeholders with numbers, which they do not have.

use std::borrow::Cow;

use mysql_async::{Params, Value as Bound};

use crate::db::placeholder::{fill, no_place, placeholders};
use crate::db::table::quote_by;
use crate::db::text;
use crate::error::Result;
use crate::record::Value;

/// The sign around a name.
pub(super) const NAME_SIGN: char = '`';

/// Bytes that stand in a statement themselves; more are bound.
const LITERAL_BYTES_MAX: usize = 4096;

/// Text as a literal.
pub(super) fn literal(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    put_literal(text.as_bytes(), &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Text as a literal, at the end of a statement.
pub(super) fn put_literal(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'\'');
    for byte in text {
        match byte {
            b'\'' => out.extend_from_slice(b"''"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0 => out.extend_from_slice(b"\\0"),
            byte => out.push(*byte),
        }
    }
    out.push(b'\'');
}

/// Bytes as a literal, at the end of a statement.
pub(super) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(b"x'");
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
    out.push(b'\'');
}

/// Bytes as a literal.
pub(super) fn bytes_literal(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len() * 2 + 3);
    put_bytes(bytes, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// A name in quotes, safe inside SQL.
pub(super) fn quote(name: &str) -> String {
    quote_by(NAME_SIGN, name)
}

/// A statement as the server takes it, with the values in the order in which it asks for them: `$2 $1 $2` as well as `? ?`.
///
/// # Errors
/// Placeholders without a value, and values without a placeholder.
pub(super) fn bind<'a>(sql: &'a str, values: &[Value<'_>]) -> Result<(Cow<'a, str>, Params)> {
    let places = placeholders(sql, skip);
    if places.is_empty() {
        return match values.len() {
            0 => Ok((Cow::Borrowed(sql), Params::Empty)),
            count => Err(no_place(sql, count)),
        };
    }
    let mut bound = Vec::new();
    let out = fill(sql, places, values, &mut |_, value, out| match value {
        // as text they would be compared as floats
        Value::BigInteger(digits) | Value::Decimal(digits) if !digits.contains(['e', 'E']) => {
            out.push_str(&format!("({digits})"));
        }
        Value::Bytes(bytes) if bytes.len() <= LITERAL_BYTES_MAX => out.push_str(&bytes_literal(bytes)),
        value => {
            out.push('?');
            bound.push(bound_of(value));
        }
    })?;
    let bound = if bound.is_empty() { Params::Empty } else { Params::Positional(bound) };
    Ok((Cow::Owned(out), bound))
}

fn bound_of(value: &Value<'_>) -> Bound {
    match value {
        Value::Null => Bound::NULL,
        Value::Bool(flag) => Bound::Int(i64::from(*flag)),
        Value::Integer(number) => Bound::Int(*number),
        Value::Float(number) => Bound::Double(*number),
        Value::Bytes(bytes) => Bound::Bytes(bytes.clone()),
        other => Bound::Bytes(text(other).into_owned().into_bytes()),
    }
}

/// What stands behind the text in quotes or the comment that begins here; the same place when none does.
pub(super) fn skip(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let until = |mark: &[u8]| {
        let found = rest.windows(mark.len()).skip(1).position(|window| window == mark);
        found.map_or(bytes.len(), |place| at + 1 + place + mark.len())
    };
    match rest {
        [b'#', ..] => until(b"\n"),
        [b'-', b'-'] => bytes.len(),
        [b'-', b'-', blank, ..] if blank.is_ascii_whitespace() => until(b"\n"),
        // what stands in these is run
        [b'/', b'*', b'!', ..] | [b'/', b'*', b'M', b'!', ..] => at,
        [b'/', b'*', ..] => until(b"*/"),
        [quote @ (b'\'' | b'"' | b'`'), ..] => {
            let mut place = at + 1;
            while let Some(byte) = bytes.get(place) {
                if *byte == b'\\' && *quote != b'`' {
                    place += 2;
                } else if byte == quote {
                    if bytes.get(place + 1) != Some(quote) {
                        return place + 1;
                    }
                    place += 2;
                } else {
                    place += 1;
                }
            }
            bytes.len()
        }
        _ => at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(sql: &str, values: &[Value<'_>]) -> (String, Vec<Bound>) {
        let (sql, bound) = bind(sql, values).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let bound = match bound {
            Params::Positional(bound) => bound,
            _ => Vec::new(),
        };
        (sql.into_owned(), bound)
    }

    #[test]
    fn numbered_places_may_come_in_any_order_and_more_than_once() {
        let values = [Value::from(1), Value::from("b")];
        let (one, two) = (Bound::Int(1), Bound::Bytes(b"b".to_vec()));
        assert_eq!(bound("$2 $1 $2", &values), ("? ? ?".into(), vec![two.clone(), one.clone(), two.clone()]));
        assert_eq!(bound("a = ? AND b = ?", &values), ("a = ? AND b = ?".into(), vec![one, two]));
    }

    #[test]
    fn what_stands_in_quotes_and_comments_is_no_place() {
        let sql = "SELECT '?''$1\\'?', \"$1\\\"?\", `$1``?`, a$1, 5--1 -- $1 ?\n, # ?\n /* ? $1 */ /*! ? */ FROM t WHERE x = $1a";
        let (found, values) = bound(sql, &[Value::from(1)]);
        assert_eq!((found.as_str(), values.len()), (sql, 1));
        assert!(bind("SELECT '", &[]).is_ok() && bind("/*", &[]).is_ok() && bind("-- $1", &[]).is_ok());
    }

    #[test]
    fn places_and_values_are_as_many() {
        let values = [Value::from(1), Value::from(2)];
        for (sql, count) in [("?", 2), ("$1", 2), ("? ? ?", 2), ("$3", 2), ("$0", 1), ("SELECT 1", 1), ("$2", 2)] {
            assert!(bind(sql, &values[..count]).is_err(), "{sql}");
        }
    }

    #[test]
    fn numbers_that_no_type_of_the_protocol_holds_and_bytes_stand_in_the_statement() {
        let values = [
            Value::Decimal("1.50".into()),
            Value::BigInteger("-99999999999999999999".into()),
            Value::Bytes(vec![0, 255]),
        ];
        assert_eq!(bound("$1 $2 $3", &values), ("(1.50) (-99999999999999999999) x'00ff'".into(), vec![]));
    }

    #[test]
    fn a_literal_cannot_end_early() {
        assert_eq!(literal("a'\\\0ä"), "'a''\\\\\\0ä'");
        assert_eq!(quote("a`b"), "`a``b`");
    }
}
