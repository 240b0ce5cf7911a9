//! An input that is, byte for byte, one that was merged before. Its records are known then and need not be read: it is
//! enough that the table still holds what that merge left.

use sha2::{Digest, Sha256};

use super::ground::Ground;
use super::ledger::{TakenInput, taken_inputs};
use super::pass::{self, Chunk};
use crate::db::{Database, Gone, Table};
use crate::error::Result;
use crate::hash::Sha;

/// Pieces of a source, and their bytes, by which most inputs are told apart without reading them.
const PIECES: u64 = 16;
const PIECE_BYTES: usize = 4096;
/// Digits of the sample's hash that are kept.
const SAMPLE_DIGITS: usize = 16;

/// The bytes of one chunk in 32.
pub(super) type ChunkDigest = [u8; 32];

/// The digests of all chunks, in their order.
#[derive(Default)]
pub(super) struct InputDigest(Sha256);

impl InputDigest {
    pub(super) fn add(&mut self, chunk: &ChunkDigest) {
        self.0.update(chunk);
    }

    /// One text for the input and for all that decides what a merge makes of it: the options, the form of the sources,
    /// the table's columns, and this version of dc. It begins with the input's sample.
    ///
    /// # Errors
    /// When the input cannot be read.
    pub(super) fn with(&self, ground: &Ground<'_>, table: &Table) -> Result<String> {
        let merge = ground.merge;
        let mut hash = self.0.clone();
        for source in ground.sources {
            hash.update(format!("{:?} {} {:?}\n", source.format, source.length, source.header));
        }
        // a delta feed keeps what a full edition of the same bytes would make go
        let keeps = merge.gone == Gone::Keep;
        let options = (&merge.hash, &merge.mapping, merge.own_id, &merge.scope, &merge.key, keeps);
        hash.update(format!("{} {options:?} {:?}", env!("CARGO_PKG_VERSION"), table.columns));
        Ok(format!("{}-{}", sample(ground)?, Sha(hash.finalize().into())))
    }
}

/// A few pieces of the input in a short text: another input of the same length is seldom read for nothing.
fn sample(ground: &Ground<'_>) -> Result<String> {
    let mut hash = Sha256::new();
    let mut piece = [0; PIECE_BYTES];
    for source in ground.sources {
        let last = source.length.saturating_sub(PIECE_BYTES as u64);
        for at in 0..PIECES {
            let count = source.read_at(&mut piece, last * at / (PIECES - 1))?;
            hash.update(&piece[..count]);
        }
    }
    let mut digits = Sha(hash.finalize().into()).to_string();
    digits.truncate(SAMPLE_DIGITS);
    Ok(digits)
}

pub(super) fn digest_of(chunk: &Chunk) -> ChunkDigest {
    let mut hash = Sha256::new();
    hash.update(&chunk.bytes);
    // what stands behind the end of an array is in no chunk
    hash.update([u8::from(!chunk.rejects.is_empty())]);
    hash.finalize().into()
}

/// How long the input is.
pub(super) fn length(ground: &Ground<'_>) -> u64 {
    ground.sources.iter().map(|source| source.length).sum()
}

/// The inputs of this length and with this sample that this table has taken: only where there are some, a digest tells
/// anything.
pub(super) fn likely(ground: &Ground<'_>, backend: &mut dyn Database) -> Result<Vec<TakenInput>> {
    let mut taken = taken_inputs(backend, ground.name, length(ground))?;
    if !taken.is_empty() {
        let sample = sample(ground)?;
        taken.retain(|input| input.digest.starts_with(&sample));
    }
    Ok(taken)
}

/// Reads the input for its digest alone; `check` ends it early.
pub(super) fn digest(ground: &Ground<'_>, mut check: impl FnMut() -> Result<()>) -> Result<InputDigest> {
    let merge = ground.merge;
    let mut whole = InputDigest::default();
    let work = |chunk: Chunk| (digest_of(&chunk), chunk.consumed);
    pass::run(ground.sources, merge.threads, &merge.cancellation, work, |(digest, consumed)| {
        whole.add(&digest);
        merge.progress.inc(consumed);
        check()
    })?;
    Ok(whole)
}
