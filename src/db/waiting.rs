//! Rows that may be taken later, when others of their table are there.

use super::{Cell, RowBatch};
use crate::error::Result;

/// Rows whose parent was not there yet.
pub(super) struct Waiting(RowBatch);

/// Rows that stay out, and why.
type Left = Vec<(RowBatch, usize, String)>;

impl Waiting {
    pub(super) fn new(width: usize) -> Self {
        Self(RowBatch::new(width))
    }

    pub(super) fn take(&mut self, batch: &RowBatch, row: usize) {
        let place = self.0.add_row(batch.sha(row), batch.offset(row));
        for (column, cell) in batch.row(row).iter().enumerate() {
            let cell = match *cell {
                Cell::Text(span) => Cell::Text(self.0.keep(batch.bytes(span))),
                Cell::Bytes(span) => Cell::Bytes(self.0.keep(batch.bytes(span))),
                other => other,
            };
            self.0.set(place, column, cell);
        }
    }

    /// Tries them until none of them is taken any more, forwards and backwards. Gives how many were, and the others in
    /// their order.
    pub(super) fn settle(
        self,
        mut insert: impl FnMut(&RowBatch, usize) -> Result<Result<(), String>>,
    ) -> Result<(u64, Left)> {
        let batch = self.0;
        let mut left: Vec<(usize, String)> = (0..batch.len()).map(|row| (row, String::new())).collect();
        let (mut count, mut has_moved) = (0, true);
        while has_moved && !left.is_empty() {
            has_moved = false;
            let mut still = Vec::new();
            for (row, _) in left {
                match insert(&batch, row)? {
                    Ok(()) => (count, has_moved) = (count + 1, true),
                    Err(why) => still.push((row, why)),
                }
            }
            still.reverse();
            left = still;
        }
        left.sort_unstable_by_key(|(row, _)| *row);
        let one = |(row, why): (usize, String)| {
            let mut alone = Self::new(batch.row(row).len());
            alone.take(&batch, row);
            (alone.0, 0, why)
        };
        Ok((count, left.into_iter().map(one).collect()))
    }
}
