//! `?` as a placeholder, which PostgreSQL does not have: it becomes `$1`, `$2` and so on.

use std::borrow::Cow;

use crate::db::placeholder::{Placeholder, placeholders};
use crate::db::token::skip;

/// A statement in PostgreSQL's own words. One without values, or with `$1`, is taken as it is: `?` is an operator there.
/// In all others `?` is a placeholder, and `??` the operator.
pub(super) fn numbered(sql: &str, count: usize) -> Cow<'_, str> {
    if count == 0 || !sql.contains('?') {
        return Cow::Borrowed(sql);
    }
    let places = placeholders(sql, skip);
    if places.iter().any(|place| place.number.is_some()) {
        return Cow::Borrowed(sql);
    }
    let (mut out, mut done, mut next) = (String::with_capacity(sql.len() + count), 0, 0);
    let mut places = places.into_iter().peekable();
    while let Some(Placeholder { start, end, .. }) = places.next() {
        out.push_str(&sql[done..start]);
        done = match places.next_if(|following| following.start == end) {
            Some(following) => {
                out.push('?');
                following.end
            }
            None => {
                next += 1;
                out.push_str(&format!("${next}"));
                end
            }
        };
    }
    out.push_str(&sql[done..]);
    // then some are operators
    if next == count { Cow::Owned(out) } else { Cow::Borrowed(sql) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_mark_is_a_placeholder_and_two_are_the_operator() {
        for (sql, count, expected) in [
            ("SELECT * FROM t WHERE a = ? AND b = ?", 2, "SELECT * FROM t WHERE a = $1 AND b = $2"),
            ("SELECT d ?? 'k' FROM t WHERE a = ?", 1, "SELECT d ? 'k' FROM t WHERE a = $1"),
            (
                "SELECT '?', \"?\", $$ ? $$, $q$ ? $q$, E'\\'?', 'it''s ?' /* ? /* ? */ ? */, ? -- ?",
                1,
                "SELECT '?', \"?\", $$ ? $$, $q$ ? $q$, E'\\'?', 'it''s ?' /* ? /* ? */ ? */, $1 -- ?",
            ),
            ("SELECT 'ž?', ?::text", 1, "SELECT 'ž?', $1::text"),
            ("SELECT d ? 'k' FROM t", 0, "SELECT d ? 'k' FROM t"),
            ("SELECT d ? 'k' FROM t WHERE a = $1", 1, "SELECT d ? 'k' FROM t WHERE a = $1"),
            ("SELECT a ? 'b', 'it''s ?', ?", 1, "SELECT a ? 'b', 'it''s ?', ?"),
            ("SELECT some'?' , date'?', ?", 1, "SELECT some'?' , date'?', $1"),
        ] {
            assert_eq!(numbered(sql, count), expected, "{sql}");
        }
    }
}
