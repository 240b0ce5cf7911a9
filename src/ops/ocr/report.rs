//! What was read, and how well.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::inputs::Input;
use crate::documents::{Attached, Page, PageSource};
use crate::error::{Error, ErrorKind, Result};
use crate::shell::table;

/// Pages with less of their ink read than this are worth a look.
const COVERAGE_LOW: f64 = 0.6;

/// A file.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct OcrFile {
    /// Its name.
    pub file: String,
    /// Pages that were read, or should have been.
    pub pages: usize,
    /// Pages that hold their text.
    pub native: usize,
    /// Pages that an engine read.
    pub recognised: usize,
    /// Pages left out because they hold their text.
    pub skipped: usize,
    /// Pages that could not be read.
    pub failed: usize,
    /// The mean confidence of the pages that an engine read, 0 to 100.
    pub confidence: Option<f64>,
    /// The mean share of their ink that was read, 0 to 1.
    pub coverage: Option<f64>,
    /// Seconds of work, of all processes together.
    pub seconds: f64,
    /// What people should know of the file that was written, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The files that it carries, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attached>,
    /// Why it could not be read at all, or not be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The report of `dc ocr`.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct OcrReport {
    /// The files, in their order.
    pub files: Vec<OcrFile>,
    /// Files that an earlier run has finished.
    pub done_before: usize,
    /// Pages of all files.
    pub pages: usize,
    /// Pages that hold their text.
    pub native: usize,
    /// Pages that an engine read.
    pub recognised: usize,
    /// Pages left out because they hold their text.
    pub skipped: usize,
    /// Pages that could not be read.
    pub failed: usize,
    /// The mean confidence of the pages that an engine read, 0 to 100.
    pub confidence: Option<f64>,
    /// Pages of which an engine missed much, by its own account: file and page.
    pub doubtful: Vec<(String, usize)>,
    /// Milliseconds from start to end.
    pub elapsed_ms: u64,
    #[serde(skip)]
    sums: (f64, f64),
    /// What is to be said of pages of this file, and of which.
    #[serde(skip)]
    page_notes: Vec<(String, Vec<usize>)>,
    #[serde(skip)]
    first: Option<ErrorKind>,
}

impl OcrReport {
    pub(super) fn open(&mut self, input: &Input) {
        self.sums = (0.0, 0.0);
        self.page_notes.clear();
        self.files.push(OcrFile { file: input.name.clone(), ..OcrFile::default() });
    }

    /// Counts a page; gives what is to be told of it.
    pub(super) fn page(&mut self, input: &Input, page: &Page) -> Option<Error> {
        let file = self.files.last_mut()?;
        file.pages += 1;
        file.seconds += page.ms as f64 / 1000.0;
        for note in &page.notes {
            match self.page_notes.iter_mut().find(|(known, _)| known == note) {
                Some((_, pages)) => pages.push(page.page),
                None => self.page_notes.push((note.clone(), vec![page.page])),
            }
        }
        match page.source {
            PageSource::Native => file.native += 1,
            PageSource::Recognised => file.recognised += 1,
            PageSource::Skipped => file.skipped += 1,
            PageSource::Failed => file.failed += 1,
        }
        if let Some(reading) = &page.reading {
            self.sums.0 += reading.confidence;
            self.sums.1 += reading.coverage;
            file.confidence = Some(self.sums.0 / file.recognised as f64);
            file.coverage = Some(self.sums.1 / file.recognised as f64);
            if reading.coverage < COVERAGE_LOW {
                self.doubtful.push((input.name.clone(), page.page));
            }
        }
        let reason = page.error.as_ref()?;
        let message = format!("read page {} of {}", page.page, input.name);
        let error = Error::new(ErrorKind::Failed, message).because(reason.clone());
        Some(match &page.hint {
            Some(hint) => error.hint(hint.clone()),
            None => error,
        })
    }

    pub(super) fn note(&mut self, notes: Vec<String>) {
        if let Some(file) = self.files.last_mut() {
            file.notes = notes;
        }
    }

    /// What was attached to the file that was read; gives what could not be unpacked.
    pub(super) fn attach(&mut self, input: &Input, unpacked: Result<Vec<Attached>>) -> Vec<Error> {
        let Some(file) = self.files.last_mut() else { return Vec::new() };
        let problems: Vec<Error> = match unpacked {
            Ok(attached) => {
                let broken = attached.iter().filter_map(|one| one.error.as_ref());
                let problems = broken.map(|why| Error::failed(format!("unpack {}", input.name)).because(why.clone()));
                let problems = problems.collect();
                file.attachments = attached;
                problems
            }
            Err(error) => vec![error.within(format!("unpack what {} carries", input.name))],
        };
        if let Some(first) = problems.first() {
            file.error.get_or_insert_with(|| first.to_string());
            self.first.get_or_insert(first.kind());
        }
        problems
    }

    /// What is to be said of the pages of the file that was read, a sentence each.
    pub(super) fn page_notes(&mut self) -> Vec<String> {
        let notes = std::mem::take(&mut self.page_notes);
        notes.into_iter().map(|(note, pages)| format!("{}: {note}", named(&pages))).collect()
    }

    pub(super) fn fail(&mut self, input: &Input, error: &Error) {
        let known =
            self.files.last().is_some_and(|file| file.file == input.name && file.error.is_none() && file.pages > 0);
        if !known {
            self.open(input);
        }
        self.first.get_or_insert(error.kind());
        if let Some(file) = self.files.last_mut() {
            file.error = Some(error.to_string());
        }
    }

    /// What a run ends with that could not read all it should.
    pub(super) fn failure(&self) -> Option<Error> {
        let files = self.files.iter().filter(|file| file.error.is_some()).count();
        let mut parts = Vec::new();
        if files > 0 {
            parts.push(format!("{files} of {} files", self.files.len()));
        }
        if self.failed > 0 {
            parts.push(format!("{} of {} pages", self.failed, self.pages));
        }
        // where nothing at all was read, the reason of the first file is that of the run
        let kind = if self.pages == 0 { self.first } else { None }.unwrap_or(ErrorKind::Failed);
        (!parts.is_empty()).then(|| Error::new(kind, format!("read {}; the reasons stand above", parts.join(" and "))))
    }

    pub(super) fn finish(&mut self, elapsed: Duration) {
        let sum = |of: fn(&OcrFile) -> usize| self.files.iter().map(of).sum::<usize>();
        (self.pages, self.native, self.recognised) = (sum(|it| it.pages), sum(|it| it.native), sum(|it| it.recognised));
        (self.skipped, self.failed) = (sum(|it| it.skipped), sum(|it| it.failed));
        let weighted =
            self.files.iter().filter_map(|file| Some(file.confidence? * file.recognised as f64)).sum::<f64>();
        self.confidence = (self.recognised > 0).then(|| weighted / self.recognised as f64);
        self.elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    }
}

/// A name of a stranger as a terminal may show it.
fn printable(name: &str) -> String {
    name.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// Pages as people name them: `page 3`, `pages 1-3, 7`.
fn named(pages: &[usize]) -> String {
    let runs = pages.chunk_by(|one, next| one + 1 == *next).map(|run| match run {
        [first, .., last] => format!("{first}-{last}"),
        [only] => only.to_string(),
        [] => String::new(),
    });
    let word = if pages.len() == 1 { "page" } else { "pages" };
    format!("{word} {}", runs.collect::<Vec<_>>().join(", "))
}

impl fmt::Display for OcrReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = table(["file", "pages", "text", "OCR", "failed", "conf.", "ink read", "seconds"]);
        for file in &self.files {
            let percent =
                |share: Option<f64>, factor: f64| share.map_or_else(String::new, |it| format!("{:.0} %", it * factor));
            let failed = match &file.error {
                Some(_) => "file".to_owned(),
                None => file.failed.to_string(),
            };
            rows.add_row([
                file.file.clone(),
                file.pages.to_string(),
                (file.native + file.skipped).to_string(),
                file.recognised.to_string(),
                failed,
                percent(file.confidence, 1.0),
                percent(file.coverage, 100.0),
                format!("{:.1}", file.seconds),
            ]);
        }
        writeln!(formatter, "{rows}")?;
        let seconds = self.elapsed_ms as f64 / 1000.0;
        let rate = self.pages as f64 / seconds.max(0.001);
        write!(formatter, "{} pages in {seconds:.1} s, {rate:.1} a second", self.pages)?;
        for attached in self.files.iter().flat_map(|file| &file.attachments) {
            let file = attached.file.as_ref().map(|file| file.display().to_string());
            let place = file.unwrap_or_else(|| "not unpacked".to_owned());
            write!(formatter, "\nattached: {} ({} bytes): {place}", printable(&attached.name), attached.bytes)?;
        }
        if self.done_before > 0 {
            write!(formatter, "\n{} files were finished by an earlier run", self.done_before)?;
        }
        if !self.doubtful.is_empty() {
            let named = self.doubtful.iter().take(5).map(|(file, page)| format!("page {page} of {file}"));
            let named = named.collect::<Vec<_>>().join(", ");
            let more = self.doubtful.len().saturating_sub(5);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            write!(formatter, "\nlook at {named}{more}: much of what looks like letters was not read")?;
        }
        Ok(())
    }
}
