//! The project: the folder whose dc.toml, apps and embedded database a command works with.

use std::path::{Path, PathBuf};

use crate::error::{Result, file_error};

/// A project's folder and its settings file.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder, absolute.
    pub root: PathBuf,
    /// Its dc.toml, whether it exists or not.
    pub config: PathBuf,
}

impl Project {
    /// The nearest folder upwards of `folder` that holds `dc.toml` or `apps/`, else `folder` itself.
    ///
    /// # Errors
    /// When `folder` does not exist.
    pub fn find(folder: &Path) -> Result<Self> {
        let folder = std::path::absolute(folder)
            .and_then(|folder| folder.canonicalize())
            .map_err(|cause| file_error(format!("find the project's folder {}", folder.display()), cause))?;
        let holds = |folder: &&Path| folder.join("dc.toml").is_file() || folder.join("apps").is_dir();
        Ok(Self::at(folder.ancestors().find(holds).unwrap_or(&folder)))
    }

    /// The project in exactly this folder.
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned(), config: root.join("dc.toml") }
    }

    /// Where the apps stand: `apps/<group>/<parent>/<name>/`.
    pub fn apps(&self) -> PathBuf {
        self.root.join("apps")
    }

    /// The embedded database, used when none is configured.
    pub fn embedded_database(&self) -> PathBuf {
        self.root.join(".dc").join("dc.db")
    }
}
