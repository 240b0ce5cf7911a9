//! PDFs that can be searched: an invisible layer of text over the pages of a PDF, or over pictures.
//!
//! A PDF is not written anew. What is added stands behind its last byte, as the format intends, so that everything it
//! holds stays as it was: outlines, forms, signatures' text, pages that have their text.

mod appended;
mod archivable;
mod archive;
mod bilevel;
mod cut;
mod glyphless;
mod layer;
mod made;
mod object;
mod picture;
mod predict;
mod signed;
mod xref;

pub use appended::{AppendOptions, Appended, with_text};
pub use layer::{LayerWord, OwnText, PicturePage, TextLayer, turning};
pub use made::{of_pictures, write_pictures};
pub use picture::{EmbeddedPicture, Filter};
