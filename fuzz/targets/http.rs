//! What servers answer, and what was kept of it.

use std::io::{Cursor, Read};

use url::Url;

use super::cassette::Tape;
use super::cookies::Jar;
use super::options::{Cookies, Traffic};
use super::request::Request;
use super::{RequestOptions, charset, decode};
use crate::fuzzing::{context, halves};

/// So much of a body is unpacked.
const BODY_BYTES_MAX: u64 = 4 << 20;

/// Headers `Set-Cookie`, one a line: one that is good comes back whatever stands beside it, and a file that was kept is the
/// same jar.
pub fn cookies(data: &[u8]) {
    let url = Url::parse("https://shop.example.com/a/b").expect("a URL");
    let folder = tempfile::tempdir().expect("a folder");
    let policy = Cookies::Kept(folder.path().join("cookies.json"));
    let jar = Jar::open(&policy).expect("a jar");
    jar.take(&url, data.split(|byte| *byte == b'\n'));
    // it comes after the others, and its sign is no harm to it
    jar.take(&url, [&b"last=1; Path=/"[..]].into_iter());
    let header = jar.header(&url).expect("a header");
    assert!(header.as_bytes().split(|byte| *byte == b' ').any(|pair| pair.starts_with(b"last=1")), "{header:?}");
    jar.keep().expect("a file");
    assert_eq!(Jar::open(&policy).expect("a jar").header(&url), Some(header));
    // the file itself, of any content
    std::fs::write(folder.path().join("cookies.json"), data).expect("a file");
    if let Ok(jar) = Jar::open(&policy) {
        let _ = jar.header(&url);
    }
}

/// The headers `Content-Encoding` and `Content-Type`, a line each, and a body: it is unpacked and read within bounds.
pub fn body(data: &[u8]) {
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    let mut next = || lines.next().unwrap_or_default();
    let (encoding, kind, packed) = (next(), next(), next());
    let [encoding, kind] = [encoding, kind].map(String::from_utf8_lossy);
    let mut unpacked = Vec::new();
    if let Ok(stream) = decode::unpack(&encoding, Box::new(Cursor::new(packed.to_vec()))) {
        let _ = stream.take(BODY_BYTES_MAX).read_to_end(&mut unpacked);
    }
    for bytes in [packed, &unpacked] {
        let decoded = charset::decode(bytes, Some(&kind));
        assert!(!decoded.charset.is_empty());
        if std::str::from_utf8(bytes).is_ok_and(|it| it.is_ascii()) && decoded.charset == "UTF-8" {
            assert_eq!(decoded.text.as_bytes(), bytes);
        }
    }
}

/// A URL, and behind the mark a file of a cassette: it is served, or refused with its place.
pub fn cassette(data: &[u8]) {
    let Some((url, tape)) = halves(data) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("one.ndjson"), tape).expect("a file");
    let place = folder.path().display().to_string();
    let (_project, context) = context(&[("DC_CASSETTE", &place), ("DC_CASSETTE_MODE", "replay")]);
    if let Err(error) = Tape::of(context.settings()) {
        return assert!(error.to_string().contains(&place), "{error}");
    }
    let options = RequestOptions::of(context.settings()).expect("options");
    assert!(matches!(options.traffic, Traffic::Collected), "nothing goes over the network");
    let request = Request::with(&context, options).expect("a session");
    if let Ok(answer) = request.get(url.trim()).send() {
        let _ = (answer.text(), answer.ok().map(|answer| answer.json::<serde_json::Value>().is_ok()));
    }
}
