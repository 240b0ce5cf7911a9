//! The texts that the cells of a workbook share, on disk: a workbook of a million rows has as many.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;

use crate::error::Result;
use crate::formats::temporary::{spool_error, temporary_file};
use crate::formats::xml::events::{Node, Nodes};

/// Texts that are kept in memory as well, by their place.
const RECENT_MAX: usize = 1 << 12;

/// Texts by their place.
#[derive(Default)]
pub(super) struct SharedStrings {
    files: Option<Files>,
    count: u64,
    /// What was asked for last, at its place modulo the length.
    recent: Vec<Option<(u64, String)>>,
}

struct Files {
    texts: File,
    /// Where each text ends, 8 bytes each.
    ends: File,
}

impl SharedStrings {
    /// Reads `sharedStrings.xml`.
    pub(super) fn read(name: &str, stream: impl Read) -> Result<Self> {
        let mut nodes = Nodes::new(name, BufReader::new(stream));
        let (mut texts, mut ends) = (BufWriter::new(temporary_file()?), BufWriter::new(temporary_file()?));
        let (mut end, mut count) = (0_u64, 0);
        let mut item = TextItem::default();
        let mut depth = 0;
        while let Some(node) = nodes.next_node()? {
            match &node {
                Node::Start(name, _) if depth == 1 && name == "si" => item = TextItem::default(),
                Node::End if depth == 2 => {
                    let text = item.take();
                    texts.write_all(text.as_bytes()).map_err(spool_error)?;
                    end += text.len() as u64;
                    ends.write_all(&end.to_le_bytes()).map_err(spool_error)?;
                    count += 1;
                }
                _ => {}
            }
            depth += match &node {
                Node::Start(..) => 1,
                Node::End => -1,
                Node::Text(_) => 0,
            };
            item.see(&node);
        }
        let finish = |writer: BufWriter<File>| writer.into_inner().map_err(|cause| spool_error(cause.into_error()));
        let files = Files { texts: finish(texts)?, ends: finish(ends)? };
        Ok(Self { files: Some(files), count, recent: vec![None; RECENT_MAX] })
    }

    /// The text at a place; `None` where there is none.
    pub(super) fn get(&mut self, place: u64) -> Result<Option<String>> {
        let Some(files) = self.files.as_ref().filter(|_| place < self.count) else { return Ok(None) };
        let at = (place % RECENT_MAX as u64) as usize;
        if let Some((known, text)) = &self.recent[at]
            && *known == place
        {
            return Ok(Some(text.clone()));
        }
        let mut bounds = [0; 16];
        let start = match place.checked_sub(1) {
            Some(before) => {
                files.ends.read_exact_at(&mut bounds, before * 8).map_err(spool_error)?;
                u64::from_le_bytes(bounds[..8].try_into().unwrap_or_default())
            }
            None => {
                files.ends.read_exact_at(&mut bounds[8..], 0).map_err(spool_error)?;
                0
            }
        };
        let end = u64::from_le_bytes(bounds[8..].try_into().unwrap_or_default());
        let mut text = vec![0; usize::try_from(end - start).unwrap_or(0)];
        files.texts.read_exact_at(&mut text, start).map_err(spool_error)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        self.recent[at] = Some((place, text.clone()));
        Ok(Some(text))
    }
}

/// The text inside of an element: of its `t` elements, but for those that say how others are spoken.
#[derive(Debug, Default)]
pub(super) struct TextItem {
    text: String,
    open: Vec<bool>,
    phonetic: usize,
}

impl TextItem {
    /// Notes what stands inside.
    pub(super) fn see(&mut self, node: &Node) {
        match node {
            Node::Start(name, _) => {
                self.phonetic += usize::from(name == "rPh" || self.phonetic > 0);
                self.open.push(name == "t");
            }
            Node::End => {
                self.phonetic = self.phonetic.saturating_sub(1);
                self.open.pop();
            }
            Node::Text(text) if self.open.last() == Some(&true) && self.phonetic == 0 => self.text.push_str(text),
            Node::Text(_) => {}
        }
    }

    /// The text so far.
    pub(super) fn take(&mut self) -> String {
        unescaped(&std::mem::take(&mut self.text))
    }
}

/// Characters that XML has no place for are written as `_x000D_`.
pub(super) fn unescaped(text: &str) -> String {
    if !text.contains("_x") {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        out.push_str(&rest[..at]);
        let code = rest.get(at + 2..at + 6).filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let is_closed = rest.as_bytes().get(at + 6) == Some(&b'_');
        let letter = code.filter(|_| is_closed).and_then(|code| u32::from_str_radix(code, 16).ok());
        match letter.and_then(char::from_u32) {
            Some(letter) => {
                out.push(letter);
                rest = &rest[at + 7..];
            }
            None => {
                out.push_str("_x");
                rest = &rest[at + 2..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_by_their_place() {
        let xml = "<sst><si><t>a</t></si><si><r><t>b</t></r><r><t xml:space='preserve'> c</t></r><rPh><t>x</t></rPh></si>\
                   <si/><si><t>_x000D_é</t></si></sst>";
        let mut strings = SharedStrings::read("it", xml.as_bytes()).expect("strings");
        let mut get = |place| strings.get(place).expect("a text");
        assert_eq!((get(1).as_deref(), get(0).as_deref(), get(2).as_deref()), (Some("b c"), Some("a"), Some("")));
        assert_eq!((get(3).as_deref(), get(4)), (Some("\ré"), None));
        assert_eq!((unescaped("_x005F_x000D_"), unescaped("a_xyz_")), ("_x000D_".to_owned(), "a_xyz_".to_owned()));
    }
}
