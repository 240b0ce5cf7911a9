//! The note about a command, as it travels.

use serde::{Deserialize, Serialize};

/// A command that was written down, for all managers to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandNote {
    /// Its number in `command_log`.
    pub command: i64,
    /// What is to be done, for people who read messages: `START`.
    pub name: String,
    /// The app's full name.
    pub app: String,
    /// Who gave it.
    pub by: String,
}

impl CommandNote {
    /// The note as JSON.
    pub(super) fn to_json(&self) -> Vec<u8> {
        // texts and a number always serialise
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a note.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn from_json(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|cause| cause.to_string())
    }
}
