//! How an input is to be read, beyond what its name and first bytes tell.

use super::area::Area;
use super::flag::Flag;
use super::notation::Notation;
use super::widths::Widths;
use crate::error::{Error, ErrorKind, Result};

/// How an input is to be read. Nothing in here is needed where name and first bytes tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// The name of a format in [`super::FORMATS`].
    pub format: Option<String>,
    /// A sheet of a workbook, by name or by number from 1.
    pub sheet: Option<String>,
    /// The row that names the columns, from 1, as the workbook counts them.
    pub header_row: Option<u64>,
    /// The part of a sheet that is read.
    pub range: Option<Area>,
    /// The path to the records inside of XML or JSON.
    pub records: Option<String>,
    /// What stands between the names when nested objects become columns.
    pub flatten: Option<String>,
    /// A table of an HTML page: its number from 1, its caption, or `#id`.
    pub table: Option<String>,
    /// Patterns for names of members of an archive.
    pub members: Vec<String>,
    /// Where the columns of lines end.
    pub widths: Option<Widths>,
    /// Lines in front of the header that are left out.
    pub skip_rows: u64,
    /// How numbers, dates and nothing are written.
    pub notation: Notation,
}

impl Reading {
    /// The flags that were given.
    pub(crate) fn given(&self) -> Vec<Flag> {
        let is_given = |flag: &Flag| match flag {
            Flag::Sheet => self.sheet.is_some(),
            Flag::HeaderRow => self.header_row.is_some(),
            Flag::Range => self.range.is_some(),
            Flag::Records => self.records.is_some(),
            Flag::Flatten => self.flatten.is_some(),
            Flag::Table => self.table.is_some(),
            Flag::Member => !self.members.is_empty(),
            Flag::Widths => self.widths.is_some(),
            Flag::SkipRows => self.skip_rows > 0,
            Flag::Decimal => self.notation.decimal.is_some(),
            Flag::Thousands => self.notation.thousands.is_some(),
            Flag::DateFormat => !self.notation.dates.is_empty(),
            Flag::Null => !self.notation.nulls.is_empty(),
            Flag::Delimiter | Flag::Encoding => false,
        };
        const ALL: [Flag; 13] = [
            Flag::Sheet,
            Flag::HeaderRow,
            Flag::Range,
            Flag::Records,
            Flag::Flatten,
            Flag::Table,
            Flag::Member,
            Flag::Widths,
            Flag::SkipRows,
            Flag::Decimal,
            Flag::Thousands,
            Flag::DateFormat,
            Flag::Null,
        ];
        ALL.into_iter().filter(is_given).collect()
    }

    /// Refuses what cannot be meant, whatever the input is.
    ///
    /// # Errors
    /// Usage, with the flag.
    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |what: &str, hint: &str| Err(Error::new(ErrorKind::Usage, what).hint(hint));
        let Notation { decimal, thousands, .. } = &self.notation;
        if thousands.is_some() && *thousands == Some(decimal.unwrap_or('.')) {
            return wrong(
                "tell thousands from decimals: both stand behind the same character",
                "name both: `--decimal , --thousands .`",
            );
        }
        if self.header_row == Some(0) {
            return wrong(
                "find row 0: rows are counted from 1",
                "name the row with the columns' names: `--header-row 1`",
            );
        }
        if self.flatten.as_deref() == Some("") {
            return wrong(
                "flatten with nothing between the names",
                "say what joins them: `--flatten .` or `--flatten _`",
            );
        }
        Ok(())
    }
}
