//! How records stand in an input, by name.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// How records stand in an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    Ndjson,
    /// One JSON array of objects.
    JsonArray,
    /// Lines of fields under a header.
    Csv {
        /// Between two fields: `,` `;` or a tab.
        delimiter: u8,
    },
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "ndjson" | "jsonl" => Ok(Self::Ndjson),
            "json" => Ok(Self::JsonArray),
            "csv" => Ok(Self::Csv { delimiter: b',' }),
            "tsv" => Ok(Self::Csv { delimiter: b'\t' }),
            _ => Err(Error::new(ErrorKind::Usage, format!("read the format `{text}`"))
                .hint("formats: ndjson, json, csv, tsv")),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ndjson => "ndjson",
            Self::JsonArray => "json",
            Self::Csv { .. } => "csv",
        })
    }
}
