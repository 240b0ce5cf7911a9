//! The engines of a reader, one for each set of languages, and which of them a page needs: where nobody said the language,
//! the document says it.

use crate::error::{Error, ErrorKind, Result};
use crate::language::{self, Language};
use crate::layout::Picture;
use crate::ocr::{PageOptions, Recognised, Recogniser};

/// Engines that are open at once; of more languages the oldest is closed.
const OPEN_MAX: usize = 3;
/// A page that was read again in its language keeps that reading unless it is so much worse.
const WORSE: f64 = 0.9;
/// The engine that reads all its scripts in any case.
const MANY_SCRIPTS: &str = "paddle";

/// The engines.
pub(super) struct Recognisers {
    options: PageOptions,
    /// Whether nobody said the language.
    detects: bool,
    open: Vec<(Vec<String>, Result<Recogniser>)>,
    /// The language of the scans that were read of this file.
    scans: Option<&'static Language>,
}

/// What was read, and what people should know of it.
pub(super) struct Read {
    pub(super) found: Recognised,
    pub(super) note: Option<String>,
}

impl Recognisers {
    pub(super) fn new(options: PageOptions, detects: bool) -> Self {
        let detects = detects && options.engine != MANY_SCRIPTS;
        Self { options, detects, open: Vec::new(), scans: None }
    }

    /// Another file begins, whose language is not known.
    pub(super) fn forget(&mut self) {
        self.scans = None;
    }

    pub(super) fn set_threads(&mut self, threads: usize) {
        self.options.engines.threads = threads;
        self.open.iter_mut().filter_map(|(_, open)| open.as_mut().ok()).for_each(|it| it.set_threads(threads));
    }

    /// Opens the engine with the languages that were asked for.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn check(&mut self) -> Result<(), &Error> {
        let languages = self.options.engines.languages.clone();
        self.of(&languages).map(drop)
    }

    /// Reads a picture; `told` is the language that the file's own text is in.
    ///
    /// # Errors
    /// That of the engine.
    pub(super) fn read(&mut self, picture: &Picture, told: Option<&'static Language>) -> Result<Read> {
        let usual = self.options.engines.languages.clone();
        let known = told.or(self.scans).filter(|language| self.detects && !usual.contains(&own(language)));
        if let Some(language) = known {
            match self.of(&[own(language)]) {
                Ok(recogniser) => return recogniser.read(picture).map(|found| Read { found, note: None }),
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(copy(error)),
                Err(_) => {
                    let found = self.with(&usual, picture)?;
                    return Ok(Read { found, note: Some(missing(language, &usual)) });
                }
            }
        }
        let found = self.with(&usual, picture)?;
        // a text that reads like another language is read again as such
        let other = if self.detects { language::detect(&found.text) } else { None };
        let Some(language) = other.filter(|language| !usual.contains(&own(language))) else {
            return Ok(Read { found, note: None });
        };
        let again = match self.of(&[own(language)]) {
            Ok(recogniser) => recogniser.read(picture)?,
            Err(_) => return Ok(Read { found, note: Some(missing(language, &usual)) }),
        };
        let worth = |read: &Recognised| read.confidence * read.coverage;
        if worth(&again) < worth(&found) * WORSE {
            return Ok(Read { found, note: None });
        }
        self.scans = Some(language);
        Ok(Read { found: again, note: None })
    }

    fn with(&mut self, languages: &[String], picture: &Picture) -> Result<Recognised> {
        match self.of(languages) {
            Ok(recogniser) => recogniser.read(picture),
            Err(error) => Err(copy(error)),
        }
    }

    /// The engine for these languages; one that is not there is looked for once.
    fn of(&mut self, languages: &[String]) -> Result<&mut Recogniser, &Error> {
        let at = match self.open.iter().position(|(known, _)| known == languages) {
            Some(at) => at,
            None => {
                if self.open.len() >= OPEN_MAX {
                    drop(self.open.remove(0));
                }
                let mut options = self.options.clone();
                options.engines.languages = languages.to_vec();
                self.open.push((languages.to_vec(), Recogniser::open(options)));
                self.open.len() - 1
            }
        };
        self.open[at].1.as_mut().map_err(|error| &*error)
    }
}

fn own(language: &Language) -> String {
    language.code.to_owned()
}

fn missing(language: &Language, usual: &[String]) -> String {
    let package = language.code.replace('_', "-");
    format!(
        "the text reads like {}, and was recognised as {}: `sudo apt-get install tesseract-ocr-{package}` has it read right",
        language.name,
        usual.join("+")
    )
}

/// The same error once more: an engine is looked for once, and each page says why there is none.
fn copy(error: &Error) -> Error {
    let mut same = Error::new(error.kind(), error.message());
    let causes = error.causes();
    if !causes.is_empty() {
        same = same.because(causes.join(": "));
    }
    match error.hint_text() {
        Some(hint) => same.hint(hint),
        None => same,
    }
}
