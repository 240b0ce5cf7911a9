//! The file with its text: the original with a layer that can be searched, marked and copied.

use serde::{Deserialize, Serialize};

use super::open::Opened;
use super::page::{Page, PageSource};
use crate::error::Result;
use crate::layout::Area;
use crate::pdf::{EmbeddedPicture, LayerWord, RenderOptions, TextLayer, of_pictures, render, with_text};

/// A line this many times as high as its words is tilted: its words stand where they stand.
const TILTED: f64 = 1.7;

/// What is needed of a page to write it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchablePage {
    page: usize,
    words: Vec<LayerWord>,
    /// Whether it is written at all: a page of a PDF that holds its text is left as it is.
    recognised: bool,
    /// Whether a picture takes the place of what a PDF's page draws, because that is text, too.
    drawn: bool,
}

impl SearchablePage {
    /// Of a page that was read; everything else of it can be forgotten. Where a page's own text was read anew, a picture
    /// takes the place of what it draws.
    pub fn of(page: &Page) -> Self {
        let recognised = page.source == PageSource::Recognised;
        let words = if recognised { words(page) } else { Vec::new() };
        let drawn = page.reading.as_ref().is_some_and(|reading| reading.replaces_text);
        Self { page: page.page, words, recognised, drawn: drawn && recognised }
    }
}

/// The bytes of the searchable file. Pages of a PDF that hold their text are not touched; pages that must be drawn are
/// drawn with `dpi` dots an inch.
///
/// # Errors
/// Failed, for a PDF that is encrypted or damaged, and for a picture that is.
pub fn searchable(file: &Opened, pages: Vec<SearchablePage>, dpi: u32) -> Result<Vec<u8>> {
    match file {
        Opened::Pdf(document) => {
            let mut layers = Vec::new();
            for page in pages.into_iter().filter(|page| page.recognised) {
                let picture = match page.drawn {
                    true => {
                        let drawn = render(document, page.page, &RenderOptions { dpi, shrink: true })?;
                        Some(EmbeddedPicture::of(drawn.width, drawn.height, drawn.dpi, 1, &drawn.pixels))
                    }
                    false => None,
                };
                layers.push(TextLayer { page: page.page, words: page.words, picture });
            }
            if layers.is_empty() { Ok(document.bytes().to_vec()) } else { with_text(document, &layers) }
        }
        Opened::Picture(pictures) => {
            let mut layers = Vec::new();
            for page in pages {
                let picture = Some(pictures.embedded(page.page)?);
                layers.push(TextLayer { page: page.page, words: page.words, picture });
            }
            Ok(of_pictures(&layers))
        }
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
