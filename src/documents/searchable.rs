//! The file with its text: the original with a layer that can be searched, marked and copied.

use super::open::Opened;
use super::page::{Page, PageSource};
use crate::error::Result;
use crate::layout::Area;
use crate::pdf::{EmbeddedPicture, LayerWord, RenderOptions, TextLayer, of_pictures, render, with_text};

/// A line this many times as high as its words is tilted: its words stand where they stand.
const TILTED: f64 = 1.7;

/// What is needed of a page to write it.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchablePage {
    layer: TextLayer,
    /// Whether a PDF's page is to be replaced, because it held other text.
    source: PageSource,
}

impl SearchablePage {
    /// Of a page that was read; everything else of it can be forgotten.
    pub fn of(page: &Page) -> Self {
        let words = match page.source {
            PageSource::Recognised => words(page),
            _ => Vec::new(),
        };
        Self { layer: TextLayer { page: page.page, words, picture: None }, source: page.source }
    }

    /// Its number, from 1 on.
    pub fn page(&self) -> usize {
        self.layer.page
    }

    /// The same page, shown as this picture.
    #[must_use]
    pub fn shown_as(mut self, picture: EmbeddedPicture) -> Self {
        self.layer.picture = Some(picture);
        self
    }
}

/// The picture of a page, as a PDF takes it: a page of a picture file, or a drawn page of a PDF.
///
/// # Errors
/// As reading the page.
pub fn embedded(file: &Opened, page: usize, dpi: u32) -> Result<EmbeddedPicture> {
    match file {
        Opened::Picture(pictures) => pictures.embedded(page),
        Opened::Pdf(document) => {
            let drawn = render(document, page, &RenderOptions { dpi, shrink: true })?;
            Ok(EmbeddedPicture::of(drawn.width, drawn.height, drawn.dpi, 1, &drawn.pixels))
        }
    }
}

/// The bytes of the searchable file. Pages of a PDF that hold their text are not touched.
///
/// # Errors
/// Failed, for a PDF that is encrypted or damaged.
pub fn searchable(file: &Opened, pages: Vec<SearchablePage>) -> Result<Vec<u8>> {
    let is_pdf = matches!(file, Opened::Pdf(_));
    let wanted = |page: &SearchablePage| !is_pdf || page.source == PageSource::Recognised;
    let layers: Vec<TextLayer> = pages.into_iter().filter(wanted).map(|page| page.layer).collect();
    match file {
        Opened::Pdf(document) if layers.is_empty() => Ok(document.bytes().to_vec()),
        Opened::Pdf(document) => with_text(document, &layers),
        Opened::Picture(_) => Ok(of_pictures(&layers)),
    }
}

fn words(page: &Page) -> Vec<LayerWord> {
    let mut words = Vec::new();
    for line in &page.lines {
        let mut heights: Vec<f64> = line.words.iter().map(|word| word.points.height()).collect();
        heights.sort_by(f64::total_cmp);
        let usual = heights.get(heights.len() / 2).copied().unwrap_or_default();
        let is_level = line.points.height() <= usual * TILTED;
        for (at, word) in line.words.iter().enumerate() {
            // words of a level line share its height, so that a viewer marks them as one line
            let (top, bottom) = match is_level {
                true => (line.points.top, line.points.bottom),
                false => (word.points.top, word.points.bottom),
            };
            let area = Area { top, bottom, ..word.points };
            words.push(LayerWord { text: word.text.clone(), area, followed: at + 1 < line.words.len() });
        }
    }
    words
}
