//! What is read of files, and how, besides what the settings say.

use std::path::PathBuf;
use std::str::FromStr;

use crate::documents::TablesBy;
use crate::layout::Area;
use crate::pdf::TextLayout;

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
pub struct ReadersOptions {
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
    /// In which order text that files hold is put.
    pub layout: TextLayout,
    /// The only part of each page that counts, in points from the top left corner.
    pub area: Option<Area>,
    /// What tables are found by, where they are looked for; JSON has them beside the words.
    pub tables_by: Option<TablesBy>,
    /// Whether bars and QR codes are looked for.
    pub codes: bool,
    /// Whether an engine reads pages that hold their text, too.
    pub force: bool,
    /// Whether an engine reads pages that hold hidden text, as another reader of scans may have left it.
    pub redo: bool,
    /// Whether a file that is signed may be written with text, which makes its signatures void.
    pub voids_signatures: bool,
    /// Whether files with text are written as PDF/A-2b.
    pub is_archive: bool,
    /// Whether pages that hold their text are left out.
    pub skip_text: bool,
    /// Whether specks are taken out of every picture that is recognised.
    pub cleans: bool,
    /// Whether tilted scans are set straight in the files that are written.
    pub straightens: bool,
    /// Whether pages are read as they are, without being prepared.
    pub plain: bool,
    /// The password of encrypted PDFs.
    pub password: String,
    /// The program that reads pages in a process of its own; `None` to read in this one.
    pub program: Option<PathBuf>,
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
