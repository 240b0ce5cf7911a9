//! Lines of the log, as they wait on disk.

use std::fs;
use std::sync::Arc;

use super::backlog::Backlog;
use super::folder::Folder;
use super::line::{Draft, Head, Line, LinePlace, is_whole};
use crate::bound::Bound;
use crate::fuzzing::halves;
use crate::tables::LogLevel;

/// A process that is gone.
const OWNER: &str = "01a21380-8d1e-7633-9d92-8e3340fbdb0e";

/// A message and a source of any signs: the line is one line, whole, and read as it was written; any change is noticed.
pub fn log_line(data: &[u8]) {
    let _ = (is_whole(data), Line::new(data, LinePlace::default()).record());
    let Some((message, source)) = halves(data) else { return };
    let time = chrono::DateTime::from_timestamp(1_800_000_000, 123_456_000).expect("a moment").naive_utc();
    let mut out = Vec::new();
    let bound = Bound::default().app("a/b/c").app_id(7);
    let mut draft = Draft::begin(&mut out, Head { time, level: LogLevel::Error, source, message }, &bound);
    draft.key(source).extend_from_slice(b"1");
    draft.finish();
    let line = out.strip_suffix(b"\n").expect("an end");
    assert!(is_whole(line) && !line.contains(&b'\n'));
    let record = Line::new(line, LinePlace::default()).record().expect("a record");
    assert_eq!((&*record.message, &*record.source, record.moment()), (message, source, Some(time)));
    let at = message.len() % line.len();
    let mut damaged = line.to_vec();
    damaged[at] ^= 1 << (source.len() % 8);
    assert!(!is_whole(&damaged), "a flipped bit in byte {at}");
}

/// Any file as what a dead process has left: each whole line is delivered once and in its order, nothing else is, and
/// the file goes.
pub fn backlog(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(format!("{OWNER}.s.5000000000.ndjson"));
    fs::write(&file, data).expect("a file");
    let mut backlog = Backlog::new(Arc::new(Folder::new(folder.path())), "s", 1 << 30);
    // behind the lines that the first one says were delivered
    let start = data.len() - usize::try_from(backlog.bytes()).expect("a length");
    let mut delivered = Vec::new();
    while let Some(chunk) = backlog.read(3, 1 << 20, |_| ()).expect("a file") {
        (0..chunk.lines.len()).for_each(|place| delivered.push(chunk.lines.get(place).to_vec()));
        backlog.advance(&chunk, chunk.lines.len()).expect("a note");
    }
    assert!(backlog.is_empty() && backlog.bytes() == 0 && !file.exists());
    assert!(delivered.iter().all(|line| is_whole(line)));
    let is_record = |line: &&[u8]| is_whole(line) && !line.starts_with(b"{\"dc\":");
    let mut expected = data[start..].split(|byte| *byte == b'\n').filter(is_record).peekable();
    // beside these only lines whose line feed was damaged
    for line in &delivered {
        let _ = expected.next_if(|next| *next == line);
        assert!(memchr::memmem::find(&data[start..], line).is_some());
    }
    assert_eq!(expected.next(), None, "a line was lost");
}
