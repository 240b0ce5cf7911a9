//! Places in a sheet as people write them: `B3`, `B3:F200`, `B:F`.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// The last row and column that any of the formats has.
const ROW_MAX: u64 = 1 << 20;
const COLUMN_MAX: u32 = 1 << 14;

/// A part of a sheet, its edges in it. Rows and columns are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// The first row.
    pub first_row: u64,
    /// The last row.
    pub last_row: u64,
    /// The first column.
    pub first_column: u32,
    /// The last column.
    pub last_column: u32,
}

impl Area {
    /// All of a sheet.
    pub const ALL: Self = Self { first_row: 1, last_row: ROW_MAX, first_column: 1, last_column: COLUMN_MAX };

    pub(crate) fn has_row(&self, row: u64) -> bool {
        (self.first_row..=self.last_row).contains(&row)
    }

    pub(crate) fn has_column(&self, column: u32) -> bool {
        (self.first_column..=self.last_column).contains(&column)
    }
}

impl FromStr for Area {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::new(ErrorKind::Usage, format!("read the range `{text}`"))
                .hint("write it as a spreadsheet does: `B3:F200`, `B:F`, or `B3` for all from there")
        };
        let upper = text.trim().replace('$', "").to_uppercase();
        let (first, last) = upper.split_once(':').map_or((upper.as_str(), None), |(first, last)| (first, Some(last)));
        let (first_column, first_row) = corner(first).ok_or_else(wrong)?;
        let (last_column, last_row) = match last {
            Some(last) => corner(last).ok_or_else(wrong)?,
            None => (None, None),
        };
        let area = Self {
            first_row: first_row.unwrap_or(1),
            last_row: last_row.unwrap_or(ROW_MAX),
            first_column: first_column.unwrap_or(1),
            last_column: last_column.unwrap_or(COLUMN_MAX),
        };
        if area.first_row > area.last_row || area.first_column > area.last_column {
            return Err(wrong());
        }
        Ok(area)
    }
}

/// `B3`, `B` or `3`.
fn corner(text: &str) -> Option<(Option<u32>, Option<u64>)> {
    let letters = text.find(|letter: char| !letter.is_ascii_uppercase()).unwrap_or(text.len());
    let (column, row) = text.split_at(letters);
    let column = if column.is_empty() { None } else { Some(column_number(column)?) };
    let row = if row.is_empty() { None } else { Some(row.parse().ok().filter(|row| (1..=ROW_MAX).contains(row))?) };
    (column.is_some() || row.is_some()).then_some((column, row))
}

/// The number of a column by its letters, from 1.
fn column_number(letters: &str) -> Option<u32> {
    let mut number = 0_u32;
    for letter in letters.bytes() {
        if !letter.is_ascii_uppercase() {
            return None;
        }
        number = number.checked_mul(26)?.checked_add(u32::from(letter - b'A') + 1)?;
    }
    (1..=COLUMN_MAX).contains(&number).then_some(number)
}

/// The letters of a column.
pub(crate) fn column_letters(mut number: u32) -> String {
    let mut letters = Vec::new();
    while number > 0 {
        number -= 1;
        letters.push(char::from(b'A' + (number % 26) as u8));
        number /= 26;
    }
    letters.iter().rev().collect()
}

/// The row and the column of a cell by its reference.
pub(crate) fn cell_place(reference: &str) -> Option<(u64, u32)> {
    let (column, row) = corner(reference)?;
    Some((row?, column?))
}

impl fmt::Display for Area {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first_row, last_row, first_column, last_column } = *self;
        write!(formatter, "{}{first_row}:{}{last_row}", column_letters(first_column), column_letters(last_column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_spreadsheets_write_them() {
        for (text, expected) in [
            ("B3:F200", "B3:F200"),
            ("$b$3:$f$200", "B3:F200"),
            ("B:F", "B1:F1048576"),
            ("B3", "B3:XFD1048576"),
            ("2:5", "A2:XFD5"),
        ] {
            assert_eq!(text.parse::<Area>().expect(text).to_string(), expected);
        }
        for text in ["", ":", "F1:B2", "B0", "XFE1", "B3:", "1B", "A9999999"] {
            assert!(text.parse::<Area>().is_err(), "{text}");
        }
        assert_eq!(cell_place("AB12"), Some((12, 28)));
        assert_eq!(
            (1..=800).map(column_letters).filter_map(|it| column_number(&it)).collect::<Vec<_>>(),
            (1..=800).collect::<Vec<u32>>()
        );
    }
}
