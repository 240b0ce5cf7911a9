//! What `dc ocr` is asked to do.

use std::path::PathBuf;
use std::str::FromStr;

use crate::documents::TablesBy;
use crate::error::{Error, ErrorKind, Result};

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OcrFormat {
    /// Text; a form feed ends a page.
    #[default]
    Text,
    /// An object a file, with everything that is known of its pages.
    Json,
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
    /// How names of files end.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Json => "json",
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

/// Pages of a file: `1,3-5,9-`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageRange(Vec<(usize, usize)>);

impl PageRange {
    /// The pages among `1..=pages`, in their order; all for an empty range.
    pub fn of(&self, pages: usize) -> Vec<usize> {
        let wanted = |page: &usize| self.0.is_empty() || self.0.iter().any(|(from, to)| page >= from && page <= to);
        (1..=pages).filter(wanted).collect()
    }
}

impl FromStr for PageRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let part = |part: &str| {
            let part = part.trim();
            let number = |text: &str| text.trim().parse::<usize>().ok().filter(|page| *page > 0);
            let range = match part.split_once('-') {
                None => number(part).map(|page| (page, page)),
                Some((from, "")) => number(from).map(|from| (from, usize::MAX)),
                Some(("", to)) => number(to).map(|to| (1, to)),
                Some((from, to)) => number(from).zip(number(to)).filter(|(from, to)| from <= to),
            };
            range.ok_or_else(|| format!("`{part}` is no page: pages count from 1, as in 1,3-5,9-"))
        };
        text.split(',').map(part).collect::<Result<Vec<_>, _>>().map(Self)
    }
}

/// The options.
#[derive(Debug, Clone)]
pub struct OcrOptions {
    /// Files and folders; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// What stands for `-`: standard input was written there.
    pub stdin: Option<PathBuf>,
    /// An engine, or `auto`; what the settings say, or Tesseract, when `None`.
    pub engine: Option<String>,
    /// The languages of the text; what the settings say, or English, when `None`.
    pub languages: Option<Vec<String>>,
    /// Pages that are read.
    pub pages: PageRange,
    /// Pages that are read at once; as many as there are processors when `None`.
    pub jobs: Option<usize>,
    /// Dots an inch at which pages of a PDF are drawn.
    pub dpi: u32,
    /// What is written.
    pub format: OcrFormat,
    /// Whether tables are written instead, and how.
    pub tables: Option<OcrTables>,
    /// What tables are found by, where they are looked for; JSON has them beside the words.
    pub tables_by: Option<TablesBy>,
    /// Whether an engine reads pages that hold their text, too.
    pub force: bool,
    /// Whether pages that hold their text are left out.
    pub skip_text: bool,
    /// Whether pages are read as they are, without being prepared.
    pub plain: bool,
    /// The folder that a file is written to for each file that is read.
    pub out: Option<PathBuf>,
    /// The password of encrypted PDFs.
    pub password: String,
    /// Whether data goes to a terminal, which takes no PDF.
    pub data_is_terminal: bool,
    /// The program that reads pages in a process of its own; `None` to read in this one.
    pub worker: Option<PathBuf>,
}

/// Dots an inch that make sense.
const DPI: std::ops::RangeInclusive<u32> = 30..=1200;

impl OcrOptions {
    pub(super) fn check(&self, files: usize) -> Result<()> {
        let usage = |message: &str| Err(Error::new(ErrorKind::Usage, message));
        if !DPI.contains(&self.dpi) {
            return usage(&format!("draw pages at {} dpi: it takes {} to {}", self.dpi, DPI.start(), DPI.end()));
        }
        if self.tables_by.is_some() && self.tables.is_none() && self.format != OcrFormat::Json {
            let error = Error::new(ErrorKind::Usage, "write tables in this format");
            return Err(error.hint("take `--tables csv`, `--tables json`, or `--format json`"));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_taken_from_lists_and_ranges() {
        let of = |text: &str, pages| text.parse::<PageRange>().map(|range| range.of(pages));
        assert_eq!(of("1,3-5", 4), Ok(vec![1, 3, 4]));
        assert_eq!(of("3-", 5), Ok(vec![3, 4, 5]));
        assert_eq!(of("-2, 9", 5), Ok(vec![1, 2]));
        for text in ["0", "5-3", "a", "", "1,,2"] {
            assert!(of(text, 5).is_err(), "{text}");
        }
        assert_eq!(PageRange::default().of(2), vec![1, 2]);
    }
}
