//! What a wrong setting means: an error of its own kind.

use crate::error::{Error, ErrorKind};

/// A failure of the settings (exit 3).
pub(super) fn settings_error(message: String) -> Error {
    Error::new(ErrorKind::Settings, message)
}
