//! Why a picture is not read.

use crate::error::{Error, ErrorKind, Result};

/// Whether a picture has pixels, and not too many.
pub(super) fn check(width: u64, height: u64, pixels_max: usize) -> Result<()> {
    if width == 0 || height == 0 {
        return Err(Error::failed("read the picture: it has no pixels"));
    }
    if width.saturating_mul(height) > pixels_max as u64 {
        let message =
            format!("read the picture: {width} x {height} pixels are more than the {pixels_max} that are read");
        return Err(Error::new(ErrorKind::Refused, message));
    }
    Ok(())
}

/// The error for what a decoder says.
pub(super) fn damaged(cause: impl std::error::Error) -> Error {
    Error::failed(format!("read the picture: {cause}"))
}
