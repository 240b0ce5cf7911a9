//! What S3 answers, in XML: failures, lists, the number of an upload.

use std::fmt;

use chrono::DateTime;
use percent_encoding::percent_decode_str;

use crate::error::{Error, Result};
use crate::soap::xml::{Element, Limits, parse};
use crate::storage::store::FoundFile;

/// A list of a thousand has some hundred KiB.
const LIMITS: Limits = Limits { bytes_max: 8 << 20, depth_max: 16, elements_max: 50_000, attributes_max: 32 };

/// What went wrong, in the server's words.
pub(super) struct Failure {
    /// For programs: `NoSuchBucket`.
    pub(super) code: String,
    message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

/// A page of a list.
pub(super) struct Page {
    pub(super) files: Vec<FoundFile>,
    /// Where the next page begins.
    pub(super) next: Option<String>,
}

/// The failure that an answer tells of, also one with status 200.
pub(super) fn failure(body: &[u8]) -> Option<Failure> {
    let element = parse(body, &LIMITS).ok().filter(|element| &*element.name.local == "Error")?;
    Some(Failure {
        code: text(&element, "Code").unwrap_or_default(),
        message: text(&element, "Message").unwrap_or_default(),
    })
}

/// The number of an upload in parts.
///
/// # Errors
/// Failed, when there is none.
pub(super) fn upload_id(body: &[u8]) -> Result<String> {
    let element = parse(body, &LIMITS)?;
    text(&element, "UploadId").ok_or_else(|| Error::failed("begin an upload: the answer has no UploadId"))
}

/// A page of a list.
///
/// # Errors
/// Failed, for what is none.
pub(super) fn page(body: &[u8]) -> Result<Page> {
    let list = parse(body, &LIMITS)?;
    if &*list.name.local != "ListBucketResult" {
        return Err(Error::failed(format!("read a list: the answer is `{}`", list.name.local)));
    }
    let files =
        list.elements().filter(|element| &*element.name.local == "Contents").map(file).collect::<Result<_>>()?;
    let is_cut = text(&list, "IsTruncated").is_some_and(|text| text == "true");
    Ok(Page { files, next: text(&list, "NextContinuationToken").filter(|_| is_cut) })
}

fn file(element: &Element) -> Result<FoundFile> {
    let wrong = |what: &str| Error::failed(format!("read a list: a file has no {what}"));
    let key = text(element, "Key").ok_or_else(|| wrong("Key"))?;
    // some encode a blank as a form does
    let key = key.replace('+', " ");
    let path = percent_decode_str(&key).decode_utf8().map_err(|_| wrong("Key that is text"))?.into_owned();
    let bytes = text(element, "Size").and_then(|text| text.parse().ok()).ok_or_else(|| wrong("Size"))?;
    let modified = text(element, "LastModified").and_then(|text| DateTime::parse_from_rfc3339(&text).ok());
    Ok(FoundFile { path, bytes, modified: modified.ok_or_else(|| wrong("LastModified"))?.naive_utc() })
}

/// The text of an element; servers differ in namespaces.
fn text(element: &Element, name: &str) -> Option<String> {
    element.elements().find(|inner| &*inner.name.local == name).map(|inner| inner.text().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_with_and_without_a_namespace() {
        for namespace in ["", " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""] {
            let body = format!(
                "<?xml version=\"1.0\"?><ListBucketResult{namespace}><IsTruncated>true</IsTruncated>\
                 <NextContinuationToken>t&amp;1</NextContinuationToken><Contents><Key>a%20b/%C4%8D.pdf</Key>\
                 <LastModified>2026-11-29T01:02:03.000Z</LastModified><Size>7</Size></Contents></ListBucketResult>"
            );
            let page = page(body.as_bytes()).expect("a page");
            assert_eq!((page.next.as_deref(), page.files.len()), (Some("t&1"), 1));
            assert_eq!((page.files[0].path.as_str(), page.files[0].bytes), ("a b/\u{10d}.pdf", 7));
        }
        assert!(page(b"<html/>").is_err() && page(b"no XML").is_err());
    }

    #[test]
    fn a_failure_is_told_in_the_words_of_the_server() {
        let body = b"<Error><Code>NoSuchBucket</Code><Message>It is not there</Message></Error>";
        assert_eq!(failure(body).expect("a failure").to_string(), "NoSuchBucket: It is not there");
        assert!(failure(b"").is_none() && failure(b"<ListBucketResult/>").is_none());
    }
}
