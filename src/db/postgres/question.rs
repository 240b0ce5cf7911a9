//! `?` as a placeholder: PostgreSQL has numbers alone, and `?` is an operator of its own.

use std::borrow::Cow;

use crate::db::placeholder::placeholders;

/// A statement with a number for each `?`, where it has exactly as many of them as values and no number of its own.
pub(super) fn numbered(sql: &str, values: usize) -> Cow<'_, str> {
    if values == 0 || !sql.contains('?') {
        return Cow::Borrowed(sql);
    }
    let places = placeholders(sql, skip);
    if places.len() != values || places.iter().any(|place| place.number.is_some()) {
        return Cow::Borrowed(sql);
    }
    let (mut out, mut done) = (String::with_capacity(sql.len() + values * 2), 0);
    for (place, number) in places.iter().zip(1..) {
        out.push_str(&sql[done..place.start]);
        out.push_str(&format!("${number}"));
        done = place.end;
    }
    out.push_str(&sql[done..]);
    Cow::Owned(out)
}

/// What stands behind the text in quotes or the comment that begins here; the same place when none does.
fn skip(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let until = |mark: &[u8], from: usize| {
        let found = memchr::memmem::find(rest.get(from..).unwrap_or_default(), mark);
        found.map_or(bytes.len(), |place| at + from + place + mark.len())
    };
    match rest {
        [b'-', b'-', ..] => until(b"\n", 2),
        [b'/', b'*', ..] => until(b"*/", 2),
        // a doubled quote ends one text and begins the next
        [quote @ (b'\'' | b'"'), ..] => until(&[*quote], 1),
        [b'$', tail @ ..] => {
            let word = tail.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
            let is_open = tail.get(word) == Some(&b'$') && !tail.first().is_some_and(u8::is_ascii_digit);
            if is_open { until(&rest[..word + 2], word + 2) } else { at }
        }
        _ => at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn question_marks_get_numbers_where_they_are_places() {
        for (sql, values, expected) in [
            ("SELECT ? + ?", 2, "SELECT $1 + $2"),
            ("SELECT '?' || ? -- ?\n", 1, "SELECT '?' || $1 -- ?\n"),
            ("SELECT \"a?\", $x$ ? $x$, /* ? */ ?", 1, "SELECT \"a?\", $x$ ? $x$, /* ? */ $1"),
            // an operator of JSON
            ("SELECT a ? 'b' FROM t WHERE c = $1", 1, "SELECT a ? 'b' FROM t WHERE c = $1"),
            ("SELECT a ? 'b'", 0, "SELECT a ? 'b'"),
            ("SELECT a ? 'b', 'it''s ?', ?", 1, "SELECT a ? 'b', 'it''s ?', ?"),
        ] {
            assert_eq!(numbered(sql, values), expected);
        }
    }
}
