//! A PDF whose attachments alone are encrypted: its pages are open to everybody, and so they are read without a password.

use memchr::memmem::find_iter;

/// Where the encryption of a PDF is named, and what takes its place so that nobody looks for a password.
const NAMED: &[u8] = b"/Encrypt";
const UNNAMED: &[u8] = b"/Encrypz";

/// The file as one that is not encrypted, if nothing but its attachments is.
pub(super) fn without_locks(bytes: &[u8]) -> Option<Vec<u8>> {
    let is_plain = |key: &[u8]| {
        find_iter(bytes, key).all(|at| {
            let rest = &bytes[at + key.len()..bytes.len().min(at + key.len() + 64)];
            let start = rest.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(rest.len());
            rest[start..].starts_with(b"/Identity")
        })
    };
    // texts and streams are as they are unless a filter is named for them
    let is_of_attachments = find_iter(bytes, b"/EFF").next().is_some() && is_plain(b"/StmF") && is_plain(b"/StrF");
    if !is_of_attachments {
        return None;
    }
    let mut open = bytes.to_vec();
    for at in find_iter(bytes, NAMED) {
        let is_whole = !bytes.get(at + NAMED.len()).is_some_and(u8::is_ascii_alphanumeric);
        if is_whole {
            open[at..at + NAMED.len()].copy_from_slice(UNNAMED);
        }
    }
    Some(open)
}
