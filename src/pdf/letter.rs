//! A letter on a page.

use crate::layout::Area;

/// The sign for a glyph of which nobody knows the letter.
pub(super) const UNKNOWN: char = char::REPLACEMENT_CHARACTER;

/// A glyph that was drawn, with the letters it stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// What it stands for; a ligature stands for several letters.
    pub text: LetterText,
    /// Its place: as wide as its advance, as high as its font's size.
    pub area: Area,
    /// Whether it stands upright, and is not turned.
    pub upright: bool,
    /// Which way it runs: degrees clockwise from text that runs to the right.
    pub angle: f32,
    /// How far the next letter stands, in points along that way.
    pub advance: f32,
    /// What is added before the next letter of its string, in points: letters that are spaced out are one word.
    pub spacing: f32,
    /// The size of its font, in points across that way.
    pub size: f32,
    /// Whether it is drawn at all; text under a scanned page often is not.
    pub visible: bool,
}

/// The letters that one glyph stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LetterText {
    /// One, as nearly always.
    One(char),
    /// Several.
    Many(Box<str>),
}

impl Letter {
    /// Whether it is white space.
    pub fn is_space(&self) -> bool {
        match &self.text {
            LetterText::One(letter) => is_space(*letter),
            LetterText::Many(text) => !text.is_empty() && text.chars().all(is_space),
        }
    }

    /// Appends its letters; ligatures are taken apart.
    pub fn append_to(&self, out: &mut String) {
        match &self.text {
            LetterText::One(letter) => push(*letter, out),
            LetterText::Many(text) => text.chars().for_each(|letter| push(letter, out)),
        }
    }

    /// How many letters it stands for.
    pub fn count(&self) -> usize {
        match &self.text {
            LetterText::One(_) => 1,
            LetterText::Many(text) => text.chars().count(),
        }
    }

    /// Whether nobody knows what it stands for: the PDF does not say.
    pub fn is_unknown(&self) -> bool {
        self.text == LetterText::One(UNKNOWN)
    }
}

/// As Python's `str.isspace`, by which pdfplumber parts words.
fn is_space(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\u{1c}'..='\u{1f}')
}

fn push(letter: char, out: &mut String) {
    match letter {
        'ﬀ' => out.push_str("ff"),
        'ﬃ' => out.push_str("ffi"),
        'ﬄ' => out.push_str("ffl"),
        'ﬁ' => out.push_str("fi"),
        'ﬂ' => out.push_str("fl"),
        'ﬆ' | 'ﬅ' => out.push_str("st"),
        _ => out.push(letter),
    }
}
