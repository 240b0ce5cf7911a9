//! The ZIP archive around a store. dc writes one fixed form of it and takes no other for what it has written itself, so
//! that no bit of the file can change unseen; archives of other tools are read for the older form.

use std::io::Read;

use super::flaw::Flaw;
use super::seal::TEXT_BYTES_MAX;

/// The member that holds the secrets.
pub const MEMBER: &str = "secrets.env.enc";
/// The most bytes of a member: the largest text, its header and tag.
const MEMBER_BYTES_MAX: usize = TEXT_BYTES_MAX + 1024;
/// The most bytes of an archive.
pub const ARCHIVE_BYTES_MAX: usize = MEMBER_BYTES_MAX + (1 << 20);
/// The most entries that are looked at.
const ENTRIES_MAX: usize = 4_096;

const LOCAL: &[u8; 4] = b"PK\x03\x04";
const CENTRAL: &[u8; 4] = b"PK\x01\x02";
const END: &[u8; 4] = b"PK\x05\x06";
const LOCAL_BYTES: usize = 30;
const CENTRAL_BYTES: usize = 46;
const END_BYTES: usize = 22;
/// The longest comment, with which the end may be that far from the end.
const COMMENT_BYTES_MAX: usize = 0xffff;

/// ZIP 1.0, which knows no compression.
const ZIP_1_0: u16 = 10;
/// ZIP 3.0 on Unix made it.
const MADE_BY: u16 = 0x031e;
/// 1980-01-01, the first day of DOS: when a store was written is nobody's business.
const FIRST_DAY: u16 = 0x0021;
/// A file that only its owner may read, as the high half of the attributes.
const PRIVATE_FILE: u32 = 0o100_600 << 16;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const IS_ENCRYPTED: u16 = 1;

/// A member that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its bytes, whose checksum is right.
    pub bytes: Vec<u8>,
    /// Whether the archive is, to the last bit, what dc writes around them.
    pub is_ours: bool,
}

/// Whether these bytes begin an archive.
pub fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(LOCAL) || bytes.starts_with(END)
}

/// The archive around a member.
pub fn pack(member: &[u8]) -> Vec<u8> {
    let crc = crc32fast::hash(member);
    // a member is far smaller than 4 GiB, and so is its archive
    let size = u32::try_from(member.len()).unwrap_or(u32::MAX);
    let name_bytes = u16::try_from(MEMBER.len()).unwrap_or(u16::MAX);
    let shared = |out: &mut Vec<u8>| {
        for number in [ZIP_1_0, 0, STORED, 0, FIRST_DAY] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for number in [crc, size, size] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&name_bytes.to_le_bytes());
        out.extend_from_slice(&0_u16.to_le_bytes());
    };
    let mut out = Vec::with_capacity(member.len() + 256);
    out.extend_from_slice(LOCAL);
    shared(&mut out);
    out.extend_from_slice(MEMBER.as_bytes());
    out.extend_from_slice(member);
    let directory = out.len();
    out.extend_from_slice(CENTRAL);
    out.extend_from_slice(&MADE_BY.to_le_bytes());
    shared(&mut out);
    // no comment, the first disk, no attributes of DOS
    out.extend_from_slice(&[0; 6]);
    out.extend_from_slice(&PRIVATE_FILE.to_le_bytes());
    out.extend_from_slice(&0_u32.to_le_bytes());
    out.extend_from_slice(MEMBER.as_bytes());
    let directory_bytes = u32::try_from(out.len() - directory).unwrap_or(u32::MAX);
    let directory = u32::try_from(directory).unwrap_or(u32::MAX);
    out.extend_from_slice(END);
    for number in [0_u16, 0, 1, 1] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&directory_bytes.to_le_bytes());
    out.extend_from_slice(&directory.to_le_bytes());
    out.extend_from_slice(&0_u16.to_le_bytes());
    out
}

/// The member with the secrets.
///
/// # Errors
/// `Damaged` where the archive or its checksum is wrong, `Foreign` where it has no such member.
pub fn unpack(archive: &[u8]) -> Result<Member, Flaw> {
    let end = find_end(archive).ok_or(Flaw::Damaged("the archive has no end"))?;
    let count = usize::from(number16(archive, end + 10)?);
    let mut at = number32(archive, end + 16)?;
    if count > ENTRIES_MAX {
        return Err(Flaw::Damaged("the archive names too many members"));
    }
    for _ in 0..count {
        let entry = Entry::read(archive, at)?;
        let name = entry.name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        if name == MEMBER.as_bytes() {
            let bytes = entry.member(archive)?;
            let is_ours = pack(&bytes) == archive;
            return Ok(Member { bytes, is_ours });
        }
        at = entry.next;
    }
    Err(Flaw::Foreign)
}

/// A line of the archive's directory.
struct Entry<'a> {
    flags: u16,
    method: u16,
    crc: u32,
    packed: usize,
    size: usize,
    local: usize,
    name: &'a [u8],
    next: usize,
}

impl<'a> Entry<'a> {
    fn read(archive: &'a [u8], at: usize) -> Result<Self, Flaw> {
        if slice(archive, at, 4)? != CENTRAL {
            return Err(Flaw::Damaged("the archive's directory is broken"));
        }
        let name_bytes = usize::from(number16(archive, at + 28)?);
        let more = usize::from(number16(archive, at + 30)?) + usize::from(number16(archive, at + 32)?);
        Ok(Self {
            flags: number16(archive, at + 8)?,
            method: number16(archive, at + 10)?,
            crc: u32::from_le_bytes(array(archive, at + 16)?),
            packed: number32(archive, at + 20)?,
            size: number32(archive, at + 24)?,
            local: number32(archive, at + 42)?,
            name: slice(archive, at + CENTRAL_BYTES, name_bytes)?,
            next: at + CENTRAL_BYTES + name_bytes + more,
        })
    }

    fn member(&self, archive: &[u8]) -> Result<Vec<u8>, Flaw> {
        if slice(archive, self.local, 4)? != LOCAL {
            return Err(Flaw::Damaged("the archive's member is not where its directory says"));
        }
        if self.flags & IS_ENCRYPTED != 0 {
            return Err(Flaw::Damaged("the archive itself is encrypted, which dc never does"));
        }
        if self.size > MEMBER_BYTES_MAX || self.packed > ARCHIVE_BYTES_MAX {
            return Err(Flaw::TooLarge);
        }
        let name_bytes = usize::from(number16(archive, self.local + 26)?);
        let extra_bytes = usize::from(number16(archive, self.local + 28)?);
        let packed = slice(archive, self.local + LOCAL_BYTES + name_bytes + extra_bytes, self.packed)?;
        let bytes = match self.method {
            STORED => packed.to_vec(),
            DEFLATED => inflate(packed, self.size)?,
            _ => return Err(Flaw::Damaged("its member is packed in a way that dc does not read")),
        };
        if bytes.len() != self.size || crc32fast::hash(&bytes) != self.crc {
            return Err(Flaw::Damaged("its checksum is wrong"));
        }
        Ok(bytes)
    }
}

/// Unpacks no more than was announced.
fn inflate(packed: &[u8], size: usize) -> Result<Vec<u8>, Flaw> {
    let mut bytes = Vec::new();
    let limit = size as u64 + 1;
    let read = flate2::read::DeflateDecoder::new(packed).take(limit).read_to_end(&mut bytes);
    read.map_err(|_| Flaw::Damaged("its member cannot be unpacked")).map(|_| bytes)
}

/// Where the record at the archive's end begins; a comment may follow it.
fn find_end(archive: &[u8]) -> Option<usize> {
    let last = archive.len().checked_sub(END_BYTES)?;
    let first = last.saturating_sub(COMMENT_BYTES_MAX);
    (first..=last).rev().find(|at| {
        archive[*at..].starts_with(END)
            && number16(archive, at + 20).is_ok_and(|comment| at + END_BYTES + usize::from(comment) == archive.len())
    })
}

fn slice(bytes: &[u8], at: usize, length: usize) -> Result<&[u8], Flaw> {
    let end = at.checked_add(length);
    end.and_then(|end| bytes.get(at..end)).ok_or(Flaw::Damaged("the archive ends too early"))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Flaw> {
    let mut array = [0; N];
    array.copy_from_slice(slice(bytes, at, N)?);
    Ok(array)
}

fn number16(bytes: &[u8], at: usize) -> Result<u16, Flaw> {
    array(bytes, at).map(u16::from_le_bytes)
}

fn number32(bytes: &[u8], at: usize) -> Result<usize, Flaw> {
    // 64-bit sizes stand elsewhere, in archives far larger than any store
    array(bytes, at).map(|array| u32::from_le_bytes(array) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_found_and_known_as_ours() {
        let member = b"some bytes of a member".to_vec();
        let archive = pack(&member);
        assert_eq!(unpack(&archive), Ok(Member { bytes: member, is_ours: true }));
        let commented = [&archive[..archive.len() - 2], &[3, 0], b"abc"].concat();
        assert!(unpack(&commented).is_ok_and(|found| !found.is_ours));
    }

    #[test]
    fn no_bit_of_an_archive_changes_unseen_and_no_length_is_enough() {
        let archive = pack(b"member");
        for at in 0..archive.len() * 8 {
            let mut changed = archive.clone();
            changed[at / 8] ^= 1 << (at % 8);
            assert!(unpack(&changed).map_or(true, |found| !found.is_ours), "bit {at}");
        }
        for length in 0..archive.len() {
            assert!(unpack(&archive[..length]).map_or(true, |found| !found.is_ours), "length {length}");
        }
    }
}
