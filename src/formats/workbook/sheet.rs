//! The rows of one sheet as records: the header, the part that is asked for, and what cannot be taken.

use std::borrow::Cow;
use std::collections::HashSet;

use super::cell::Cell;
use crate::error::{Error, Result};
use crate::formats::area::{Area, column_letters};
use crate::formats::reading::Reading;
use crate::formats::spool::{Part, RecordSpool};
use crate::record::Value;

/// Takes the rows of a sheet, in their order.
pub(super) struct SheetRecords<'a> {
    /// What to call the sheet in messages.
    name: String,
    reading: &'a Reading,
    area: Area,
    spool: RecordSpool,
    /// The columns by their numbers; empty until the header was read.
    columns: Vec<(u32, String)>,
}

impl<'a> SheetRecords<'a> {
    pub(super) fn new(file: &str, sheet: &str, reading: &'a Reading) -> Result<Self> {
        Ok(Self {
            name: format!("{file}, sheet `{sheet}`"),
            reading,
            area: reading.range.unwrap_or(Area::ALL),
            spool: RecordSpool::new("row")?,
            columns: Vec::new(),
        })
    }

    /// Whether no row from here on is wanted.
    pub(super) fn is_over(&self, row: u64) -> bool {
        row > self.area.last_row
    }

    /// Takes the cells of a row, empty ones left out, by their columns from 1.
    pub(super) fn row(&mut self, row: u64, mut cells: Vec<(u32, Cell)>) -> Result<()> {
        cells.retain(|(column, cell)| self.area.has_column(*column) && !cell.text().is_empty());
        let is_before = self.reading.header_row.is_some_and(|header| row < header);
        if cells.is_empty() || is_before || !self.area.has_row(row) {
            return Ok(());
        }
        if !self.columns.is_empty() {
            return self.record(row, &cells);
        }
        if let Some(header) = self.reading.header_row
            && row != header
        {
            let what = format!("read the header of {}: row {header} is empty", self.name);
            return Err(Error::failed(what).hint("name the row with the columns' names: `--header-row N`"));
        }
        self.header(row, &cells)
    }

    fn header(&mut self, row: u64, cells: &[(u32, Cell)]) -> Result<()> {
        let wrong = |why: String| {
            let what = format!("read the header of {}, row {row}: {why}", self.name);
            Err(Error::failed(what).hint(
                "name the row with the columns' names, or the part to read: `--header-row 3`, `--range B3:F200`; \
                 nothing was changed",
            ))
        };
        let (Some((first, _)), Some((last, _))) = (cells.first(), cells.last()) else { return Ok(()) };
        let mut seen = HashSet::new();
        for column in *first..=*last {
            let cell = cells.iter().find(|(known, _)| *known == column).map(|(_, cell)| cell.text().trim());
            let name = match cell {
                Some(name) if !name.is_empty() => name.split_whitespace().collect::<Vec<_>>().join(" "),
                // a column without a name is called by its place
                _ => format!("column_{}", column_letters(column)),
            };
            if !seen.insert(name.clone()) {
                return wrong(format!("the name `{name}` stands twice"));
            }
            self.columns.push((column, name));
        }
        Ok(())
    }

    fn record(&mut self, row: u64, cells: &[(u32, Cell)]) -> Result<()> {
        let mut fields: Vec<(Cow<'_, str>, Value<'_>)> = Vec::with_capacity(self.columns.len());
        let mut wrong: Option<(Option<&str>, String)> = None;
        let mut rest = cells.iter().peekable();
        for (column, name) in &self.columns {
            while rest.peek().is_some_and(|(own, _)| own < column) {
                rest.next();
            }
            let cell = rest.next_if(|(own, _)| own == column).map(|(_, cell)| cell);
            let value = match cell {
                Some(cell) if self.reading.notation.is_null(cell.text()) => Value::Null,
                Some(Cell::Bad(_, reason)) if wrong.is_none() => {
                    wrong = Some((Some(name), reason.clone()));
                    Value::Null
                }
                Some(cell) => cell.value(),
                None => Value::Null,
            };
            fields.push((Cow::Borrowed(name), value));
        }
        let bounds =
            (self.columns.first().map_or(0, |column| column.0), self.columns.last().map_or(0, |column| column.0));
        let outside = cells.iter().find(|(column, _)| *column < bounds.0 || *column > bounds.1);
        if let (Some((column, cell)), None) = (outside, &wrong) {
            let (letters, text) = (column_letters(*column), cell.text());
            let shown: String = text.chars().take(40).collect();
            wrong = Some((
                None,
                format!(
                    "column {letters} has no name in the header, and holds `{shown}`; `--range` leaves it out, `--header-row` names another header"
                ),
            ));
        }
        let record = Value::Object(fields);
        match wrong {
            None => self.spool.push(row, &record),
            Some((column, reason)) => self.spool.refuse(row, column, &reason, &record),
        }
    }

    /// The records of the sheet; refused when the row of names never came.
    pub(super) fn finish(self, sheet: &str) -> Result<Part> {
        if let (Some(header), true) = (self.reading.header_row, self.columns.is_empty()) {
            let what = format!("read the header of {}: row {header} is empty", self.name);
            return Err(Error::failed(what).hint("name the row with the columns' names: `--header-row N`"));
        }
        self.spool.finish(Some(format!("sheet `{sheet}`")))
    }
}
