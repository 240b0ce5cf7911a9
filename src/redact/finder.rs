//! Finds many values in a text at once, in memory that grows with the bytes of the values alone.
//!
//! Short ones are found by Aho-Corasick. Of a long one each block of [`BLOCK_BYTES`] bytes is noted with its place: where a
//! block stands in a text, it is looked how far the value goes on to both sides. So a long value is found in parts too,
//! as when it was wrapped into lines.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

/// The bytes of a block.
const BLOCK_BYTES: usize = 12;
/// A run of so many bytes holds a whole block, wherever it begins.
pub(super) const RUN_BYTES_MIN: usize = 2 * BLOCK_BYTES - 1;
/// A torn end is known from so many bytes on.
const END_BYTES_MIN: usize = 6;
/// So many places of one block are tried for the longest run.
const PLACES_MAX: usize = 16;
/// Up to here the fastest automaton is built: it takes a KiB a byte.
const FAST_BYTES_MAX: usize = 4 * 1024;

/// A value to be found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Form {
    pub(super) bytes: Vec<u8>,
    /// Whether its parts are secret too; else it is found as a whole alone.
    pub(super) in_parts: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Block {
    hash: u32,
    form: u32,
    at: u32,
}

/// Finds forms.
pub(super) struct Finder {
    short: Option<AhoCorasick>,
    long: Vec<Form>,
    /// By their hashes.
    blocks: Vec<Block>,
    /// A bit a hash: most places of a text are done with it.
    seen: Vec<u64>,
    hasher: RandomState,
    /// What a line may begin with, or end with, where a form was torn.
    tails: HashSet<u64>,
    heads: HashSet<u64>,
}

impl Finder {
    pub(super) fn new(mut forms: Vec<Form>) -> Self {
        forms.sort_unstable();
        forms.dedup();
        let hasher = RandomState::new();
        let (mut tails, mut heads) = (HashSet::new(), HashSet::new());
        for Form { bytes, .. } in forms.iter().filter(|form| form.in_parts && form.bytes.len() > END_BYTES_MIN) {
            for length in END_BYTES_MIN..RUN_BYTES_MIN.min(bytes.len()) {
                tails.insert(hasher.hash_one(&bytes[bytes.len() - length..]));
                heads.insert(hasher.hash_one(&bytes[..length]));
            }
        }
        let (short, long): (Vec<Form>, Vec<Form>) =
            forms.into_iter().partition(|form| form.bytes.len() < RUN_BYTES_MIN);
        let total: usize = short.iter().map(|form| form.bytes.len()).sum();
        let kind = if total <= FAST_BYTES_MAX { None } else { Some(AhoCorasickKind::ContiguousNFA) };
        // the longest first: a value may begin with another one
        let mut builder = AhoCorasick::builder();
        builder.match_kind(MatchKind::LeftmostLongest).kind(kind);
        let short = builder.build(short.iter().map(|form| &form.bytes)).ok().filter(|_| !short.is_empty());
        let mut blocks = blocks_of(&long);
        blocks.sort_unstable();
        blocks.dedup();
        let mut seen = vec![0_u64; (blocks.len() / 4).next_power_of_two()];
        for block in &blocks {
            let bit = block.hash as usize % (seen.len() * 64);
            seen[bit / 64] |= 1 << (bit % 64);
        }
        Self { short, long, blocks, seen, hasher, tails, heads }
    }

    pub(super) fn find(&self, text: &[u8], each: &mut impl FnMut(Range<usize>)) {
        if let Some(short) = &self.short {
            short.find_iter(text).for_each(|found| each(found.range()));
        }
        if !self.blocks.is_empty() {
            self.find_long(text, each);
        }
        if !self.tails.is_empty() {
            self.find_torn(text, each);
        }
    }

    fn find_long(&self, text: &[u8], each: &mut impl FnMut(Range<usize>)) {
        let mut at = 0;
        while at + BLOCK_BYTES <= text.len() {
            match self.run_at(text, at) {
                Some(run) => {
                    // another form may go on behind it, with a block that begins before
                    at = (at + 1).max((run.end + 1).saturating_sub(RUN_BYTES_MIN));
                    each(run);
                }
                None => at += 1,
            }
        }
    }

    /// The longest run that has a block at `at`. It may begin inside the run before, which another form had.
    fn run_at(&self, text: &[u8], at: usize) -> Option<Range<usize>> {
        let block = &text[at..at + BLOCK_BYTES];
        let hash = hash(block);
        let bit = hash as usize % (self.seen.len() * 64);
        if self.seen[bit / 64] >> (bit % 64) & 1 == 0 {
            return None;
        }
        let first = self.blocks.partition_point(|known| known.hash < hash);
        let mut longest: Option<Range<usize>> = None;
        let mut tried = 0;
        for known in self.blocks[first..].iter().take_while(|known| known.hash == hash) {
            let form = &self.long[known.form as usize];
            let place = known.at as usize;
            if &form.bytes[place..place + BLOCK_BYTES] != block || (form.in_parts && tried >= PLACES_MAX) {
                continue;
            }
            tried += usize::from(form.in_parts);
            let before = text[..at].iter().rev().zip(form.bytes[..place].iter().rev());
            let before = before.take_while(|(one, other)| one == other).count();
            let behind = text[at..].iter().zip(&form.bytes[place..]).take_while(|(one, other)| one == other).count();
            let least = if form.in_parts { RUN_BYTES_MIN } else { form.bytes.len() };
            let is_longest = longest.as_ref().is_none_or(|longest| before + behind > longest.len());
            if before + behind >= least && is_longest {
                longest = Some(at - before..at + behind);
            }
        }
        longest
    }

    /// The ends of values that were wrapped: what a line of nothing else begins or ends with.
    fn find_torn(&self, text: &[u8], each: &mut impl FnMut(Range<usize>)) {
        let mut start = 0;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let from = start + (line.len() - line.trim_ascii_start().len());
            let line = line.trim_ascii();
            let to = from + line.len();
            start += text[start..].iter().position(|byte| *byte == b'\n').map_or(text.len() - start, |end| end + 1);
            if line.len() < END_BYTES_MIN || line.iter().any(u8::is_ascii_whitespace) {
                continue;
            }
            let lengths = (END_BYTES_MIN..RUN_BYTES_MIN).rev().filter(|length| *length <= line.len());
            // a tail that is a line of its own, or with a little of what was encoded behind it
            if let Some(length) =
                lengths.clone().find(|length| self.tails.contains(&self.hasher.hash_one(&line[..*length])))
            {
                each(from..from + length);
            }
            if let Some(length) =
                lengths.clone().find(|length| self.heads.contains(&self.hasher.hash_one(&line[line.len() - length..])))
            {
                each(to - length..to);
            }
        }
    }
}

fn blocks_of(forms: &[Form]) -> Vec<Block> {
    let mut blocks = Vec::new();
    for (number, form) in forms.iter().enumerate() {
        let step = if form.in_parts { BLOCK_BYTES } else { usize::MAX };
        let is_dull = |block: &[u8]| form.in_parts && block.iter().all(|byte| *byte == block[0]);
        for at in (0..=form.bytes.len() - BLOCK_BYTES).step_by(step) {
            let block = &form.bytes[at..at + BLOCK_BYTES];
            // every row of dashes would be a part of it
            if !is_dull(block) {
                blocks.push(Block { hash: hash(block), form: number as u32, at: at as u32 });
            }
        }
    }
    blocks
}

fn hash(block: &[u8]) -> u32 {
    let mut halves = [0; 16];
    halves[..BLOCK_BYTES].copy_from_slice(block);
    let number = u128::from_le_bytes(halves);
    let mixed = (number as u64 ^ ((number >> 64) as u64).rotate_left(31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as u32
}
