//! Words and lines.

use serde::Serialize;

use super::Area;

/// Which way the letters of a word follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From left to right.
    #[default]
    Right,
    /// From top to bottom: text that was turned.
    Down,
    /// From right to left: text upside down.
    Left,
    /// From bottom to top.
    Up,
}

/// A word: letters without white space between them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Word {
    /// The letters.
    pub text: String,
    /// Where it stands, in points.
    pub area: Area,
    /// Which way it runs.
    pub direction: Direction,
    /// How sure the engine is, 0 to 100; `None` for a word that a PDF holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
}

/// A line of words, from left to right.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The words with a space between them.
    pub text: String,
    /// What its words cover, in points.
    pub area: Area,
    /// The words.
    pub words: Vec<Word>,
}

impl Line {
    /// A line of these words; `None` of no words.
    pub fn of(words: Vec<Word>) -> Option<Self> {
        let area = Area::around(words.iter().map(|word| word.area))?;
        let text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
        Some(Self { text, area, words })
    }
}
