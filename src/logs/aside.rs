//! Records that sinks refused for good, in `refused.ndjson`: a line for each, with its sink and the reason. Whoever
//! sends them again takes the whole file, under a name of its own; a kill in between leaves it there for the next
//! one.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::line::{LogRecord, is_whole, of_record};
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::ident::{RuntimeId, new_identity};

/// Only the user reads what waits on disk: log records may be private.
pub(super) const FILE_MODE: u32 = 0o600;
/// What sinks refused for good.
const REFUSED: &str = "refused.ndjson";
/// How the name begins of a file that is being sent again.
const TAKEN: &str = "resend-";
const END: &str = ".ndjson";
/// Held by whoever sends them again.
const LOCK: &str = "resend.lock";

/// A line of the file.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    sink: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    record: &'a RawValue,
}

/// A refused record, ready to be sent again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) sink: String,
    /// Its line, with the line feed.
    pub(super) line: Vec<u8>,
}

/// Keeps a line that a sink refused for good, with the reason.
pub(super) fn keep(folder: &Path, sink: &str, reason: &str, line: &[u8]) -> Result<()> {
    let mut entry = format!("{{\"sink\":{},\"error\":{},\"record\":", text(sink), text(reason)).into_bytes();
    entry.extend_from_slice(line);
    entry.extend_from_slice(b"}\n");
    put(folder, &entry)
}

fn text(value: &str) -> serde_json::Value {
    serde_json::Value::from(value)
}

fn put(folder: &Path, entry: &[u8]) -> Result<()> {
    let path = folder.join(REFUSED);
    fs::create_dir_all(folder).map_err(|cause| file_error(format!("make {}", folder.display()), cause))?;
    let written = open(&path).and_then(|mut file| file.write_all(entry));
    written.map_err(|cause| file_error(format!("write {}", path.display()), cause))
}

/// The file, locked: nobody takes it away while it is written.
fn open(path: &Path) -> std::io::Result<File> {
    loop {
        let file = OpenOptions::new().append(true).create(true).mode(FILE_MODE).open(path)?;
        file.lock()?;
        let (ours, there) = (file.metadata()?, fs::metadata(path));
        if there.is_ok_and(|there| (there.ino(), there.dev()) == (ours.ino(), ours.dev())) {
            return Ok(file);
        }
    }
}

/// The refused records of a folder, in the hands of one process.
pub(super) struct Aside {
    folder: PathBuf,
    _lock: File,
}

/// Some refused records, as they were taken. They are a stream of their own, the same also if they are read again.
pub(super) struct Taken {
    pub(super) stream: String,
    pub(super) path: PathBuf,
}

impl Aside {
    /// # Errors
    /// Busy, while another process sends them again.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|cause| file_error(format!("make {}", folder.display()), cause))?;
        let path = folder.join(LOCK);
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(FILE_MODE).open(&path);
        let lock = lock.map_err(|cause| file_error(format!("make {}", path.display()), cause))?;
        if lock.try_lock().is_err() {
            return Err(Error::new(ErrorKind::Busy, "send the refused records again: another dc is doing it"));
        }
        Ok(Self { folder: folder.to_owned(), _lock: lock })
    }

    /// The files with refused records, without taking them.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let refused = self.folder.join(REFUSED);
        let taken = self.taken().into_iter().map(|taken| taken.path);
        taken.chain(refused.exists().then_some(refused)).collect()
    }

    /// Takes all that is there, also what a killed process had taken.
    pub(super) fn take(&self) -> Result<Vec<Taken>> {
        let path = self.folder.join(REFUSED);
        if path.exists() {
            let fail = |cause| file_error(format!("take {}", path.display()), cause);
            let _held = open(&path).map_err(fail)?;
            let taken = self.folder.join(format!("{TAKEN}{}{END}", new_identity()));
            fs::rename(&path, taken).map_err(fail)?;
        }
        Ok(self.taken())
    }

    fn taken(&self) -> Vec<Taken> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut taken: Vec<Taken> = entries
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let stream = name.strip_prefix(TAKEN)?.strip_suffix(END)?.to_owned();
                stream.parse::<RuntimeId>().is_ok().then(|| Taken { stream, path: entry.path() })
            })
            .collect();
        taken.sort_unstable_by(|left, right| left.stream.cmp(&right.stream));
        taken
    }

    /// Puts lines back that cannot be sent.
    pub(super) fn put_back(&self, lines: &[&[u8]]) -> Result<()> {
        lines.iter().try_for_each(|line| put(&self.folder, &[line, &b"\n"[..]].concat()))
    }
}

/// A line of such a file; `None` where it cannot be sent again as it stands.
pub(super) fn read(line: &[u8]) -> Option<Refused> {
    let entry: Entry<'_> = serde_json::from_slice(line).ok()?;
    let record = entry.record.get();
    // older versions wrote the record anew, and its checksum does not fit any more
    let line = match is_whole(record.as_bytes()) {
        true => [record.as_bytes(), b"\n"].concat(),
        false => of_record(&serde_json::from_str::<LogRecord<'_>>(record).ok()?)?,
    };
    Some(Refused { sink: entry.sink.into_owned(), line })
}

#[cfg(test)]
mod tests {
    use super::super::own::own_line;
    use super::*;
    use crate::tables::LogLevel;

    #[test]
    fn a_record_comes_back_as_it_was_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let line = own_line(LogLevel::Error, "č \"quoted\"");
        keep(folder.path(), "database", "it is \"bad\"", line.strip_suffix(b"\n").expect("an end")).expect("kept");
        let aside = Aside::open(folder.path()).expect("a folder");
        assert_eq!(aside.files().len(), 1);
        assert!(Aside::open(folder.path()).is_err(), "one at a time");
        let taken = aside.take().expect("a file");
        let text = fs::read(&taken[0].path).expect("a file");
        let text = text.strip_suffix(b"\n").expect("an end");
        assert_eq!(read(text), Some(Refused { sink: "database".to_owned(), line: line.clone() }));
        // killed here, the next one finds it under the same name
        drop(aside);
        let aside = Aside::open(folder.path()).expect("a folder");
        assert_eq!(aside.take().expect("files")[0].stream, taken[0].stream);
        aside.put_back(&[text]).expect("put back");
        assert_eq!(aside.files().len(), 2);
    }

    #[test]
    fn what_an_older_version_set_aside_is_sealed_anew() {
        let context = r#"{"price":1.10,"list":[1,2]}"#;
        let record = format!(
            "{{\"time\":\"2026-11-29T06:00:00.000001Z\",\"level\":\"ERROR\",\"source\":\"stderr\",\"message\":\"m\",\
             \"app_id\":7,\"app\":\"a/b/c\",\"runtime\":\"r\",\"thread\":\"main\",\"context\":{context},\"crc\":\"00000000\"}}"
        );
        let entry = format!("{{\"sink\":\"database\",\"error\":\"full\",\"record\":{record}}}");
        let Refused { line, .. } = read(entry.as_bytes()).expect("a record");
        let line = line.strip_suffix(b"\n").expect("an end");
        assert!(is_whole(line) && line.starts_with(b"{\"time\":\""));
        let read: LogRecord<'_> = serde_json::from_slice(line).expect("a record");
        let was: LogRecord<'_> = serde_json::from_str(&record).expect("a record");
        assert_eq!(format!("{read:?}"), format!("{was:?}"));
        assert_eq!(super::read(b"{\"sink\":\"database\",\"record\":{}}"), None);
        assert_eq!(super::read(b"half a li"), None);
    }
}
