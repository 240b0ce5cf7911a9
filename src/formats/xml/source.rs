//! The bytes of an XML file, with the number of the line, and a bound to what one token may take.

use std::cell::Cell;
use std::io::{BufRead, Read};
use std::rc::Rc;

/// What is told of the bytes while a parser holds the reader.
#[derive(Debug, Clone, Default)]
pub(super) struct Gauge(Rc<Inside>);

#[derive(Debug, Default)]
struct Inside {
    lines: Cell<u64>,
    taken: Cell<usize>,
}

impl Gauge {
    /// The line, from 1.
    pub(super) fn line(&self) -> u64 {
        self.0.lines.get() + 1
    }

    /// The bytes that were taken since this was asked for the last time.
    pub(super) fn taken(&self) -> usize {
        self.0.taken.replace(0)
    }
}

/// A reader that counts, and ends with an error when a single token is longer than the bound.
pub(super) struct Counted<R> {
    inner: R,
    gauge: Gauge,
    token_max: usize,
}

impl<R: BufRead> Counted<R> {
    pub(super) fn new(inner: R, token_max: usize) -> (Self, Gauge) {
        let gauge = Gauge::default();
        (Self { inner, gauge: gauge.clone(), token_max }, gauge)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.gauge.0.taken.get() > self.token_max {
            return Err(std::io::Error::other(format!("a text or tag is longer than {} MiB", self.token_max >> 20)));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        if let Ok(bytes) = self.inner.fill_buf() {
            let lines = memchr::memchr_iter(b'\n', &bytes[..count.min(bytes.len())]).count() as u64;
            self.gauge.0.lines.set(self.gauge.0.lines.get() + lines);
        }
        self.gauge.0.taken.set(self.gauge.0.taken.get() + count);
        self.inner.consume(count);
    }
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let bytes = self.fill_buf()?;
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        self.consume(count);
        Ok(count)
    }
}
