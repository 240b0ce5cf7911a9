//! What comes from a broker about a command.

use super::note::CommandNote;

/// Any body of a message: a note, or a reason.
pub fn note(data: &[u8]) {
    match CommandNote::from_json(data) {
        Ok(note) => assert_eq!(CommandNote::from_json(&note.to_json()), Ok(note)),
        Err(reason) => assert!(!reason.is_empty()),
    }
}
