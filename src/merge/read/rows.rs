//! Records turned into rows of their table, a batch at a time.

use crate::db::{Cell, Column, Kind, RowBatch, fit};
use crate::hash::Sha;
use crate::merge::read::flat::{Flat, Number, Token, fits};
use crate::record::Record;

/// A batch being filled. Its rows get their hashes at the end, four at once.
pub(crate) struct Rows<'a> {
    pub(crate) batch: RowBatch,
    columns: &'a [Column],
    /// Where the columns of the last record stood: records of one source have them in the same order.
    places: Vec<Option<usize>>,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(columns: &'a [Column]) -> Self {
        Self { batch: RowBatch::new(columns.len()), columns, places: Vec::new() }
    }

    /// Adds a record; the error is the column that does not take its value, and nothing is added then.
    pub(crate) fn add(&mut self, record: &Record<'_>, place: u64) -> Result<(), usize> {
        let row = self.batch.add_row(Sha([0; 32]), place);
        self.places.resize(record.fields.len(), None);
        for ((name, value), place) in record.fields.iter().zip(&mut self.places) {
            let known = place.filter(|place| self.columns[*place].name == *name);
            let Some(found) = known.or_else(|| self.columns.iter().position(|column| column.name == *name)) else {
                continue;
            };
            *place = Some(found);
            let Some(fitted) = fit(value, self.columns[found].kind) else {
                self.batch.drop_last_row();
                return Err(found);
            };
            let cell = fitted.keep(&mut self.batch);
            self.batch.set(row, found, cell);
        }
        Ok(())
    }

    /// Adds the plain record that `flat` has read; false when a value has to be converted first.
    pub(crate) fn add_flat(&mut self, flat: &Flat, text: &str, place: u64) -> bool {
        let takes =
            |(column, token): (Option<usize>, Token)| column.is_none_or(|at| fits(token, self.columns[at].kind, text));
        if !flat.cells().all(takes) {
            return false;
        }
        let row = self.batch.add_row(Sha([0; 32]), place);
        for (column, token) in flat.cells() {
            let Some(column) = column else { continue };
            let cell = match token {
                Token::Null => Cell::Null,
                Token::Bool(flag) => Cell::Bool(flag),
                Token::Text { .. } | Token::Unescaped { .. } => {
                    Cell::Text(self.batch.keep(flat.text(token, text).as_bytes()))
                }
                _ => self.number(token, column, text),
            };
            self.batch.set(row, column, cell);
        }
        true
    }

    /// A numeric token as its column takes it: as digits, where the column keeps them.
    fn number(&mut self, token: Token, column: usize, text: &str) -> Cell {
        let kind = self.columns[column].kind;
        if matches!(kind, Kind::Numeric | Kind::Decimal { .. })
            && let Some(digits) = Flat::digits(token, text)
        {
            return Cell::Text(self.batch.keep(digits.as_bytes()));
        }
        match Flat::number(token, text) {
            Some(Number::Integer(number)) if kind == Kind::Float => Cell::Float(number as f64),
            Some(Number::Integer(number)) => Cell::Integer(number),
            Some(Number::Float(number)) => Cell::Float(number),
            None => Cell::Null,
        }
    }

    /// The batch with the hashes of its rows, in their order.
    pub(crate) fn finish(mut self, shas: Vec<Sha>) -> RowBatch {
        self.batch.set_shas(shas);
        self.batch
    }
}
