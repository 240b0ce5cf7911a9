//! Moving a file to another store: the copy first, the rows then, the old one last.

use serde::Serialize;

use super::digest;
use super::keep::{Parcel, discard, put};
use super::storage::Storage;
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint;
use crate::tables::{FilePlace, FileRow, Relocated};

/// A file that was moved.
#[derive(Debug, Clone, Serialize)]
pub struct MovedFile {
    /// Where it was.
    pub from: FilePlace,
    /// Where it is.
    pub to: FilePlace,
    /// How many names it has.
    pub names: usize,
    /// How many bytes.
    pub bytes: u64,
}

impl Storage {
    /// Moves a file, under all its names, to another store; `None` where it is already, or no more.
    ///
    /// # Errors
    /// Failed for bytes that are not those that were kept: they stay where they are. What the stores say.
    pub fn move_file(&mut self, row: &FileRow, to: &str) -> Result<Option<MovedFile>> {
        self.stores.get(&mut self.tables, to)?;
        let Some(row) = self.tables.files().by_id(row.id)?.filter(|row| row.deleted_at.is_none() && row.store != to)
        else {
            return Ok(None);
        };
        let from = row.place();
        self.stores.check_room(to, row.bytes.unsigned_abs())?;
        let mut reader = self.open_file(&row)?;
        let folder = row.path.rsplit_once('/').map(|(folder, _)| folder).unwrap_or_default();
        let mut staged = self.stores.stage(to, folder)?;
        let cancellation = self.context.cancellation().clone();
        let copied = digest::copy(&row.name, &mut reader, staged.file(), &mut || cancellation.check())?;
        if copied.sha256 != row.sha256 {
            let fault = "its bytes are not those that were kept".to_owned();
            self.tables.files().note_check(&from.store, &[(from.path.clone(), Some(fault.clone()))])?;
            return Err(Error::failed(format!("move the stored file {}: {fault}", row.id))
                .hint("keep the original again, and it is whole"));
        }
        (staged.sha256, staged.bytes) = (copied.sha256, copied.bytes);
        let parcel = Parcel { store: to, folder, extension: &row.extension };
        let Self { tables, stores, .. } = self;
        let place = put(tables, stores, &parcel, &mut staged)?;
        failpoint::point("storage.copied")?;
        match tables.files().relocate(&row.sha256, &from, &place)? {
            Relocated::Done(names) => {
                failpoint::point("storage.relocated")?;
                discard(tables, stores, &from);
                Ok(Some(MovedFile { from, to: place, names, bytes: staged.bytes }))
            }
            // somebody else has moved or deleted it; what was copied is a stray, unless it is his
            Relocated::Gone => Ok(None),
            Relocated::Taken => {
                Err(Error::new(ErrorKind::Busy, format!("move the stored file {}", row.id)).hint("try again"))
            }
        }
    }
}
