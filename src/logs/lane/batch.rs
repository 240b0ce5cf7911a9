//! Lines that are given to a sink at once, each with its place.

use crate::logs::backlog::Chunk;
use crate::logs::line::{Line, LinePlace};
use crate::logs::memory::Part;

/// Lines to be delivered at once.
pub(super) enum Batch {
    Memory(Vec<Part>),
    Disk(Chunk),
    Inherited(Chunk),
}

impl Batch {
    /// The lines; those in memory are of the stream `ours`.
    pub(super) fn lines<'a>(&'a self, ours: &'a str) -> Vec<Line<'a>> {
        match self {
            Self::Memory(parts) => parts.iter().flat_map(|part| part_lines(part, ours)).collect(),
            Self::Disk(chunk) | Self::Inherited(chunk) => chunk.as_lines(),
        }
    }
}

fn part_lines<'a>(part: &'a Part, stream: &'a str) -> impl Iterator<Item = Line<'a>> {
    let place = move |line| LinePlace { stream, end: part.end(line) };
    part.range.clone().map(move |line| Line::new(part.lines.get(line), place(line)))
}
