//! The pages of a document as pictures: a PNG or JPEG that is small enough as it is, everything else drawn by a process
//! of its own, in bounded time, memory and size.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::context::Context;
use crate::error::{Error, ErrorKind, OrFail, Result, file_error};
use crate::readers::{PainterOptions, Worker};
use crate::storage::Storage;
use crate::tables::{FileRow, Store};

/// A larger file is not drawn.
const BYTES_MAX: i64 = 128 << 20;
/// A larger picture is drawn smaller instead of being sent as it is.
const AS_IT_IS_MAX: i64 = 6 << 20;
/// Pixels across and down.
const SIDE_MAX: usize = 1_400;
/// How long a page may take to be drawn.
const TIME_MAX: Duration = Duration::from_secs(9);
/// The memory of the process that draws.
const MEMORY_MAX: u64 = 1 << 30;
/// Pixels of a picture that is decoded.
const PIXELS_MAX: usize = 60_000_000;
/// How long a statement may take.
const STATEMENT_LIMIT: Duration = Duration::from_secs(5);
/// What is read at once.
const CHUNK: usize = 256 * 1024;

/// A page as a browser shows it.
#[derive(Debug)]
pub struct PagePicture {
    /// `image/png` or `image/jpeg`.
    pub kind: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The stored file of a document, open.
struct Original {
    row: FileRow,
    storage: Storage,
}

/// How many pages the stored file of a document has.
///
/// # Errors
/// Not found; refused, for one that is too large; what keeps it from being opened.
pub fn document_pages(context: &Context, id: i64) -> Result<usize> {
    let mut original = Original::open(context, id)?;
    if original.picture()?.is_some() {
        return Ok(1);
    }
    let place = original.place()?;
    painter(context)?.pages(place.path()).map_err(|error| about(id, error))
}

/// A page of the stored file of a document; `page` counts from 1.
///
/// # Errors
/// As [`document_pages`]; not found for the page; timeout.
pub fn page_picture(context: &Context, id: i64, page: usize) -> Result<PagePicture> {
    let mut original = Original::open(context, id)?;
    if let Some(kind) = original.picture()?.filter(|_| original.row.bytes <= AS_IT_IS_MAX) {
        if page != 1 {
            return Err(Error::new(ErrorKind::NotFound, format!("find page {page}: the picture has 1")));
        }
        let mut bytes = Vec::new();
        original.copy(&mut bytes)?;
        return Ok(PagePicture { kind, bytes });
    }
    let place = original.place()?;
    let to = NamedTempFile::new().map_err(|cause| file_error("make a file for the picture of a page", cause))?;
    painter(context)?.draw((place.path(), page), SIDE_MAX, to.path()).map_err(|error| about(id, error))?;
    let bytes = std::fs::read(to.path()).map_err(|cause| file_error("read the picture of a page", cause))?;
    Ok(PagePicture { kind: "image/png", bytes })
}

fn painter(context: &Context) -> Result<Worker> {
    let program = std::env::current_exe().or_fail(|| "find the path of dc itself".to_owned())?;
    let (time_max, memory_max, pixels_max) = (TIME_MAX, MEMORY_MAX, PIXELS_MAX);
    Worker::painter(context, PainterOptions { program, time_max, memory_max, pixels_max })
}

/// What a reader of pages advises is for readers: whoever only looks takes the original.
fn about(id: i64, error: Error) -> Error {
    error.within(format!("draw document {id}")).hint(take(id))
}

fn take(id: i64) -> String {
    format!("dc tasks document {id} --output FILE")
}

/// Where the bytes stand while they are drawn.
enum Place {
    Local(PathBuf),
    Copied(NamedTempFile),
}

impl Place {
    fn path(&self) -> &Path {
        match self {
            Self::Local(path) => path,
            Self::Copied(file) => file.path(),
        }
    }
}

impl Original {
    fn open(context: &Context, id: i64) -> Result<Self> {
        let mut tables = Store::reading(context, STATEMENT_LIMIT)?;
        let none = || Error::new(ErrorKind::NotFound, format!("find the document {id}"));
        let task = tables.tasks().one(id)?.ok_or_else(none)?;
        let gone =
            || Error::new(ErrorKind::NotFound, format!("find the stored file {} of document {id}", task.file_id));
        let row = tables.files().by_id(task.file_id)?.ok_or_else(gone)?;
        if row.bytes > BYTES_MAX {
            let message = format!("draw document {id}: it has {} bytes, and at most {BYTES_MAX} are drawn", row.bytes);
            return Err(Error::new(ErrorKind::Refused, message).hint(take(id)));
        }
        Ok(Self { row, storage: Storage::over(context, tables)? })
    }

    /// The kind of a picture that every browser shows, by its first bytes.
    fn picture(&mut self) -> Result<Option<&'static str>> {
        let mut head = Vec::new();
        let mut from = self.storage.open_file(&self.row)?.take(8);
        from.read_to_end(&mut head).map_err(|cause| file_error(self.what(), cause))?;
        Ok(match head.as_slice() {
            b"\x89PNG\r\n\x1a\n" => Some("image/png"),
            [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
            _ => None,
        })
    }

    fn what(&self) -> String {
        format!("read the stored file {}", self.row.id)
    }

    /// Copies the bytes, and looks whether they are those that were kept.
    fn copy(&mut self, to: &mut dyn Write) -> Result<()> {
        let what = self.what();
        let failed = |cause| file_error(what.clone(), cause);
        let mut from = self.storage.open_file(&self.row)?.take(BYTES_MAX as u64 + 1);
        let (mut hash, mut chunk) = (Sha256::new(), vec![0; CHUNK]);
        loop {
            let read = from.read(&mut chunk).map_err(failed)?;
            if read == 0 {
                break;
            }
            hash.update(&chunk[..read]);
            to.write_all(&chunk[..read]).map_err(failed)?;
        }
        if hash.finalize().as_slice() == self.row.sha256 {
            return Ok(());
        }
        Err(Error::failed(format!("{what}: its bytes are not those that were kept")).hint("dc files check"))
    }

    fn place(&mut self) -> Result<Place> {
        if let Some(path) = self.storage.local(&self.row)? {
            return Ok(Place::Local(path));
        }
        let mut file = NamedTempFile::new().map_err(|cause| file_error("make a file for a document", cause))?;
        self.copy(file.as_file_mut())?;
        Ok(Place::Copied(file))
    }
}
