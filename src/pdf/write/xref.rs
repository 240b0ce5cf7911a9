//! The table of where objects stand, and what the last one in a file says.

use std::io::Write;

use hayro::hayro_syntax::object::{Dict, FromBytes};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// How far from the end the place of the table is looked for.
const TAIL: usize = 2048;

/// What a file's last table says.
pub(super) struct Last {
    /// Where it stands.
    pub(super) at: usize,
    /// Whether it is a stream, as since PDF 1.5; a table that continues it must be one too.
    pub(super) is_stream: bool,
    /// One more than the highest number of an object.
    pub(super) size: u32,
    /// Whether it tells the file from all others.
    pub(super) has_id: bool,
    /// The entries that its successor repeats.
    pub(super) kept: Vec<u8>,
}

/// Finds the last table of a file.
///
/// # Errors
/// Failed, for a file that is damaged or encrypted: nothing can be added to it.
pub(super) fn last(bytes: &[u8]) -> Result<Last> {
    let damaged = || {
        Error::failed("add text to the PDF: its table of objects is damaged")
            .hint("`qpdf IN OUT` mends it; then read OUT")
    };
    let tail = &bytes[bytes.len().saturating_sub(TAIL)..];
    let mark = b"startxref";
    let found = tail.windows(mark.len()).rposition(|window| window == mark).ok_or_else(damaged)?;
    let at = first_number(&tail[found + mark.len()..]).ok_or_else(damaged)? as usize;
    // what stands before `%PDF-` is not counted
    let start = bytes[..bytes.len().min(1024)].windows(5).position(|window| window == b"%PDF-").unwrap_or_default();
    let table = bytes.get(start + at..).filter(|table| !table.is_empty()).ok_or_else(damaged)?;
    if start != 0 {
        return Err(damaged());
    }
    let table = table.trim_ascii_start();
    let (is_stream, trailer) = if table.starts_with(b"xref") {
        let found = table.windows(7).position(|window| window == b"trailer").ok_or_else(damaged)?;
        (false, &table[found + 7..])
    } else {
        let found = table[..table.len().min(64)].windows(3).position(|window| window == b"obj").ok_or_else(damaged)?;
        (true, &table[found + 3..])
    };
    let trailer: Dict<'_> = Dict::from_bytes(trailer.trim_ascii_start()).ok_or_else(damaged)?;
    if trailer.contains_key("Encrypt") {
        return Err(
            Error::failed("add text to the PDF: it is encrypted").hint("`qpdf --decrypt IN OUT`; then read OUT")
        );
    }
    let size = trailer.get::<u32>("Size").filter(|size| *size > 0).ok_or_else(damaged)?;
    if trailer.get_ref("Root").is_none() {
        return Err(damaged());
    }
    let mut kept = Vec::new();
    let keys: Vec<_> = trailer.entries().collect();
    for (key, entry) in keys {
        if [b"Root".as_slice(), b"Info", b"ID"].contains(&key.as_ref()) {
            kept.extend(b"/");
            kept.extend(key.as_ref());
            kept.push(b' ');
            super::object::value(&entry, 0, &mut kept);
        }
    }
    Ok(Last { at, is_stream, size, has_id: trailer.contains_key("ID"), kept })
}

fn first_number(bytes: &[u8]) -> Option<u64> {
    let bytes = bytes.trim_ascii_start();
    let end = bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len());
    std::str::from_utf8(&bytes[..end]).ok()?.parse().ok()
}

/// Objects behind each other, and where each stands.
pub(super) struct Objects {
    /// What was not written yet.
    bytes: Vec<u8>,
    /// How many bytes of the file stand before these.
    before: usize,
    /// The sum of what was written.
    sum: Sha256,
    next: u32,
    places: Vec<(u32, u32, usize)>,
}

impl Objects {
    /// With numbers from `next` on, behind so many bytes of a file and these.
    pub(super) fn behind(before: usize, bytes: Vec<u8>, next: u32) -> Self {
        Self { bytes, before, sum: Sha256::new(), next, places: Vec::new() }
    }

    /// Writes what is there, so that it takes no more memory.
    pub(super) fn flush(&mut self, out: &mut dyn Write) -> std::io::Result<()> {
        out.write_all(&self.bytes)?;
        self.sum.update(&self.bytes);
        self.before += self.bytes.len();
        self.bytes.clear();
        Ok(())
    }

    /// An entry that tells a file of these bytes, behind those of another one, from all others.
    pub(super) fn identity(&self, other: &[u8]) -> String {
        let sum = self.sum.clone().chain_update(&self.bytes).chain_update(other).finalize();
        let sum: String = sum.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("/ID[<{sum}><{sum}>]")
    }

    fn end(&self) -> usize {
        self.before + self.bytes.len()
    }

    /// A number that is still free.
    pub(super) fn reserve(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    /// Adds an object under a new number.
    pub(super) fn add(&mut self, body: &[u8]) -> u32 {
        let number = self.reserve();
        self.put(number, 0, body);
        number
    }

    /// Adds an object under a number that is known.
    pub(super) fn put(&mut self, number: u32, generation: u32, body: &[u8]) {
        self.places.push((number, generation, self.end()));
        self.bytes.extend(format!("{number} {generation} obj\n").bytes());
        self.bytes.extend(body);
        self.bytes.extend(b"\nendobj\n");
    }

    /// What ends the file, a table last; `last` is that of the file that was continued.
    pub(super) fn finish(mut self, trailer: &str, last: Option<&Last>) -> Vec<u8> {
        self.places.sort_unstable();
        let at = self.end();
        let kept = last.map_or(&[][..], |last| &last.kept);
        let previous = last.map_or_else(String::new, |last| format!("/Prev {}", last.at));
        if last.is_some_and(|last| last.is_stream) {
            let own = self.reserve();
            self.places.push((own, 0, at));
            let (index, table) = self.packed_table();
            let entries = format!("/Type/XRef/Size {}/W[1 8 2]/Index[{index}]{previous}{trailer}", self.next);
            let mut entries = entries.into_bytes();
            entries.extend(kept);
            let mut body = b"<<".to_vec();
            body.extend(entries);
            body.extend(format!("/Length {}>>\nstream\n", table.len()).bytes());
            body.extend(table);
            body.extend(b"\nendstream");
            self.bytes.extend(format!("{own} 0 obj\n").bytes());
            self.bytes.extend(body);
            self.bytes.extend(b"\nendobj\n");
        } else {
            self.bytes.extend(b"xref\n");
            if last.is_none() {
                self.bytes.extend(b"0 1\n0000000000 65535 f \n");
            }
            for run in self.places.chunk_by(|a, b| a.0 + 1 == b.0) {
                self.bytes.extend(format!("{} {}\n", run[0].0, run.len()).bytes());
                for (_, generation, place) in run {
                    self.bytes.extend(format!("{place:010} {generation:05} n \n").bytes());
                }
            }
            self.bytes.extend(format!("trailer\n<</Size {}{previous}{trailer}", self.next).bytes());
            self.bytes.extend(kept);
            self.bytes.extend(b">>\n");
        }
        self.bytes.extend(format!("startxref\n{at}\n%%EOF\n").bytes());
        self.bytes
    }

    fn packed_table(&self) -> (String, Vec<u8>) {
        let (mut index, mut table) = (String::new(), Vec::new());
        for run in self.places.chunk_by(|a, b| a.0 + 1 == b.0) {
            index.push_str(&format!("{} {} ", run[0].0, run.len()));
            for (_, generation, place) in run {
                table.push(1);
                table.extend((*place as u64).to_be_bytes());
                table.extend((*generation as u16).to_be_bytes());
            }
        }
        (index, table)
    }
}
