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

pub use engine::{Engine, Entry};
pub use found::{FoundLine, FoundWord, Presence};
pub use options::{EngineOptions, Way};
pub use page::{PageOptions, Recognised, RecognisedLine, RecognisedWord, Recogniser};
pub use prepare::{Measurement, Prepared, Preprocessor, Step};

use crate::error::{Error, ErrorKind, Result};

/// The engines, best first where nothing else is said. A program that embeds the library can hand its own to
/// [`Recogniser::with`].
pub const ENGINES: &[Entry] = &[tesseract::ENTRY, paddle::ENTRY];

/// The name that stands for no engine: pages are read as far as they hold their text, and nothing is drawn.
pub const NO_ENGINE: &str = "none";

/// The engine of this name.
///
/// # Errors
/// Usage, with the names that are known.
pub fn entry(name: &str) -> Result<&'static Entry> {
    ENGINES.iter().find(|entry| entry.name == name).ok_or_else(|| {
        let known: Vec<&str> = ENGINES.iter().map(|entry| entry.name).collect();
        let message = format!("find the engine `{name}`: there are {}, auto and {NO_ENGINE}", known.join(", "));
        Error::new(ErrorKind::Usage, message).hint("`dc ocr --engines` shows what is on this machine")
    })
}

/// Opens the engine of this name.
///
/// # Errors
/// As [`entry`]; Not found, when it is not on this machine, with the command that installs it.
pub fn open(name: &str, options: &EngineOptions) -> Result<Box<dyn Engine>> {
    if name == NO_ENGINE {
        return Err(Error::new(ErrorKind::Usage, "read a picture without an engine")
            .hint("leave `--engine none` out; `dc ocr --engines` shows what is on this machine"));
    }
    (entry(name)?.open)(options)
}
