//! How pages are read, as a process is told before it is asked anything.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::options::ReadersOptions;
use crate::documents::{ReadOptions, SearchableOptions, TablesBy};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Area;
use crate::ocr::{self, EngineOptions, NO_ENGINE, PageOptions, Preprocessor, Way};
use crate::pdf::{Limits, TextLayout};
use crate::settings::Settings;

/// The memory of a process that reads.
const MEMORY: u64 = 4 << 30;
/// Pixels of a page.
const PIXELS_MAX: u64 = 100_000_000;

/// What a process is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Instructions {
    pub(super) engine: String,
    pub(super) languages: Vec<String>,
    /// Whether nobody said them.
    pub(super) detects_language: bool,
    pub(super) way: Way,
    pub(super) library: Option<PathBuf>,
    pub(super) program: Option<PathBuf>,
    pub(super) tessdata: Option<PathBuf>,
    pub(super) models: Option<PathBuf>,
    pub(super) time_ms: u64,
    pub(super) plain: bool,
    pub(super) cleans: bool,
    pub(super) dpi: u32,
    pub(super) force: bool,
    pub(super) redo: bool,
    pub(super) voids_signatures: bool,
    pub(super) is_archive: bool,
    pub(super) skip_text: bool,
    pub(super) layout: TextLayout,
    pub(super) area: Option<Area>,
    pub(super) tables: Option<TablesBy>,
    pub(super) codes: bool,
    pub(super) pixels_max: usize,
    pub(super) memory_max: u64,
    pub(super) password: String,
    /// Whether a process of its own reads, which may share files with the system.
    #[serde(default)]
    pub(super) shares_files: bool,
}

impl Instructions {
    /// What is asked for, and for the rest what the settings say.
    ///
    /// # Errors
    /// Settings; Usage, for an engine that there is not, and for options that do not go together.
    pub(super) fn of(settings: &Settings, options: &ReadersOptions) -> Result<Self> {
        let section = settings.section("ocr");
        let engines = EngineOptions::of(settings)?;
        let engine = match &options.engine {
            Some(engine) => engine.clone(),
            None => section.text("engine")?.unwrap_or_else(|| "tesseract".to_owned()),
        };
        if engine == NO_ENGINE && (options.force || options.redo) {
            return Err(Error::new(ErrorKind::Usage, "have pages recognised without an engine")
                .hint("take `--engine none` without `--force-ocr` and `--redo-ocr`"));
        }
        if !["auto", NO_ENGINE].contains(&engine.as_str()) {
            ocr::entry(&engine)?;
        }
        let detects_language = options.languages.is_none() && section.words("languages")?.is_none();
        Ok(Self {
            engine,
            detects_language,
            languages: options.languages.clone().unwrap_or(engines.languages),
            way: engines.way,
            library: engines.library,
            program: engines.program,
            tessdata: engines.tessdata,
            models: engines.models,
            time_ms: u64::try_from(engines.time_max.as_millis()).unwrap_or(u64::MAX),
            plain: options.plain,
            cleans: options.cleans,
            dpi: options.dpi,
            force: options.force,
            redo: options.redo,
            voids_signatures: options.voids_signatures,
            is_archive: options.is_archive,
            skip_text: options.skip_text,
            layout: options.layout,
            area: options.area,
            tables: options.tables_by,
            codes: options.codes,
            pixels_max: usize::try_from(section.number("pixels_max")?.unwrap_or(PIXELS_MAX)).unwrap_or(usize::MAX),
            memory_max: section.bytes("memory")?.unwrap_or(MEMORY),
            password: options.password.clone(),
            shares_files: options.program.is_some(),
        })
    }

    /// Gives a page so much time, and a process so much memory.
    pub(super) fn set_bounds(&mut self, time_max: Duration, memory_max: u64, pixels_max: usize) {
        self.time_ms = u64::try_from(time_max.as_millis()).unwrap_or(u64::MAX);
        self.memory_max = self.memory_max.min(memory_max);
        self.pixels_max = self.pixels_max.min(pixels_max);
    }

    pub(super) fn read_options(&self) -> ReadOptions {
        let engines = EngineOptions {
            languages: self.languages.clone(),
            way: self.way,
            library: self.library.clone(),
            program: self.program.clone(),
            tessdata: self.tessdata.clone(),
            models: self.models.clone(),
            time_max: Duration::from_millis(self.time_ms),
            threads: 1,
        };
        let (cleans_all, pixels_max) = (self.cleans, self.pixels_max);
        let preprocessor = Preprocessor { cleans_all, pixels_max, ..Preprocessor::default() };
        let page =
            PageOptions { engine: self.engine.clone(), engines, preprocessor: (!self.plain).then_some(preprocessor) };
        let (force, redo, skip_text) = (self.force, self.redo, self.skip_text);
        ReadOptions {
            page,
            detects_language: self.detects_language,
            dpi: self.dpi,
            force,
            redo,
            skip_text,
            layout: self.layout,
            area: self.area,
            tables: self.tables,
            codes: self.codes,
        }
    }

    pub(super) fn searchable_options(&self) -> SearchableOptions {
        SearchableOptions {
            replaces_text: self.force,
            voids_signatures: self.voids_signatures,
            is_archive: self.is_archive,
        }
    }

    pub(super) fn limits(&self) -> Limits {
        let time_max = Duration::from_millis(self.time_ms);
        Limits { pixels_max: self.pixels_max, time_max, shares_files: self.shares_files, ..Limits::default() }
    }
}
