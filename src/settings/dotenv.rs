//! The project's `.env`: variables that are not set otherwise.

use std::fs;

use super::environment::Environment;
use super::failure::settings_error;
use super::project::Project;
use crate::dotenv::Document;
use crate::error::{Result, file_error};

/// The file, beside dc.toml.
const FILE: &str = ".env";

/// Adds what `.env` in the project's folder says.
///
/// # Errors
/// Settings, with the line that is none of a dotenv file; when it is there and cannot be read.
pub(super) fn add(project: &Project, environment: &mut Environment) -> Result<()> {
    let path = project.root.join(FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => zeroize::Zeroizing::new(text),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        // a folder of this name is some virtual environment
        Err(_) if path.is_dir() => return Ok(()),
        Err(cause) => return Err(file_error(format!("read {}", path.display()), cause)),
    };
    let document = Document::parse(&text)
        .map_err(|bad| settings_error(format!("read {} {bad}", path.display())).hint("a line is NAME=value"))?;
    environment.add_file(&document);
    Ok(())
}
