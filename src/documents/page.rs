//! A page that was read.

use serde::{Deserialize, Serialize};

use super::block::Block;
use super::codes::PageCode;
use super::hyphens::whole;
use crate::layout::{Area, Line};
use crate::ocr::{Measurement, Recognised, RecognisedLine, Step};
use crate::pdf::{FormField, TextLayout};

/// Where a page's text comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageSource {
    /// The file holds it.
    Native,
    /// An engine read it.
    Recognised,
    /// The file holds it, and it was asked to leave such pages out.
    Skipped,
    /// It could not be read.
    Failed,
}

impl PageSource {
    /// One word, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Recognised => "recognised",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// A word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageWord {
    /// The letters.
    pub text: String,
    /// Its place in points, from the top left corner.
    pub points: Area,
    /// Its place in pixels of the picture that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixels: Option<Area>,
    /// How sure the engine is, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageLine {
    /// Its words with a space between them.
    pub text: String,
    /// Its place in points.
    pub points: Area,
    /// Its place in pixels of the picture that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixels: Option<Area>,
    /// How sure the engine is, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
    /// The paragraph it is of, counted over the page.
    pub paragraph: usize,
    /// The words.
    pub words: Vec<PageWord>,
}

/// How an engine read a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The engine.
    pub engine: String,
    /// The languages it was told.
    pub language: String,
    /// The mean confidence, 0 to 100.
    pub confidence: f64,
    /// The share of what looks like letters that was read, 0 to 1.
    pub coverage: f64,
    /// What was done to the page first.
    pub steps: Vec<Step>,
    /// What was measured on the page.
    pub measurement: Measurement,
    /// Pixels an inch of the picture that was read.
    pub dpi: u32,
    /// Whether the page holds text of its own, which this reading is instead of.
    pub replaces_text: bool,
}

/// A table of a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageTable {
    /// What it covers, in points.
    pub area: Area,
    /// The text of its cells, row by row; null where a cell spans over.
    pub rows: Vec<Vec<Option<String>>>,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// Its number in the file, from 1 on.
    pub page: usize,
    /// Its width in points.
    pub width: f64,
    /// Its height in points.
    pub height: f64,
    /// Where its text comes from.
    pub source: PageSource,
    /// Its text.
    pub text: String,
    /// Its lines, in the order in which they are read.
    pub lines: Vec<PageLine>,
    /// How an engine read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// The fields of forms that it shows, with what is filled in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FormField>,
    /// Its tables, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tables: Option<Vec<PageTable>>,
    /// What its lines are, in the order in which they are read, where that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<Block>,
    /// The bars and QR codes on it, where they were looked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<PageCode>,
    /// Whether it stands between documents: it has a code and hardly a word.
    #[serde(default, skip_serializing_if = "is_no")]
    pub separator: bool,
    /// Whether nothing is on it.
    #[serde(default, skip_serializing_if = "is_no")]
    pub blank: bool,
    /// The language of its text, as pages of the web have it (`de`), where it is plain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Letters of which the file does not say what they are; they stand as U+FFFD.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unknown: usize,
    /// What people should know of it, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Why it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What to type next, where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Milliseconds it took.
    pub ms: u64,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn is_no(answer: &bool) -> bool {
    !answer
}

impl Page {
    /// A page of which nothing is known but its size.
    pub fn empty(page: usize, size: (f64, f64), source: PageSource) -> Self {
        Self {
            page,
            width: size.0,
            height: size.1,
            source,
            text: String::new(),
            lines: Vec::new(),
            reading: None,
            fields: Vec::new(),
            tables: None,
            blocks: Vec::new(),
            codes: Vec::new(),
            separator: false,
            blank: false,
            language: None,
            unknown: 0,
            notes: Vec::new(),
            error: None,
            hint: None,
            ms: 0,
        }
    }

    /// A page that could not be read.
    pub fn failed(page: usize, size: (f64, f64), error: &crate::error::Error) -> Self {
        let mut failed = Self::empty(page, size, PageSource::Failed);
        failed.set_failed(error);
        failed
    }

    /// It could not be read as a whole; what was read of it stays.
    pub(super) fn set_failed(&mut self, error: &crate::error::Error) {
        self.source = PageSource::Failed;
        self.error = Some(error.to_string());
        self.hint = error.hint_text().map(str::to_owned);
    }

    /// How many words it has.
    pub fn words(&self) -> usize {
        self.lines.iter().map(|line| line.words.len()).sum()
    }

    /// Leaves out words that do not stand in an area by their middle.
    pub(super) fn crop(&mut self, area: &Area) {
        for line in &mut self.lines {
            line.words.retain(|word| area.holds_middle_of(&word.points));
            line.text = line.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
            line.points = Area::around(line.words.iter().map(|word| word.points)).unwrap_or_default();
            line.pixels = Area::around(line.words.iter().filter_map(|word| word.pixels));
        }
        self.lines.retain(|line| !line.words.is_empty());
        self.text = self.lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect();
    }

    /// Lines that the file holds; in the text of those that are in reading order, parted words are whole.
    pub(super) fn set_native(&mut self, lines: Vec<Line>, layout: TextLayout) {
        let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        self.text = match layout {
            TextLayout::Reading => whole(&texts),
            _ => texts.iter().flat_map(|text| [*text, "\n"]).collect(),
        };
        self.lines = lines.into_iter().map(native).collect();
    }

    pub(super) fn set_recognised(&mut self, found: Recognised, dpi: u32, replaces_text: bool) {
        self.text = found.text;
        self.lines = found.lines.into_iter().map(recognised).collect();
        self.reading = Some(Reading {
            engine: found.engine,
            language: found.language,
            confidence: found.confidence,
            coverage: found.coverage,
            steps: found.steps,
            measurement: found.measurement,
            dpi,
            replaces_text,
        });
    }
}

fn native(line: Line) -> PageLine {
    let word =
        |word: crate::layout::Word| PageWord { text: word.text, points: word.area, pixels: None, confidence: None };
    PageLine {
        text: line.text,
        points: line.area,
        pixels: None,
        confidence: None,
        paragraph: 1,
        words: line.words.into_iter().map(word).collect(),
    }
}

fn recognised(line: RecognisedLine) -> PageLine {
    let word = |word: crate::ocr::RecognisedWord| PageWord {
        text: word.text,
        points: word.points,
        pixels: Some(word.pixels),
        confidence: Some(word.confidence),
    };
    PageLine {
        text: line.text,
        points: line.points,
        pixels: Some(line.pixels),
        confidence: Some(line.confidence),
        paragraph: line.paragraph,
        words: line.words.into_iter().map(word).collect(),
    }
}

/// The text of a page as a file of text has it: ended by a form feed.
pub fn plain_text(page: &Page) -> String {
    let mut text = page.text.clone();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push('\u{c}');
    text
}
