//! What a page reader read, as far as fields are found in it: the JSON of `dc ocr --format json`, read leniently, since
//! pages that others read may say less.

use serde::Deserialize;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use crate::layout::Area;

/// The most pages that are looked at.
const PAGES_MAX: usize = 10_000;

/// A document.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    /// Its pages.
    pub(super) pages: Vec<Page>,
}

/// A page.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Page {
    /// Its number, from 1 on.
    pub(super) page: usize,
    /// Its text, which counts where it has no lines.
    #[serde(default)]
    text: String,
    #[serde(default)]
    lines: Vec<Line>,
    #[serde(default)]
    tables: Option<Vec<Table>>,
    #[serde(default)]
    blocks: Vec<Block>,
    #[serde(default)]
    fields: Vec<FormField>,
    /// Why it could not be read.
    #[serde(default)]
    pub(super) error: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Line {
    #[serde(default)]
    words: Vec<Word>,
}

/// A word.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Word {
    /// Its letters, composed (NFC).
    pub(super) text: String,
    /// Its place in points, from the top left corner.
    pub(super) points: Area,
    /// How sure the engine is, 0 to 100; `None` for a word that the file holds.
    #[serde(default)]
    pub(super) confidence: Option<f64>,
}

/// A part of a page, as far as it has labels with values.
#[derive(Debug, Default, Deserialize)]
struct Block {
    #[serde(default)]
    pairs: Vec<Pair>,
}

/// A label and its value.
#[derive(Debug, Deserialize)]
pub(super) struct Pair {
    pub(super) label: String,
    pub(super) value: String,
    #[serde(default)]
    pub(super) label_area: Option<Area>,
    #[serde(default)]
    pub(super) value_area: Option<Area>,
}

/// A field of a form.
#[derive(Debug, Deserialize)]
pub(super) struct FormField {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) points: Area,
}

/// A table.
#[derive(Debug, Deserialize)]
pub(super) struct Table {
    /// What it covers.
    pub(super) area: Area,
    /// The text of its cells.
    pub(super) rows: Vec<Vec<Option<String>>>,
}

impl Document {
    /// Reads the JSON of one file.
    pub(super) fn read(value: &Value) -> Result<Self, String> {
        // what is not looked at is not copied
        let document = Self::deserialize(value);
        let mut document = document.map_err(|cause| format!("the input is no reading of a document: {cause}"))?;
        if document.pages.len() > PAGES_MAX {
            return Err(format!("the document has {} pages, more than {PAGES_MAX}", document.pages.len()));
        }
        let words = document.pages.iter_mut().flat_map(|page| &mut page.lines).flat_map(|line| &mut line.words);
        for word in words {
            let area = word.points;
            if ![area.x0, area.top, area.x1, area.bottom].iter().all(|side| side.is_finite()) {
                return Err(format!("the word `{}` has no place on its page", word.text));
            }
            word.text = word.text.nfc().collect();
        }
        Ok(document)
    }
}

impl Page {
    /// The words of each line, in the order in which they are read.
    pub(super) fn lines(&self) -> impl Iterator<Item = &[Word]> {
        self.lines.iter().map(|line| line.words.as_slice())
    }

    /// The text of a page of which no words are known.
    pub(super) fn bare_text(&self) -> Option<String> {
        let has_words = self.lines.iter().any(|line| !line.words.is_empty());
        (!has_words && !self.text.is_empty()).then(|| self.text.nfc().collect())
    }

    /// Its labels with values.
    pub(super) fn pairs(&self) -> impl Iterator<Item = &Pair> {
        self.blocks.iter().flat_map(|block| &block.pairs)
    }

    /// The fields of forms on it.
    pub(super) fn fields(&self) -> impl Iterator<Item = &FormField> {
        self.fields.iter()
    }

    /// Its tables.
    pub(super) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter().flatten()
    }
}
