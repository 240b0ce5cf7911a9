//! The file with its text: the original with a layer that can be searched, marked and copied.

use std::io::Write;

use serde::{Deserialize, Serialize};

use super::direction::turn;
use super::open::Opened;
use super::page::{Page, PageSource};
use crate::error::{Result, file_error};
use crate::layout::Area;
use crate::ocr::Step;
use crate::pdf::{
    AppendOptions, Document, LayerWord, Letter, OwnText, PicturePage, TextLayer, turning, with_text, write_pictures,
};

/// A line this many times as high as its words is tilted: its words stand where they stand.
const TILTED: f64 = 1.7;
/// A page that was read with less confidence is not turned for whoever looks at it.
const CONFIDENCE_TURNED: f64 = 70.0;
/// Where a page shows letters of its own, what was read with less confidence is no text of it.
const CONFIDENCE_ADDED: f64 = 55.0;
/// A word this share of which is covered by letters of the page is text already.
const COVERED: f64 = 0.5;

/// What is needed of a page to write it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchablePage {
    page: usize,
    /// On the page as it stands upright.
    words: Vec<LayerWord>,
    /// Whether it is written at all: a page of a PDF that holds its text is left as it is.
    recognised: bool,
    /// By how many degrees it must be turned, clockwise, to stand upright.
    turned: u16,
    /// By how many degrees its lines fall to the right, if they are to be set straight; its words stand so already.
    tilt: f64,
    /// How sure the engine is, 0 to 100.
    confidence: f64,
    /// The languages that the engine was told.
    language: String,
}

/// How files are written.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct SearchableOptions {
    /// Whether what was read takes the place of text that is seen, too.
    pub replaces_text: bool,
    /// Whether signatures may become void.
    pub voids_signatures: bool,
    /// Whether files become such for archives: PDF/A-2b.
    pub is_archive: bool,
}

impl SearchablePage {
    /// Of a page that was read, and is to be set straight; everything else of it can be forgotten.
    pub fn of(page: &Page, straightens: bool) -> Self {
        let recognised = page.source == PageSource::Recognised;
        let turned = if recognised { turn(page) } else { 0 };
        let tilt = if recognised && straightens { tilt(page) } else { 0.0 };
        Self {
            page: page.page,
            words: if recognised { words(page, turned, tilt) } else { Vec::new() },
            recognised,
            turned,
            tilt,
            confidence: page.reading.as_ref().map_or(0.0, |reading| reading.confidence),
            language: page.reading.as_ref().map(|reading| reading.language.clone()).unwrap_or_default(),
        }
    }

    fn is_surely_turned(&self) -> bool {
        self.turned != 0 && self.confidence >= CONFIDENCE_TURNED
    }
}

/// Writes the searchable file, and gives what people should know of it. Pages of a PDF that hold their text are not
/// touched, and all others look as before. What is written takes no memory but that of a page.
///
/// # Errors
/// Refused, for a PDF that is signed; Failed, for one that is encrypted or damaged, and for a picture that is.
pub fn write_searchable(
    file: &Opened,
    pages: Vec<SearchablePage>,
    options: SearchableOptions,
    out: &mut dyn Write,
) -> Result<Vec<String>> {
    let unwritten = |cause| file_error("write the searchable file", cause);
    match file {
        Opened::Pdf(document) => {
            let (mut layers, mut notes) = (Vec::new(), Vec::new());
            for page in pages.into_iter().filter(|page| page.recognised) {
                layers.extend(layer(document, page, options, &mut notes));
            }
            if layers.is_empty() && !options.is_archive {
                out.write_all(document.bytes()).map_err(unwritten)?;
                return Ok(notes);
            }
            let append = AppendOptions { voids_signatures: options.voids_signatures, is_archive: options.is_archive };
            let done = with_text(document, &layers, append)?;
            out.write_all(document.bytes()).and_then(|()| out.write_all(&done.bytes)).map_err(unwritten)?;
            notes.extend(done.notes);
            Ok(notes)
        }
        Opened::Picture(pictures) => {
            let mut shown = pages.into_iter().map(|page| {
                let (rotates, tilt) = (page.is_surely_turned(), page.tilt);
                let picture = pictures.embedded(page.page)?;
                Ok(PicturePage { picture, words: page.words, turned: page.turned, rotates, tilt })
            });
            write_pictures(&mut shown, options.is_archive, out).map(|()| Vec::new())
        }
    }
}

/// What is added to a page of a PDF; nothing where that would do it no good.
fn layer(
    document: &Document,
    mut page: SearchablePage,
    options: SearchableOptions,
    notes: &mut Vec<String>,
) -> Option<TextLayer> {
    // a page that can only be drawn has no letters to look at
    let content = document.content(page.page).ok();
    let letters: Vec<&Letter> = content.iter().flat_map(|content| &content.letters).collect();
    let has_hidden = letters.iter().any(|letter| !letter.visible);
    let seen: Vec<&Letter> = letters.into_iter().filter(|letter| letter.visible && !letter.is_space()).collect();
    if !seen.is_empty() && page.confidence < CONFIDENCE_ADDED {
        notes.push(format!(
            "page {} is left as it is: what was read of it is too doubtful to be its text ({:.0} % sure, as {}; `--lang` \
             names other languages)",
            page.page, page.confidence, page.language
        ));
        return None;
    }
    let own = if options.replaces_text { OwnText::Silent } else { OwnText::WithoutHidden };
    if let (OwnText::WithoutHidden, Some(content)) = (own, &content) {
        let matrix = turning(page.turned, (content.width, content.height));
        let known = seen.iter().filter(|letter| !letter.is_unknown());
        let known: Vec<Area> = known.map(|letter| moved(&matrix, &letter.area)).collect();
        page.words.retain(|word| !is_covered(&word.area, &known));
        if page.words.is_empty() && !has_hidden {
            return None;
        }
    }
    // what is written on a page stands upright already, and would be turned with it
    let rotates = seen.is_empty() && page.is_surely_turned();
    if !rotates && page.is_surely_turned() {
        notes.push(format!(
            "page {} is not turned by {} degrees, although its picture stands so: it has letters that stand upright",
            page.page, page.turned
        ));
    }
    let mut tilt = page.tilt;
    let is_scan = content.as_ref().is_some_and(|content| content.is_scan());
    if tilt != 0.0 && !is_scan {
        notes.push(format!("page {} is not set straight: it holds more than the picture of a scan", page.page));
        let size = content.as_ref().map_or((0.0, 0.0), |content| (content.width, content.height));
        let size = if page.turned % 180 == 90 { (size.1, size.0) } else { size };
        page.words.iter_mut().for_each(|word| word.area = swung(&word.area, -tilt, size));
        tilt = 0.0;
    }
    Some(TextLayer { page: page.page, words: page.words, turned: page.turned, rotates, tilt, own })
}

/// Whether letters stand where a word was read.
fn is_covered(word: &Area, letters: &[Area]) -> bool {
    let covered: f64 = letters.iter().filter_map(|letter| letter.shared(word)).map(|shared| shared.size()).sum();
    covered >= word.size() * COVERED
}

/// By how many degrees the lines of a page fell to the right before it was read.
fn tilt(page: &Page) -> f64 {
    let steps = page.reading.iter().flat_map(|reading| &reading.steps);
    steps.map(|step| if let Step::Straightened(degrees) = step { *degrees } else { 0.0 }).sum()
}

/// An area when a page of this size is turned about its middle so that lines that fell by so many degrees are level: its
/// own middle moves, its size stays.
fn swung(area: &Area, degrees: f64, (width, height): (f64, f64)) -> Area {
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let (x, y) = area.middle();
    let (across, down) = (x - width / 2.0, y - height / 2.0);
    let (x, y) = (across * cosine + down * sine + width / 2.0, down * cosine - across * sine + height / 2.0);
    let (width, height) = (area.width() / 2.0, area.height() / 2.0);
    Area { x0: x - width, top: y - height, x1: x + width, bottom: y + height }
}

/// The words of a page, placed on it as it stands when it is set straight and turned.
fn words(page: &Page, turned: u16, tilt: f64) -> Vec<LayerWord> {
    let size = (page.width, page.height);
    let matrix = turning(turned, size);
    let mut words = Vec::new();
    for line in &page.lines {
        let straight = |area: &Area| if tilt == 0.0 { *area } else { swung(area, tilt, size) };
        let placed: Vec<Area> = line.words.iter().map(|word| moved(&matrix, &straight(&word.points))).collect();
        let around = Area::around(placed.iter().copied()).unwrap_or_default();
        let mut heights: Vec<f64> = placed.iter().map(Area::height).collect();
        heights.sort_by(f64::total_cmp);
        let usual = heights.get(heights.len() / 2).copied().unwrap_or_default();
        let is_level = around.height() <= usual * TILTED;
        for (at, (word, own)) in line.words.iter().zip(&placed).enumerate() {
            // words of a level line share its height, so that a viewer marks them as one line
            let (top, bottom) = if is_level { (around.top, around.bottom) } else { (own.top, own.bottom) };
            let area = Area { top, bottom, ..*own };
            words.push(LayerWord { text: word.text.clone(), area, followed: at + 1 < line.words.len() });
        }
    }
    words
}

fn moved([a, b, c, d, e, f]: &[f64; 6], area: &Area) -> Area {
    let point = |x: f64, y: f64| (a * x + c * y + e, b * x + d * y + f);
    Area::between(point(area.x0, area.top), point(area.x1, area.bottom))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_line_that_falls_stand_level_when_it_is_set_straight() {
        let size = (400.0, 300.0);
        let slope = 2f64.to_radians().tan();
        let word = |x: f64| Area { x0: x, top: 100.0 + x * slope, x1: x + 30.0, bottom: 110.0 + x * slope };
        let (left, right) = (swung(&word(20.0), 2.0, size), swung(&word(320.0), 2.0, size));
        assert!((left.top - right.top).abs() < 0.01 && (left.width() - 30.0).abs() < 1e-9, "{left:?} {right:?}");
        let back = swung(&left, -2.0, size);
        assert!((back.x0 - 20.0).abs() < 1e-9 && (back.top - word(20.0).top).abs() < 1e-9);
    }

    #[test]
    fn an_area_is_turned_with_its_page() {
        let area = Area { x0: 10.0, top: 20.0, x1: 30.0, bottom: 25.0 };
        let turned = |degrees| moved(&turning(degrees, (100.0, 200.0)), &area);
        assert_eq!(turned(0), area);
        assert_eq!(turned(90), Area { x0: 175.0, top: 10.0, x1: 180.0, bottom: 30.0 });
        assert_eq!(turned(180), Area { x0: 70.0, top: 175.0, x1: 90.0, bottom: 180.0 });
        assert_eq!(turned(270), Area { x0: 20.0, top: 70.0, x1: 25.0, bottom: 90.0 });
    }
}
