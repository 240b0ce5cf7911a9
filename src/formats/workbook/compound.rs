//! The file system inside of an XLS file, looked through before a parser follows it: a damaged one may lead in a circle.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// What a header has.
const HEADER_BYTES: usize = 512;
/// What tells of a stream, where in it the length of its name stands, and how many of them are read at once.
const ENTRY_BYTES: usize = 128;
const ENTRY_LENGTH_AT: usize = 64;
const ENTRIES_AT_ONCE: usize = 4096;
/// Numbers of sectors from here on are signs: the end of a chain, a free sector.
const SECTORS_MAX: u32 = 0xffff_fffa;
/// The sectors of the table that the header names itself.
const NAMED_IN_HEADER: usize = 109;

/// Whether every chain of sectors comes to an end inside of the file.
pub(super) fn is_sound(file: &File) -> bool {
    checked(file).unwrap_or(false)
}

/// Whether a stream of this name is in it, wherever its folders are.
pub(super) fn has_stream(file: &File, name: &str) -> bool {
    let wanted: Vec<u8> = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    let mut entries = vec![0; ENTRY_BYTES * ENTRIES_AT_ONCE];
    let mut at = HEADER_BYTES as u64;
    loop {
        let count = file.read_at(&mut entries, at).unwrap_or(0) / ENTRY_BYTES * ENTRY_BYTES;
        if count == 0 {
            return false;
        }
        // an entry is its name, and how many bytes of it count
        let is_it = |entry: &[u8]| entry.starts_with(&wanted) && usize::from(entry[ENTRY_LENGTH_AT]) == wanted.len();
        if entries[..count].chunks_exact(ENTRY_BYTES).any(is_it) {
            return true;
        }
        at += count as u64;
    }
}

fn checked(file: &File) -> Option<bool> {
    let length = file.metadata().ok()?.len();
    let mut header = vec![0; HEADER_BYTES];
    file.read_exact_at(&mut header, 0).ok()?;
    let sector_bytes: u64 = match header[30] {
        9 => 512,
        12 => 4096,
        _ => return None,
    };
    let sector = |number: u32| -> Option<Vec<u32>> {
        let start = (u64::from(number) + 1).checked_mul(sector_bytes).filter(|start| *start < length)?;
        let wanted = usize::try_from(sector_bytes.min(length - start)).ok()?;
        let mut bytes = vec![0; wanted];
        file.read_exact_at(&mut bytes, start).ok()?;
        Some(numbers(&bytes))
    };
    let sectors_max = usize::try_from(length / sector_bytes + 1).ok()?;
    let mut places: Vec<u32> = numbers(&header[76..76 + 4 * NAMED_IN_HEADER]);
    let mut more = numbers(&header[68..72])[0];
    let mut lists = 0;
    while more < SECTORS_MAX {
        let mut list = sector(more)?;
        more = list.pop()?;
        places.append(&mut list);
        lists += 1;
        if lists > sectors_max {
            return Some(false);
        }
    }
    let mut table = Vec::new();
    for place in places.into_iter().filter(|place| *place < SECTORS_MAX) {
        table.append(&mut sector(place)?);
        if table.len() > sectors_max.saturating_add(sectors_max * 1024) {
            return Some(false);
        }
    }
    if !ends(&table) {
        return Some(false);
    }
    // the table of the small sectors is a chain of the large ones
    let (mut small, mut at) = (Vec::new(), numbers(&header[60..64])[0]);
    while at < SECTORS_MAX {
        small.append(&mut sector(at)?);
        at = table.get(usize::try_from(at).ok()?).copied()?;
    }
    Some(ends(&small))
}

fn numbers(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect()
}

/// Whether no chain of a table comes back to where it was.
fn ends(table: &[u32]) -> bool {
    // the walk in which each was met, from 1
    let mut met = vec![0_u32; table.len()];
    for start in 0..table.len() {
        let walk = u32::try_from(start + 1).unwrap_or(u32::MAX);
        let mut at = start;
        while met[at] == 0 {
            met[at] = walk;
            match usize::try_from(table[at]) {
                Ok(next) if next < table.len() => at = next,
                _ => break,
            }
            if met[at] == walk {
                return false;
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_found() {
        let end = 0xffff_fffe;
        assert!(ends(&[1, 2, end, end]));
        assert!(ends(&[2, 2, end]));
        assert!(!ends(&[1, 0]));
        assert!(!ends(&[end, 1]));
        assert!(ends(&[]));
    }
}
