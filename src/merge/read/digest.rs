//! What an input is known by, in whatever order its records stand: their fingerprints, and all that decides what a merge
//! makes of them.

use std::ops::ControlFlow;

use sha2::{Digest, Sha256};

use super::fingerprint::{FingerprintKey, FingerprintSum, Fingerprints};
use super::ground::Ground;
use super::pass::{self, Chunk, Work};
use crate::db::{Gone, Table};
use crate::error::Result;
use crate::hash::Sha;
use crate::merge::plan::progress::Progress;

/// The records of an input, added up under a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InputDigest {
    key: FingerprintKey,
    sum: FingerprintSum,
}

impl InputDigest {
    pub(crate) fn under(key: FingerprintKey) -> Self {
        Self { key, sum: FingerprintSum::default() }
    }

    pub(crate) fn add(&mut self, sum: FingerprintSum) {
        self.sum.add(sum);
    }

    /// One text for the records and for all that decides what a merge makes of them: the options, the table's columns, the
    /// number of active rows that it leaves, and this version of dc. It begins with the key, under which another input has
    /// to be read to compare them.
    pub(crate) fn with(&self, ground: &Ground<'_>, table: &Table, active: u64) -> String {
        let merge = ground.merge;
        // a delta feed keeps what a full edition of the same records would make go
        let keeps = merge.gone == Gone::Keep;
        let options = (&merge.hash, &merge.mapping, merge.own_id, &merge.scope, &merge.key, keeps);
        let (notation, flatten) = (&merge.reading.notation, &merge.reading.flatten);
        let mut all = format!("{} {:?} {options:?} {:?} {active}", env!("CARGO_PKG_VERSION"), self.sum, table.columns);
        if !notation.is_plain() || flatten.is_some() {
            all.push_str(&format!(" {notation:?} {flatten:?}"));
        }
        format!("{:032x}-{}", self.key.0, Sha(Sha256::digest(all).into()))
    }
}

/// The key that a digest begins with; `None` for one that another dc wrote.
pub(crate) fn key_of(digest: &str) -> Option<FingerprintKey> {
    let (key, _) = digest.split_once('-').filter(|(key, _)| key.len() == 32)?;
    u128::from_str_radix(key, 16).ok().map(FingerprintKey)
}

/// How long the input is.
pub(crate) fn length(ground: &Ground<'_>) -> u64 {
    ground.sources.iter().map(|source| source.length).sum()
}

/// Reads the input for its digest alone, until `each` breaks off.
pub(crate) fn digest(
    ground: &Ground<'_>,
    key: FingerprintKey,
    mut each: impl FnMut() -> ControlFlow<()>,
) -> Result<InputDigest> {
    let merge = ground.merge;
    let fingerprints = Fingerprints::new(key, ground.sources);
    let mut whole = InputDigest::under(key);
    let work = |chunk: Chunk| (fingerprints.of(&chunk), chunk.consumed);
    pass::run(ground.sources, Work::of(merge), work, |(sum, consumed)| {
        whole.add(sum);
        merge.progress.tell(Progress::Advanced(consumed));
        Ok(each())
    })?;
    Ok(whole)
}
