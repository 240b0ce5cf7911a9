//! The files of the two networks: found in a folder, never fetched.

use std::path::{Path, PathBuf};

use rten::Model;

use super::super::found::Presence;
use super::super::options::EngineOptions;
use crate::error::{Error, Result};

/// The engine's name in the registry.
pub(super) const NAME: &str = "paddle";
/// The command that puts the models where they are looked for.
const INSTALL: &str = "dc ocr --install-models";
/// In what the names of the two files differ.
const PARTS: [&str; 2] = ["_det", "_rec"];

/// The networks, and the letters that the second one knows.
pub(super) struct Models {
    pub(super) detect: Model,
    pub(super) read: Model,
    /// The letter of each class; the first class is the gap between letters.
    pub(super) letters: Vec<String>,
}

impl Models {
    /// Loads the two files that [`find`] found.
    pub(super) fn load(files: &[String]) -> Result<Self> {
        let load = |part: &str| {
            let path = files.iter().find(|file| name(Path::new(file)).contains(part)).cloned().unwrap_or_default();
            let broken = |cause| {
                Error::failed(format!("load the model {path}"))
                    .because(cause)
                    .hint(format!("fetch it again: `{INSTALL}`"))
            };
            Model::load_file(&path).map_err(|cause| broken(cause.to_string()))
        };
        let (detect, read) = (load(PARTS[0])?, load(PARTS[1])?);
        let listed = read.metadata().get("character").map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
        let Some(known) = listed.filter(|letters| !letters.is_empty()) else {
            let message = "load the model that reads: it does not say which letters it knows";
            return Err(Error::failed(message).hint(format!("fetch the models again: `{INSTALL}`")));
        };
        let mut letters = vec![String::new()];
        letters.extend(known);
        letters.push(" ".to_owned());
        Ok(Self { detect, read, letters })
    }
}

/// Looks for the models.
pub(super) fn find(options: &EngineOptions) -> Presence {
    let mut presence = Presence::of(NAME);
    presence.install = Some(INSTALL.to_owned());
    let Some(folder) = &options.models else {
        presence.missing = Some("no folder of models is set (DC_OCR_MODELS)".to_owned());
        return presence;
    };
    let mut files: Vec<PathBuf> = Vec::new();
    if let Ok(entries) = std::fs::read_dir(folder) {
        files.extend(
            entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "onnx")),
        );
    }
    // of several versions the newest, which has the highest name
    files.sort();
    for part in PARTS {
        match files.iter().rev().find(|path| name(path).contains(part)) {
            Some(path) => presence.models.push(path.display().to_string()),
            None => {
                let wanted = format!("no model `*{part}*.onnx` is in {} (DC_OCR_MODELS)", folder.display());
                presence.missing.get_or_insert(wanted);
            }
        }
    }
    if presence.missing.is_none() {
        presence.usable = true;
        presence.install = None;
        presence.version = presence.models.first().and_then(|path| version(&name(Path::new(path))));
        presence.ways.push(format!("models in {}", folder.display()));
        presence.languages = vec!["Latin".to_owned(), "Chinese".to_owned(), "Japanese".to_owned()];
    }
    presence
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// `PP-OCRv6` of `PP-OCRv6_det_small.onnx`.
fn version(name: &str) -> Option<String> {
    let at = PARTS.iter().find_map(|part| name.find(part))?;
    Some(name[..at].to_owned())
}
