//! What is written: one stream for all files, or a file for each of them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::NamedTempFile;

use super::done::Done;
use super::inputs::{Input, with_more};
use super::options::{OcrFormat, OcrOptions, OcrTables};
use super::tables::{CsvStream, FileTables};
use super::unnamed::Unnamed;
use crate::documents::{Page, PageSource, SearchablePage, TSV_HEADER, hocr, markdown, plain_text, structure, tsv};
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::readers::Worker;

/// Where what was read goes.
pub(super) struct Output<'a> {
    options: OcrOptions,
    data: &'a mut dyn Write,
    /// The file that is written for the one that is read.
    file: Option<Unnamed>,
    /// The tables of the file that is read, and what CSV has had of others.
    tables: FileTables,
    csv: CsvStream,
    /// How many files are read.
    files: usize,
    /// The text beside it.
    sidecar: Option<Unnamed>,
    done: Option<Done>,
    /// Pages that are needed until their file is complete.
    pages: Vec<Page>,
    searchable: Vec<SearchablePage>,
    /// Whether anything stands on the stream already.
    begun: bool,
}

/// A page as a flat record for `dc merge`: what changes from run to run is left out.
#[derive(Serialize)]
struct Record<'a> {
    file: &'a str,
    page: usize,
    source: &'static str,
    text: &'a str,
    words: usize,
    width: f64,
    height: f64,
    engine: Option<&'a str>,
    language: Option<&'a str>,
    confidence: Option<f64>,
    coverage: Option<f64>,
    steps: Option<String>,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct FileRecord<'a> {
    file: &'a str,
    pages: &'a [Page],
}

impl<'a> Output<'a> {
    pub(super) fn new(options: &OcrOptions, files: usize, data: &'a mut dyn Write) -> Result<Self> {
        if let Some(folder) = &options.out {
            make(folder)?;
        }
        let done = match (&options.out, options.resume) {
            (Some(folder), true) => Some(Done::open(folder, options)?),
            _ => None,
        };
        let (pages, searchable) = (Vec::new(), Vec::new());
        let (tables, csv) = (FileTables::default(), CsvStream::default());
        let options = options.clone();
        Ok(Self { options, data, file: None, tables, csv, files, sidecar: None, done, pages, searchable, begun: false })
    }

    /// Whether an earlier run has finished a file in the same way.
    pub(super) fn is_done(&self, input: &Input) -> bool {
        let target = self.target(input);
        self.done.as_ref().zip(target).is_some_and(|(done, target)| done.has(input, &target))
    }

    /// The file that is written for one that is read.
    fn target(&self, input: &Input) -> Option<PathBuf> {
        let folder = self.options.out.as_ref()?;
        let ending = if self.options.tables.is_some() { "tables.ndjson" } else { self.options.format.ending() };
        Some(with_more(&folder.join(&input.stem), &format!(".{ending}")))
    }

    pub(super) fn open(&mut self, input: &Input) -> Result<()> {
        (self.pages, self.searchable, self.tables) = (Vec::new(), Vec::new(), FileTables::default());
        let is_csv = self.options.tables == Some(OcrTables::Csv);
        if let Some(folder) = self.options.out.as_ref().filter(|_| !is_csv) {
            let target = folder.join(&input.stem);
            let folder = target.parent().unwrap_or(folder);
            make(folder)?;
            self.file = Some(Unnamed::new_in(folder)?);
            self.sidecar = if self.options.sidecar { Some(Unnamed::new_in(folder)?) } else { None };
        }
        if self.options.tables.is_none()
            && self.options.format == OcrFormat::Tsv
            && (self.file.is_some() || !self.begun)
        {
            self.write(TSV_HEADER.as_bytes())?;
        }
        Ok(())
    }

    pub(super) fn page(&mut self, input: &Input, page: Page) -> Result<()> {
        if self.options.tables.is_some() {
            self.tables.add(&input.name, &page);
            return Ok(());
        }
        if page.source == PageSource::Skipped && self.options.format != OcrFormat::Pdf {
            return Ok(());
        }
        match self.options.format {
            OcrFormat::Text => self.write(plain_text(&page).as_bytes()),
            OcrFormat::Tsv => self.write(tsv(&page).as_bytes()),
            OcrFormat::Ndjson => {
                let mut line = json(&record(&input.name, &page))?;
                line.push('\n');
                self.write(line.as_bytes())
            }
            OcrFormat::Json | OcrFormat::Markdown | OcrFormat::Hocr => {
                self.pages.push(page);
                Ok(())
            }
            OcrFormat::Pdf => {
                self.searchable.push(SearchablePage::of(&page, self.options.reading.straightens));
                match &mut self.sidecar {
                    Some(text) => text
                        .write_all(plain_text(&page).as_bytes())
                        .map_err(|cause| file_error("write what was read", cause)),
                    None => Ok(()),
                }
            }
        }
    }

    /// Ends a file; gives what people should know of what was written.
    pub(super) fn close(&mut self, input: &Input, worker: &mut Worker) -> Result<Vec<String>> {
        let mut notes = Vec::new();
        if let Some(way) = self.options.tables {
            self.write_tables(input, way)?;
        } else {
            match self.options.format {
                OcrFormat::Markdown => {
                    let mut pages = std::mem::take(&mut self.pages);
                    structure(&mut pages);
                    self.write(markdown(&pages).as_bytes())?;
                }
                OcrFormat::Json => {
                    let mut pages = std::mem::take(&mut self.pages);
                    structure(&mut pages);
                    let mut text = json(&FileRecord { file: &input.name, pages: &pages })?;
                    text.push('\n');
                    self.write(text.as_bytes())?;
                }
                OcrFormat::Hocr => {
                    let pages = std::mem::take(&mut self.pages);
                    self.write(hocr(&input.name, &pages).as_bytes())?;
                }
                OcrFormat::Pdf => notes = self.pdf(input, worker)?,
                OcrFormat::Text | OcrFormat::Ndjson | OcrFormat::Tsv => {}
            }
        }
        self.keep(input)?;
        Ok(notes)
    }

    pub(super) fn finish(&mut self) -> Result<()> {
        self.data.flush().map_err(|cause| file_error("write to standard output", cause))
    }

    /// Has the searchable file written by the process that reads, which may die of it, and not by this one.
    fn pdf(&mut self, input: &Input, worker: &mut Worker) -> Result<Vec<String>> {
        let what = || format!("write {} with its text", input.name);
        let held = match &self.file {
            Some(_) => None,
            None => Some(NamedTempFile::new().map_err(|cause| file_error(what(), cause))?),
        };
        let path = held.as_ref().map(|held| held.path().to_owned()).or(self.file.as_ref().map(Unnamed::path));
        let Some(path) = path else { return Err(Error::failed(what())) };
        let pages = std::mem::take(&mut self.searchable);
        let written = worker.write_searchable(&input.path, &path, pages);
        let notes = written.map_err(|error| error.within(what()).temporary(false))?;
        if let Some(held) = held {
            let mut written = held.reopen().map_err(|cause| file_error(what(), cause))?;
            std::io::copy(&mut written, self.data).map_err(|cause| file_error("write to standard output", cause))?;
        }
        Ok(notes)
    }

    /// Writes the tables of a file.
    fn write_tables(&mut self, input: &Input, way: OcrTables) -> Result<()> {
        let mut tables = self.tables.take();
        if let Some(number) = self.options.table {
            let all = tables.len();
            let Some(at) = number.checked_sub(1).filter(|at| *at < all) else {
                let message = format!("find table {number} in {}: it has {all}", input.name);
                return Err(Error::new(ErrorKind::NotFound, message));
            };
            tables = vec![tables.swap_remove(at)];
        }
        if way == OcrTables::Json {
            return tables.iter().try_for_each(|table| self.write(table.ndjson()?.as_bytes()));
        }
        let Some(folder) = self.options.out.clone() else {
            let text = self.csv.of(&tables, self.files == 1);
            return self.write(text.as_bytes());
        };
        for table in &tables {
            let path = with_more(&folder.join(&input.stem), &format!("-p{}-t{}.csv", table.page, table.table));
            make(path.parent().unwrap_or(&folder))?;
            fs::write(&path, table.csv()).map_err(|cause| file_error(format!("write {}", path.display()), cause))?;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.begun |= !bytes.is_empty();
        match &mut self.file {
            Some(file) => file.write_all(bytes).map_err(|cause| file_error("write what was read", cause)),
            None => self.data.write_all(bytes).map_err(|cause| file_error("write to standard output", cause)),
        }
    }

    /// Gives complete files their names.
    fn keep(&mut self, input: &Input) -> Result<()> {
        let (Some(file), Some(target)) = (self.file.take(), self.target(input)) else { return Ok(()) };
        if same_file(&target, &input.path) {
            let error =
                Error::new(ErrorKind::Refused, format!("write {}: it is the file that was read", target.display()));
            return Err(error.hint("choose another folder with `--out`"));
        }
        if let Some(text) = self.sidecar.take() {
            text.name(&target.with_extension("txt"))?;
        }
        file.name(&target)?;
        match &mut self.done {
            Some(done) => done.add(input, &target),
            None => Ok(()),
        }
    }
}

fn same_file(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn make(folder: &Path) -> Result<()> {
    let what = || format!("make the folder {}", folder.display());
    fs::create_dir_all(folder).map_err(|cause| file_error(what(), cause))
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|cause| Error::failed("write a page as JSON").because(cause))
}

fn record<'a>(file: &'a str, page: &'a Page) -> Record<'a> {
    let round = |value: f64| (value * 100.0).round() / 100.0;
    let reading = page.reading.as_ref();
    Record {
        file,
        page: page.page,
        source: page.source.word(),
        text: &page.text,
        words: page.words(),
        width: round(page.width),
        height: round(page.height),
        engine: reading.map(|reading| reading.engine.as_str()),
        language: reading.map(|reading| reading.language.as_str()),
        confidence: reading.map(|reading| round(reading.confidence)),
        coverage: reading.map(|reading| round(reading.coverage)),
        steps: reading.map(|reading| reading.steps.iter().map(crate::ocr::Step::word).collect::<Vec<_>>().join(", ")),
        error: page.error.as_deref(),
    }
}
