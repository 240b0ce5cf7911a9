//! The shape of a table: its columns, what each takes, and whether a merge can work with it.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::form::Form;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::RESERVED;

/// A table's name, with a schema where one was typed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// The schema; `None` for the default one.
    pub schema: Option<String>,
    /// The table.
    pub name: String,
}

impl TableName {
    /// The name in quotes, safe inside SQL.
    pub(super) fn quoted(&self) -> String {
        self.quoted_by('"')
    }

    /// The name between such signs.
    pub(super) fn quoted_by(&self, sign: char) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", quote_by(sign, schema), quote_by(sign, &self.name)),
            None => quote_by(sign, &self.name),
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(formatter, "{schema}.{}", self.name),
            None => formatter.write_str(&self.name),
        }
    }
}

impl FromStr for TableName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (schema, name) = match text.split_once('.') {
            Some((schema, name)) => (Some(schema), name),
            None => (None, text),
        };
        let wrong = |part: &str| part.is_empty() || part.contains('\0') || part.len() > NAME_BYTES_MAX;
        if wrong(name) || name.contains('.') || schema.is_some_and(wrong) {
            let what = format!(
                "take `{text}` as a table's name: write TABLE or SCHEMA.TABLE, at most {NAME_BYTES_MAX} bytes each"
            );
            return Err(Error::new(ErrorKind::Usage, what));
        }
        Ok(Self { schema: schema.map(str::to_owned), name: name.to_owned() })
    }
}

/// What PostgreSQL keeps of a name; a longer one would be cut without a word.
pub const NAME_BYTES_MAX: usize = 63;

/// A name in double quotes, as the standard has it; a backend that has it otherwise says so in its dialect.
pub(super) fn quote(name: &str) -> String {
    quote_by('"', name)
}

/// A name between such signs, which are doubled inside of it.
pub(super) fn quote_by(sign: char, name: &str) -> String {
    format!("{sign}{}{sign}", name.replace(sign, &format!("{sign}{sign}")))
}

/// What a column takes; it decides how a value is converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// True and false.
    Boolean,
    /// Whole numbers of so many bits.
    Integer {
        /// 8, 16, 24, 32 or 64.
        bits: u8,
    },
    /// Floating-point numbers of 64 bits.
    Float,
    /// Floating-point numbers of 32 bits.
    Real,
    /// Numbers of any precision.
    Numeric,
    /// Numbers with so many digits at most.
    Decimal {
        /// All digits.
        digits: u16,
        /// Those of them that stand behind the point; below zero the last whole ones are left out.
        scale: i16,
    },
    /// Numbers as SQLite keeps them in a column that it takes for numeric: whole ones of 64 bits, all others as floats.
    Number,
    /// Text.
    Text,
    /// Text of so many characters at most.
    Short {
        /// Characters, not bytes.
        letters: u32,
    },
    /// JSON, kept as the source wrote it.
    Json,
    /// Bytes.
    Bytes,
    /// Arrays as PostgreSQL has them, by what is kept of each element.
    Array(Form),
    /// Anything else: the text goes to the server, which decides.
    Other(Form),
}

impl Kind {
    /// Whether it takes text as text.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Short { .. })
    }
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it takes.
    pub kind: Kind,
    /// Its type, as the database prints it.
    pub declared: String,
    /// Whether the database fills it (generated columns): such a column is never written.
    pub is_generated: bool,
}

impl Column {
    /// Whether the database may give a value back in other letters than it came: dates, arrays, texts that are filled with
    /// blanks.
    pub fn is_respelled(&self) -> bool {
        let is_filled = ["character(", "national character("].iter().any(|start| self.declared.starts_with(start));
        is_filled || matches!(self.kind, Kind::Other(_) | Kind::Array(_))
    }
}

/// A table as it stands in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: TableName,
    /// Its columns, in their order.
    pub columns: Vec<Column>,
    /// Why a merge cannot work with it, where its kind or its columns are the reason.
    pub obstacle: Option<Obstacle>,
}

/// What stands between a table and a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// What the table is; completes "could not use the table `t`: ".
    pub reason: String,
    /// What to do about it.
    pub hint: String,
}

impl Table {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether the `sha` column holds hex text instead of 32 bytes.
    pub fn sha_is_text(&self) -> bool {
        self.column("sha").is_some_and(|column| column.kind.is_text())
    }

    /// Fails where a merge cannot work with the table.
    ///
    /// # Errors
    /// The obstacle, and what to do about it.
    pub fn check_for_merge(&self) -> Result<()> {
        match &self.obstacle {
            None => Ok(()),
            Some(Obstacle { reason, hint }) => {
                Err(Error::failed(format!("use the table `{}`: {reason}", self.name)).hint(hint.as_str()))
            }
        }
    }

    /// Those of the framework's columns that a merge needs and the table lacks.
    pub fn missing_for_merge(&self) -> Vec<&'static str> {
        RESERVED.into_iter().filter(|name| *name != "id" && self.column(name).is_none()).collect()
    }
}

/// A column that is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewColumn {
    /// Its name.
    pub name: String,
    /// What it shall take; the backend chooses the type.
    pub kind: Kind,
    /// The type in the words of the database, where somebody asked for one.
    pub declared: Option<String>,
}

/// A row's place in its table: SQLite's rowid, PostgreSQL's partition and ctid. It holds only while the table is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowId(pub u64);
