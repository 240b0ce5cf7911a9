//! How engines are found and used: `[ocr]` in the settings.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::settings::Settings;

/// How the system's Tesseract is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// By its library, and where that is missing by its program.
    #[default]
    Any,
    /// By its library alone.
    Library,
    /// By its program alone: slower, and a crash of it is none of ours.
    Program,
}

/// What every engine is given.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The languages of the text, as Tesseract names them (`eng`, `deu`).
    pub languages: Vec<String>,
    /// How Tesseract is reached.
    pub way: Way,
    /// The shared library of Tesseract; searched where the system keeps libraries when `None`.
    pub library: Option<PathBuf>,
    /// The program of Tesseract; searched in `PATH` when `None`.
    pub program: Option<PathBuf>,
    /// Where Tesseract's languages are; where it was built to look when `None`.
    pub tessdata: Option<PathBuf>,
    /// The folder of Paddle's models.
    pub models: Option<PathBuf>,
    /// How long an engine may take for a page.
    pub time_max: Duration,
    /// How many threads an engine may use.
    pub threads: usize,
}

/// How long a page may take where nobody says anything.
const PAGE_TIME: Duration = Duration::from_secs(120);

impl EngineOptions {
    /// As the settings have it.
    ///
    /// # Errors
    /// Settings, for fields of the wrong type.
    pub fn of(settings: &Settings) -> Result<Self> {
        let section = settings.section("ocr");
        let way = section.choice("way", &[("any", Way::Any), ("library", Way::Library), ("program", Way::Program)])?;
        let path = |field: &str| {
            Ok::<_, crate::error::Error>(section.text(field)?.map(|path| settings.project.root.join(path)))
        };
        // a bare name of a program or library is searched, a path is one from the project on
        let named = |field: &str| {
            let bare_or_path = |text: String| match text.contains('/') {
                true => settings.project.root.join(text),
                false => PathBuf::from(text),
            };
            Ok::<_, crate::error::Error>(section.text(field)?.map(bare_or_path))
        };
        Ok(Self {
            languages: section.words("languages")?.unwrap_or_else(|| vec!["eng".to_owned()]),
            way,
            library: named("library")?,
            program: named("program")?,
            tessdata: path("tessdata")?,
            models: Some(path("models")?.unwrap_or_else(|| settings.project.root.join(".dc/models"))),
            time_max: section.duration("timeout")?.unwrap_or(PAGE_TIME),
            threads: 1,
        })
    }
}
