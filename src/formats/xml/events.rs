//! What stands in an XML file, one thing after the other: elements by their local names, texts with their references
//! resolved. No document type with declarations, five entities, bounded depth: as `soap/xml` has it, but in a stream.

use std::io::BufRead;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::path::local;
use super::source::{Counted, Gauge};
use crate::error::{Error, ErrorKind, Result};
use crate::formats::spool::RECORD_BYTES_MAX;

/// The most elements inside each other.
const DEPTH_MAX: usize = 256;
/// The most attributes of an element.
const ATTRIBUTES_MAX: usize = 512;

/// One thing in an XML file.
#[derive(Debug)]
pub(crate) enum Node {
    /// An element begins: its local name, and its attributes without those that declare namespaces.
    Start(String, Vec<(String, String)>),
    /// The innermost element ends.
    End,
    /// Text, or a part of one.
    Text(String),
}

/// Reads an XML file in UTF-8.
pub(crate) struct Nodes<'a, R: BufRead> {
    name: &'a str,
    reader: Reader<Counted<R>>,
    gauge: Gauge,
    buffer: Vec<u8>,
    depth: usize,
    has_root: bool,
    /// The end of an element that has no content.
    pending_end: bool,
    taken: usize,
}

impl<'a, R: BufRead> Nodes<'a, R> {
    pub(crate) fn new(name: &'a str, reader: R) -> Self {
        let (counted, gauge) = Counted::new(reader, RECORD_BYTES_MAX);
        let mut reader = Reader::from_reader(counted);
        reader.config_mut().check_end_names = true;
        let (depth, has_root, pending_end) = (0, false, false);
        Self { name, reader, gauge, buffer: Vec::new(), depth, has_root, pending_end, taken: 0 }
    }

    /// The line, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.gauge.line()
    }

    /// Bytes that were read since this was asked for the last time.
    pub(crate) fn taken(&mut self) -> usize {
        std::mem::take(&mut self.taken)
    }

    /// An error at this place.
    pub(crate) fn wrong(&self, kind: ErrorKind, why: &str) -> Error {
        Error::new(kind, format!("read {}, line {}: {why}", self.name, self.line()))
    }

    /// The next thing; `None` at the end of the file.
    pub(crate) fn next_node(&mut self) -> Result<Option<Node>> {
        if std::mem::take(&mut self.pending_end) {
            return Ok(Some(self.end()));
        }
        loop {
            self.buffer.clear();
            let mut buffer = std::mem::take(&mut self.buffer);
            let node = self.event(&mut buffer);
            self.buffer = buffer;
            self.taken += self.gauge.taken();
            match node? {
                Found::Node(node) => return Ok(Some(node)),
                Found::Nothing => {}
                Found::Eof => return Ok(None),
            }
        }
    }

    fn event(&mut self, buffer: &mut Vec<u8>) -> Result<Found> {
        let event = match self.reader.read_event_into(buffer) {
            Ok(event) => event,
            Err(cause) => {
                let error = Error::failed(format!("read {}, line {}", self.name, self.gauge.line()));
                return Err(error.because(cause.to_string()).hint("it is not well-formed XML; nothing was changed"));
            }
        };
        let text = |text: &str| Found::Node(Node::Text(text.replace("\r\n", "\n").replace('\r', "\n")));
        Ok(match event {
            Event::Start(start) => self.start(&start)?,
            Event::Empty(start) => {
                let found = self.start(&start)?;
                self.pending_end = true;
                found
            }
            Event::End(_) => Found::Node(self.end()),
            Event::Text(inside) if self.depth == 0 => match inside.trim().trim_start_matches('\u{feff}').is_empty() {
                true => Found::Nothing,
                false => return Err(self.wrong(ErrorKind::Failed, "text stands outside of the root element")),
            },
            Event::CData(_) | Event::GeneralRef(_) if self.depth == 0 => {
                return Err(self.wrong(ErrorKind::Failed, "text stands outside of the root element"));
            }
            Event::Text(inside) => text(&inside),
            Event::CData(inside) => text(&inside),
            Event::GeneralRef(name) => match reference(&name) {
                Some(letter) => Found::Node(Node::Text(letter.to_string())),
                None => return Err(self.wrong(ErrorKind::Refused, &format!("there is no entity `&{};`", &*name))),
            },
            Event::DocType(inside) if inside.contains('[') || inside.contains("<!") => {
                let why = "it brings a document type with declarations, as attacks with entities do";
                return Err(self.wrong(ErrorKind::Refused, why));
            }
            // what it points to is not loaded
            Event::DocType(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => Found::Nothing,
            Event::Eof if self.depth > 0 => {
                return Err(self
                    .wrong(ErrorKind::Failed, "it ends inside of an element")
                    .hint("it was cut short: fetch it again; nothing was changed"));
            }
            Event::Eof if !self.has_root => return Err(self.wrong(ErrorKind::Failed, "there is no element in it")),
            Event::Eof => Found::Eof,
        })
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<Found> {
        if self.depth == 0 && self.has_root {
            return Err(self.wrong(ErrorKind::Failed, "there is more than one root element"));
        }
        if self.depth >= DEPTH_MAX {
            return Err(self.wrong(ErrorKind::Refused, &format!("its elements are more than {DEPTH_MAX} deep")));
        }
        let name = local(start.name().as_ref()).to_owned();
        if name.is_empty() || name.contains(['<', '"', '\'', '&', '=']) {
            return Err(self.wrong(ErrorKind::Failed, &format!("`{name}` is not a name")));
        }
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|cause| self.wrong(ErrorKind::Failed, &cause.to_string()))?;
            let key: &str = attribute.key.as_ref();
            if key == "xmlns" || key.starts_with("xmlns:") {
                continue;
            }
            if attributes.len() >= ATTRIBUTES_MAX {
                let why = format!("an element has more than {ATTRIBUTES_MAX} attributes");
                return Err(self.wrong(ErrorKind::Refused, &why));
            }
            let value = value_of(&attribute.value).ok_or_else(|| {
                self.wrong(ErrorKind::Refused, &format!("the attribute `{key}` has an unknown entity"))
            })?;
            attributes.push((local(key).to_owned(), value));
        }
        self.depth += 1;
        self.has_root = true;
        Ok(Found::Node(Node::Start(name, attributes)))
    }

    fn end(&mut self) -> Node {
        self.depth = self.depth.saturating_sub(1);
        Node::End
    }
}

enum Found {
    Node(Node),
    Nothing,
    Eof,
}

/// The character that a reference stands for. There are five entities, and no others.
fn reference(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        let is_character = |letter: &char| *letter >= ' ' || matches!(letter, '\t' | '\n' | '\r');
        return char::from_u32(code).filter(is_character);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

/// A value of an attribute: references become characters, and each white space a blank.
fn value_of(raw: &str) -> Option<String> {
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    let blank = |text: &str| text.replace("\r\n", " ").replace(['\r', '\n', '\t'], " ");
    while let Some(place) = rest.find('&') {
        value.push_str(&blank(&rest[..place]));
        let end = rest[place..].find(';')?;
        value.push(reference(&rest[place + 1..place + end])?);
        rest = &rest[place + end + 1..];
    }
    value.push_str(&blank(rest));
    Some(value)
}
