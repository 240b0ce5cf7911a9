//! What waits on disk: lines for sinks that are away, and records that a sink refused.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What waits on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WaitingLines {
    /// Bytes of lines for sinks.
    pub bytes: u64,
    /// How long the line that came last into the file that is oldest has waited.
    pub longest: Duration,
    /// Bytes of records that a sink refused for good.
    pub refused: u64,
}

/// Looks into the folder of the log.
pub fn waiting(folder: &Path) -> WaitingLines {
    let (mut found, now) = (WaitingLines::default(), SystemTime::now());
    // a folder that is not there holds nothing
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (Ok(name), Ok(about)) = (entry.file_name().into_string(), entry.metadata()) else { continue };
        match name.as_str() {
            "refused.ndjson" => found.refused += about.len(),
            name if name.ends_with(".ndjson") && !name.starts_with("damaged-") => {
                found.bytes += about.len();
                let waited = about.modified().ok().and_then(|at| now.duration_since(at).ok());
                found.longest = found.longest.max(waited.unwrap_or_default());
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_told_from_what_was_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes) in
            [("x.database.1.ndjson", 10), ("refused.ndjson", 3), ("x.database.lock", 5), ("damaged-x.ndjson", 7)]
        {
            fs::write(folder.path().join(name), vec![b'x'; bytes]).expect("a file");
        }
        let found = waiting(folder.path());
        assert_eq!((found.bytes, found.refused), (10, 3));
        assert_eq!(waiting(&folder.path().join("none")), WaitingLines::default());
    }
}
