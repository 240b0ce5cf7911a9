//! Messages of several parts: MTOM, where bytes stand beside the envelope in place of base64 in it, and SOAP with attachments.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use percent_encoding::percent_decode_str;

use super::xml::{Element, Node};
use crate::error::{Error, ErrorKind, Result};
use crate::http::header_parameters;

/// The namespace of `Include`, which stands for bytes beside the envelope.
const XOP: &str = "http://www.w3.org/2004/08/xop/include";
/// What a request of several parts calls its envelope, and what parts it.
const ROOT: &str = "envelope@data-collector";
/// More parts are refused.
const PARTS_MAX: usize = 10_000;

/// What came beside the envelope, and is not a part of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its `Content-ID`, as `cid:` in a value names it.
    pub id: Option<String>,
    /// Its `Content-Location`.
    pub location: Option<String>,
    /// What it is.
    pub content_type: Option<String>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A message in its parts.
#[derive(Debug)]
pub(super) struct Package<'b> {
    /// The envelope.
    pub(super) root: &'b [u8],
    parts: Vec<Part<'b>>,
}

#[derive(Debug)]
struct Part<'b> {
    headers: HashMap<String, String>,
    body: &'b [u8],
    is_used: bool,
}

impl<'b> Package<'b> {
    /// Whether a message has several parts.
    pub(super) fn is(content_type: &str) -> bool {
        content_type.trim_start().get(..10).is_some_and(|start| start.eq_ignore_ascii_case("multipart/"))
    }

    /// # Errors
    /// Failed, for what has no parts.
    pub(super) fn read(content_type: &str, bytes: &'b [u8]) -> Result<Self> {
        let parameters = header_parameters(content_type);
        let get = |wanted: &str| parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        let broken = |what: &str| Error::failed(format!("read an answer with attachments: {what}"));
        let boundary = get("boundary").filter(|text| !text.is_empty()).ok_or_else(|| broken("it names no boundary"))?;
        let mut parts = parts(bytes, boundary);
        if parts.len() > PARTS_MAX {
            return Err(broken("it has too many parts"));
        }
        let start = get("start").map(bare);
        let place = start.and_then(|start| parts.iter().position(|part| part.id() == Some(start)));
        if parts.is_empty() {
            return Err(broken("none of its parts came"));
        }
        let root = parts.remove(place.unwrap_or_default());
        Ok(Self { root: root.body, parts })
    }

    /// Puts the bytes beside the envelope where it refers to them, as base64, of `bytes_max` in all.
    ///
    /// # Errors
    /// Failed, for a part that did not come; refused, for too many bytes.
    pub(super) fn include(&mut self, envelope: &mut Element, bytes_max: u64) -> Result<()> {
        let mut left = bytes_max;
        self.fill(envelope, &mut left)
    }

    fn fill(&mut self, element: &mut Element, left: &mut u64) -> Result<()> {
        let include = element.child(XOP, "Include").map(|it| it.attribute("href").unwrap_or_default().to_owned());
        if let Some(href) = include {
            let part = self.find(&href).ok_or_else(|| {
                Error::failed(format!("read an answer with attachments: `{href}` is not among its parts"))
            })?;
            let bytes = part.decoded();
            part.is_used = true;
            let rest = left.checked_sub(bytes.len() as u64).ok_or_else(|| {
                Error::new(ErrorKind::Refused, "read an answer with attachments: it refers to too many bytes")
                    .hint("raise the limit of bytes in the options of the client")
            })?;
            *left = rest;
            element.children = vec![Node::Text(STANDARD.encode(bytes))];
            return Ok(());
        }
        element.children.iter_mut().try_for_each(|node| match node {
            Node::Element(element) => self.fill(element, left),
            Node::Text(_) => Ok(()),
        })
    }

    fn find(&mut self, href: &str) -> Option<&mut Part<'b>> {
        let id = href.strip_prefix("cid:").map(|id| percent_decode_str(id).decode_utf8_lossy().into_owned());
        self.parts.iter_mut().find(|part| match &id {
            Some(id) => part.id() == Some(id),
            None => part.headers.get("content-location").is_some_and(|location| location == href),
        })
    }

    /// What no value holds.
    pub(super) fn rest(self) -> Vec<Attachment> {
        let rest = self.parts.into_iter().filter(|part| !part.is_used);
        rest.map(|part| Attachment {
            id: part.id().map(str::to_owned),
            location: part.headers.get("content-location").cloned(),
            content_type: part.headers.get("content-type").cloned(),
            bytes: part.decoded(),
        })
        .collect()
    }
}

impl<'b> Part<'b> {
    fn id(&self) -> Option<&str> {
        self.headers.get("content-id").map(|id| bare(id))
    }

    /// Its bytes, as they were before they were written for mail.
    fn decoded(&self) -> Vec<u8> {
        let encoding = self.headers.get("content-transfer-encoding");
        if encoding.is_some_and(|it| it.eq_ignore_ascii_case("base64")) {
            let text: Vec<u8> = self.body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
            if let Ok(bytes) = STANDARD.decode(text) {
                return bytes;
            }
        }
        self.body.to_vec()
    }
}

/// An identity without the brackets around it.
fn bare(id: &str) -> &str {
    id.trim().trim_start_matches('<').trim_end_matches('>')
}

/// The parts between the boundaries.
fn parts<'b>(bytes: &'b [u8], boundary: &str) -> Vec<Part<'b>> {
    let mark = [b"--", boundary.as_bytes()].concat();
    let is_mark = |at: &usize| {
        let is_at_start = *at == 0 || bytes[at - 1] == b'\n';
        is_at_start && matches!(bytes.get(at + mark.len()), None | Some(b'\r' | b'\n' | b'-' | b' ' | b'\t'))
    };
    let marks: Vec<usize> = memmem::find_iter(bytes, &mark).filter(is_mark).collect();
    let mut found = Vec::new();
    for (place, at) in marks.iter().enumerate() {
        let after = at + mark.len();
        if bytes[after..].starts_with(b"--") {
            break;
        }
        let Some(line) = memchr::memchr(b'\n', &bytes[after..]) else { break };
        let start = after + line + 1;
        // one that breaks off is not whole
        let Some(next) = marks.get(place + 1) else { break };
        let inner = &bytes[start.min(*next)..*next];
        let inner = inner.strip_suffix(b"\n").unwrap_or(inner);
        let inner = inner.strip_suffix(b"\r").unwrap_or(inner);
        found.push(part(inner));
    }
    found
}

fn part(bytes: &[u8]) -> Part<'_> {
    let mut headers: HashMap<String, String> = HashMap::new();
    let (mut at, mut last) = (0, String::new());
    while at < bytes.len() {
        let length = memchr::memchr(b'\n', &bytes[at..]).unwrap_or(bytes.len() - at);
        let line = bytes[at..at + length].trim_ascii_end();
        at = (at + length + 1).min(bytes.len());
        if line.is_empty() {
            break;
        }
        let text = String::from_utf8_lossy(line).into_owned();
        match text.split_once(':') {
            // a line that goes on
            _ if text.starts_with([' ', '\t']) => {
                if let Some(value) = headers.get_mut(&last) {
                    value.push_str(&text);
                }
            }
            Some((name, value)) => {
                last = name.trim().to_ascii_lowercase();
                headers.insert(last.clone(), value.trim().to_owned());
            }
            None => {}
        }
    }
    Part { headers, body: &bytes[at..], is_used: false }
}

/// An envelope as a message of MTOM, and what `Content-Type` says of it. Its bytes stay in it as base64, which MTOM allows.
pub(super) fn packed(envelope: &str, content_type: &str) -> (Vec<u8>, String) {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let boundary = format!("part-{}", uuid::Uuid::now_v7().simple());
    let body = format!(
        "--{boundary}\r\nContent-Type: application/xop+xml; charset=utf-8; type=\"{kind}\"\r\n\
         Content-Transfer-Encoding: 8bit\r\nContent-ID: <{ROOT}>\r\n\r\n{envelope}\r\n--{boundary}--\r\n"
    );
    let parameters = header_parameters(content_type);
    let action = parameters.iter().find(|(name, _)| name == "action");
    let action = action.map(|(_, action)| format!("; action=\"{action}\"")).unwrap_or_default();
    let content_type = format!(
        "multipart/related; boundary=\"{boundary}\"; type=\"application/xop+xml\"; start=\"<{ROOT}>\"; \
         start-info=\"{kind}\"{action}"
    );
    (body.into_bytes(), content_type)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soap::xml::{Limits, parse};

    const KIND: &str = "Multipart/Related; type=\"application/xop+xml\"; start=\"<root@x>\"; boundary=\"b 1\"";

    fn message(binary: &[u8]) -> Vec<u8> {
        let envelope = "<e xmlns:xop='http://www.w3.org/2004/08/xop/include'><file><xop:Include href='cid:a%40x'/></file><ref href='cid:c@x'/></e>";
        let mut bytes =
            b"preamble --b 1 is none\r\n--b 1\r\nContent-ID: <a@x>\r\nContent-Type: image/png\r\n\r\n".to_vec();
        bytes.extend_from_slice(binary);
        bytes.extend_from_slice(
            format!(
                "\r\n--b 1\r\nContent-Type: application/xop+xml;\r\n charset=utf-8\r\ncontent-id: <root@x>\r\n\r\n{envelope}\r\n--b 1 \r\n\
                 Content-ID: <c@x>\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\nAw==\r\n--b 1--\r\nepilogue"
            )
            .as_bytes(),
        );
        bytes
    }

    #[test]
    fn bytes_beside_the_envelope_come_into_it_and_the_rest_is_handed_over() {
        // also what looks like an end of a line, or like a boundary
        for binary in [b"\x00\xff\r\n--b 2\r\n\n".as_slice(), b"", b"\r\n\r\n"] {
            let message = message(binary);
            let mut package = Package::read(KIND, &message).expect("parts");
            let mut root = parse(package.root, &Limits::default()).expect("XML");
            package.include(&mut root, 1_000).expect("included");
            assert_eq!(root.child("", "file").expect("one").text(), STANDARD.encode(binary));
            let rest = package.rest();
            assert_eq!(rest.len(), 1);
            assert_eq!((rest[0].id.as_deref(), rest[0].bytes.as_slice()), (Some("c@x"), [0, 1, 2, 3].as_slice()));
        }
    }

    #[test]
    fn what_is_missing_or_multiplies_is_refused() {
        let message = message(&[7; 600]);
        let mut package = Package::read(KIND, &message).expect("parts");
        let mut root = parse(package.root, &Limits::default()).expect("XML");
        assert_eq!(package.include(&mut root, 599).expect_err("too much").kind(), ErrorKind::Refused);
        let cut = &message[..message.len() - 60];
        let mut package = Package::read(&KIND.replace("<root@x>", "<other>"), cut).expect("parts");
        let broken = b"<e xmlns:x='http://www.w3.org/2004/08/xop/include'><x:Include href='cid:none'/></e>";
        let mut root = parse(broken, &Limits::default()).expect("XML");
        assert!(package.include(&mut root, 1_000).expect_err("none").to_string().contains("cid:none"));
        for (kind, bytes) in
            [("multipart/related", &b"--x"[..]), ("multipart/related; boundary=x", b"--x"), (KIND, b"")]
        {
            assert!(Package::read(kind, bytes).is_err(), "{kind}");
        }
    }

    #[test]
    fn a_request_of_mtom_is_read_again() {
        let (body, kind) = packed("<e/>", "application/soap+xml; charset=utf-8; action=\"urn:a\"");
        assert!(kind.contains("start-info=\"application/soap+xml\"; action=\"urn:a\""), "{kind}");
        assert!(Package::is(&kind) && !Package::is("text/xml"));
        assert_eq!(Package::read(&kind, &body).expect("parts").root, b"<e/>");
    }
}
