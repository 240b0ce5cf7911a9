//! What an engine is, and the table of those that dc knows.

use super::found::{FoundLine, Presence};
use super::options::EngineOptions;
use super::{paddle, tesseract};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Picture;

/// Reads text in pictures. One is used by one thread.
pub trait Engine {
    /// Its name in the registry.
    fn name(&self) -> &'static str;

    /// The lines of a picture, in the order in which they are read.
    ///
    /// # Errors
    /// Timeout, when the page took too long; Failed, when the engine gave up.
    fn read(&mut self, picture: &Picture) -> Result<Vec<FoundLine>>;

    /// Whether it wants letters of a certain size and without noise; one that was trained on photographs does not.
    fn wants_clean_pages(&self) -> bool {
        true
    }

    /// How many threads it may use from now on. One that uses a single thread in any case need not know.
    fn set_threads(&mut self, _threads: usize) {}
}

/// One line of the table of engines.
pub struct Entry {
    /// What a person types after `--engine`.
    pub name: &'static str,
    /// What of it is on this machine; opens nothing that lasts.
    pub find: fn(&EngineOptions) -> Presence,
    /// Opens it.
    pub open: fn(&EngineOptions) -> Result<Box<dyn Engine>>,
}

/// The engines, best first where nothing else is said. A program that embeds the library can hand its own to
/// [`super::Recogniser::with`].
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

/// The error for an engine that is not on this machine.
pub(super) fn missing(presence: &Presence) -> Error {
    let why = presence.missing.clone().unwrap_or_else(|| "it is not on this machine".to_owned());
    let error = Error::new(ErrorKind::NotFound, format!("use the engine {}: {why}", presence.name));
    match &presence.install {
        Some(command) => error.hint(format!("`{command}`; `dc ocr --engines` shows what is there")),
        None => error,
    }
}
