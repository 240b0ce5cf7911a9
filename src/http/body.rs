//! What a request brings along. It can be opened again and again, so that an attempt can be repeated.

mod multipart;

pub use multipart::Form;

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::decode::Stream;
use crate::error::{Error, ErrorKind, Result, file_error};

/// The most bytes of it that are looked at to record or keep it.
pub(super) const SHOWN_BYTES_MAX: u64 = 1 << 20;

/// What a request brings along.
#[derive(Debug, Clone, Default)]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// Bytes, and what they are.
    Bytes {
        /// The bytes.
        bytes: Arc<[u8]>,
        /// What stands in `Content-Type`.
        content_type: Option<String>,
    },
    /// A file, which is streamed.
    File {
        /// Where it is.
        path: PathBuf,
        /// What stands in `Content-Type`.
        content_type: Option<String>,
    },
    /// A part of a file, which is streamed.
    Part {
        /// Where the file is.
        path: PathBuf,
        /// The first byte.
        offset: u64,
        /// How many bytes.
        length: u64,
    },
    /// A form with files, which are streamed.
    Multipart(Form),
}

impl Body {
    /// Bytes as they are.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Bytes { bytes: bytes.into().into(), content_type: None }
    }

    /// A value as JSON.
    ///
    /// # Errors
    /// Usage, for a value that JSON cannot hold.
    pub fn json(value: &impl Serialize) -> Result<Self> {
        let bytes = serde_json::to_vec(value)
            .map_err(|cause| Error::new(ErrorKind::Usage, "write the body of a request as JSON").because(cause))?;
        Ok(Self::Bytes { bytes: bytes.into(), content_type: Some("application/json".to_owned()) })
    }

    /// Pairs as a form sends them.
    pub fn form<K: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in pairs {
            text.append_pair(name.as_ref(), value.as_ref());
        }
        let bytes = text.finish().into_bytes().into();
        Self::Bytes { bytes, content_type: Some("application/x-www-form-urlencoded".to_owned()) }
    }

    /// A file, streamed.
    pub fn file(path: impl AsRef<Path>) -> Self {
        Self::File { path: path.as_ref().to_owned(), content_type: None }
    }

    /// A part of a file, streamed.
    pub fn part(path: impl AsRef<Path>, offset: u64, length: u64) -> Self {
        Self::Part { path: path.as_ref().to_owned(), offset, length }
    }

    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    pub(super) fn content_type(&self) -> Option<String> {
        match self {
            Self::None | Self::Part { .. } => None,
            Self::Bytes { content_type, .. } => content_type.clone(),
            Self::File { content_type, .. } => {
                content_type.clone().or_else(|| Some("application/octet-stream".to_owned()))
            }
            Self::Multipart(form) => Some(form.content_type()),
        }
    }

    /// How many bytes it has.
    ///
    /// # Errors
    /// When a file is not there.
    pub(super) fn length(&self) -> Result<u64> {
        match self {
            Self::None => Ok(0),
            Self::Bytes { bytes, .. } => Ok(bytes.len() as u64),
            Self::File { path, .. } => file_length(path),
            Self::Part { length, .. } => Ok(*length),
            Self::Multipart(form) => form.length(),
        }
    }

    /// Its bytes, from the beginning.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn open(&self) -> Result<Stream> {
        match self {
            Self::None => Ok(Box::new(std::io::empty())),
            Self::Bytes { bytes, .. } => Ok(Box::new(Cursor::new(Arc::clone(bytes)))),
            Self::File { path, .. } => Ok(Box::new(open_file(path)?)),
            Self::Part { path, offset, length } => {
                let mut file = open_file(path)?;
                let sought = file.seek(SeekFrom::Start(*offset));
                sought.map_err(|cause| file_error(format!("send {}", path.display()), cause))?;
                Ok(Box::new(file.take(*length)))
            }
            Self::Multipart(form) => form.open(),
        }
    }

    /// Its first bytes, to be shown, and whether those are all.
    pub(super) fn start(&self) -> (Vec<u8>, bool) {
        let mut bytes = Vec::new();
        let read = self.open().map(|body| body.take(SHOWN_BYTES_MAX + 1).read_to_end(&mut bytes));
        let is_all = matches!(read, Ok(Ok(_))) && bytes.len() as u64 <= SHOWN_BYTES_MAX;
        bytes.truncate(SHOWN_BYTES_MAX as usize);
        (bytes, is_all)
    }
}

fn file_length(path: &Path) -> Result<u64> {
    let data = std::fs::metadata(path).map_err(|cause| file_error(format!("send {}", path.display()), cause))?;
    Ok(data.len())
}

fn open_file(path: &Path) -> Result<File> {
    File::open(path).map_err(|cause| file_error(format!("send {}", path.display()), cause))
}
