//! Bodies as they were before they were packed: gzip, deflate (with and without its frame), brotli, zstd, and several of
//! them in a row. What is no packing (`UTF-8`, `none`, `aws-chunked`) is told and left as it is, as browsers do.

mod gzip;

use std::io::{self, BufReader, Read};

use flate2::bufread::{DeflateDecoder, ZlibDecoder};
use gzip::Gzip;

use crate::error::{Error, Result};

/// What we ask for.
pub(super) const ACCEPTED: &str = "gzip, deflate, br, zstd";
/// More packings around each other are refused.
const LAYERS_MAX: usize = 3;
/// Bytes of brotli's buffer.
const BROTLI_BUFFER: usize = 8 << 10;

/// Any body.
pub(super) type Stream = Box<dyn Read + Send>;

/// Unpacks what the header `Content-Encoding` tells.
///
/// # Errors
/// Failed, for more packings around each other than anybody makes.
pub(super) fn unpack(encoding: &str, body: Stream) -> Result<Stream> {
    let layers: Vec<String> = encoding
        .split(',')
        .map(|layer| layer.trim().to_ascii_lowercase())
        .filter(|layer| !layer.is_empty() && layer != "identity")
        .collect();
    if layers.len() > LAYERS_MAX {
        return Err(Error::failed(format!("unpack the answer: it is packed {} times", layers.len())));
    }
    layers.iter().rev().try_fold(body, |body, layer| {
        Ok(match layer.as_str() {
            "gzip" | "x-gzip" => Box::new(Lazy::new(body, |body| Ok(Box::new(Gzip::new(body)?)))) as Stream,
            "deflate" => Box::new(Lazy::new(body, deflate)),
            "br" => Box::new(Lazy::new(body, |body| {
                Ok(Box::new(brotli_decompressor::Decompressor::new(body, BROTLI_BUFFER)))
            })),
            "zstd" => Box::new(Lazy::new(body, |body| Ok(Box::new(zstd::stream::read::Decoder::with_buffer(body)?)))),
            other => {
                log::warn!("the packing `{other}` of an answer is not known: its body is taken as it came");
                body
            }
        })
    })
}

type Packed = BufReader<Stream>;

/// Begins with the first read: a body that is empty, as that of HEAD, is not unpacked.
struct Lazy {
    packed: Option<Packed>,
    begin: fn(Packed) -> io::Result<Stream>,
    plain: Option<Stream>,
}

impl Lazy {
    fn new(body: Stream, begin: fn(Packed) -> io::Result<Stream>) -> Self {
        Self { packed: Some(BufReader::new(body)), begin, plain: None }
    }
}

impl Read for Lazy {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(mut packed) = self.packed.take() {
            use io::BufRead;
            if packed.fill_buf()?.is_empty() {
                return Ok(0);
            }
            self.plain = Some((self.begin)(packed)?);
        }
        match &mut self.plain {
            Some(plain) => plain.read(buffer),
            None => Ok(0),
        }
    }
}

/// Some servers leave zlib's frame out.
fn deflate(mut packed: Packed) -> io::Result<Stream> {
    use io::BufRead;
    let start = packed.fill_buf()?;
    let has_frame = match start {
        [first, second, ..] => first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0,
        _ => false,
    };
    Ok(if has_frame { Box::new(ZlibDecoder::new(packed)) } else { Box::new(DeflateDecoder::new(packed)) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::read::{DeflateEncoder, GzEncoder, ZlibEncoder};

    fn all(mut from: impl Read) -> Vec<u8> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).expect("bytes");
        bytes
    }

    fn unpacked(encoding: &str, body: Vec<u8>) -> Vec<u8> {
        all(unpack(encoding, Box::new(io::Cursor::new(body))).expect("a known packing"))
    }

    fn all_of(body: &[u8]) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        unpack("gzip", Box::new(io::Cursor::new(body.to_vec()))).expect("gzip").read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn every_packing_is_undone() {
        let plain: Vec<u8> = (0..100_000_u32).flat_map(|number| (number / 7).to_le_bytes()).collect();
        let gzip = all(GzEncoder::new(&plain[..], Compression::fast()));
        assert_eq!(unpacked("gzip", [gzip.clone(), gzip.clone()].concat()), [plain.clone(), plain.clone()].concat());
        assert_eq!(unpacked("deflate", all(ZlibEncoder::new(&plain[..], Compression::fast()))), plain);
        assert_eq!(unpacked("deflate", all(DeflateEncoder::new(&plain[..], Compression::fast()))), plain);
        assert_eq!(unpacked("zstd", zstd::encode_all(&plain[..], 1).expect("zstd")), plain);
        assert_eq!(
            unpacked(
                "zstd, gzip",
                all(GzEncoder::new(&*zstd::encode_all(&plain[..], 1).expect("zstd"), Compression::fast()))
            ),
            plain
        );
        assert_eq!(unpacked("gzip", Vec::new()), b"");
        assert_eq!(unpacked("identity", b"x".to_vec()), b"x");
        for unknown in ["UTF-8", "none", "binary", "aws-chunked", "aws-chunked, gzip"] {
            let body = if unknown.ends_with("gzip") { gzip.clone() } else { plain.clone() };
            assert_eq!(unpacked(unknown, body), plain, "{unknown}");
        }
        assert!(unpack("gzip, gzip, gzip, gzip", Box::new(io::empty())).is_err());
        // what stands behind the end, or is missing of it, does no harm
        for more in [vec![0; 600], b"garbage".to_vec(), vec![0x1f]] {
            assert_eq!(unpacked("gzip", [gzip.clone(), more].concat()), plain);
        }
        for cut in 1..=8 {
            assert_eq!(unpacked("gzip", gzip[..gzip.len() - cut].to_vec()), plain, "{cut}");
        }
        let mut named = b"\x1f\x8b\x08\x1e\0\0\0\0\0\xff\x02\0abname\0comment\0\0\0".to_vec();
        named.extend_from_slice(&gzip[10..]);
        assert_eq!(unpacked("gzip", named), plain);
        assert!(all_of(b"no gzip").is_err() && all_of(&[0x1f, 0x8b, 8]).is_err());
        let mut cut = unpack("gzip", Box::new(io::Cursor::new(gzip[..gzip.len() / 2].to_vec()))).expect("gzip");
        assert!(cut.read_to_end(&mut Vec::new()).is_err(), "a body that breaks off is noticed");
    }
}
