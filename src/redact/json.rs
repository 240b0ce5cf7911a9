//! JSON without secrets: only the insides of its values change, so that everything else keeps every byte.

use std::ops::Range;

use super::{MASK, Redactor, is_secret_name};

/// The keys of a record by which it is understood: their values stay.
const STRUCTURE: [&str; 6] = ["dc", "level", "severity", "levelname", "level_name", "log.level"];

impl Redactor {
    /// Appends JSON without secrets; it is JSON still.
    ///
    /// `name` is the key that the value has.
    pub(crate) fn json(&self, name: &str, json: &str, out: &mut Vec<u8>) {
        self.walk(name, json, false, out);
    }

    /// A log record as its program wrote it, without secrets in it; what says how grave it is stays.
    pub(crate) fn record(&self, json: &str) -> String {
        let mut out = Vec::with_capacity(json.len());
        self.walk("", json, true, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// A key: plain words are structure.
    pub(crate) fn key<'a>(&self, key: &'a str) -> std::borrow::Cow<'a, str> {
        match is_plain_key(key.as_bytes()) {
            true => key.into(),
            false => self.text(key),
        }
    }

    fn walk(&self, name: &str, json: &str, is_record: bool, out: &mut Vec<u8>) {
        let bytes = json.as_bytes();
        // the key of the value that comes next
        let mut key = name.to_owned();
        let mut depth = 0;
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                b'"' => {
                    let inside = string_at(bytes, at + 1);
                    let text = &bytes[inside.clone()];
                    out.push(b'"');
                    if is_key(bytes, inside.end + 1) {
                        key = String::from_utf8_lossy(text).into_owned();
                        self.inside(text, is_plain_key(text), out);
                    } else if is_record && depth == 1 && STRUCTURE.contains(&key.as_str()) {
                        out.extend_from_slice(text);
                    } else if is_secret_name(&key) {
                        out.extend_from_slice(MASK.as_bytes());
                    } else {
                        self.inside(text, false, out);
                    }
                    out.push(b'"');
                    at = inside.end + 1;
                }
                b'-' | b'0'..=b'9' => {
                    let is_end = |byte: &u8| b",]}:".contains(byte) || byte.is_ascii_whitespace();
                    let end = bytes[at..].iter().position(is_end).map_or(bytes.len(), |length| at + length);
                    if self.is_secret_number(&json[at..end]) && !(is_record && depth == 1 && key == "level") {
                        out.extend_from_slice(format!("\"{MASK}\"").as_bytes());
                    } else {
                        out.extend_from_slice(&bytes[at..end]);
                    }
                    at = end;
                }
                byte => {
                    depth += usize::from(byte == b'{' || byte == b'[');
                    depth = depth.saturating_sub(usize::from(byte == b'}' || byte == b']'));
                    out.push(byte);
                    at += 1;
                }
            }
        }
    }

    fn inside(&self, text: &[u8], stays: bool, out: &mut Vec<u8>) {
        match stays {
            true => out.extend_from_slice(text),
            false => out.extend_from_slice(&self.masked(text, true)),
        }
    }
}

fn is_plain_key(key: &[u8]) -> bool {
    key.iter().all(|byte| byte.is_ascii_alphabetic() || b"_.@".contains(byte))
}

/// The inside of the string that begins at `from`, behind its quote.
fn string_at(bytes: &[u8], from: usize) -> Range<usize> {
    let mut at = from;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    from..at.min(bytes.len())
}

fn is_key(bytes: &[u8], from: usize) -> bool {
    bytes.get(from..).and_then(|rest| rest.iter().find(|byte| !byte.is_ascii_whitespace())) == Some(&b':')
}
