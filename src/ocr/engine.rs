//! What an engine is.

use super::found::{FoundLine, Presence};
use super::options::EngineOptions;
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

    /// A page that it read with less confidence, 0 to 100, may stand on its head.
    fn turned_below(&self) -> f64 {
        55.0
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

/// The error for an engine that is not on this machine.
pub(super) fn missing(presence: &Presence) -> Error {
    let why = presence.missing.clone().unwrap_or_else(|| "it is not on this machine".to_owned());
    let error = Error::new(ErrorKind::NotFound, format!("use the engine {}: {why}", presence.name));
    match &presence.install {
        Some(command) => error.hint(format!("`{command}`; `dc ocr --engines` shows what is there")),
        None => error,
    }
}
