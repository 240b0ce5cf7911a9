//! The lines of one sink that wait in memory. They stay there until they are delivered.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::lines::Lines;
use super::queue::QUEUE_MAX;
use super::sink::Limits;

/// The most bytes that wait.
const MEMORY_BYTES_MAX: usize = 8 << 20;

/// Some lines of those that were handed over together.
pub(super) struct Part {
    pub(super) lines: Arc<Lines>,
    pub(super) range: Range<usize>,
    /// Where the first of those that were handed over begins in the stream.
    start: u64,
}

impl Part {
    /// The lines, as they stand.
    pub(super) fn bytes(&self) -> &[u8] {
        self.lines.bytes(self.range.clone())
    }

    /// Where the first of the lines begins in the stream.
    pub(super) fn start(&self) -> u64 {
        self.start + self.range.start.checked_sub(1).map_or(0, |last| self.lines.end(last)) as u64
    }

    /// Where a line ends in the stream.
    pub(super) fn end(&self, place: usize) -> u64 {
        self.start + self.lines.end(place) as u64
    }
}

/// Lines, oldest first.
#[derive(Default)]
pub(super) struct Memory {
    /// What was handed over together, and where it begins in the stream.
    lines: VecDeque<(u64, Arc<Lines>)>,
    /// How many of the first ones are delivered.
    done: usize,
    count: usize,
    bytes: usize,
    /// When the oldest came.
    since: Option<Instant>,
}

impl Memory {
    /// How many lines there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// When the oldest line came.
    pub(super) fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Whether lines find room beside those that are there. Where there is none, any find it.
    pub(super) fn has_room(&self, lines: &Lines) -> bool {
        self.count == 0 || (self.count + lines.len() <= QUEUE_MAX && self.bytes + lines.size() <= MEMORY_BYTES_MAX)
    }

    /// Adds lines behind the others; they begin at `start` in the stream.
    pub(super) fn push(&mut self, lines: &Arc<Lines>, start: u64) {
        self.since = self.since.or_else(|| Some(Instant::now()));
        self.count += lines.len();
        self.bytes += lines.size();
        self.lines.push_back((start, Arc::clone(lines)));
    }

    /// All undelivered lines.
    pub(super) fn parts(&self) -> Vec<Part> {
        let firsts = [self.done].into_iter().chain(std::iter::repeat(0));
        let part = |((start, lines), first): (&(u64, Arc<Lines>), usize)| Part {
            lines: Arc::clone(lines),
            range: first..lines.len(),
            start: *start,
        };
        self.lines.iter().zip(firsts).map(part).collect()
    }

    /// The first lines, within the limits. They stay until they are taken.
    pub(super) fn batch(&self, limits: Limits) -> Vec<Part> {
        let (mut count, mut bytes, mut batch) = (0, 0, Vec::new());
        for all in self.parts() {
            let (lines_max, bytes_max) = (limits.lines_max - count, limits.bytes_max.saturating_sub(bytes));
            let range = all.lines.part(all.range.start, lines_max, bytes_max);
            let part = Part { range, ..all };
            // a part has one line at least: the first may be longer than allowed, a later one has to wait
            let size = part.bytes().len();
            if count > 0 && bytes + size > limits.bytes_max {
                break;
            }
            (count, bytes) = (count + part.range.len(), bytes + size);
            let is_cut = part.range.end < part.lines.len();
            batch.push(part);
            if is_cut || count >= limits.lines_max {
                break;
            }
        }
        batch
    }

    /// Lets the first `count` lines go.
    pub(super) fn take(&mut self, count: usize) {
        self.count -= count;
        self.done += count;
        while let Some((_, first)) = self.lines.front()
            && self.done >= first.len()
        {
            self.done -= first.len();
            self.bytes -= first.size();
            self.lines.pop_front();
        }
        self.since = (self.count > 0).then(Instant::now);
    }
}
