//! Writes XML, with prefixes made up as they are needed.

use std::borrow::Cow;

use super::element::Name;

/// Text that stands in XML; characters that XML cannot hold are left out.
pub(super) fn escape(text: &str) -> Cow<'_, str> {
    let is_plain =
        |letter: char| !matches!(letter, '&' | '<' | '>' | '"' | '\r') && (letter >= ' ' || "\t\n".contains(letter));
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            letter if letter >= ' ' || "\t\n".contains(letter) => out.push(letter),
            _ => {}
        }
    }
    Cow::Owned(out)
}

/// Writes elements; each namespace is declared once, at the root.
pub(in crate::soap) struct Writer {
    body: String,
    namespaces: Vec<(String, String)>,
    open: Vec<String>,
    /// The last start tag has not got its `>` yet.
    is_in_tag: bool,
}

impl Writer {
    /// A writer with some prefixes that are set.
    pub(in crate::soap) fn new(prefixes: &[(&str, &str)]) -> Self {
        let namespaces = prefixes.iter().map(|(prefix, uri)| ((*prefix).to_owned(), (*uri).to_owned())).collect();
        Self { body: String::new(), namespaces, open: Vec::new(), is_in_tag: false }
    }

    /// The name with its prefix.
    pub(in crate::soap) fn prefixed(&mut self, name: &Name) -> String {
        if name.namespace.is_empty() {
            return name.local.to_string();
        }
        if &*name.namespace == "http://www.w3.org/XML/1998/namespace" {
            return format!("xml:{}", name.local);
        }
        let known = self.namespaces.iter().find(|(_, uri)| **uri == *name.namespace).map(|(prefix, _)| prefix.clone());
        let prefix = known.unwrap_or_else(|| {
            let prefix = format!("n{}", self.namespaces.len());
            self.namespaces.push((prefix.clone(), name.namespace.to_string()));
            prefix
        });
        format!("{prefix}:{}", name.local)
    }

    pub(in crate::soap) fn start(&mut self, name: &Name) {
        self.close_tag();
        let name = self.prefixed(name);
        self.body.push('<');
        self.body.push_str(&name);
        self.open.push(name);
        self.is_in_tag = true;
    }

    pub(in crate::soap) fn attribute(&mut self, name: &Name, value: &str) {
        let name = self.prefixed(name);
        // as they are they would be read as blanks
        let value = escape(value).replace('\n', "&#10;").replace('\t', "&#9;");
        self.body.push_str(&format!(" {name}=\"{value}\""));
    }

    pub(in crate::soap) fn text(&mut self, text: &str) {
        self.close_tag();
        self.body.push_str(&escape(text));
    }

    pub(in crate::soap) fn end(&mut self) {
        let Some(name) = self.open.pop() else { return };
        if std::mem::take(&mut self.is_in_tag) {
            self.body.push_str("/>");
        } else {
            self.body.push_str(&format!("</{name}>"));
        }
    }

    fn close_tag(&mut self) {
        if std::mem::take(&mut self.is_in_tag) {
            self.body.push('>');
        }
    }

    /// The document; all prefixes are declared at its root.
    pub(in crate::soap) fn finish(self) -> String {
        let declared: String =
            self.namespaces.iter().map(|(prefix, uri)| format!(" xmlns:{prefix}=\"{}\"", escape(uri))).collect();
        // the root's name ends at the first of these
        let end = self.body.find([' ', '>', '/']).unwrap_or(self.body.len());
        let (name, rest) = self.body.split_at(end);
        format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{name}{declared}{rest}")
    }
}
