//! A schema that was read from a file, and what it finds wrong with a value.

use std::fmt;
use std::path::Path;

use super::check::Judge;
use super::compile::{Compiled, compile};
use super::library::Library;
use super::violation::Violation;
use crate::error::Result;
use crate::record::{JsonError, Value, parse_json, to_value};

/// A schema.
pub struct Schema {
    compiled: Compiled,
}

impl Schema {
    /// Reads a schema, which may refer to files in its folder and below.
    ///
    /// # Errors
    /// Settings (exit 3) with the file, the JSON pointer and the reason; not found (exit 5) where there is no such file.
    pub fn read(path: &Path) -> Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self::read_in(folder, path)
    }

    /// Reads a schema, which may refer to any file in `folder` (an app's) and below; links that lead out are refused.
    ///
    /// # Errors
    /// As for [`Schema::read`].
    pub fn read_in(folder: &Path, path: &Path) -> Result<Self> {
        let (library, root) = Library::open(folder, path)?;
        Ok(Self { compiled: compile(library, root)? })
    }

    /// What is wrong with a value; nothing where it has the form. Numbers count by their digits.
    pub fn check(&self, value: &Value<'_>) -> Vec<Violation> {
        Judge::of(&self.compiled).judge(value)
    }

    /// What is wrong with a JSON text, of which no number is rounded.
    ///
    /// # Errors
    /// Where the text is no JSON.
    pub fn check_text(&self, text: &str) -> Result<Vec<Violation>, JsonError> {
        Ok(self.check(&parse_json(text)?))
    }

    /// What is wrong with a value of serde_json, whose floats count by the digits that they print: what was rounded when
    /// it was read stays so.
    ///
    /// # Errors
    /// When a number is not finite, which no JSON text gives.
    pub fn check_json(&self, value: &serde_json::Value) -> Result<Vec<Violation>> {
        Ok(self.check(&to_value(value)?))
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Schema").field("parts", &self.compiled.nodes.len()).finish()
    }
}
