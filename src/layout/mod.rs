//! What stands where on a page, in the same words for text that a PDF holds and for text that was recognised.

mod area;
mod cluster;
mod picture;
mod word;

pub use area::Area;
pub use cluster::clusters;
pub use picture::Picture;
pub use word::{Direction, Line, Word};
