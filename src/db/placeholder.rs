//! Placeholders in a statement of a server that has none with numbers, or writes them otherwise: `?`, and `$1` as every backend
//! takes it.

/// A placeholder: where it stands, and its number if it has one.
pub(super) struct Placeholder {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) number: Option<usize>,
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
