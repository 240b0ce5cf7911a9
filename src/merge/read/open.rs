//! The inputs of a merge, opened, and kept where they can be read only once.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use serde::Serialize;

use super::pieces::pieces;
use super::recognise::{Named, Opening, ending_of};
use super::source::{Input, Source};
use crate::context::Cancellation;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::failpoint;
use crate::formats::{spool_error, temporary_file};
use crate::hash::write_json;
use crate::merge::plan::description::Merge;
use crate::record::to_value;

/// How long a silent pipe is waited for before somebody may have asked to stop.
const SILENCE_MAX: Duration = Duration::from_millis(200);

/// Opens all inputs; their bytes are numbered through.
pub(crate) fn open_all(merge: &Merge, inputs: &[Input]) -> Result<Vec<Source>> {
    merge.reading.check()?;
    let mut opening = Opening::new(merge, inputs.len());
    for input in inputs {
        let (file, ending) = open(merge, input)?;
        opening.add(file, ending.as_deref())?;
    }
    opening.finish()
}

/// Writes records to a spool, one a line, so that they can be read like a file.
pub(crate) fn spool_records<T: Serialize>(records: impl IntoIterator<Item = T>) -> Result<Source> {
    let mut spool = std::io::BufWriter::new(temporary_file()?);
    let mut line = Vec::new();
    for (place, record) in records.into_iter().enumerate() {
        let value = to_value(&record).map_err(|error| error.within(format!("take record {}", place + 1)))?;
        line.clear();
        write_json(&value, &mut line);
        line.push(b'\n');
        spool.write_all(&line).map_err(spool_error)?;
    }
    let file = spool.into_inner().map_err(|cause| spool_error(cause.into_error()))?;
    Source::over("the records".to_owned(), file, None, 0)
}

/// An input as a file that can be read from any place, and the end of its name.
fn open(merge: &Merge, input: &Input) -> Result<(Named, Option<String>)> {
    let cancellation = &merge.cancellation;
    match input {
        Input::Stdin => {
            let handle = std::io::stdin().as_fd().try_clone_to_owned();
            let handle = File::from(handle.map_err(|cause| file_error("read standard input", cause))?);
            let identity = identity(&handle);
            let file = spool(|| Ok(handle), "standard input", cancellation)?;
            Ok((Named { name: "standard input".to_owned(), file, identity }, None))
        }
        Input::File(path) => {
            let name = path.display().to_string();
            let ending = path.file_name().and_then(|name| ending_of(name.to_str()?));
            let fail = |cause| file_error(format!("open {name}"), cause);
            let metadata = std::fs::metadata(path).map_err(fail)?;
            if metadata.file_type().is_fifo() {
                let file = path.clone();
                let file = spool(move || File::open(file), &name, cancellation)?;
                return Ok((Named { name, file, identity: None }, ending));
            }
            let file = File::open(path).map_err(fail)?;
            if metadata.is_dir() {
                let what = format!("read {name}: it is a folder");
                return Err(Error::new(ErrorKind::Usage, what).hint("name the files in it"));
            }
            let identity = identity(&file);
            // what says that it is empty may be made while it is read, as the files under /proc are
            let is_kept = metadata.is_file() && metadata.len() > 0;
            let file = if is_kept { file } else { spool(|| Ok(file), &name, cancellation)? };
            Ok((Named { name, file, identity }, ending))
        }
        Input::Produced(producer) => {
            let mut file = temporary_file()?;
            producer.produce(&mut file, cancellation)?;
            file.seek(SeekFrom::Start(0)).map_err(spool_error)?;
            failpoint::point("merge.produced")?;
            Ok((Named { name: producer.name(), file, identity: None }, None))
        }
    }
}

fn identity(file: &File) -> Option<(u64, u64)> {
    file.metadata().ok().filter(|data| data.is_file()).map(|data| (data.dev(), data.ino()))
}

/// Keeps what can be read only once.
fn spool(
    open: impl FnOnce() -> std::io::Result<File> + Send + 'static,
    name: &str,
    cancellation: &Cancellation,
) -> Result<File> {
    let pieces = pieces(name, open)?;
    let mut file = temporary_file()?;
    loop {
        cancellation.check()?;
        match pieces.recv_timeout(SILENCE_MAX) {
            Ok(piece) => {
                let piece = piece.map_err(|cause| file_error(format!("read {name}"), cause))?;
                file.write_all(&piece).map_err(spool_error)?;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    file.seek(SeekFrom::Start(0)).map_err(spool_error)?;
    Ok(file)
}
