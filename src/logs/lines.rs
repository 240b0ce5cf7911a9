//! Some records, one behind the other: what is handed from the queue to the sinks, without a piece of memory for each.

use std::ops::Range;

/// Lines, each with its line feed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Lines {
    pub(super) fn with_capacity(bytes: usize, lines: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ends: Vec::with_capacity(lines) }
    }

    /// Adds a line that ends with its line feed.
    pub(super) fn push(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.ends.push(self.bytes.len());
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of the lines in `range`, with their line feeds.
    pub(super) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[self.start(range.start)..self.start(range.end)]
    }

    /// How many bytes they have.
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// One line, without its line feed.
    pub(super) fn get(&self, place: usize) -> &[u8] {
        &self.bytes[self.start(place)..self.ends[place] - 1]
    }

    /// How many bytes there are up to the end of a line.
    pub(super) fn end(&self, place: usize) -> usize {
        self.ends[place]
    }

    /// From `start` on, as many lines as stay below both limits, and always one where there is one.
    pub(super) fn part(&self, start: usize, lines_max: usize, bytes_max: usize) -> Range<usize> {
        let last = self.len().min(start.saturating_add(lines_max));
        let first_byte = self.start(start);
        let fitting = self.ends[start..last].partition_point(|end| end - first_byte <= bytes_max);
        start..(start + fitting.max(1)).min(last)
    }

    fn start(&self, place: usize) -> usize {
        if place == 0 { 0 } else { self.ends[place - 1] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_keeps_its_limits_and_never_stands_still() {
        let mut lines = Lines::default();
        ["a\n", "bcd\n", "efghij\n", "k\n"].iter().for_each(|line| lines.push(line.as_bytes()));
        assert_eq!((lines.get(0), lines.get(2)), (&b"a"[..], &b"efghij"[..]));
        assert_eq!(lines.part(0, 10, 100), 0..4);
        assert_eq!(lines.part(0, 2, 100), 0..2);
        assert_eq!(lines.part(0, 10, 6), 0..2);
        assert_eq!(lines.part(2, 10, 1), 2..3);
        assert_eq!(lines.part(4, 10, 10), 4..4);
        assert_eq!(lines.bytes(1..3), b"bcd\nefghij\n");
    }
}
