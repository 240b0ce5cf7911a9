//! What the server refuses of a row, and rows that may be taken later, when others of their table are there.

use mysql_async::Error as Failure;

use crate::db::cause::Cause;
use crate::db::{Cell, RowBatch};
use crate::error::Result;

/// The states that programs use for errors of their own.
const OF_PROGRAMS: &str = "45";

/// Whether it is the row that the table does not want.
pub(super) fn is_refusal(cause: &Failure) -> bool {
    match cause {
        Failure::Server(answer) => match Cause::of_mysql(answer.code) {
            Some(cause) => cause.is_of_row(),
            None => answer.state.starts_with(OF_PROGRAMS),
        },
        _ => false,
    }
}

/// Why, in the server's words; which row of the statement it was says nothing to anybody.
pub(super) fn reason(cause: &Failure) -> String {
    let Failure::Server(answer) = cause else { return cause.to_string() };
    let message = answer.message.as_str();
    match message.rsplit_once(" at row ") {
        Some((before, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => before.to_owned(),
        _ => message.to_owned(),
    }
}

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
