//! What a PDF holds: whether it is text or pictures of text, its words with their places, its tables, and its pages as
//! pictures. Words are read as people read them, and tables found by the
//! published rules of pdfplumber; its rules for words are there for whoever comes from there ([`TextLayout`]).
//!
//! A PDF is written by strangers. Everything here is bounded by [`Limits`] and ends in an error instead of a panic, yet
//! what a decoder of streams and fonts allocates is beyond them: who reads files of strangers and must go on when one of
//! them is a bomb reads them in a process of its own, as `dc ocr` does.

mod annotations;
mod attachments;
mod bidi;
mod classify;
mod columns;
mod content;
mod document;
mod edge;
mod face;
mod grid;
mod half_ruled;
mod interpret;
mod letter;
mod limits;
mod locked;
mod mapped;
mod marked;
mod meaning;
mod path;
mod reading;
mod render;
mod state;
mod table;
mod text;
mod text_string;
mod trace;
mod write;

pub use annotations::FormField;
pub use attachments::Attachment;
pub use classify::{Classification, ClassifyOptions, PageEvidence, Verdict, classify};
pub use content::PageContent;
pub use document::Document;
pub use letter::{Letter, LetterText};
pub use limits::Limits;
pub use mapped::FileBytes;
pub use reading::TextLayout;
pub use render::{RenderOptions, render, render_colours};
pub use table::{Strategy, Table, TableOptions};
pub use text::WordRules;
pub use write::{
    AppendOptions, Appended, EmbeddedPicture, Filter, LayerWord, OwnText, PicturePage, TextLayer, of_pictures, turning,
    with_text, write_pictures,
};

use crate::error::Result;
use crate::layout::{Line, Word};

/// The text of a page, its lines from top to bottom; `page` counts from 1.
///
/// # Errors
/// As [`Document::content`].
pub fn text(document: &Document, page: usize) -> Result<String> {
    document.content(page).map(|content| content.text())
}

/// The words of a page with their places, in the order in which they are read.
///
/// # Errors
/// As [`Document::content`].
pub fn words(document: &Document, page: usize) -> Result<Vec<Word>> {
    document.content(page).map(|content| content.words())
}

/// The lines of a page, from top to bottom.
///
/// # Errors
/// As [`Document::content`].
pub fn lines(document: &Document, page: usize) -> Result<Vec<Line>> {
    document.content(page).map(|content| content.lines())
}

/// The tables of a page.
///
/// # Errors
/// As [`Document::content`], and when there are more ruling lines than a table can have.
pub fn tables(document: &Document, page: usize, options: &TableOptions) -> Result<Vec<Table>> {
    document.content(page).and_then(|content| content.tables(options))
}
