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
pub(super) type Part = (Arc<Lines>, Range<usize>);

/// Lines, oldest first.
#[derive(Default)]
pub(super) struct Memory {
    lines: VecDeque<Arc<Lines>>,
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

    /// Adds lines behind the others.
    pub(super) fn push(&mut self, lines: &Arc<Lines>) {
        self.since = self.since.or_else(|| Some(Instant::now()));
        self.count += lines.len();
        self.bytes += lines.size();
        self.lines.push_back(Arc::clone(lines));
    }

    /// All undelivered lines.
    pub(super) fn parts(&self) -> Vec<Part> {
        let starts = [self.done].into_iter().chain(std::iter::repeat(0));
        self.lines.iter().zip(starts).map(|(lines, start)| (Arc::clone(lines), start..lines.len())).collect()
    }

    /// The first lines, within the limits. They stay until they are taken.
    pub(super) fn batch(&self, limits: Limits) -> Vec<Part> {
        let (mut count, mut bytes, mut batch) = (0, 0, Vec::new());
        for (lines, all) in self.parts() {
            let part = lines.part(all.start, limits.lines_max - count, limits.bytes_max.saturating_sub(bytes));
            // a part has one line at least: the first may be longer than allowed, a later one has to wait
            let size = lines.bytes(part.clone()).len();
            if count > 0 && bytes + size > limits.bytes_max {
                break;
            }
            (count, bytes) = (count + part.len(), bytes + size);
            let is_cut = part.end < lines.len();
            batch.push((lines, part));
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
        while let Some(first) = self.lines.front()
            && self.done >= first.len()
        {
            self.done -= first.len();
            self.bytes -= first.size();
            self.lines.pop_front();
        }
        self.since = (self.count > 0).then(Instant::now);
    }
}
