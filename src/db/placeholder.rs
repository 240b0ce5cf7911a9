//! Placeholders in a statement of a server that has none with numbers, or writes them otherwise: `?`, and `$1` as every backend
//! takes it.

use crate::error::{Error, Result};
use crate::record::Value;

/// A placeholder: where it stands, and its number if it has one.
pub(super) struct Placeholder {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) number: Option<usize>,
}

/// A statement with what `write` puts in the place of each placeholder: it is given the place of the value from 0, the value,
/// and the statement so far. `?` takes the next value.
///
/// # Errors
/// Placeholders without a value, and values without a placeholder.
pub(super) fn fill<'a, 'v>(
    sql: &str,
    places: Vec<Placeholder>,
    values: &'a [Value<'v>],
    write: &mut dyn FnMut(usize, &'a Value<'v>, &mut String),
) -> Result<String> {
    let (mut out, mut done, mut next) = (String::with_capacity(sql.len() + places.len()), 0, 0);
    let mut are_used = vec![false; values.len()];
    for Placeholder { start, end, number } in places {
        let at = match number {
            Some(number) => number.checked_sub(1),
            None => {
                next += 1;
                Some(next - 1)
            }
        };
        let found = at.and_then(|at| Some((at, values.get(at)?)));
        let Some((at, value)) = found else {
            return Err(wrong(sql, format!("it asks for more than the {} values", values.len())));
        };
        are_used[at] = true;
        out.push_str(&sql[done..start]);
        write(at, value, &mut out);
        done = end;
    }
    if let Some(unused) = are_used.iter().position(|is_used| !is_used) {
        return Err(wrong(sql, format!("it has no place for value {}", unused + 1)));
    }
    out.push_str(&sql[done..]);
    Ok(out)
}

/// The error of a statement without a placeholder for its values.
pub(super) fn no_place(sql: &str, count: usize) -> Error {
    wrong(sql, format!("it has no place for {count} values"))
}

fn wrong(sql: &str, why: String) -> Error {
    Error::failed(format!("bind values to `{sql}`: {why}"))
}

/// The placeholders outside of quotes and comments: `skip` gives what stands behind the one that begins at a place, and the
/// same place where none does.
pub(super) fn placeholders(sql: &str, skip: fn(&[u8], usize) -> usize) -> Vec<Placeholder> {
    let bytes = sql.as_bytes();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let is_word = |at: usize| {
            bytes
                .get(at)
                .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || *byte >= 0x80)
        };
        let next = skip(bytes, at);
        if next > at {
            at = next;
            continue;
        }
        match bytes[at] {
            b'?' => found.push(Placeholder { start: at, end: at + 1, number: None }),
            b'$' if at == 0 || !is_word(at - 1) => {
                let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                let end = at + 1 + digits;
                if digits > 0 && !is_word(end) {
                    found.push(Placeholder { start: at, end, number: sql[at + 1..end].parse().ok() });
                    at = end;
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}
