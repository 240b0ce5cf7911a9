//! `multipart/form-data`: fields and files, of a length that is known before they are sent.

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{file_length, open_file};
use crate::error::Result;
use crate::http::decode::Stream;

/// A form with files.
#[derive(Debug, Clone)]
pub struct Form {
    boundary: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
struct Part {
    head: Arc<[u8]>,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Bytes(Arc<[u8]>),
    File(PathBuf),
}

impl Default for Form {
    fn default() -> Self {
        Self { boundary: format!("dc-{}", uuid::Uuid::now_v7().simple()), parts: Vec::new() }
    }
}

impl Form {
    /// An empty form.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field.
    #[must_use]
    pub fn text(self, name: &str, value: impl Into<String>) -> Self {
        self.part(name, None, None, Content::Bytes(value.into().into_bytes().into()))
    }

    /// Adds bytes as a file of this name and kind.
    #[must_use]
    pub fn bytes(self, name: &str, file_name: &str, content_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.part(name, Some(file_name), Some(content_type), Content::Bytes(bytes.into().into()))
    }

    /// Adds a file of the disk. It is streamed.
    #[must_use]
    pub fn file(self, name: &str, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let file_name = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        self.part(name, Some(&file_name), Some("application/octet-stream"), Content::File(path.to_owned()))
    }

    fn part(mut self, name: &str, file: Option<&str>, kind: Option<&str>, content: Content) -> Self {
        let mut head = format!("Content-Disposition: form-data; name=\"{}\"", quoted(name));
        head.extend(file.map(|file| format!("; filename=\"{}\"", quoted(file))));
        head.extend(kind.map(|kind| format!("\r\nContent-Type: {}", kind.replace(['\r', '\n'], " "))));
        let head = format!("--{}\r\n{head}\r\n\r\n", self.boundary);
        self.parts.push(Part { head: head.into_bytes().into(), content });
        self
    }

    pub(in crate::http) fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    fn end(&self) -> Vec<u8> {
        format!("--{}--\r\n", self.boundary).into_bytes()
    }

    pub(in crate::http) fn length(&self) -> Result<u64> {
        let mut length = self.end().len() as u64;
        for part in &self.parts {
            length += part.head.len() as u64 + 2;
            length += match &part.content {
                Content::Bytes(bytes) => bytes.len() as u64,
                Content::File(path) => file_length(path)?,
            };
        }
        Ok(length)
    }

    pub(in crate::http) fn open(&self) -> Result<Stream> {
        let mut all: Stream = Box::new(std::io::empty());
        for part in &self.parts {
            let content = match &part.content {
                Content::Bytes(bytes) => Box::new(Cursor::new(Arc::clone(bytes))) as Stream,
                Content::File(path) => Box::new(open_file(path)?),
            };
            let head = Cursor::new(Arc::clone(&part.head));
            all = Box::new(all.chain(head).chain(content).chain(Cursor::new(*b"\r\n")));
        }
        Ok(Box::new(all.chain(Cursor::new(self.end()))))
    }
}

/// As browsers write names: quotes and line ends in percent.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_length_is_what_is_sent() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "content").expect("written");
        let form = Form::new().text("a\"b", "ž").file("f", file.path()).bytes("g", "g.bin", "image/png", [1, 2]);
        let mut sent = Vec::new();
        form.open().expect("a form").read_to_end(&mut sent).expect("bytes");
        assert_eq!(sent.len() as u64, form.length().expect("a length"));
        let text = String::from_utf8_lossy(&sent);
        assert!(text.contains("name=\"a%22b\"\r\n\r\nž\r\n") && text.ends_with("--\r\n"), "{text}");
    }
}
