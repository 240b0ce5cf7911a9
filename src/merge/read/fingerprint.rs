//! Fingerprints of records as they stand in the input, under a key that nobody knows who writes inputs.

use sha2::{Digest, Sha256};

use super::pass::Chunk;
use super::source::Source;
use crate::die;
use crate::error::{Error, Result};
use crate::hash::Sha;

/// The key of the fingerprints of one input. It is kept with their sum, in the history of merges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FingerprintKey(pub(crate) u128);

impl FingerprintKey {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub(crate) fn random() -> Result<Self> {
        let mut bytes = [0; 16];
        die::fill(&mut bytes).map_err(|cause| Error::failed("draw a key for fingerprints").because(cause))?;
        Ok(Self(u128::from_be_bytes(bytes)))
    }
}

/// Takes the fingerprints of records.
pub(crate) struct Fingerprints {
    /// For each source what its records begin with: the key, and the form and header that give their bytes a meaning.
    heads: Vec<Sha256>,
}

impl Fingerprints {
    pub(crate) fn new(key: FingerprintKey, sources: &[Source]) -> Self {
        let head = |source: &Source| {
            let mut form = Sha256::new();
            form.update(key.0.to_be_bytes());
            form.update(format!("{:?} {:?}", source.format, source.header));
            if source.is_untyped() {
                form.update("untyped");
            }
            let form: [u8; 32] = form.finalize().into();
            // a whole block, so that it is hashed once for all records
            Sha256::new_with_prefix([form, form].as_flattened())
        };
        Self { heads: sources.iter().map(head).collect() }
    }

    /// The sum over the records of a chunk.
    pub(crate) fn of(&self, chunk: &Chunk) -> FingerprintSum {
        let mut sum =
            FingerprintSum { sum: 0, records: chunk.records.len() as u64, broken: chunk.rejects.len() as u64 };
        let head = &self.heads[chunk.source];
        for place in &chunk.records {
            let hash = head.clone().chain_update(&chunk.bytes[place.range.clone()]).finalize();
            sum.sum = sum.sum.wrapping_add(Sha(hash.into()).prefix());
        }
        sum
    }
}

/// The fingerprints of many records, added up modulo 2^128. Their order makes no difference; without the key, nobody can
/// make other records of the same sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FingerprintSum {
    pub(crate) sum: u128,
    pub(crate) records: u64,
    /// Places where there was no whole record.
    pub(crate) broken: u64,
}

impl FingerprintSum {
    pub(crate) fn add(&mut self, other: Self) {
        self.sum = self.sum.wrapping_add(other.sum);
        self.records += other.records;
        self.broken += other.broken;
    }
}
