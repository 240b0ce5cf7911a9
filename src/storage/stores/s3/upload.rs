//! Uploads: at once, and large ones in parts, each signed with its own hash.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::answer;
use super::bucket::Bucket;
use super::sign::EMPTY_SHA256;
use crate::error::{Error, Result, file_error};
use crate::http::{Body, Method};
use crate::storage::digest::{self, ReadFailure};
use crate::storage::staged::Staged;
use crate::tables::hex_text;

/// A larger file goes in parts.
const WHOLE_BYTES_MAX: u64 = 128 << 20;
/// The size of a part.
const PART_BYTES: u64 = 64 << 20;
/// S3 takes no more parts.
const PARTS_MAX: u64 = 10_000;

/// Uploads what is in a file.
///
/// # Errors
/// What the file system or the server says.
pub(super) fn upload(bucket: &Bucket, file: &Path, staged: &Staged, key: &str) -> Result<()> {
    if staged.bytes <= WHOLE_BYTES_MAX {
        let body = Body::part(file, 0, staged.bytes);
        return bucket.ask(Method::PUT, key, &[], (body, &hex_text(&staged.sha256))).map(drop);
    }
    let begun = bucket.ask(Method::POST, key, &[("uploads", "")], (Body::None, EMPTY_SHA256))?;
    let id = answer::upload_id(begun.bytes())?;
    let done = parts(bucket, (file, staged.bytes), (key, &id)).and_then(|list| complete(bucket, (key, &id), &list));
    if done.is_err() {
        // what was sent would be paid for
        let aborted = bucket.ask(Method::DELETE, key, &[("uploadId", &id)], (Body::None, EMPTY_SHA256));
        if let Err(error) = aborted {
            log::warn!("an upload of `{key}` was begun and could not be taken back: {error}");
        }
    }
    done
}

fn parts(bucket: &Bucket, (file, bytes): (&Path, u64), (key, id): (&str, &str)) -> Result<Vec<String>> {
    let size = PART_BYTES.max(bytes.div_ceil(PARTS_MAX));
    let mut tags = Vec::new();
    let mut offset = 0;
    while offset < bytes {
        let length = size.min(bytes - offset);
        let sha256 = hash(file, offset, length)?;
        let number = (tags.len() + 1).to_string();
        let body = (Body::part(file, offset, length), sha256.as_str());
        let answer = bucket.ask(Method::PUT, key, &[("partNumber", &number), ("uploadId", id)], body)?;
        let tag =
            answer.header("etag").ok_or_else(|| Error::failed(format!("upload part {number}: it has no ETag")))?;
        tags.push(tag.to_owned());
        offset += length;
    }
    Ok(tags)
}

fn hash(file: &Path, offset: u64, length: u64) -> Result<String> {
    let failed = |cause| file_error(format!("read {}", file.display()), cause);
    let mut file = File::open(file).map_err(failed)?;
    file.seek(SeekFrom::Start(offset)).map_err(failed)?;
    match digest::read_all(&mut file.take(length), &mut |_| Ok(())) {
        Ok(copied) => Ok(hex_text(&copied.sha256)),
        Err(ReadFailure::Read(cause)) => Err(failed(cause)),
        Err(ReadFailure::Each(error)) => Err(error),
    }
}

fn complete(bucket: &Bucket, (key, id): (&str, &str), tags: &[String]) -> Result<()> {
    let part = |(place, tag): (usize, &String)| {
        let tag = tag.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        format!("<Part><PartNumber>{}</PartNumber><ETag>{tag}</ETag></Part>", place + 1)
    };
    let parts: String = tags.iter().enumerate().map(part).collect();
    let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>").into_bytes();
    let sha256 = hex_text(&digest::of(&body));
    bucket.ask(Method::POST, key, &[("uploadId", id)], (Body::bytes(body), &sha256)).map(drop)
}
