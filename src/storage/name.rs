//! Names of files as text that loses nothing: a name is bytes, and a database and JSON want text.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::error::{Error, ErrorKind, Result};

/// The most bytes of a name.
const NAME_BYTES_MAX: usize = 4_096;
/// A longer end of a name is no extension.
const EXTENSION_CHARS_MAX: usize = 12;

/// A name as text: bytes that are no UTF-8, and NUL, as `\xNN`, and a backslash doubled. Everything else stays.
///
/// # Errors
/// Usage, for a name that is empty or longer than 4,096 bytes.
pub fn written(name: &OsStr) -> Result<String> {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes.len() > NAME_BYTES_MAX {
        let message = format!("keep a file under a name of {} bytes: 1 to {NAME_BYTES_MAX} are taken", bytes.len());
        return Err(Error::new(ErrorKind::Usage, message));
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\\' => text.push_str("\\\\"),
                '\0' => text.push_str("\\x00"),
                letter => text.push(letter),
            }
        }
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    Ok(text)
}

/// The name that [`written`] has made a text of.
pub fn original(text: &str) -> OsString {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let byte = behind.strip_prefix('x').and_then(|digits| u8::from_str_radix(digits.get(..2)?, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[3..];
            }
            None => {
                bytes.push(b'\\');
                rest = behind.strip_prefix('\\').unwrap_or(behind);
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    OsString::from_vec(bytes)
}

/// The end of a name in small letters, where it is one: `pdf`. Empty for `README`, `.profile` and `a.b c`.
pub(super) fn extension(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or_default();
    let Some((before, end)) = last.rsplit_once('.') else { return String::new() };
    let is_plain =
        !end.is_empty() && end.len() <= EXTENSION_CHARS_MAX && end.bytes().all(|it| it.is_ascii_alphanumeric());
    if is_plain && !before.is_empty() { end.to_ascii_lowercase() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_any_bytes_comes_back() {
        let names: [&[u8]; 7] =
            [b"a.pdf", "ra\u{10d}un.pdf".as_bytes(), b"a\nb", b"a\xff\xfe.pdf", b"a\\b", b"\\xff", b"\\\\x\xc3"];
        let mut texts = Vec::new();
        for name in names {
            let text = written(OsStr::from_bytes(name)).expect("a text");
            assert_eq!(original(&text).as_bytes(), name, "{text}");
            texts.push(text);
        }
        assert_eq!(texts[3], "a\\xff\\xfe.pdf");
        assert_eq!(texts[5], "\\\\xff");
        assert_eq!(written(OsStr::from_bytes(b"a\0b")).expect("a text"), "a\\x00b");
        for wrong in [0, 4_097] {
            assert!(written(OsStr::new(&"a".repeat(wrong))).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_extension_is_short_and_plain() {
        let cases = [("a.PDF", "pdf"), ("a.tar.gz", "gz"), ("README", ""), (".profile", ""), ("a.", ""), ("a.b c", "")];
        for (name, expected) in cases {
            assert_eq!(extension(name), expected, "{name}");
        }
        assert_eq!(extension("a.thirteenchars"), "");
        assert_eq!(extension("x.d/readme"), "");
    }
}
