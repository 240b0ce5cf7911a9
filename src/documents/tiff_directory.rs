//! The directory of a page of a TIFF, as far as pages need it that the decoder does not take as they are: it is read
//! here, and the file is changed in memory until the decoder takes it.

use std::borrow::Cow;
use std::ops::Range;

/// Tags that are looked at.
pub(super) mod tag {
    pub(crate) const COMPRESSION: u16 = 259;
    pub(crate) const PHOTOMETRIC: u16 = 262;
    pub(crate) const FILL_ORDER: u16 = 266;
    pub(crate) const STRIP_OFFSETS: u16 = 273;
    pub(crate) const ROWS_PER_STRIP: u16 = 278;
    pub(crate) const STRIP_BYTES: u16 = 279;
    pub(crate) const T4_OPTIONS: u16 = 292;
    pub(crate) const COLOR_MAP: u16 = 320;
    pub(crate) const TILE_OFFSETS: u16 = 324;
    pub(crate) const TILE_BYTES: u16 = 325;
}

/// Entries of a directory, and values of an entry, that are read.
const ENTRIES_MAX: u64 = 4096;
const VALUES_MAX: u64 = 1 << 20;

/// A directory.
pub(super) struct Directory<'a> {
    bytes: &'a [u8],
    is_little: bool,
    is_big_tiff: bool,
    entries: Vec<Entry>,
    next: u64,
}

struct Entry {
    tag: u16,
    kind: u16,
    count: u64,
    /// Where its values stand.
    at: u64,
}

impl<'a> Directory<'a> {
    /// That of a page, from 1 on; `None` where the file is damaged before it.
    pub(super) fn of(bytes: &'a [u8], page: usize) -> Option<Self> {
        let is_little = bytes.starts_with(b"II");
        let is_big_tiff = bytes.get(2..4)?.contains(&43);
        let mut directory = Self { bytes, is_little, is_big_tiff, entries: Vec::new(), next: 0 };
        directory.next = if is_big_tiff { directory.number(8, 8)? } else { directory.number(4, 4)? };
        for _ in 0..page {
            directory.read()?;
        }
        Some(directory)
    }

    fn read(&mut self) -> Option<()> {
        let (at, wide) = (self.next, self.is_big_tiff);
        if at == 0 {
            return None;
        }
        let (count, first, size) =
            if wide { (self.number(at, 8)?, at + 8, 20) } else { (self.number(at, 2)?, at + 2, 12) };
        let count = count.min(ENTRIES_MAX);
        self.entries.clear();
        for number in 0..count {
            let at = first + number * size;
            let (tag, kind) = (self.number(at, 2)? as u16, self.number(at + 2, 2)? as u16);
            let (count, value, room) =
                if wide { (self.number(at + 4, 8)?, at + 12, 8) } else { (self.number(at + 4, 4)?, at + 8, 4) };
            let is_inside = bytes_of(kind)?.checked_mul(count)? <= room;
            let at = if is_inside { value } else { self.number(value, room)? };
            self.entries.push(Entry { tag, kind, count, at });
        }
        self.next = self.number(first + count * size, if wide { 8 } else { 4 }).unwrap_or(0);
        Some(())
    }

    fn number(&self, at: u64, size: u64) -> Option<u64> {
        let bytes = self.bytes.get(usize::try_from(at).ok()?..)?.get(..size as usize)?;
        let add = |number: u64, byte: &u8| (number << 8) | u64::from(*byte);
        Some(if self.is_little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) })
    }

    /// The whole numbers of an entry; none for one that is not there.
    pub(super) fn numbers(&self, tag: u16) -> Vec<u64> {
        let Some(entry) = self.entries.iter().find(|entry| entry.tag == tag) else { return Vec::new() };
        let Some(size) = bytes_of(entry.kind).filter(|_| matches!(entry.kind, 1 | 3 | 4 | 16)) else {
            return Vec::new();
        };
        (0..entry.count.min(VALUES_MAX)).map_while(|number| self.number(entry.at + number * size, size)).collect()
    }

    /// The first number of an entry.
    pub(super) fn first(&self, tag: u16) -> Option<u64> {
        self.numbers(tag).first().copied()
    }

    /// Where the packed pixels stand, strip by strip or tile by tile.
    pub(super) fn pieces(&self) -> Vec<Range<usize>> {
        let (from, sizes) = match self.numbers(tag::STRIP_OFFSETS) {
            strips if !strips.is_empty() => (strips, self.numbers(tag::STRIP_BYTES)),
            _ => (self.numbers(tag::TILE_OFFSETS), self.numbers(tag::TILE_BYTES)),
        };
        let end = self.bytes.len() as u64;
        let piece = |(from, size): (u64, u64)| {
            let from = from.min(end);
            from as usize..from.saturating_add(size).min(end) as usize
        };
        // a single strip may leave out how long it is
        let sizes = if sizes.is_empty() && from.len() == 1 { vec![end] } else { sizes };
        from.into_iter().zip(sizes).map(piece).collect()
    }

    /// The file with another number in an entry.
    pub(super) fn with(&self, bytes: Cow<'a, [u8]>, tag: u16, number: u8) -> Cow<'a, [u8]> {
        let Some(entry) = self.entries.iter().find(|entry| entry.tag == tag) else { return bytes };
        let (Ok(at), Some(size)) = (usize::try_from(entry.at), bytes_of(entry.kind)) else { return bytes };
        let mut bytes = bytes.into_owned();
        if let Some(place) = bytes.get_mut(at..at.saturating_add(size as usize)) {
            place.fill(0);
            let low = if self.is_little { 0 } else { place.len() - 1 };
            place[low] = number;
        }
        Cow::Owned(bytes)
    }

    /// The file with the bits of its pixels in the usual order, the first one highest.
    pub(super) fn in_order(&self, bytes: Cow<'a, [u8]>) -> Cow<'a, [u8]> {
        let mut bytes = bytes.into_owned();
        for piece in self.pieces() {
            bytes[piece].iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        }
        Cow::Owned(bytes)
    }
}

/// The size of a value of a kind.
fn bytes_of(kind: u16) -> Option<u64> {
    Some(match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 | 17 | 18 => 8,
        _ => return None,
    })
}
