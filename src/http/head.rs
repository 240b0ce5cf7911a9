//! Heads of answers as servers write them: more lines than ureq reads, lines that are folded, and more bytes than its buffer
//! takes. What is plain goes through untouched.

use std::cell::RefCell;

use ureq::http::{HeaderMap, HeaderName, HeaderValue};

/// The most bytes of a head.
pub(super) const HEAD_BYTES_MAX: usize = 256 << 10;
/// The most lines of a head.
pub(super) const HEAD_LINES_MAX: usize = 1_000;
/// So many lines ureq reads, and some room.
const PLAIN_LINES_MAX: usize = 120;
/// What ureq must know to find the end of the body, and whether the connection lasts.
const FRAMING: [&str; 5] = ["content-length", "transfer-encoding", "connection", "keep-alive", "upgrade"];

thread_local! {
    /// All headers of the answer that came last on this thread, where ureq was given a part of them.
    static WHOLE: RefCell<Option<HeaderMap>> = const { RefCell::new(None) };
}

/// Forgets the headers of an answer before.
pub(super) fn begin() {
    WHOLE.with(|whole| *whole.borrow_mut() = None);
}

/// All headers of the answer that came last, where ureq was given a part of them.
pub(super) fn take() -> Option<HeaderMap> {
    WHOLE.with(|whole| whole.borrow_mut().take())
}

/// What stands at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// No head of HTTP.
    None,
    /// The beginning of a head; whether ureq may see it.
    Part { is_plain: bool },
    /// A head of so many bytes; whether it is plain.
    Whole { length: usize, is_plain: bool },
    /// More lines than are read.
    TooLong,
}

/// Looks for a head.
pub(super) fn look(bytes: &[u8]) -> Head {
    let start = bytes.len().min(5);
    if bytes[..start] != b"HTTP/"[..start] {
        return Head::None;
    }
    let (mut at, mut lines, mut is_folded) = (0, 0_usize, false);
    while let Some(length) = memchr::memchr(b'\n', &bytes[at..]) {
        let line = &bytes[at..at + length];
        at += length + 1;
        match line {
            [] | [b'\r'] => return Head::Whole { length: at, is_plain: !is_folded && lines <= PLAIN_LINES_MAX },
            [b' ' | b'\t', ..] => is_folded = true,
            _ => lines += 1,
        }
        if lines > HEAD_LINES_MAX + 1 {
            return Head::TooLong;
        }
    }
    let is_plain = !is_folded && lines <= PLAIN_LINES_MAX && !matches!(bytes.get(at), Some(b' ' | b'\t'));
    Head::Part { is_plain }
}

/// The head as ureq reads it. What it would not read is kept for [`take`].
pub(super) fn plain(head: &[u8]) -> Vec<u8> {
    let lines = unfolded(head);
    let Some((status, fields)) = lines.split_first() else { return head.to_vec() };
    let mut plain = status.clone();
    plain.extend_from_slice(b"\r\n");
    let is_few = fields.len() <= PLAIN_LINES_MAX;
    for line in fields.iter().filter(|line| is_few || is_framing(line)).take(PLAIN_LINES_MAX) {
        plain.extend_from_slice(line);
        plain.extend_from_slice(b"\r\n");
    }
    plain.extend_from_slice(b"\r\n");
    if !is_few {
        WHOLE.with(|whole| *whole.borrow_mut() = Some(headers(fields)));
    }
    plain
}

/// The lines without their ends; a line that goes on in the next one is one (RFC 9112, 5.2).
fn unfolded(head: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for line in head.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match (line, lines.last_mut()) {
            ([], _) => {}
            ([b' ' | b'\t', ..], Some(last)) => {
                let rest = line.trim_ascii();
                last.truncate(last.trim_ascii_end().len());
                if !rest.is_empty() {
                    last.push(b' ');
                    last.extend_from_slice(rest);
                }
            }
            _ => lines.push(line.to_vec()),
        }
    }
    lines
}

fn is_framing(line: &[u8]) -> bool {
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    FRAMING.iter().any(|framing| name.eq_ignore_ascii_case(framing.as_bytes()))
}

fn headers(fields: &[Vec<u8>]) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(fields.len());
    for line in fields {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default().trim_ascii());
        match (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            (Ok(name), Ok(value)) => drop(headers.append(name, value)),
            _ => log::debug!("a line in the head of an answer is no header: it is left out"),
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_plain_is_let_through_and_the_rest_is_made_so() {
        let plain_head = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
        assert_eq!(look(plain_head), Head::Whole { length: plain_head.len() - 1, is_plain: true });
        assert_eq!(look(b"HTTP/1.0 200\nA: b\n\n"), Head::Whole { length: 19, is_plain: true });
        assert_eq!(look(b"HT"), Head::Part { is_plain: true });
        assert_eq!(look(b"\x16\x03"), Head::None);
        assert_eq!(look(b"HTTP/1.1 200 OK\r\nA: b\r\n c"), Head::Part { is_plain: false });
        let folded = b"HTTP/1.1 200 OK\r\nA: b \r\n\t c\r\n \r\nB:d\r\n\r\n";
        assert_eq!(look(folded), Head::Whole { length: folded.len(), is_plain: false });
        assert_eq!(plain(folded), b"HTTP/1.1 200 OK\r\nA: b c\r\nB:d\r\n\r\n");
        assert!(take().is_none());
    }

    #[test]
    fn ureq_is_given_what_frames_the_body_and_the_rest_is_kept() {
        let many: String = (0..999).map(|number| format!("Set-Cookie: c{number}=1\r\n")).collect();
        let head = format!("HTTP/1.1 200 OK\r\n{many}content-LENGTH: 1\r\n\r\n");
        assert_eq!(look(head.as_bytes()), Head::Whole { length: head.len(), is_plain: false });
        assert_eq!(plain(head.as_bytes()), b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 1\r\n\r\n");
        let whole = take().expect("all of them");
        assert_eq!((whole.get_all("set-cookie").iter().count(), whole.len()), (999, 1_000));
        assert_eq!(look(format!("HTTP/1.1 200 OK\r\n{many}{many}\r\n").as_bytes()), Head::TooLong);
    }
}
