//! An answer whose body is read by whoever asked, a piece at a time: for what is too large for memory and shall not go
//! into a file.

use std::io::{self, Read};
use std::time::Duration;

use super::answer::Answer;
use super::call::Call;
use super::exchange::read_all;
use super::ready::Ready;
use super::response::Response;
use super::send;
use crate::error::{Error, Result};

/// The most bytes of the body of an error.
const ERROR_BYTES_MAX: u64 = 64 << 10;

/// An answer with a body that is still to be read.
pub struct Reading {
    answer: Answer,
}

impl Reading {
    /// The status: 200, 206, and for [`Call::stream`] any other.
    pub fn status(&self) -> u16 {
        self.answer.status
    }

    /// Where it comes from, after all redirects.
    pub fn url(&self) -> &str {
        self.answer.url.as_str()
    }

    /// A header, the first of its name, if it is UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.answer.headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
    }

    /// How many bytes the server says the body has.
    pub fn length(&self) -> Option<u64> {
        self.answer.header(ureq::http::header::CONTENT_LENGTH).and_then(|text| text.trim().parse().ok())
    }
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.answer.body.read(buffer);
        if read.is_err() {
            self.answer.meter.note(true);
        }
        read
    }
}

impl Call {
    /// Sends it, and gives the body as it comes and unpacked, of whatever status: for what is too long for memory, and for
    /// servers that go on and on. A server's silence ends it, not its length.
    ///
    /// # Errors
    /// As [`Call::send`].
    pub fn stream(self) -> Result<Reading> {
        let session = std::sync::Arc::clone(&self.session);
        let ready = Ready { deadline: None, ..self.ready(true)? };
        send::open(&session, &ready).map(|answer| Reading { answer })
    }

    /// Sends it, and gives the body as it comes: as it was sent, still packed where a server packs what nobody asked it to.
    /// A server's silence ends it, not its length.
    ///
    /// # Errors
    /// As [`Call::send`], and as [`Response::ok`] for a status that is none of success.
    pub fn open(self) -> Result<Reading> {
        let session = std::sync::Arc::clone(&self.session);
        let ready = Ready { deadline: None, ..self.ready(false)? };
        let mut answer = send::open(&session, &ready)?;
        if (200..300).contains(&answer.status) {
            return Ok(Reading { answer });
        }
        let body = read_all(&mut answer.body, ERROR_BYTES_MAX).unwrap_or_default();
        let response = Response {
            status: answer.status,
            headers: answer.headers,
            url: answer.url,
            body,
            history: answer.history,
            attempts: 1,
            elapsed: Duration::ZERO,
            is_unchanged: false,
            hider: std::sync::Arc::clone(&session.hider),
        };
        match response.ok() {
            Err(error) => Err(error),
            Ok(_) => Err(Error::failed("read an answer: it has no body")),
        }
    }
}
