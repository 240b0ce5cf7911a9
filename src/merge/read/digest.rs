//! What an input is known by: a digest of its bytes and of all that decides what a merge makes of them.

use std::ops::ControlFlow;

use sha2::{Digest, Sha256};

use super::ground::Ground;
use super::pass::{self, Chunk, Work};
use crate::db::{Gone, Table};
use crate::error::Result;
use crate::hash::Sha;
use crate::merge::plan::progress::Progress;

/// Pieces of a source, and their bytes, by which most inputs are told apart without reading them.
const PIECES: u64 = 16;
const PIECE_BYTES: usize = 4096;
/// Digits of the sample's hash that are kept.
const SAMPLE_DIGITS: usize = 16;

/// The bytes of one chunk in 32.
pub(crate) type ChunkDigest = [u8; 32];

/// The digests of all chunks, in their order.
#[derive(Default)]
pub(crate) struct InputDigest(Sha256);

impl InputDigest {
    pub(crate) fn add(&mut self, chunk: &ChunkDigest) {
        self.0.update(chunk);
    }

    /// One text for the input and for all that decides what a merge makes of it: the options, the form of the sources,
    /// the table's columns, and this version of dc. It begins with the input's sample.
    ///
    /// # Errors
    /// When the input cannot be read.
    pub(crate) fn with(&self, ground: &Ground<'_>, table: &Table) -> Result<String> {
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
pub(crate) fn sample(ground: &Ground<'_>) -> Result<String> {
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

pub(crate) fn digest_of(chunk: &Chunk) -> ChunkDigest {
    let mut hash = Sha256::new();
    hash.update(&chunk.bytes);
    // what stands behind the end of an array is in no chunk
    hash.update([u8::from(!chunk.rejects.is_empty())]);
    hash.finalize().into()
}

/// How long the input is.
pub(crate) fn length(ground: &Ground<'_>) -> u64 {
    ground.sources.iter().map(|source| source.length).sum()
}

/// Reads the input for its digest alone, until `each` breaks off.
pub(crate) fn digest(ground: &Ground<'_>, mut each: impl FnMut() -> ControlFlow<()>) -> Result<InputDigest> {
    let merge = ground.merge;
    let mut whole = InputDigest::default();
    let work = |chunk: Chunk| (digest_of(&chunk), chunk.consumed);
    pass::run(ground.sources, Work::of(merge), work, |(digest, consumed)| {
        whole.add(&digest);
        merge.progress.tell(Progress::Advanced(consumed));
        Ok(each())
    })?;
    Ok(whole)
}
