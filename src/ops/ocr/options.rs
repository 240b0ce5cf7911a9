//! What `dc ocr` is asked to do.

use std::path::PathBuf;

use crate::error::{Error, ErrorKind, Result};
use crate::readers::ReadersOptions;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OcrFormat {
    /// Text; a form feed ends a page.
    #[default]
    Text,
    /// An object a file, with everything that is known of its pages.
    Json,
    /// Markdown: headings, paragraphs, lists, tables, and labels with their values.
    Markdown,
    /// An object a page, flat enough for `dc merge`.
    Ndjson,
    /// HTML with the places of lines and words.
    Hocr,
    /// A row a word, as Tesseract writes them.
    Tsv,
    /// The file itself, with an invisible layer of text.
    Pdf,
}

impl OcrFormat {
    /// Whether it is JSON, in one object or several.
    pub fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Ndjson)
    }
}

impl OcrFormat {
    /// How names of files end.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Json => "json",
            Self::Markdown => "md",
            Self::Ndjson => "ndjson",
            Self::Hocr => "hocr",
            Self::Tsv => "tsv",
            Self::Pdf => "pdf",
        }
    }
}

/// How tables are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OcrTables {
    /// As CSV: a file a table, or one after the other with an empty line between.
    Csv,
    /// As NDJSON: an object a table.
    Json,
}

/// The options.
#[derive(Debug, Clone)]
pub struct OcrOptions {
    /// Files and folders; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// What stands for `-`: standard input was written there.
    pub stdin: Option<PathBuf>,
    /// What is read of them, and how.
    pub reading: ReadersOptions,
    /// What is written.
    pub format: OcrFormat,
    /// Whether tables are written instead, and how.
    pub tables: Option<OcrTables>,
    /// The only table of each file that is written, from 1 on.
    pub table: Option<usize>,
    /// The folder that a file is written to for each file that is read.
    pub out: Option<PathBuf>,
    /// The folder that files attached to PDFs are unpacked into, a folder for each PDF.
    pub attachments: Option<PathBuf>,
    /// Whether the text of each PDF is written beside it.
    pub sidecar: bool,
    /// Whether files are left out that an earlier run has finished in the same way.
    pub resume: bool,
    /// Whether data goes to a terminal, which takes no PDF.
    pub data_is_terminal: bool,
}

/// Dots an inch that make sense.
const DPI: std::ops::RangeInclusive<u32> = 30..=1200;

impl OcrOptions {
    /// All that what is written depends on, as text.
    pub(super) fn told(&self) -> String {
        let reading = ReadersOptions { jobs: None, password: String::new(), program: None, ..self.reading.clone() };
        format!("{:?} {:?} {:?} {} {reading:?}", self.format, self.tables, self.table, self.sidecar)
    }

    pub(super) fn check(&self, files: usize) -> Result<()> {
        let usage = |message: &str| Err(Error::new(ErrorKind::Usage, message));
        if !DPI.contains(&self.reading.dpi) {
            return usage(&format!(
                "draw pages at {} dpi: it takes {} to {}",
                self.reading.dpi,
                DPI.start(),
                DPI.end()
            ));
        }
        let holds_tables = matches!(self.format, OcrFormat::Json | OcrFormat::Markdown);
        if self.reading.tables_by.is_some() && self.tables.is_none() && !holds_tables {
            let error = Error::new(ErrorKind::Usage, "write tables in this format");
            return Err(error.hint("take `--tables csv`, `--tables json`, `--format json`, or `--format md`"));
        }
        if self.table.is_some() && self.tables.is_none() {
            let error = Error::new(ErrorKind::Usage, "write one table: no tables are written");
            return Err(error.hint("add `--tables csv` or `--tables json`"));
        }
        if self.reading.codes && (self.format != OcrFormat::Json || self.tables.is_some()) {
            let error = Error::new(ErrorKind::Usage, "write codes in this format");
            return Err(error.hint("take `--format json`"));
        }
        if self.reading.area.is_some() && self.format == OcrFormat::Pdf && self.tables.is_none() {
            let error = Error::new(ErrorKind::Usage, "write PDFs with the text of an area alone");
            return Err(error.hint("take another `--format`, or leave out `--area`"));
        }
        if self.sidecar && (self.format != OcrFormat::Pdf || self.out.is_none()) {
            let error =
                Error::new(ErrorKind::Usage, "write the text of PDFs beside them: no PDFs are written into a folder");
            return Err(error.hint("add `--format pdf --out DIR`"));
        }
        if self.resume && (self.out.is_none() || self.tables == Some(OcrTables::Csv)) {
            let error = Error::new(ErrorKind::Usage, "resume: a file for each file is what is looked for");
            return Err(error.hint("add `--out DIR`; `--tables json` writes one file for each file, `csv` does not"));
        }
        if self.reading.straightens && self.format != OcrFormat::Pdf {
            let error = Error::new(ErrorKind::Usage, "straighten scans: no PDF is written");
            return Err(error.hint("add `--format pdf`; what is recognised is straightened in any case"));
        }
        if self.reading.is_archive && self.format != OcrFormat::Pdf {
            let error = Error::new(ErrorKind::Usage, "write PDF/A-2b: no PDF is written");
            return Err(error.hint("add `--format pdf`"));
        }
        if self.format == OcrFormat::Pdf && self.tables.is_none() && self.out.is_none() {
            if files > 1 {
                let error = Error::new(ErrorKind::Usage, format!("write {files} PDFs to standard output"));
                return Err(error.hint("add `--out DIR`"));
            }
            if self.data_is_terminal {
                let error = Error::new(ErrorKind::Usage, "write a PDF to a terminal");
                return Err(error.hint("add `--out DIR`, or `> OUT.pdf`"));
            }
        }
        Ok(())
    }
}
