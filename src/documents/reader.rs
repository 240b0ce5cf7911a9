//! Reads page after page of a file.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::codes::{codes, separates};
use super::needs::{hides_letters, needs_engine};
use super::open::Opened;
use super::page::{Page, PageSource, PageTable};
use super::recognisers::{Read, Recognisers};
use super::{rules, tables};
use crate::error::{Error, Result};
use crate::language::{self, Language};
use crate::layout::{Area, Picture};
use crate::ocr::{NO_ENGINE, PageOptions};
use crate::pdf::{self, PageContent, RenderOptions, TableOptions, TextLayout};

/// No page is drawn coarser than this because its pictures are: a mask or a stamp on it may be finer than they.
const SCAN_DPI_MIN: u32 = 200;
/// A page that holds its text is drawn as fine to find its codes.
const CODES_DPI: u32 = 200;
/// What is said of a page whose letters the file does not tell.
const HIDDEN: &str = "the PDF does not say what many of its letters are; they stand as \u{fffd}";
const HIDDEN_READ: &str = "the PDF does not say what many of its letters are: it was recognised";

/// What tables are found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TablesBy {
    /// Ruling lines.
    #[default]
    Lines,
    /// How their text is aligned.
    Text,
    /// Ruling lines, and where there are none in one direction, how text is aligned in it.
    Both,
}

/// How pages are read.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// How an engine reads.
    pub page: PageOptions,
    /// Whether nobody said the language, so that the document is asked.
    pub detects_language: bool,
    /// Dots an inch at which a page of a PDF is drawn for an engine.
    pub dpi: u32,
    /// Whether an engine reads pages that hold their text, too.
    pub force: bool,
    /// Whether an engine reads pages that hold hidden text.
    pub redo: bool,
    /// Whether pages that hold their text are left out.
    pub skip_text: bool,
    /// In which order text that a file holds is put.
    pub layout: TextLayout,
    /// The only part of each page that counts, in points from the top left corner.
    pub area: Option<Area>,
    /// Whether tables are looked for, and by what.
    pub tables: Option<TablesBy>,
    /// Whether bars and QR codes are looked for.
    pub codes: bool,
}

/// Reads pages; an engine is opened when the first page needs it, and stays open.
pub struct Reader {
    options: ReadOptions,
    recognisers: Recognisers,
}

/// What is known of a page before its picture is read.
#[derive(Default)]
struct Known<'a> {
    content: Option<&'a PageContent>,
    /// The language of the document.
    language: Option<&'static Language>,
}

impl Reader {
    /// Opens nothing yet.
    pub fn new(options: ReadOptions) -> Self {
        let recognisers = Recognisers::new(options.page.clone(), options.detects_language);
        Self { options, recognisers }
    }

    /// Another file begins: what is known of the last one does not hold for it.
    pub fn forget(&mut self) {
        self.recognisers.forget();
    }

    /// How many threads a page may be read with from now on.
    pub fn set_threads(&mut self, threads: usize) {
        self.recognisers.set_threads(threads);
    }

    /// Reads a page. What fails is a page that says so: the others can go on.
    pub fn page(&mut self, file: &Opened, page: usize) -> Page {
        let started = Instant::now();
        let mut read = match file {
            Opened::Pdf(document) => self.pdf_page(document, page),
            Opened::Picture(pictures) => match pictures.page(page) {
                Ok(picture) => {
                    let mut read = self.picture_page(&picture, page, &Known::default());
                    read.notes.extend(pictures.left_out().map(str::to_owned));
                    if let (Some(flaw), None) = (pictures.flaw(), &read.error) {
                        read.set_failed(&flaw);
                    }
                    read
                }
                Err(error) => Page::failed(page, (0.0, 0.0), &error),
            },
        };
        read.language = language::detect(&read.text).map(|language| language.tag.to_owned());
        read.ms = started.elapsed().as_millis() as u64;
        read
    }

    fn pdf_page(&mut self, document: &pdf::Document, page: usize) -> Page {
        let size = document.size(page).unwrap_or_default();
        let mut content = document.content(page);
        let looked_at = match &content {
            Ok(_) if self.has_no_engine() => false,
            Ok(content) => {
                self.options.force || (self.options.redo && content.has_hidden_text()) || needs_engine(content)
            }
            // what cannot be read can often still be drawn
            Err(_) => true,
        };
        if let (Ok(content), Some(area)) = (&mut content, &self.options.area) {
            content.crop(area);
        }
        if let (Ok(content), false) = (&content, looked_at) {
            let mut read = self.native_page(content, page);
            if self.options.codes {
                let drawn = pdf::render(document, page, &RenderOptions { dpi: CODES_DPI, shrink: true });
                drawn.iter().for_each(|picture| add_codes(&mut read, picture));
            }
            return read;
        }
        // to draw a page costs much more than to see that nothing can read it
        if let Err(error) = self.recognisers.check() {
            return unread(page, size, content.as_ref().err().unwrap_or(error), content.as_ref().ok());
        }
        // drawn finer than it was scanned, a page takes longer and says no more
        let scanned = content.as_ref().ok().and_then(PageContent::scanned_dots);
        // what is read as it is, is never enlarged later
        let dots_max =
            scanned.filter(|_| self.options.page.preprocessor.is_some()).unwrap_or(u32::MAX).max(SCAN_DPI_MIN);
        let render = RenderOptions { dpi: self.options.dpi.min(dots_max), shrink: true };
        match pdf::render(document, page, &render) {
            Ok(picture) => {
                let hides = content.as_ref().is_ok_and(hides_letters);
                let language = if hides || self.options.detects_language { document.language() } else { None };
                let known = Known { content: content.as_ref().ok(), language };
                let mut read = self.picture_page(&picture, page, &known);
                if hides {
                    read.notes
                        .push(if read.source == PageSource::Recognised { HIDDEN_READ } else { HIDDEN }.to_owned());
                }
                (read.width, read.height) = size;
                read.fields = content.as_ref().map(|content| content.fields.clone()).unwrap_or_default();
                read
            }
            Err(error) => Page::failed(page, size, content.as_ref().err().unwrap_or(&error)),
        }
    }

    fn native_page(&self, content: &PageContent, page: usize) -> Page {
        let mut read = Page::empty(page, (content.width, content.height), PageSource::Native);
        if self.options.skip_text {
            read.source = PageSource::Skipped;
            return read;
        }
        read.set_native(content.lines_by(self.options.layout), self.options.layout);
        read.unknown = content.unknown_count();
        if hides_letters(content) {
            read.notes.push(HIDDEN.to_owned());
        }
        read.fields.clone_from(&content.fields);
        if let Err(error) = self.add_tables(&mut read, content) {
            read.error = Some(error.to_string());
        }
        read
    }

    fn picture_page(&mut self, picture: &Picture, page: usize, known: &Known<'_>) -> Page {
        let points = picture.points();
        let size = (picture.width as f64 * points, picture.height as f64 * points);
        let content = known.content;
        let Read { found, note } = match self.recognisers.read(picture, known.language) {
            Ok(read) => read,
            Err(error) => return unread(page, size, &error, content),
        };
        let mut read = Page::empty(page, size, PageSource::Recognised);
        read.set_recognised(found, picture.dpi, content.is_some_and(|content| content.letter_count() > 0));
        if let Some(area) = &self.options.area {
            read.crop(area);
        }
        read.notes.extend(note);
        if self.options.codes {
            add_codes(&mut read, picture);
        }
        if self.options.tables.is_some() {
            let drawn = rules::edges(picture);
            let mut content = tables::content(size, &read.lines, &drawn);
            self.options.area.iter().for_each(|area| content.crop(area));
            if let Err(error) = self.add_tables(&mut read, &content) {
                read.error = Some(error.to_string());
            }
        }
        read
    }

    fn has_no_engine(&self) -> bool {
        self.options.page.engine == NO_ENGINE
    }

    fn add_tables(&self, page: &mut Page, content: &PageContent) -> Result<(), Error> {
        let Some(by) = self.options.tables else { return Ok(()) };
        let found = match by {
            TablesBy::Lines => content.tables(&TableOptions::default())?,
            TablesBy::Text => content.tables(&TableOptions::by_text())?,
            TablesBy::Both => content.half_ruled_tables()?,
        };
        page.tables = Some(found.into_iter().map(|table| PageTable { area: table.area, rows: table.rows }).collect());
        Ok(())
    }
}

fn add_codes(page: &mut Page, picture: &Picture) {
    page.codes = codes(picture);
    page.separator = separates(page.words(), &page.codes);
}

/// A page that nothing could read. Letters that it holds are better than nothing.
fn unread(page: usize, size: (f64, f64), error: &Error, content: Option<&PageContent>) -> Page {
    let mut failed = Page::failed(page, size, error);
    if let Some(content) = content {
        failed.set_native(content.lines(), TextLayout::Reading);
    }
    failed
}
