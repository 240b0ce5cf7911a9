//! The files to read: named ones, and those in folders.

use std::path::{Path, PathBuf};

use super::options::OcrOptions;
use crate::error::{Error, ErrorKind, Result, file_error};

/// Endings of files that are read in a folder; a file that is named is read whatever its name.
const ENDINGS: [&str; 17] = [
    "pdf", "png", "jpg", "jpeg", "jpe", "jfif", "tif", "tiff", "webp", "bmp", "gif", "jp2", "j2k", "jpx", "heic",
    "heif", "avif",
];
/// Folders inside folders.
const DEPTH_MAX: usize = 32;

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input {
    /// Where it is read.
    pub(super) path: PathBuf,
    /// What people know it by.
    pub(super) name: String,
    /// What it is written as in a folder, without its ending: keeps the folders below a folder that was named.
    pub(super) stem: PathBuf,
}

/// All files, each once.
pub(super) fn inputs(options: &OcrOptions) -> Result<Vec<Input>> {
    let mut inputs: Vec<Input> = Vec::new();
    for path in &options.files {
        if path.as_os_str() == "-" {
            let held = options.stdin.clone().ok_or_else(|| Error::failed("read standard input: it was not kept"))?;
            inputs.push(Input { path: held, name: "-".to_owned(), stem: PathBuf::from("stdin") });
        } else if path.is_dir() {
            let before = inputs.len();
            folder(path, Path::new(""), DEPTH_MAX, &mut inputs)?;
            if inputs.len() == before {
                let message = format!("find a PDF or picture in {}", path.display());
                return Err(Error::new(ErrorKind::NotFound, message));
            }
        } else {
            let stem = PathBuf::from(path.file_stem().unwrap_or(path.as_os_str()));
            inputs.push(Input { path: path.clone(), name: path.display().to_string(), stem });
        }
    }
    let mut seen: std::collections::HashSet<PathBuf> = std::collections::HashSet::new();
    for input in &mut inputs {
        // two files of one name are written as two files
        let first = input.stem.clone();
        let mut number = 2;
        while !seen.insert(input.stem.clone()) {
            input.stem = with_more(&first, &format!("-{number}"));
            number += 1;
        }
    }
    Ok(inputs)
}

/// A path whose name is longer by `more`; a name need not be text.
pub(super) fn with_more(path: &Path, more: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(more);
    path.with_file_name(name)
}

fn folder(path: &Path, below: &Path, depth: usize, inputs: &mut Vec<Input>) -> Result<()> {
    let read = std::fs::read_dir(path).map_err(|cause| file_error(format!("look into {}", path.display()), cause))?;
    let mut entries: Vec<_> = read.flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() {
            // a link to a folder above would never end
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            if depth > 0 && !is_link {
                folder(&path, &below.join(&name), depth - 1, inputs)?;
            }
            continue;
        }
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
        if ENDINGS.contains(&ending.as_str()) {
            let stem = below.join(path.file_stem().unwrap_or(&name));
            inputs.push(Input { name: path.display().to_string(), path, stem });
        }
    }
    Ok(())
}
