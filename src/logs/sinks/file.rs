//! A file of JSON lines that is rotated by its size. Several processes may write it at once.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::logs::line::Line;
use crate::logs::sink::{Entry, Limits, Sink, Undelivered};
use crate::settings::Section;

/// This sink's line in the registry.
pub(in crate::logs) const ENTRY: Entry = Entry { name: "file", open };

/// Where the lines go, where the settings say nothing else.
const PATH: &str = ".dc/records.ndjson";
/// From this size on a new file is begun.
const SIZE_MAX: u64 = 64 << 20;
/// How many files there are at the most, the current one included.
const FILES_MAX: u64 = 5;
/// Log records may be private.
const FILE_MODE: u32 = 0o600;

fn open(context: &Context, section: Section<'_>) -> Result<Box<dyn Sink>> {
    let path = section.text("path")?.unwrap_or_else(|| PATH.to_owned());
    let files_max = section.number("files_max")?.unwrap_or(FILES_MAX);
    if files_max == 0 {
        let message = format!("read the setting `{}.files_max`: it takes a number from 1 on", section.name());
        return Err(Error::new(ErrorKind::Settings, message));
    }
    Ok(Box::new(Rotated {
        path: context.settings().project.root.join(path),
        size_max: section.bytes("size_max")?.unwrap_or(SIZE_MAX),
        files_max,
        file: None,
        room: Vec::new(),
        has_torn: false,
    }))
}

/// The file; older ones are `PATH.1`, `PATH.2` and so on.
struct Rotated {
    path: PathBuf,
    size_max: u64,
    files_max: u64,
    file: Option<File>,
    room: Vec<u8>,
    /// The last write ended within a line.
    has_torn: bool,
}

/// Writes all, in one piece where the system takes it so: lines of several processes do not mix. How much was written
/// when it failed comes with the failure.
fn write_counted(file: &mut File, bytes: &[u8]) -> (usize, Option<std::io::Error>) {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => return (written, Some(std::io::ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => {}
            Err(cause) => return (written, Some(cause)),
        }
    }
    (written, None)
}

impl Sink for Rotated {
    fn write(&mut self, lines: &[Line<'_>]) -> Result<(), Undelivered> {
        if let Err(cause) = self.current() {
            return Err(self.away(0, cause));
        }
        self.room.clear();
        // half a line that a full disk or a kill has left is closed before the next one
        self.room.extend_from_slice(if self.has_torn { b"\n" } else { b"" });
        let mut ends = Vec::with_capacity(lines.len());
        for line in lines {
            self.room.extend_from_slice(line.bytes());
            self.room.push(b'\n');
            ends.push(self.room.len());
        }
        let room = std::mem::take(&mut self.room);
        let (written, failure) = self.file.as_mut().map_or((0, None), |file| write_counted(file, &room));
        self.room = room;
        self.has_torn &= written == 0;
        let Some(cause) = failure else { return Ok(()) };
        let taken = ends.partition_point(|end| *end <= written);
        self.has_torn |= written > taken.checked_sub(1).map_or(0, |last| ends[last]);
        Err(self.away(taken, cause))
    }

    fn limits(&self) -> Limits {
        Limits { lines_max: usize::MAX, ..Limits::default() }
    }
}

impl Rotated {
    fn away(&mut self, taken: usize, cause: std::io::Error) -> Undelivered {
        self.file = None;
        Undelivered::away(taken, format!("write {}: {cause}", self.path.display()))
    }

    /// The file to write to: begun anew when it is large, opened again when another process has done so.
    fn current(&mut self) -> std::io::Result<&mut File> {
        let on_disk = fs::metadata(&self.path).ok();
        let is_same = |file: &File, other: &fs::Metadata| {
            file.metadata().is_ok_and(|own| own.ino() == other.ino() && own.dev() == other.dev())
        };
        self.file = self.file.take().filter(|file| on_disk.as_ref().is_some_and(|other| is_same(file, other)));
        if on_disk.is_some_and(|data| data.len() >= self.size_max) {
            self.rotate()?;
        }
        match &mut self.file {
            Some(file) => Ok(file),
            none => {
                if let Some(folder) = self.path.parent() {
                    fs::create_dir_all(folder)?;
                }
                let file = OpenOptions::new().read(true).append(true).create(true).mode(FILE_MODE).open(&self.path)?;
                // a process that was killed while it wrote has left half a line
                self.has_torn |= !ends_with_line(&file)?;
                Ok(none.insert(file))
            }
        }
    }

    /// Renames the files by one; the oldest goes. One process at a time does it, and only if it still is due.
    fn rotate(&mut self) -> std::io::Result<()> {
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(FILE_MODE)
            .open(numbered(&self.path, "lock"))?;
        lock.lock()?;
        if fs::metadata(&self.path).is_ok_and(|data| data.len() >= self.size_max) {
            for number in (1..self.files_max).rev() {
                let younger =
                    if number == 1 { self.path.clone() } else { numbered(&self.path, &(number - 1).to_string()) };
                if younger.exists() {
                    fs::rename(younger, numbered(&self.path, &number.to_string()))?;
                }
            }
            if self.files_max == 1 {
                fs::remove_file(&self.path)?;
            }
        }
        self.file = None;
        Ok(())
    }
}

fn ends_with_line(file: &File) -> std::io::Result<bool> {
    let Some(last) = file.metadata()?.len().checked_sub(1) else { return Ok(true) };
    let mut byte = [0];
    file.read_exact_at(&mut byte, last)?;
    Ok(byte == *b"\n")
}

fn numbered(path: &Path, end: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{end}"));
    path.with_file_name(name)
}
