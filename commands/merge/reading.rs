//! The flags of `dc merge` that say how an input is read.

use data_collector::error::Error;
use data_collector::formats::{Area, DateForm, Notation, Reading, Widths};

/// How inputs are read that are neither JSON nor plain CSV
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "How inputs are read")]
pub(crate) struct ReadingArgs {
    /// Sheet of a workbook, by name or number [default: the only one with cells]
    #[arg(long, value_name = "NAME|NUMBER")]
    sheet: Option<String>,
    /// Row of the sheet that names the columns [default: the first with cells]
    #[arg(long, value_name = "ROW")]
    header_row: Option<u64>,
    /// Part of the sheet to read: B3:F200, B:F
    #[arg(long, value_name = "RANGE", value_parser = range)]
    range: Option<Area>,
    /// Path to the records: //item in XML, data.items in JSON
    #[arg(long, value_name = "PATH")]
    records: Option<String>,
    /// Turn nested objects into columns, with names joined by this
    #[arg(long, value_name = "TEXT")]
    flatten: Option<String>,
    /// Table of an HTML page: its number, caption or #id
    #[arg(long = "table", value_name = "TABLE", id = "html_table")]
    table: Option<String>,
    /// Members of an archive to read, by name or pattern: '*.csv'
    #[arg(long = "member", value_name = "PATTERN")]
    members: Vec<String>,
    /// Widths of columns in characters, or `ruler` for dashes under the header
    #[arg(long, value_name = "10,5,8|ruler", value_parser = widths)]
    widths: Option<Widths>,
    /// Skip this many lines before the header
    #[arg(long, value_name = "COUNT", default_value_t = 0, hide_default_value = true)]
    skip_rows: u64,
    /// Decimal sign of numbers [default: a point]
    #[arg(long, value_name = "CHARACTER", value_parser = sign)]
    decimal: Option<char>,
    /// Separator of groups of three digits: . , ' or `space`
    #[arg(long, value_name = "CHARACTER", value_parser = sign)]
    thousands: Option<char>,
    /// Form of dates, stored as ISO 8601: %d.%m.%Y (repeatable)
    #[arg(long = "date-format", value_name = "FORM", value_parser = date)]
    dates: Vec<DateForm>,
    /// Values that stand for null: NA,-
    #[arg(long = "null", value_name = "TEXT", value_delimiter = ',', allow_hyphen_values = true)]
    nulls: Vec<String>,
}

impl ReadingArgs {
    pub(crate) fn into_reading(self, format: Option<String>) -> Reading {
        let Self { sheet, header_row, range, records, flatten, table, members, widths, skip_rows, .. } = self;
        let Self { decimal, thousands, dates, nulls, .. } = self;
        let notation = Notation { decimal, thousands, dates, nulls };
        Reading { format, sheet, header_row, range, records, flatten, table, members, widths, skip_rows, notation }
    }
}

fn range(text: &str) -> Result<Area, Error> {
    text.parse()
}

fn widths(text: &str) -> Result<Widths, Error> {
    text.parse()
}

fn date(text: &str) -> Result<DateForm, Error> {
    text.parse()
}

fn sign(text: &str) -> Result<char, String> {
    let mut letters = text.chars();
    match (text, letters.next(), letters.next()) {
        ("space", ..) => Ok(' '),
        (_, Some(letter), None) if !letter.is_alphanumeric() && !matches!(letter, '-' | '+' | '"') => Ok(letter),
        _ => Err("write one sign, or `space`".to_owned()),
    }
}
