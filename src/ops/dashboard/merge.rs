//! What one merge changed: the rows that it brought and those that it retired, in pages.

use crate::context::Context;
use crate::db::Connection;
use crate::error::Result;
use crate::merge::{ChangedRowsPage, ChangedSide, changed};
use crate::redact::Redactor;
use crate::settings::{Access, MAIN};

/// So many rows are on a page.
const ROWS: usize = 50;

/// The rows that a merge into `main` changed.
pub struct MergeStory {
    /// A page of them, without secrets.
    pub page: ChangedRowsPage,
    /// Which rows.
    pub side: ChangedSide,
}

impl MergeStory {
    /// Reads it: the merge of this identity, its rows below a number.
    ///
    /// # Errors
    /// As [`changed`].
    pub fn read(context: &Context, id: &str, side: ChangedSide, below: Option<i64>) -> Result<Self> {
        let mut database = Connection::open_for(context, MAIN, Access::Read)?;
        let mut page = changed(&mut database, id, side, (below, ROWS))?;
        let redactor = Redactor::of(context.settings());
        for value in page.rows.iter_mut().flat_map(|(_, values)| values) {
            *value = redactor.text(value).into_owned();
        }
        Ok(Self { page, side })
    }
}
