//! Whether a page of a PDF must be looked at, because it does not hold its text.

use crate::pdf::PageContent;

/// A page with more letters than this holds its text.
const LETTERS_MIN: usize = 50;
/// A picture that covers less of a page is an ornament.
const PICTURE_MIN: f64 = 0.03;
/// A page with more drawn edges may show its letters as drawings.
const SHAPES_MIN: usize = 400;
/// So many glyphs nobody knows the letters of hide text, and so does this share of a page's.
const UNKNOWN_MIN: usize = 20;
const UNKNOWN_SHARE: f64 = 0.10;

/// Whether an engine must read the page.
pub(super) fn needs_engine(content: &PageContent) -> bool {
    let unknown = content.unknown_count();
    let letters = content.letter_count().saturating_sub(unknown);
    if letters > LETTERS_MIN {
        return hides_letters(content);
    }
    content.picture_share() > PICTURE_MIN || content.edge_count() > SHAPES_MIN || unknown > UNKNOWN_MIN
}

/// Whether a page has so many letters that the file does not tell that its text is none.
pub(super) fn hides_letters(content: &PageContent) -> bool {
    let unknown = content.unknown_count();
    unknown > UNKNOWN_MIN && unknown as f64 >= UNKNOWN_SHARE * content.letter_count() as f64
}
