//! Hashes and places, kept in buckets on disk when they are many, so that memory does not grow with the input.

use std::fs::File;
use std::marker::PhantomData;
use std::os::unix::fs::FileExt;

use crate::error::Result;
use crate::formats::{spool_error, temporary_file};

/// Into how many buckets the entries fall. At 100 million records one holds 9 MiB.
const BUCKETS: usize = 256;
/// Bytes of one bucket that are kept in memory before they go to disk.
const BLOCK_BYTES: usize = 8 * 1024;

/// A hash prefix (or a key's) and where its record or row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) hash: u128,
    pub(super) place: u64,
}

/// An entry under its key: the hash of the key's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Keyed {
    pub(super) key: u128,
    pub(super) entry: Entry,
}

/// What a spool keeps: a few bytes of one length, sorted by a number.
pub(super) trait Spooled: Copy {
    /// Bytes of one on disk.
    const BYTES: usize;
    /// What they are sorted by.
    fn order(&self) -> u128;
    /// The place of the record or row.
    fn place(&self) -> u64;
    fn put(&self, out: &mut Vec<u8>);
    /// The one in so many bytes.
    fn take(bytes: &[u8]) -> Self;
}

impl Spooled for Entry {
    const BYTES: usize = 24;

    fn order(&self) -> u128 {
        self.hash
    }

    fn place(&self) -> u64 {
        self.place
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.hash.to_be_bytes());
        out.extend_from_slice(&self.place.to_be_bytes());
    }

    fn take(bytes: &[u8]) -> Self {
        let (mut hash, mut place) = ([0; 16], [0; 8]);
        hash.copy_from_slice(&bytes[..16]);
        place.copy_from_slice(&bytes[16..24]);
        Self { hash: u128::from_be_bytes(hash), place: u64::from_be_bytes(place) }
    }
}

impl Spooled for Keyed {
    const BYTES: usize = 16 + Entry::BYTES;

    fn order(&self) -> u128 {
        self.key
    }

    fn place(&self) -> u64 {
        self.entry.place
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key.to_be_bytes());
        self.entry.put(out);
    }

    fn take(bytes: &[u8]) -> Self {
        let mut key = [0; 16];
        key.copy_from_slice(&bytes[..16]);
        Self { key: u128::from_be_bytes(key), entry: Entry::take(&bytes[16..]) }
    }
}

/// Entries in buckets, written once and read back bucket by bucket.
pub(super) struct Spool<T = Entry> {
    kept: PhantomData<T>,
    /// How an entry finds its bucket.
    order: Order,
    buckets: Vec<Bucket>,
    /// Made when the first block is full; it has no name, so a kill leaves nothing behind.
    file: Option<File>,
    written: u64,
    count: u64,
    sum: u128,
}

#[derive(Clone, Copy)]
enum Order {
    /// By the first bits of the hash.
    Hash,
    /// By the place, which is below this.
    Place { end: u64 },
}

#[derive(Default)]
struct Bucket {
    buffer: Vec<u8>,
    /// The places of its blocks in the file.
    blocks: Vec<u64>,
}

impl<T: Spooled> Spool<T> {
    /// Entries that come back sorted by hash.
    pub(super) fn by_hash() -> Self {
        Self::new(Order::Hash)
    }

    /// Entries that come back sorted by place; places are below `end`.
    pub(super) fn by_place(end: u64) -> Self {
        Self::new(Order::Place { end: end.max(1) })
    }

    fn new(order: Order) -> Self {
        Self {
            kept: PhantomData,
            order,
            buckets: (0..BUCKETS).map(|_| Bucket::default()).collect(),
            file: None,
            written: 0,
            count: 0,
            sum: 0,
        }
    }

    /// The number of entries.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The sum of all hashes (or keys), modulo 2^128. It does not depend on their order.
    pub(super) fn sum(&self) -> u128 {
        self.sum
    }

    /// Adds an entry.
    pub(super) fn push(&mut self, entry: T) -> Result<()> {
        let place = match self.order {
            Order::Hash => (entry.order() >> 120) as usize,
            Order::Place { end } => ((u128::from(entry.place()) * BUCKETS as u128) / u128::from(end)) as usize,
        };
        let bucket = &mut self.buckets[place.min(BUCKETS - 1)];
        entry.put(&mut bucket.buffer);
        self.count += 1;
        self.sum = self.sum.wrapping_add(entry.order());
        if bucket.buffer.len() + T::BYTES > BLOCK_BYTES {
            let file = match &mut self.file {
                Some(file) => file,
                none => none.insert(temporary_file()?),
            };
            file.write_all_at(&bucket.buffer, self.written).map_err(spool_error)?;
            bucket.blocks.push(self.written);
            self.written += bucket.buffer.len() as u64;
            bucket.buffer.clear();
        }
        Ok(())
    }

    /// The number of buckets.
    pub(super) fn buckets(&self) -> usize {
        BUCKETS
    }

    /// Reads one bucket into `entries`, sorted by (hash, place) or by place.
    pub(super) fn read(&self, bucket: usize, entries: &mut Vec<T>) -> Result<()> {
        entries.clear();
        let Bucket { buffer, blocks } = &self.buckets[bucket];
        let mut block = vec![0; BLOCK_BYTES / T::BYTES * T::BYTES];
        if let Some(file) = &self.file {
            for offset in blocks {
                file.read_exact_at(&mut block, *offset).map_err(spool_error)?;
                decode(&block, entries);
            }
        }
        decode(buffer, entries);
        match self.order {
            Order::Hash => entries.sort_unstable_by_key(|entry| (entry.order(), entry.place())),
            Order::Place { .. } => entries.sort_unstable_by_key(Spooled::place),
        }
        Ok(())
    }
}

fn decode<T: Spooled>(bytes: &[u8], entries: &mut Vec<T>) {
    entries.extend(bytes.chunks_exact(T::BYTES).map(T::take));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_sorted() {
        let number = |place: u64| u128::from(place).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        for mut spool in [Spool::by_hash(), Spool::by_place(200_000)] {
            (0..200_000).rev().for_each(|place| spool.push(Entry { hash: number(place), place }).expect("room"));
            let (mut all, mut entries) = (Vec::new(), Vec::new());
            for bucket in 0..spool.buckets() {
                spool.read(bucket, &mut entries).expect("a bucket");
                all.extend_from_slice(&entries);
            }
            assert_eq!(all.len(), 200_000);
            let by_place = matches!(spool.order, Order::Place { .. });
            assert!(all.is_sorted_by(|one, other| if by_place { one.place < other.place } else { one < other }));
        }
    }
}
