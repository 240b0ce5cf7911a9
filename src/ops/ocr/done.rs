//! What was finished of an archive, by the content of its files: a run that is interrupted goes on where it was.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::inputs::Input;
use super::options::OcrOptions;
use crate::error::{OrFail, Result, file_error};
use crate::storage::sha256_of;

/// Where it is written down, in the folder that files are written into.
const NAME: &str = ".dc-ocr.ndjson";

/// A file that was read and written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Entry {
    /// The SHA-256 of its content, in hexadecimal.
    sha256: String,
    /// What was written of it.
    output: String,
    /// How it was read.
    options: String,
}

/// The files that were finished.
pub(super) struct Done {
    known: HashSet<Entry>,
    file: File,
    folder: PathBuf,
    path: PathBuf,
    options: String,
}

impl Done {
    /// What is known in a folder.
    pub(super) fn open(folder: &Path, options: &OcrOptions) -> Result<Self> {
        let path = folder.join(NAME);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(cause) => return Err(file_error(format!("read {}", path.display()), cause)),
        };
        // a kill may have cut the last line off; what it told is done again
        let known = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let what = || format!("write {}", path.display());
        let mut file =
            OpenOptions::new().create(true).append(true).open(&path).map_err(|cause| file_error(what(), cause))?;
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n").map_err(|cause| file_error(what(), cause))?;
        }
        Ok(Self { known, file, folder: folder.to_owned(), path, options: options.told() })
    }

    /// Whether a file was finished, in the same way, and what was written of it is there.
    pub(super) fn has(&self, input: &Input, output: &Path) -> bool {
        let name = self.name(output);
        if !output.exists() || !self.known.iter().any(|entry| entry.output == name) {
            return false;
        }
        // what cannot be read says so when it is its turn
        self.entry(input, output).is_ok_and(|entry| self.known.contains(&entry))
    }

    /// Writes down that a file is finished.
    pub(super) fn add(&mut self, input: &Input, output: &Path) -> Result<()> {
        let entry = self.entry(input, output)?;
        let mut line = serde_json::to_string(&entry).or_fail(|| "write down what is done".to_owned())?;
        line.push('\n');
        self.known.insert(entry);
        let what = || format!("write {}", self.path.display());
        self.file.write_all(line.as_bytes()).map_err(|cause| file_error(what(), cause))
    }

    /// A file as it is called from the folder on.
    fn name(&self, output: &Path) -> String {
        output.strip_prefix(&self.folder).unwrap_or(output).display().to_string()
    }

    fn entry(&self, input: &Input, output: &Path) -> Result<Entry> {
        let (sum, _) = sha256_of(&input.path)?;
        let sha256 = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Entry { sha256, output: self.name(output), options: self.options.clone() })
    }
}
