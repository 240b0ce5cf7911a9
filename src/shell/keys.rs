//! The keys of a terminal: bytes that are typed come in, keys go out.
//!
//! crossterm's reader is not used. It learns of a byte once, when it comes, and forgets it when the window gets another
//! size at the same moment: the key is found when the next one is typed. And it does not come back from the middle of a
//! sequence, so neither ^C nor a signal ends a board there. Here is asked, each time, whether something is there.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::read;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// How long the rest of a sequence may be on its way. Esc alone is known by nothing that follows.
const REST_LIMIT: Duration = Duration::from_millis(50);
/// The longest sequence; what is longer is none.
const SEQUENCE_BYTES_MAX: usize = 32;
/// What is read at once.
const READ_BYTES_MAX: usize = 256;
const ESC: u8 = 0x1b;

/// What somebody types on standard input, which is a terminal that gives each byte at once.
#[derive(Default)]
pub(super) struct Keys {
    /// What was read and is no key yet.
    bytes: Vec<u8>,
}

/// What was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Typed {
    Nothing,
    Key(KeyEvent),
    /// The terminal is gone for ever.
    Gone,
}

impl Keys {
    /// The next key; waits for it no longer than `limit`.
    pub(super) fn next(&mut self, limit: Duration) -> Typed {
        if let Some(key) = self.take(false) {
            return Typed::Key(key);
        }
        let limit = if self.bytes.is_empty() { limit } else { limit.min(REST_LIMIT) };
        let stdin = io::stdin();
        let mut asked = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        let key = match poll(&mut asked, PollTimeout::try_from(limit).unwrap_or(PollTimeout::ZERO)) {
            Ok(0) => self.take(true),
            Ok(_) if asked[0].revents() == Some(PollFlags::POLLIN) => {
                let mut bytes = [0; READ_BYTES_MAX];
                match read(stdin, &mut bytes) {
                    Ok(count @ 1..) => self.bytes.extend(&bytes[..count]),
                    Err(Errno::EINTR | Errno::EAGAIN) => {}
                    Ok(0) | Err(_) => return Typed::Gone,
                }
                self.take(false)
            }
            Err(Errno::EINTR) => None,
            Ok(_) | Err(_) => return Typed::Gone,
        };
        key.map_or(Typed::Nothing, Typed::Key)
    }

    /// The first key of what was read; `is_all` says that nothing follows.
    fn take(&mut self, is_all: bool) -> Option<KeyEvent> {
        while !self.bytes.is_empty() {
            let (count, key) = decode(&self.bytes, is_all)?;
            self.bytes.drain(..count);
            if key.is_some() {
                return key;
            }
        }
        None
    }
}

/// How many bytes the first key takes, and the key, if it is a known one; `None` where its end is still to come.
fn decode(bytes: &[u8], is_all: bool) -> Option<(usize, Option<KeyEvent>)> {
    match bytes {
        [ESC] => is_all.then_some((1, Some(KeyCode::Esc.into()))),
        [ESC, ESC, ..] => Some((1, Some(KeyCode::Esc.into()))),
        [ESC, b'[' | b'O'] if !is_all => None,
        [ESC, b'[', rest @ ..] if !rest.is_empty() => {
            let (count, key) = sequence(rest, is_all)?;
            Some((2 + count, key))
        }
        // as some terminals send keys
        [ESC, b'O', letter @ b'A'..=b'Z', ..] => Some((3, named(*letter, &[]).map(KeyEvent::from))),
        [ESC, rest @ ..] => {
            let (count, key) = letter(rest, is_all)?;
            Some((1 + count, key.map(|key| KeyEvent::new(key.code, key.modifiers | KeyModifiers::ALT))))
        }
        _ => letter(bytes, is_all),
    }
}

/// What follows the start of a sequence: numbers, and a letter at its end.
fn sequence(bytes: &[u8], is_all: bool) -> Option<(usize, Option<KeyEvent>)> {
    match bytes.iter().position(|byte| !matches!(byte, 0x20..=0x3f)) {
        // the function keys of a console have one letter more
        Some(0) if bytes[0] == b'[' => (bytes.len() > 1 || is_all).then_some((bytes.len().min(2), None)),
        Some(end) if matches!(bytes[end], 0x40..=0x7e) => {
            let text = str::from_utf8(&bytes[..end]).unwrap_or_default();
            let numbers: Vec<u8> = text.split(';').map(|number| number.parse().unwrap_or(0)).collect();
            let held = numbers.get(1).map_or(0, |number| number.saturating_sub(1));
            let bits = [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)];
            let held = bits.into_iter().filter(|(bit, _)| held & bit != 0).map(|(_, modifier)| modifier).collect();
            Some((end + 1, named(bytes[end], &numbers).map(|code| KeyEvent::new(code, held))))
        }
        // it was cut off: what comes instead is a key of its own
        Some(end) => Some((end, None)),
        None => (is_all || bytes.len() > SEQUENCE_BYTES_MAX).then_some((bytes.len(), None)),
    }
}

/// The key that the last letter of a sequence names, or its first number.
fn named(letter: u8, numbers: &[u8]) -> Option<KeyCode> {
    Some(match (letter, numbers.first()) {
        (b'A', _) => KeyCode::Up,
        (b'B', _) => KeyCode::Down,
        (b'C', _) => KeyCode::Right,
        (b'D', _) => KeyCode::Left,
        (b'H', _) | (b'~', Some(1 | 7)) => KeyCode::Home,
        (b'F', _) | (b'~', Some(4 | 8)) => KeyCode::End,
        (b'M', None) => KeyCode::Enter,
        (b'Z', _) => KeyCode::BackTab,
        (b'~', Some(3)) => KeyCode::Delete,
        (b'~', Some(5)) => KeyCode::PageUp,
        (b'~', Some(6)) => KeyCode::PageDown,
        _ => return None,
    })
}

/// A letter, or a key with Ctrl.
fn letter(bytes: &[u8], is_all: bool) -> Option<(usize, Option<KeyEvent>)> {
    let code = match bytes[0] {
        b'\r' | b'\n' => KeyCode::Enter,
        b'\t' => KeyCode::Tab,
        0x08 | 0x7f => KeyCode::Backspace,
        byte @ 0..=0x1f => {
            let letter = char::from(byte + 0x60);
            return Some((1, Some(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL))));
        }
        _ => {
            let bytes = &bytes[..bytes.len().min(4)];
            let whole = match str::from_utf8(bytes) {
                Ok(text) => text,
                Err(error) if error.valid_up_to() > 0 => str::from_utf8(&bytes[..error.valid_up_to()]).ok()?,
                Err(error) => {
                    // what is none in UTF-8 is left out; a letter may still be on its way
                    let count = error.error_len().or(is_all.then_some(bytes.len()))?;
                    return Some((count, None));
                }
            };
            let letter = whole.chars().next()?;
            return Some((letter.len_utf8(), Some(KeyCode::Char(letter).into())));
        }
    };
    Some((1, Some(code.into())))
}

#[cfg(test)]
mod tests {
    use super::{Keys, SEQUENCE_BYTES_MAX};
    use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    /// The keys of bytes that come in these parts, one closely behind the other.
    fn typed(parts: &[&[u8]]) -> Vec<KeyEvent> {
        let mut keys = Keys::default();
        let mut found = Vec::new();
        for part in parts {
            keys.bytes.extend(*part);
            found.extend(std::iter::from_fn(|| keys.take(false)));
        }
        found.extend(std::iter::from_fn(|| keys.take(true)));
        assert!(keys.bytes.is_empty(), "{:?}", keys.bytes);
        found
    }

    fn letters(text: &str) -> Vec<KeyEvent> {
        text.chars().map(|letter| KeyCode::Char(letter).into()).collect()
    }

    fn with(code: KeyCode, modifiers: KeyModifiers) -> Vec<KeyEvent> {
        vec![KeyEvent::new(code, modifiers)]
    }

    #[test]
    fn keys_are_the_same_wherever_what_is_typed_is_cut() {
        let ctrl = |letter| with(KeyCode::Char(letter), KeyModifiers::CONTROL);
        let alt = |letter| with(KeyCode::Char(letter), KeyModifiers::ALT);
        let cases: [(&[u8], Vec<KeyEvent>); 24] = [
            (b"q", letters("q")),
            ("q\u{e9}\u{20ac}\u{1f980}Q".as_bytes(), letters("q\u{e9}\u{20ac}\u{1f980}Q")),
            (b"\x03", ctrl('c')),
            (b"\x1a", ctrl('z')),
            (b"\r", vec![KeyCode::Enter.into()]),
            (b"\n", vec![KeyCode::Enter.into()]),
            (b"\t", vec![KeyCode::Tab.into()]),
            (b"\x7f\x08", vec![KeyCode::Backspace.into(), KeyCode::Backspace.into()]),
            (b"\x1b", vec![KeyCode::Esc.into()]),
            (b"\x1b\x1b", vec![KeyCode::Esc.into(), KeyCode::Esc.into()]),
            (b"\x1bq", alt('q')),
            (b"\x1b[", alt('[')),
            (b"\x1b\x1b[A", vec![KeyCode::Esc.into(), KeyCode::Up.into()]),
            (b"\x1b[A\x1b[B", vec![KeyCode::Up.into(), KeyCode::Down.into()]),
            (b"\x1bOA\x1bOF", vec![KeyCode::Up.into(), KeyCode::End.into()]),
            (b"\x1b[1~\x1b[4~", vec![KeyCode::Home.into(), KeyCode::End.into()]),
            (b"\x1b[5~\x1b[6~", vec![KeyCode::PageUp.into(), KeyCode::PageDown.into()]),
            (b"\x1b[1;5A", with(KeyCode::Up, KeyModifiers::CONTROL)),
            (b"\x1b[6;4~", with(KeyCode::PageDown, KeyModifiers::SHIFT | KeyModifiers::ALT)),
            // what nobody knows is no letters either
            (b"\x1b[15~\x1b[[Aq", letters("q")),
            (b"\x1b[?1;2cq", letters("q")),
            // cut off: what comes instead is taken
            (b"\x1b[1;\x03", ctrl('c')),
            (b"\x1b[1\x1b[A", vec![KeyCode::Up.into()]),
            // no UTF-8
            (b"\xff\xc3q\xe2\x82", letters("q")),
        ];
        for (bytes, keys) in cases {
            assert_eq!(typed(&[bytes]), keys, "{bytes:?}");
            for place in 0..=bytes.len() {
                let (start, end) = bytes.split_at(place);
                assert_eq!(typed(&[start, end]), keys, "{start:?}, {end:?}");
            }
            let each: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(typed(&each), keys, "{bytes:?}, one by one");
        }
    }

    #[test]
    fn a_sequence_without_an_end_is_given_up() {
        let endless = [b"\x1b[".to_vec(), vec![b'1'; SEQUENCE_BYTES_MAX + 1]].concat();
        let mut keys = Keys { bytes: endless };
        assert_eq!(keys.take(false), None);
        assert!(keys.bytes.is_empty());
    }
}
