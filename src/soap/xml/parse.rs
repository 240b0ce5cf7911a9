//! The parser, over quick-xml.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::element::{Element, Name, Node, Scope};
use crate::error::{Error, ErrorKind, Result};

/// How large a document may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes.
    pub bytes_max: u64,
    /// Elements inside each other.
    pub depth_max: usize,
    /// Elements.
    pub elements_max: usize,
    /// Attributes of an element.
    pub attributes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes_max: 20 << 20, depth_max: 256, elements_max: 1_000_000, attributes_max: 512 }
    }
}

/// Reads a document.
///
/// # Errors
/// Failed, for what is not well-formed; refused, for what goes beyond the limits or asks for entities.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Element> {
    if bytes.len() as u64 > limits.bytes_max {
        return Err(refused(format!("it has more than {} bytes", limits.bytes_max)));
    }
    let text = text_of(bytes)?;
    let mut reader = Reader::from_str(&text);
    let mut parser = Parser { limits, open: Vec::new(), root: None, names: HashMap::new(), elements: 0 };
    loop {
        let event = reader.read_event().map_err(|cause| {
            Error::failed(format!("read XML at byte {}", reader.error_position())).because(cause.to_string())
        })?;
        match event {
            Event::Start(start) => parser.start(&start)?,
            Event::Empty(start) => {
                parser.start(&start)?;
                parser.end();
            }
            Event::End(_) => parser.end(),
            Event::Text(text) => parser.text(&with_line_feeds(&text.into_inner()))?,
            Event::CData(text) => parser.text(&with_line_feeds(&text.into_inner()))?,
            Event::GeneralRef(name) => {
                let name = name.into_inner();
                parser.text(&reference(&name)?)?;
            }
            Event::DocType(text) if text.contains('[') || text.contains("<!") => {
                return Err(refused(
                    "it brings a document type with declarations, as attacks with entities do".to_owned(),
                ));
            }
            // what it points to is not loaded
            Event::DocType(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    if let Some(open) = parser.open.last() {
        return Err(Error::failed(format!("read XML: it ends inside <{}>", open.name.local)));
    }
    parser.root.ok_or_else(|| Error::failed("read XML: there is no element in it"))
}

fn refused(why: String) -> Error {
    Error::new(ErrorKind::Refused, format!("read XML: {why}"))
}

/// The document as UTF-8, by its mark, or by what it says of itself.
fn text_of(bytes: &[u8]) -> Result<Cow<'_, str>> {
    let marked = encoding_rs::Encoding::for_bom(bytes).map(|(encoding, _)| encoding);
    let start = &bytes[..bytes.len().min(200)];
    let told = || {
        let start = String::from_utf8_lossy(start);
        let declaration = start.trim_start().strip_prefix("<?xml")?.split_once("?>")?.0.to_owned();
        let label = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start().to_owned();
        let quote = label.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let label = label[1..].split(quote).next()?.to_owned();
        // whoever can read that knows that it is not UTF-16
        let of_two_bytes = [encoding_rs::UTF_16LE, encoding_rs::UTF_16BE];
        encoding_rs::Encoding::for_label(label.as_bytes()).filter(|encoding| !of_two_bytes.contains(encoding))
    };
    let encoding = marked.or_else(told).unwrap_or(encoding_rs::UTF_8);
    let (text, _, has_errors) = encoding.decode(bytes);
    if has_errors {
        return Err(Error::failed(format!("read XML: it is not in {}, as it should be", encoding.name())));
    }
    Ok(text)
}

/// The character that a reference stands for. There are five entities, and no others.
fn reference(name: &str) -> Result<String> {
    let number = name.strip_prefix('#').map(|number| match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => number.parse().ok(),
    });
    let found = match (name, number) {
        ("amp", _) => Some('&'),
        ("lt", _) => Some('<'),
        ("gt", _) => Some('>'),
        ("quot", _) => Some('"'),
        ("apos", _) => Some('\''),
        (_, Some(Some(code))) => char::from_u32(code).filter(|letter| is_character(*letter)),
        _ => None,
    };
    found.map(String::from).ok_or_else(|| refused(format!("there is no entity `&{name};`")))
}

/// Whether XML can hold a character, as it is or by a reference.
fn is_character(letter: char) -> bool {
    (letter >= ' ' || matches!(letter, '\t' | '\n' | '\r')) && !matches!(letter, '\u{fffe}' | '\u{ffff}')
}

/// A name without a prefix, as XML has them.
fn is_name(text: &str) -> bool {
    let starts = |letter: char| match letter {
        'A'..='Z' | 'a'..='z' | '_' => true,
        '\u{d7}' | '\u{f7}' | '\u{37e}' => false,
        '\u{c0}'..='\u{2ff}' | '\u{370}'..='\u{1fff}' | '\u{200c}' | '\u{200d}' | '\u{2070}'..='\u{218f}' => true,
        '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' => true,
        '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}' => true,
        _ => false,
    };
    let follows = |letter: char| match letter {
        '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}' | '\u{2040}' => true,
        letter => starts(letter),
    };
    text.starts_with(starts) && text.chars().all(follows)
}

/// Every end of a line is a line feed, as XML has it; another one is written as a reference.
fn with_line_feeds(text: &str) -> Cow<'_, str> {
    match text.contains('\r') {
        true => Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")),
        false => Cow::Borrowed(text),
    }
}

/// A value of an attribute: references become characters, and each white space that is none a blank.
fn value_of(raw: &str) -> Result<String> {
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    let blank = |text: &str| with_line_feeds(text).replace(['\n', '\t'], " ");
    while let Some(place) = rest.find('&') {
        value.push_str(&blank(&rest[..place]));
        let end = rest[place..].find(';').ok_or_else(|| Error::failed("read XML: a `&` without a `;`"))?;
        value.push_str(&reference(&rest[place + 1..place + end])?);
        rest = &rest[place + end + 1..];
    }
    value.push_str(&blank(rest));
    Ok(value)
}

struct Parser<'a> {
    limits: &'a Limits,
    open: Vec<Element>,
    root: Option<Element>,
    /// Names that were seen: most come again and again.
    names: HashMap<String, Arc<str>>,
    elements: usize,
}

impl Parser<'_> {
    fn start(&mut self, start: &BytesStart<'_>) -> Result<()> {
        self.elements += 1;
        if self.open.len() >= self.limits.depth_max {
            return Err(refused(format!("its elements are more than {} deep", self.limits.depth_max)));
        }
        if self.elements > self.limits.elements_max {
            return Err(refused(format!("it has more than {} elements", self.limits.elements_max)));
        }
        if self.root.is_some() {
            return Err(Error::failed("read XML: there is more than one root element"));
        }
        let mut raw: Vec<(String, String)> = Vec::new();
        let mut prefixes: Vec<(String, Arc<str>)> = Vec::new();
        for attribute in start.attributes() {
            let attribute =
                attribute.map_err(|cause| Error::failed("read XML: an attribute").because(cause.to_string()))?;
            let key = attribute.key.as_ref().to_owned();
            check_characters(&attribute.value)?;
            let value = value_of(&attribute.value)?;
            if raw.len() + prefixes.len() >= self.limits.attributes_max {
                return Err(refused(format!("an element has more than {} attributes", self.limits.attributes_max)));
            }
            if key == "xmlns" {
                prefixes.push((String::new(), self.intern(&value)));
            } else if let Some(prefix) = key.strip_prefix("xmlns:") {
                check_name(prefix, &key)?;
                prefixes.push((prefix.to_owned(), self.intern(&value)));
            } else {
                raw.push((key, value));
            }
        }
        let outer = self.open.last().map(|element| Arc::clone(&element.scope));
        let scope = match (outer, prefixes.is_empty()) {
            (Some(outer), true) => outer,
            (outer, _) => Arc::new(Scope { outer, prefixes }),
        };
        let name = self.name(start.name().as_ref(), &scope, true)?;
        let mut attributes = Vec::with_capacity(raw.len());
        for (key, value) in raw {
            let name = self.name(&key, &scope, false)?;
            // two prefixes of one namespace
            if attributes.iter().any(|(known, _)| *known == name) {
                return Err(Error::failed(format!("read XML: the attribute `{key}` stands twice")));
            }
            attributes.push((name, value));
        }
        self.open.push(Element { name, attributes, children: Vec::new(), scope });
        Ok(())
    }

    fn end(&mut self) {
        // quick-xml has seen to it that it fits
        let Some(element) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some(outer) => outer.children.push(Node::Element(element)),
            None => self.root = Some(element),
        }
    }

    fn text(&mut self, text: &str) -> Result<()> {
        check_characters(text)?;
        let Some(element) = self.open.last_mut() else {
            return match text.trim().is_empty() {
                true => Ok(()),
                false => Err(Error::failed("read XML: there is text outside the root element")),
            };
        };
        match element.children.last_mut() {
            Some(Node::Text(known)) => known.push_str(text),
            _ => element.children.push(Node::Text(text.to_owned())),
        }
        Ok(())
    }

    fn name(&mut self, raw: &str, scope: &Scope, is_element: bool) -> Result<Name> {
        let (prefix, local) = raw.split_once(':').unwrap_or(("", raw));
        let namespace = match prefix {
            // an attribute without a prefix is in no namespace
            "" if !is_element => Arc::from(""),
            "" => scope.find("").unwrap_or_default(),
            prefix => scope
                .find(prefix)
                .ok_or_else(|| Error::failed(format!("read XML: the prefix `{prefix}` of <{raw}> is not declared")))?,
        };
        check_name(local, raw)?;
        Ok(Name { namespace, local: self.intern(local) })
    }

    fn intern(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.names.get(text) {
            return Arc::clone(known);
        }
        let name: Arc<str> = text.into();
        self.names.insert(text.to_owned(), Arc::clone(&name));
        name
    }
}

/// Whether all stands in text that may.
fn check_characters(text: &str) -> Result<()> {
    match text.chars().find(|letter| !is_character(*letter)) {
        Some(letter) => Err(Error::failed(format!("read XML: it holds {letter:?}, which XML cannot"))),
        None => Ok(()),
    }
}

fn check_name(name: &str, raw: &str) -> Result<()> {
    match is_name(name) {
        true => Ok(()),
        false => Err(Error::failed(format!("read XML: `{raw}` is not a name"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn root(text: &str) -> Result<Element> {
        parse(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn names_and_texts_are_resolved() {
        let root = root(
            "<?xml version='1.0'?><!DOCTYPE a><a xmlns='u' xmlns:p='v' p:x='1 &amp;&#10;2' y='3'>t&lt;<![CDATA[<&]]>\
             <p:b xmlns='w'><c/></p:b><!-- no --></a>",
        )
        .expect("XML");
        assert_eq!((root.name.to_string().as_str(), root.text().as_str()), ("{u}a", "t<<&"));
        assert_eq!((root.attribute_in("v", "x"), root.attribute("y")), (Some("1 &\n2"), Some("3")));
        let b = root.child("v", "b").expect("b");
        assert_eq!(b.elements().next().expect("c").name, Name::new("w", "c"));
        assert_eq!(b.name_of("p:z"), Name::new("v", "z"));
        let declared = "<?xml version=\"1.0\" encoding=\"utf-16\"?><a>\u{161}</a>";
        assert_eq!(parse(declared.as_bytes(), &Limits::default()).expect("UTF-8").text(), "\u{161}");
        let latin = b"<?xml version=\"1.0\" encoding=\"ISO-8859-2\"?><a>\xb9</a>";
        assert_eq!(parse(latin, &Limits::default()).expect("XML").text(), "\u{161}");
    }

    #[test]
    fn white_space_is_as_xml_has_it() {
        let root = root("<a b='1&amp;\n2\t3&#10;4\r\n5'>x\r\ny\rz&#13;<![CDATA[\r\n]]></a>").expect("XML");
        assert_eq!((root.attribute("b"), root.text().as_str()), (Some("1& 2 3\n4 5"), "x\ny\nz\r\n"));
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for text in [
            "<a>\u{1}</a>",
            "<a b='\u{ffff}'/>",
            "<1/>",
            "<a\"/>",
            "<p:/>",
            "<a 'b'='1'/>",
            "<a xmlns:='u'/>",
            "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>",
        ] {
            assert!(root(text).is_err(), "{text}");
        }
        assert!(root("<?xml encoding=\u{e9}?><a\u{161}-1.b\u{b7}/>").is_ok());
    }

    #[test]
    fn attacks_are_refused_at_once() {
        let laughs = "<!DOCTYPE a [<!ENTITY b 'ha'><!ENTITY c '&b;&b;&b;'>]><a>&c;</a>";
        let external = "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>";
        let deep = "<a>".repeat(1_000_000);
        let wide = format!("<a {}/>", (0..1_000).map(|place| format!("a{place}='' ")).collect::<String>());
        for text in [laughs, external, &deep, &wide, "<a>&unknown;</a>", "<a b='&unknown;'/>", "<a>&#0;</a>"] {
            let error = root(text).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        }
        let small = Limits { bytes_max: 10, elements_max: 2, ..Limits::default() };
        assert!(parse(b"<aaaaaaaaaaaaaa/>", &small).is_err());
        let few = Limits { elements_max: 2, ..Limits::default() };
        assert!(parse(b"<a><b/><c/></a>", &few).is_err());
        for text in ["", "<a>", "<a></b>", "<a/><b/>", "text", "<p:a/>", "<a b=1/>", "<a b='1' b='2'/>", "<a>\u{1}"] {
            assert!(root(text).is_err(), "{text}");
        }
    }
}
