//! The flags that say how an input is read. Each applies to some formats; with another it is an error.

use std::fmt;

/// A flag of `dc merge` that only some formats know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// `--sheet`
    Sheet,
    /// `--header-row`
    HeaderRow,
    /// `--range`
    Range,
    /// `--records`
    Records,
    /// `--flatten`
    Flatten,
    /// `--table`
    Table,
    /// `--member`
    Member,
    /// `--widths`
    Widths,
    /// `--skip-rows`
    SkipRows,
    /// `--decimal`
    Decimal,
    /// `--thousands`
    Thousands,
    /// `--date-format`
    DateFormat,
    /// `--null`
    Null,
    /// `--delimiter`
    Delimiter,
    /// `--encoding`
    Encoding,
}

impl Flag {
    /// What has such a thing, in the words of a hint.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Sheet | Self::HeaderRow | Self::Range => "workbooks (xlsx, xls, xlsb, ods)",
            Self::Records => "XML and JSON",
            Self::Flatten => "JSON and XML",
            Self::Table => "tables of HTML",
            Self::Member => "archives (zip, tar)",
            Self::Widths => "lines of fixed width",
            Self::SkipRows => "CSV and lines of fixed width",
            Self::Decimal | Self::Thousands | Self::DateFormat => "CSV, XML, tables of HTML and lines of fixed width",
            Self::Null => "CSV, XML, workbooks, tables of HTML and lines of fixed width",
            Self::Delimiter => "CSV",
            Self::Encoding => "text",
        }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Sheet => "--sheet",
            Self::HeaderRow => "--header-row",
            Self::Range => "--range",
            Self::Records => "--records",
            Self::Flatten => "--flatten",
            Self::Table => "--table",
            Self::Member => "--member",
            Self::Widths => "--widths",
            Self::SkipRows => "--skip-rows",
            Self::Decimal => "--decimal",
            Self::Thousands => "--thousands",
            Self::DateFormat => "--date-format",
            Self::Null => "--null",
            Self::Delimiter => "--delimiter",
            Self::Encoding => "--encoding",
        })
    }
}
