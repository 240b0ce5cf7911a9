//! Tar files: blocks of 512 bytes, a header before each file. Long names come as a file of their own (GNU) or as records in
//! front (POSIX).

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::bounded::unpack;
use super::member::{MEMBERS_MAX, Member, chosen};
use crate::context::Cancellation;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::formats::reading::Reading;

const BLOCK: u64 = 512;
/// The most bytes of a name or of the records in front of a file.
const EXTRA_BYTES_MAX: u64 = 1 << 20;

/// Whether a file begins as a tar file does.
pub(super) fn is_tar(start: &[u8]) -> bool {
    start.len() as u64 >= BLOCK && start[257..262] == *b"ustar" && is_sound(start)
}

/// One member: its name, and where its bytes stand.
struct Entry {
    name: String,
    start: u64,
    length: u64,
}

pub(super) fn members(
    archive: &str,
    file: &File,
    reading: &Reading,
    cancellation: &Cancellation,
) -> Result<Vec<Member>> {
    let entries = entries(archive, file)?;
    let names: Vec<String> = entries.iter().map(|entry| entry.name.clone()).collect();
    let mut members = Vec::new();
    for place in chosen(archive, &names, reading)? {
        let Entry { name, start, length } = &entries[place];
        let part = Part { file, at: *start, end: start + length };
        let file = unpack(&format!("`{name}` of {archive}"), part, (*length, *length), cancellation)?;
        members.push(Member { name: name.clone(), file });
    }
    Ok(members)
}

fn entries(archive: &str, file: &File) -> Result<Vec<Entry>> {
    let fail = |cause| file_error(format!("read {archive}"), cause);
    let broken = |at: u64, why: &str| {
        Error::failed(format!("read {archive}, byte {at}: {why}"))
            .hint("the archive is damaged or cut short: fetch it again; nothing was changed")
    };
    let whole = file.metadata().map_err(fail)?.len();
    let (mut entries, mut at) = (Vec::new(), 0);
    let (mut long_name, mut long_length) = (None, None);
    while at < whole {
        let mut header = [0; BLOCK as usize];
        file.read_exact_at(&mut header, at).map_err(|_| broken(at, "it ends inside of a header"))?;
        if header.iter().all(|byte| *byte == 0) {
            break;
        }
        if !is_sound(&header) {
            return Err(broken(at, "a header is damaged"));
        }
        let length = number(&header[124..136]).ok_or_else(|| broken(at, "a length is no number"))?;
        let (kind, start) = (header[156], at + BLOCK);
        let length =
            if matches!(kind, b'x' | b'g' | b'L' | b'K') { length } else { long_length.take().unwrap_or(length) };
        let end = start.checked_add(length).filter(|end| *end <= whole);
        let end = end.ok_or_else(|| broken(start, "it ends inside of a member"))?;
        let extra = || -> Result<Vec<u8>> {
            if length > EXTRA_BYTES_MAX {
                return Err(broken(start, "a name is too long"));
            }
            let mut bytes = vec![0; length as usize];
            file.read_exact_at(&mut bytes, start).map_err(|_| broken(start, "it ends inside of a name"))?;
            Ok(bytes)
        };
        match kind {
            b'L' => long_name = Some(text(&extra()?)),
            b'x' => {
                let records = extra()?;
                long_name = record(&records, "path").or(long_name);
                long_length = record(&records, "size").and_then(|size| size.parse().ok());
            }
            0 | b'0' | b'7' => {
                let short = match (text(&header[345..500]), text(&header[..100])) {
                    (prefix, name) if prefix.is_empty() || header[257..265] == *b"ustar  \0" => name,
                    (prefix, name) => format!("{prefix}/{name}"),
                };
                entries.push(Entry { name: long_name.take().unwrap_or(short), start, length });
            }
            b'S' => return Err(broken(at, "it holds a sparse file").hint("unpack it with `tar xf`")),
            // folders, links, devices: nothing to read
            _ => long_name = None,
        }
        if entries.len() > MEMBERS_MAX {
            let what = format!("read {archive}: it has more than {MEMBERS_MAX} members");
            return Err(Error::new(ErrorKind::Refused, what));
        }
        at = end.div_ceil(BLOCK) * BLOCK;
    }
    Ok(entries)
}

/// Whether the sum of a header is right.
fn is_sound(header: &[u8]) -> bool {
    let sum: u64 =
        header.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) }).sum();
    number(&header[148..156]) == Some(sum)
}

/// A number of a header: octal digits, or bytes where the first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    if field.first()? & 0x80 != 0 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(field.get(field.len().checked_sub(8)?..)?);
        return Some(u64::from_be_bytes(bytes));
    }
    let digits = text(field);
    u64::from_str_radix(digits.trim(), 8).ok()
}

/// Text up to the first zero.
fn text(field: &[u8]) -> String {
    let end = memchr::memchr(0, field).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

/// A record of POSIX: `LENGTH NAME=VALUE\n`.
fn record(records: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(records);
    let found =
        text.lines().filter_map(|line| line.split_once(' ')?.1.split_once('=')).find(|(known, _)| *known == name);
    found.map(|(_, value)| value.to_owned())
}

/// A part of a file, read from its start.
struct Part<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl std::io::Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let wanted = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read_at(&mut buffer[..wanted], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}
