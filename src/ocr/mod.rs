//! Text in pictures. Engines are found on the machine, not assumed; a page is prepared only as far as it needs it; and
//! what was read is held against the ink, because an engine is sure of what it read and says nothing of what it missed.
//!
//! An engine is foreign code: it may crash, and takes what memory it wants. Who must go on then lets a process of its
//! own recognise, as `dc ocr` does.

mod coverage;
mod engine;
mod found;
mod options;
mod paddle;
mod page;
mod prepare;
mod tesseract;

pub use engine::{ENGINES, Engine, Entry, NO_ENGINE, entry, open};
pub use found::{FoundLine, FoundWord, Presence};
pub use options::{EngineOptions, Way};
pub use page::{PageOptions, Recognised, RecognisedLine, RecognisedWord, Recogniser};
pub use prepare::{Measurement, Prepared, Preprocessor, Step};
