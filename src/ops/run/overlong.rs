//! A line that is too long for memory comes in pieces: a secret that lies across the border of two is hidden too.

use crate::apps::{Piece, level_in};
use crate::redact::Redactor;

/// So much of a piece waits for the next one: more than a short secret takes in any encoding. Of a long one each half is
/// found by itself.
const HELD_BYTES: usize = 8 * 1024;

/// The line of a stream that is being read.
#[derive(Debug, Default)]
pub(super) struct Overlong {
    held: String,
    level: Option<i64>,
    /// How many of its parts were stored.
    pub(super) stored: u32,
}

impl Overlong {
    /// How grave the line is, where it began as a record.
    pub(super) fn level(&self) -> Option<i64> {
        self.level
    }

    /// What can be shown now: the piece without its end, behind what was held of the one before.
    pub(super) fn without_secrets(&mut self, piece: Piece, redactor: &Redactor) -> Piece {
        if piece.part == Some(0) {
            *self = Self { level: level_in(&piece.text), ..Self::default() };
        }
        let mut text = std::mem::take(&mut self.held);
        text.push_str(&piece.text);
        if !piece.last {
            let mut end = text.floor_char_boundary(text.len().saturating_sub(HELD_BYTES));
            let spans = redactor.spans(text.as_bytes(), false);
            // what is secret is not cut, unless nothing else is there
            if let Some(across) = spans.iter().find(|span| span.start < end && end < span.end && span.start > 0) {
                end = text.floor_char_boundary(across.start);
            }
            self.held = text.split_off(end);
        }
        // the text says what bytes were no UTF-8
        Piece { text: redactor.text(&text).into_owned(), raw: None, ..piece }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_at_every_place_around_a_border() {
        let secret = "k7-Qz9.wV\u{f6}b3\"nX/41";
        let redactor = Redactor::new([secret.to_owned()]);
        let escaped = r#"k7-Qz9.wV\u00f6b3\"nX\/41"#;
        for encoded in [secret, escaped] {
            let filler = "word ".repeat(6_000);
            for before in 0..=encoded.len() + 2 {
                let line = format!("{}{encoded}{filler}", &filler[..20_000 - before]);
                let cut = line.floor_char_boundary(20_000);
                let pieces = [(&line[..cut], false), (&line[cut..], true)];
                let mut overlong = Overlong::default();
                let shown: String = (0..)
                    .zip(pieces)
                    .map(|(part, (text, last))| {
                        let piece = Piece { text: text.to_owned(), raw: None, part: Some(part), last };
                        overlong.without_secrets(piece, &redactor).text
                    })
                    .collect();
                assert_eq!(shown, line.replace(encoded, "***"), "{before} bytes before the border");
            }
        }
    }

    #[test]
    fn a_record_that_is_too_long_keeps_its_level() {
        let redactor = Redactor::new([]);
        let mut overlong = Overlong::default();
        let piece = |text: &str, part, last| Piece { text: text.to_owned(), raw: None, part: Some(part), last };
        overlong.without_secrets(piece(r#"{"level":"error","msg":"a"#, 0, false), &redactor);
        assert_eq!(overlong.without_secrets(piece("b\"}", 1, true), &redactor).text, r#"{"level":"error","msg":"ab"}"#);
        assert_eq!(overlong.level(), Some(40));
        overlong.without_secrets(piece("plain", 0, true), &redactor);
        assert_eq!(overlong.level(), None);
    }
}
