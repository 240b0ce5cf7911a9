//! What is said between `dc ocr` and the processes that read for it: a line of JSON each way.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::documents::{Opened, Page, ReadOptions, Reader, SearchablePage, TablesBy, searchable};
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::ocr::{EngineOptions, PageOptions, Preprocessor, Way};
use crate::pdf::Limits;

/// How pages are read, as it is told to a process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) engine: String,
    pub(super) languages: Vec<String>,
    pub(super) way: String,
    pub(super) library: Option<PathBuf>,
    pub(super) program: Option<PathBuf>,
    pub(super) tessdata: Option<PathBuf>,
    pub(super) models: Option<PathBuf>,
    pub(super) time_ms: u64,
    pub(super) plain: bool,
    pub(super) dpi: u32,
    pub(super) force: bool,
    pub(super) skip_text: bool,
    pub(super) tables: Option<String>,
    pub(super) pixels_max: usize,
    pub(super) memory_max: u64,
    pub(super) password: String,
}

impl Told {
    pub(super) fn read_options(&self) -> ReadOptions {
        let way = match self.way.as_str() {
            "library" => Way::Library,
            "program" => Way::Program,
            _ => Way::Any,
        };
        let engines = EngineOptions {
            languages: self.languages.clone(),
            way,
            library: self.library.clone(),
            program: self.program.clone(),
            tessdata: self.tessdata.clone(),
            models: self.models.clone(),
            time_max: Duration::from_millis(self.time_ms),
            threads: 1,
        };
        let preprocessor = Preprocessor { pixels_max: self.pixels_max, ..Preprocessor::default() };
        let page =
            PageOptions { engine: self.engine.clone(), engines, preprocessor: (!self.plain).then_some(preprocessor) };
        let tables = self.tables.as_deref().map(|by| if by == "text" { TablesBy::Text } else { TablesBy::Lines });
        ReadOptions { page, dpi: self.dpi, force: self.force, skip_text: self.skip_text, tables }
    }

    pub(super) fn limits(&self) -> Limits {
        Limits { pixels_max: self.pixels_max, time_max: Duration::from_millis(self.time_ms), ..Limits::default() }
    }
}

/// What a process is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Question {
    /// How pages are read from now on.
    Told(Box<Told>),
    /// How many pages a file has.
    Open(PathBuf),
    /// What a page says, read with so many threads.
    Page { file: PathBuf, page: usize, threads: usize },
    /// Write the file with its text.
    Write { file: PathBuf, to: PathBuf, pages: Vec<SearchablePage> },
}

/// What it answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Ready,
    Opened { pages: usize },
    Page(Box<Page>),
    Written,
    Failed { kind: String, message: String, hint: Option<String> },
}

impl Answer {
    pub(super) fn of(error: &Error) -> Self {
        let kind = format!("{:?}", error.kind());
        let mut message = error.message().to_owned();
        for cause in error.causes() {
            message.push_str(&format!(": {cause}"));
        }
        Self::Failed { kind, message, hint: error.hint_text().map(str::to_owned) }
    }

    /// The answer, or the error that it tells.
    pub(super) fn check(self) -> Result<Self> {
        let Self::Failed { kind, message, hint } = self else { return Ok(self) };
        let kinds = [
            ErrorKind::Failed,
            ErrorKind::Usage,
            ErrorKind::Settings,
            ErrorKind::Permission,
            ErrorKind::NotFound,
            ErrorKind::Refused,
            ErrorKind::Busy,
            ErrorKind::Timeout,
        ];
        let kind = kinds.into_iter().find(|known| format!("{known:?}") == kind).unwrap_or(ErrorKind::Failed);
        let error = Error::new(kind, message);
        Err(match hint {
            Some(hint) => error.hint(hint),
            None => error,
        })
    }
}

/// Who answers: reads, and keeps the last file and the engine open.
pub(super) struct Answerer {
    told: Told,
    reader: Reader,
    file: Option<(PathBuf, Opened)>,
}

impl Answerer {
    pub(super) fn new(told: Told) -> Self {
        let reader = Reader::new(told.read_options());
        Self { told, reader, file: None }
    }

    pub(super) fn answer(&mut self, question: Question) -> Answer {
        self.try_answer(question).unwrap_or_else(|error| Answer::of(&error))
    }

    fn try_answer(&mut self, question: Question) -> Result<Answer> {
        match question {
            Question::Told(told) => {
                *self = Self::new(*told);
                Ok(Answer::Ready)
            }
            Question::Open(path) => {
                let file = self.open(&path)?;
                Ok(Answer::Opened { pages: file.pages() })
            }
            Question::Page { file, page, threads } => {
                self.open(&file)?;
                self.reader.set_threads(threads);
                let Some((_, file)) = &self.file else { return Err(Error::failed("keep the file open")) };
                Ok(Answer::Page(Box::new(self.reader.page(file, page))))
            }
            Question::Write { file, to, pages } => {
                let dpi = self.told.dpi;
                let bytes = searchable(self.open(&file)?, pages, dpi)?;
                std::fs::write(&to, bytes).map_err(|cause| file_error("write the searchable file", cause))?;
                Ok(Answer::Written)
            }
        }
    }

    fn open(&mut self, path: &Path) -> Result<&Opened> {
        let is_open = self.file.as_ref().is_some_and(|(known, _)| known == path);
        if !is_open {
            self.file = None;
            let file = Opened::open(path, &self.told.password, self.told.limits())?;
            self.file = Some((path.to_owned(), file));
        }
        let open = self.file.as_ref().map(|(_, file)| file);
        open.ok_or_else(|| Error::failed(format!("open {}", path.display())))
    }
}
