//! Which stored files a person means: a number, or a SHA-256 or its first digits.

use crate::error::{Error, ErrorKind, Result};
use crate::tables::{FileFilter, FileRow, SHA256_BYTES, Store};

/// Fewer digits of a SHA-256 mean too many files.
const DIGITS_MIN: usize = 8;
/// A number has no more digits.
const NUMBER_DIGITS_MAX: usize = 18;
/// The most names of one content.
const NAMES_MAX: i64 = 10_000;

/// The files that these texts name, each once.
///
/// # Errors
/// Usage for a text that is neither, or that fits several contents; not found.
pub(super) fn find_all(store: &mut Store, texts: &[String]) -> Result<Vec<FileRow>> {
    let mut rows: Vec<FileRow> = Vec::new();
    for text in texts {
        for row in find(store, text)? {
            if rows.iter().all(|known| known.id != row.id) {
                rows.push(row);
            }
        }
    }
    Ok(rows)
}

/// The files that a text names, the newest first: one by its number, all names of a content by its SHA-256.
///
/// # Errors
/// As [`find_all`].
pub(super) fn find(store: &mut Store, text: &str) -> Result<Vec<FileRow>> {
    let is_number = text.len() <= NUMBER_DIGITS_MAX && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(id) = text.parse::<i64>().ok().filter(|_| is_number)
        && let Some(row) = store.files().by_id(id)?
    {
        return Ok(vec![row]);
    }
    let unknown =
        || Error::new(ErrorKind::NotFound, format!("find the stored file `{text}`")).hint("`dc files list` shows them");
    let Some(range) = content_range(text) else {
        if is_number && !text.is_empty() {
            return Err(unknown());
        }
        return Err(Error::new(ErrorKind::Usage, format!("read `{text}` as a stored file"))
            .hint(format!("name it by its number, or by {DIGITS_MIN} to {} digits of its SHA-256", 2 * SHA256_BYTES)));
    };
    let filter = FileFilter { sha256: Some(range), deleted: true, ..FileFilter::default() };
    let rows = store.files().list(&filter, NAMES_MAX)?;
    let first = rows.first().ok_or_else(unknown)?;
    if rows.iter().any(|row| row.sha256 != first.sha256) {
        return Err(Error::new(ErrorKind::Usage, format!("find the stored file `{text}`: several begin so"))
            .hint("write more digits of its SHA-256"));
    }
    Ok(rows)
}

/// The first and the last SHA-256 that begin with these digits.
pub(in crate::ops) fn content_range(digits: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex || digits.len() < DIGITS_MIN || digits.len() > 2 * SHA256_BYTES {
        return None;
    }
    let filled = |with: char| -> Option<Vec<u8>> {
        let full: String = digits.chars().chain(std::iter::repeat(with)).take(2 * SHA256_BYTES).collect();
        (0..SHA256_BYTES).map(|place| u8::from_str_radix(&full[2 * place..2 * place + 2], 16).ok()).collect()
    };
    Some((filled('0')?, filled('f')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_a_range() {
        let (first, last) = content_range("00aB12345").expect("a range");
        assert_eq!((&first[..5], &last[..5]), (&[0, 0xab, 0x12, 0x34, 0x50][..], &[0, 0xab, 0x12, 0x34, 0x5f][..]));
        assert_eq!((first.len(), last[31]), (32, 0xff));
        for wrong in ["1234567", "0123456g", &"a".repeat(65), "caf\u{e9}cafe"] {
            assert!(content_range(wrong).is_none(), "{wrong}");
        }
    }
}
