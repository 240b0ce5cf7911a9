//! Which documents are being worked on, in a file that outlives this process: when it dies, it is known of which of them.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::error::{Result, file_error};

/// The bytes of a place.
const PLACE: usize = 21;

/// The file, with a place for each thread.
pub(super) struct Began {
    file: File,
    path: PathBuf,
}

impl Began {
    /// Makes the file of a worker.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn make(folder: &Path, worker: &str) -> Result<Self> {
        let path = path(folder, worker);
        let file = File::create(&path).map_err(|cause| file_error(format!("make {}", path.display()), cause))?;
        Ok(Self { file, path })
    }

    pub(super) fn begin(&self, number: usize, task: i64) {
        self.write(number, &format!("{task:>20}\n"));
    }

    pub(super) fn end(&self, number: usize) {
        self.write(number, &format!("{:>20}\n", 0));
    }

    fn write(&self, number: usize, text: &str) {
        // a full disk costs the knowledge of what a later death is to blame on, and nothing else
        let _ = self.file.write_at(text.as_bytes(), (number * PLACE) as u64);
    }
}

impl Drop for Began {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// What a worker of this machine was working on when it died; `None` where nobody knows.
pub(super) fn left_by(folder: &Path, worker: &str) -> Option<Vec<i64>> {
    let text = fs::read_to_string(path(folder, worker)).ok()?;
    Some(text.lines().filter_map(|line| line.trim_matches(['\0', ' ']).parse().ok()).filter(|id| *id > 0).collect())
}

/// Takes the file of a worker away that is gone.
pub(super) fn forget(folder: &Path, worker: &str) {
    let _ = fs::remove_file(path(folder, worker));
}

fn path(folder: &Path, worker: &str) -> PathBuf {
    folder.join(format!("{worker}.began"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_and_not_ended_is_known() {
        let folder = tempfile::tempdir().expect("a folder");
        let began = Began::make(folder.path(), "w").expect("a file");
        began.begin(2, 17);
        began.begin(0, i64::MAX);
        began.begin(1, 5);
        began.end(1);
        assert_eq!(left_by(folder.path(), "w"), Some(vec![i64::MAX, 17]));
        drop(began);
        assert_eq!(left_by(folder.path(), "w"), None);
    }
}
