//! A package of Python, as far as files are taken out of it: it is an archive of the ZIP kind.

use std::io::Read;

use flate2::read::DeflateDecoder;

use crate::error::{Error, Result};

/// Where the list of files ends, and how far from the end of the archive that may be.
const END: &[u8] = b"PK\x05\x06";
const END_REACH: usize = 22 + 0xffff;
const ENTRY: &[u8] = b"PK\x01\x02";
/// Files of a package.
const FILES_MAX: usize = 20_000;
/// Packed as it is, and by deflate.
const STORED: u64 = 0;
const DEFLATED: u64 = 8;

/// A file of an archive, unpacked; `bytes_max` bounds what it may be.
///
/// # Errors
/// Not found; Failed, for what is no such archive, or damaged.
pub(super) fn unpacked(archive: &[u8], name: &str, bytes_max: u64) -> Result<Vec<u8>> {
    let damaged = || Error::failed("read the package: it is damaged");
    let number = |at: usize, size: usize| {
        let bytes = archive.get(at..at.checked_add(size)?)?;
        Some(bytes.iter().rev().fold(0u64, |number, byte| (number << 8) | u64::from(*byte)))
    };
    let place = |at: usize, size: usize| number(at, size).and_then(|it| usize::try_from(it).ok()).ok_or_else(damaged);
    let from = archive.len().saturating_sub(END_REACH);
    let end = memchr::memmem::rfind(&archive[from..], END);
    let end = end.map(|at| from + at).ok_or_else(|| Error::failed("read the package: it is no wheel"))?;
    let mut at = place(end + 16, 4)?;
    for _ in 0..place(end + 10, 2)?.min(FILES_MAX) {
        if archive.get(at..at + 4) != Some(ENTRY) {
            return Err(damaged());
        }
        let (named, extra, comment) = (place(at + 28, 2)?, place(at + 30, 2)?, place(at + 32, 2)?);
        if archive.get(at + 46..at + 46 + named) == Some(name.as_bytes()) {
            let (method, packed, local) = (number(at + 10, 2), place(at + 20, 4)?, place(at + 42, 4)?);
            let start = local + 30 + place(local + 26, 2)? + place(local + 28, 2)?;
            let data = archive.get(start..start.saturating_add(packed)).ok_or_else(damaged)?;
            let mut out = Vec::new();
            let read = match method {
                Some(STORED) => data.take(bytes_max).read_to_end(&mut out),
                Some(DEFLATED) => DeflateDecoder::new(data).take(bytes_max).read_to_end(&mut out),
                _ => return Err(Error::failed(format!("unpack {name}: it is packed in an unknown way"))),
            };
            return read.map(|_| out).map_err(|cause| damaged().because(cause.to_string()));
        }
        at += 46 + named + extra + comment;
    }
    Err(Error::failed(format!("find {name} in the package")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive of one file.
    fn archive(name: &str, data: &[u8], method: u16) -> Vec<u8> {
        let packed = match method {
            8 => {
                let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
                std::io::Write::write_all(&mut packer, data).expect("packed");
                packer.finish().expect("packed")
            }
            _ => data.to_vec(),
        };
        let mut out = b"PK\x03\x04".to_vec();
        out.extend([0; 22]);
        out.extend((name.len() as u16).to_le_bytes());
        out.extend([0; 2]);
        out.extend(name.as_bytes());
        out.extend(&packed);
        let list = out.len() as u32;
        out.extend(ENTRY);
        out.extend([0; 6]);
        out.extend(method.to_le_bytes());
        out.extend([0; 8]);
        out.extend((packed.len() as u32).to_le_bytes());
        out.extend((data.len() as u32).to_le_bytes());
        out.extend((name.len() as u16).to_le_bytes());
        out.extend([0; 16]);
        out.extend(name.as_bytes());
        let size = out.len() as u32 - list;
        out.extend(END);
        out.extend([0; 4]);
        out.extend(1u16.to_le_bytes());
        out.extend(1u16.to_le_bytes());
        out.extend(size.to_le_bytes());
        out.extend(list.to_le_bytes());
        out.extend([0; 2]);
        out
    }

    #[test]
    fn files_are_taken_out_and_garbage_is_an_error() {
        let data = b"weights and weights and weights".repeat(50);
        for method in [0, 8] {
            let packed = archive("a/b.onnx", &data, method);
            assert_eq!(unpacked(&packed, "a/b.onnx", 1 << 20).expect("a file"), data);
            assert_eq!(unpacked(&packed, "a/b.onnx", 10).expect("a file").len(), 10);
            assert!(unpacked(&packed, "a/c.onnx", 1 << 20).is_err());
            for cut in 0..packed.len() {
                let _ = unpacked(&packed[..cut], "a/b.onnx", 1 << 20);
                let _ = unpacked(&packed[cut..], "a/b.onnx", 1 << 20);
            }
        }
        assert!(unpacked(b"no wheel", "a", 10).is_err());
    }
}
