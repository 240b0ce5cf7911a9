//! What one page holds.

use super::annotations::FormField;
use super::edge::Edge;
use super::letter::Letter;
use super::path::Drawn;
use super::reading::{self, TextLayout};
use super::text;
use crate::layout::{Area, Line, Word};

/// Letters, pictures and ruling lines of a page; places are in points from the top left corner of what is seen of it.
#[derive(Debug, Default)]
pub struct PageContent {
    /// The width of what is seen, in points.
    pub width: f64,
    /// The height of what is seen, in points.
    pub height: f64,
    /// The letters, in the order in which they are drawn.
    pub letters: Vec<Letter>,
    /// The fields of forms that it shows.
    pub fields: Vec<FormField>,
    /// How many letters the page draws itself; the others stand in annotations.
    pub(super) own_letters: Option<usize>,
    /// Where pictures stand.
    pub pictures: Vec<Area>,
    /// The dots an inch of the finest picture; 0 where there is none.
    pub(super) finest_dots: f64,
    pub(super) drawn: Drawn,
}

impl PageContent {
    /// The words, in the order in which they are read.
    pub fn words(&self) -> Vec<Word> {
        self.lines().into_iter().flat_map(|line| line.words).collect()
    }

    /// The lines, in the order in which they are read.
    pub fn lines(&self) -> Vec<Line> {
        self.lines_by(TextLayout::Reading)
    }

    /// The lines, in this order.
    pub fn lines_by(&self, layout: TextLayout) -> Vec<Line> {
        let letters: Vec<_> = self.letters.iter().collect();
        match layout {
            TextLayout::Reading => reading::lines(&letters, true),
            TextLayout::Physical => reading::lines(&letters, false),
            TextLayout::Pdfplumber(rules) => text::lines(&text::words(&letters, &rules), &rules),
        }
    }

    /// The text, a line a line.
    pub fn text(&self) -> String {
        let lines = self.lines();
        lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
    }

    fn own_letters(&self) -> impl Iterator<Item = &Letter> {
        self.letters.iter().take(self.own_letters.unwrap_or(usize::MAX))
    }

    /// How many letters the page draws that are no white space.
    pub fn letter_count(&self) -> usize {
        self.own_letters().filter(|letter| !letter.is_space()).map(Letter::count).sum()
    }

    /// How many glyphs the page draws of which the PDF does not say what they stand for.
    pub fn unknown_count(&self) -> usize {
        self.own_letters().filter(|letter| letter.is_unknown()).count()
    }

    /// Whether there are letters that leave no ink.
    pub fn has_hidden_text(&self) -> bool {
        self.letters.iter().any(|letter| !letter.visible && !letter.is_space())
    }

    /// How many straight edges are drawn.
    pub fn edge_count(&self) -> usize {
        self.drawn.lines.len() + self.drawn.rectangles.len() + self.drawn.shapes.len()
    }

    /// Whether the page is nothing but pictures, and perhaps text that leaves no ink.
    pub fn is_scan(&self) -> bool {
        let is_hidden = |letter: &Letter| !letter.visible || letter.is_space();
        self.letters.iter().all(is_hidden) && self.edge_count() == 0 && !self.pictures.is_empty()
    }

    /// The dots an inch with which a page of nothing but pictures was made; `None` for any other page.
    pub fn scanned_dots(&self) -> Option<u32> {
        let is_scan = self.letters.is_empty() && self.edge_count() == 0 && self.finest_dots >= 1.0;
        is_scan.then_some(self.finest_dots.ceil() as u32)
    }

    /// Leaves out what does not stand in this area by its middle; rules end at its sides. Places stay as they are.
    pub fn crop(&mut self, area: &Area) {
        let own = self
            .own_letters
            .map(|count| self.letters.iter().take(count).filter(|letter| area.holds_middle_of(&letter.area)).count());
        self.own_letters = own;
        self.letters.retain(|letter| area.holds_middle_of(&letter.area));
        self.fields.retain(|field| area.holds_middle_of(&field.points));
        self.drawn.crop(area);
    }

    /// Adds a ruling line between two places.
    pub fn add_line(&mut self, from: (f64, f64), to: (f64, f64)) {
        self.drawn.lines.push(Edge::of_line(from, to));
    }

    /// The share of the page that its largest picture covers, 0 to 1.
    pub fn picture_share(&self) -> f64 {
        let page = Area { x0: 0.0, top: 0.0, x1: self.width, bottom: self.height };
        let covered = self.pictures.iter().filter_map(|picture| picture.shared(&page)).map(|shared| shared.size());
        covered.fold(0.0, f64::max) / page.size().max(1.0)
    }
}
