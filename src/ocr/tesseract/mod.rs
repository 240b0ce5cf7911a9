//! Tesseract: by the system's shared library, or by its program.

mod library;
mod program;
mod rows;
mod table;

use super::engine::{Engine, Entry, missing};
use super::found::Presence;
use super::options::{EngineOptions, Way};
use crate::error::{Error, ErrorKind, Result};

/// The engine's line in the table.
pub(super) const ENTRY: Entry = Entry { name: NAME, find, open };

const NAME: &str = "tesseract";

/// What installs it on Debian and its children.
const INSTALL: &str = "sudo apt-get install tesseract-ocr";

fn find(options: &EngineOptions) -> Presence {
    let mut presence = Presence::of(NAME);
    if options.way != Way::Program {
        match library::find(options) {
            Ok(found) => {
                presence.ways.push(format!("library {}", found.place));
                presence.version = Some(found.version);
                presence.languages = found.languages;
            }
            Err(why) => presence.missing = Some(why),
        }
    }
    if options.way != Way::Library {
        match program::find(options) {
            Ok(found) => {
                presence.ways.push(format!("program {}", found.place));
                presence.version.get_or_insert(found.version);
                if presence.languages.is_empty() {
                    presence.languages = found.languages;
                }
            }
            Err(why) => _ = presence.missing.get_or_insert(why),
        }
    }
    presence.usable = !presence.ways.is_empty() && !presence.languages.is_empty();
    if presence.usable {
        presence.missing = None;
    } else if !presence.ways.is_empty() {
        presence.missing = Some("it has no languages".to_owned());
        presence.install = Some("sudo apt-get install tesseract-ocr-eng".to_owned());
    } else {
        presence.install = Some(INSTALL.to_owned());
    }
    presence
}

fn open(options: &EngineOptions) -> Result<Box<dyn Engine>> {
    let by_library = if options.way == Way::Program { None } else { library::Tesseract::open(options)? };
    if let Some(engine) = by_library {
        return Ok(Box::new(engine));
    }
    let by_program = if options.way == Way::Library { None } else { program::Tesseract::open(options)? };
    match by_program {
        Some(engine) => Ok(Box::new(engine)),
        None => Err(missing(&find(options))),
    }
}

/// The error for languages that are not installed.
fn unknown_language(wanted: &[String], known: &[String]) -> Option<Error> {
    let unknown: Vec<&str> = wanted.iter().filter(|language| !known.contains(language)).map(String::as_str).collect();
    let first = unknown.first()?;
    let message = format!("read {}: Tesseract has the languages {}", unknown.join(", "), known.join(", "));
    let package = first.replace('_', "-").to_lowercase();
    Some(Error::new(ErrorKind::NotFound, message).hint(format!("`sudo apt-get install tesseract-ocr-{package}`")))
}
