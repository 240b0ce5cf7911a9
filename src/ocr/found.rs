//! What an engine hands over, and what is known of an engine before it is opened.

use serde::{Deserialize, Serialize};

use crate::layout::Area;

/// A word that an engine read.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundWord {
    /// The letters.
    pub text: String,
    /// Where it stands in the picture that was read, in pixels.
    pub area: Area,
    /// How sure the engine is, 0 to 100.
    pub confidence: f32,
}

/// A line that an engine read, from left to right.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FoundLine {
    /// The words.
    pub words: Vec<FoundWord>,
    /// The paragraph, counted over the page: a change of it parts text.
    pub paragraph: usize,
}

/// An engine as it is on this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Presence {
    /// Its name in the registry.
    pub name: String,
    /// Whether it can be used.
    pub usable: bool,
    /// The version it tells.
    pub version: Option<String>,
    /// How it is reached, and where.
    pub ways: Vec<String>,
    /// The languages or scripts it can read.
    pub languages: Vec<String>,
    /// The files of its models.
    pub models: Vec<String>,
    /// What is missing, where it cannot be used.
    pub missing: Option<String>,
    /// The one command that installs what is missing.
    pub install: Option<String>,
}

impl Presence {
    pub(super) fn of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            usable: false,
            version: None,
            ways: Vec::new(),
            languages: Vec::new(),
            models: Vec::new(),
            missing: None,
            install: None,
        }
    }
}
