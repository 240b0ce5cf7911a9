//! Inputs in other encodings, turned into UTF-8 before anything else reads them. What cannot be turned is refused.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::source::WINDOW_BYTES;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::formats::{spool_error, temporary_file};
use crate::merge::plan::description::Merge;

/// Of two bytes of UTF-16 one is zero where letters are Latin; so many pairs in a hundred are enough.
const ZEROS_PERCENT_MIN: usize = 40;

/// The same file in UTF-8; `told` is the encoding that it tells of itself.
///
/// # Errors
/// Usage for an unknown encoding; failed for text that is not in it, and for one that is in another and says so.
pub(crate) fn to_utf8(name: &str, file: File, merge: &Merge, told: Option<&str>) -> Result<File> {
    let mut start = vec![0; WINDOW_BYTES];
    let count = file.read_at(&mut start, 0).map_err(|cause| file_error(format!("read {name}"), cause))?;
    start.truncate(count);
    if start.starts_with(&[0xff, 0xfe, 0, 0]) || start.starts_with(&[0, 0, 0xfe, 0xff]) {
        let what = format!("read {name}: it is UTF-32");
        return Err(Error::failed(what).hint(format!("dc merge TABLE -- iconv -f UTF-32 -t UTF-8 {name}")));
    }
    let own = |label: &str| Encoding::for_label(label.as_bytes());
    let encoding = match &merge.encoding {
        Some(label) => named(label)?,
        None => recognised(&start).or(told.and_then(own)).unwrap_or(UTF_8),
    };
    if encoding != UTF_8 {
        return turned(name, file, encoding, merge);
    }
    // with bad records set aside, each that is not UTF-8 is one
    if merge.encoding.is_none() && merge.rejects.is_none() {
        check_utf8(name, &start)?;
    }
    Ok(file)
}

fn named(label: &str) -> Result<&'static Encoding> {
    Encoding::for_label(label.as_bytes()).ok_or_else(|| {
        Error::new(ErrorKind::Usage, format!("unknown encoding `{label}`"))
            .hint("labels are those of the WHATWG Encoding Standard: utf-8, utf-16le, windows-1250, iso-8859-2, ...")
    })
}

/// UTF-16, by its mark or by its zeros.
pub(crate) fn recognised(start: &[u8]) -> Option<&'static Encoding> {
    match start {
        [0xff, 0xfe, ..] => return Some(UTF_16LE),
        [0xfe, 0xff, ..] => return Some(UTF_16BE),
        _ => {}
    }
    let zeros = |at: usize| start.chunks_exact(2).filter(|pair| pair[at] == 0 && pair[1 - at] != 0).count();
    let is_most = |zeros: usize| zeros * 200 > start.len() * ZEROS_PERCENT_MIN;
    match (is_most(zeros(0)), is_most(zeros(1))) {
        (true, false) => Some(UTF_16BE),
        (false, true) => Some(UTF_16LE),
        _ => None,
    }
}

/// Refuses a start that is not UTF-8, with the encoding that it most likely has.
fn check_utf8(name: &str, start: &[u8]) -> Result<()> {
    let Err(cause) = std::str::from_utf8(start) else { return Ok(()) };
    // the last letter may only be cut in two
    if cause.error_len().is_none() {
        return Ok(());
    }
    let line = memchr::memchr_iter(b'\n', &start[..cause.valid_up_to()]).count() + 1;
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(start, true);
    let likely = detector.guess(None, chardetng::Utf8Detection::Deny).name().to_lowercase();
    let what = format!("read {name}: it is not UTF-8 (line {line})");
    Err(Error::failed(what).hint(format!(
        "name its encoding, most likely `--encoding {likely}`; or set bad records aside with `--rejects FILE`; nothing was changed"
    )))
}

/// Decodes strictly: a byte that stands for nothing is an error, never another character.
fn turned(name: &str, mut file: File, encoding: &'static Encoding, merge: &Merge) -> Result<File> {
    let fail = |cause| file_error(format!("read {name}"), cause);
    file.seek(SeekFrom::Start(0)).map_err(fail)?;
    let mut decoder = encoding.new_decoder_with_bom_removal();
    let mut turned = temporary_file()?;
    let mut bytes = vec![0; WINDOW_BYTES];
    // a byte becomes three at most
    let mut text = vec![0; WINDOW_BYTES * 3 + 16];
    let (mut offset, mut last) = (0_u64, false);
    while !last {
        merge.cancellation.check()?;
        let count = file.read(&mut bytes).map_err(fail)?;
        last = count == 0;
        let mut at = 0;
        loop {
            let (result, read, written) =
                decoder.decode_to_utf8_without_replacement(&bytes[at..count], &mut text, last);
            turned.write_all(&text[..written]).map_err(spool_error)?;
            at += read;
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => {
                    let place = offset + at as u64;
                    let what = format!("read {name} as {}: byte {place} stands for nothing in it", encoding.name());
                    return Err(Error::failed(what)
                        .hint("the file is damaged, or in another encoding: `--encoding`; nothing was changed"));
                }
            }
        }
        offset += count as u64;
    }
    Ok(turned)
}
