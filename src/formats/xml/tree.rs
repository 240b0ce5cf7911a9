//! One element as a tree, and as a record.

use std::borrow::Cow;

use crate::record::Value;

/// The name of a record's own text, beside attributes or children.
const TEXT: &str = "#text";

/// An element by its local name.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) name: String,
    /// Without those that declare namespaces.
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Child>,
}

#[derive(Debug)]
pub(super) enum Child {
    Text(String),
    Element(Tree),
}

impl Tree {
    /// The element as a record: its attributes as `@name`, its children by their names, those that come again as a list.
    pub(super) fn into_record(self) -> Result<Value<'static>, String> {
        match self.into_value()? {
            record @ Value::Object(_) => Ok(record),
            value => Ok(Value::Object(vec![(Cow::Borrowed(TEXT), value)])),
        }
    }

    fn into_value(self) -> Result<Value<'static>, String> {
        let is_nil = |(name, value): &(String, String)| name == "nil" && matches!(value.as_str(), "true" | "1");
        if self.attributes.iter().any(is_nil) && self.children.is_empty() {
            return Ok(Value::Null);
        }
        let has_elements = self.children.iter().any(|child| matches!(child, Child::Element(_)));
        let is_blank = |child: &Child| matches!(child, Child::Text(text) if text.trim().is_empty());
        let is_mixed = has_elements
            && self.children.iter().any(|child| matches!(child, Child::Text(text) if !text.trim().is_empty()));
        let text = match (is_mixed, has_elements || self.children.iter().all(is_blank)) {
            // nothing of it is lost: the order of text and elements is a part of it
            (true, _) => Some(markup(&self.children)),
            (false, true) => None,
            (false, false) => Some(self.children.iter().map(Child::own_text).collect()),
        };
        if self.attributes.is_empty() && (is_mixed || !has_elements) {
            return Ok(text.map_or(Value::Null, Value::from));
        }
        let mut fields: Vec<(Cow<'static, str>, Value<'static>)> = Vec::new();
        for (name, value) in self.attributes {
            let name = format!("@{name}");
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(format!("<{}> has two attributes `{name}`", self.name));
            }
            fields.push((Cow::Owned(name), Value::from(value)));
        }
        if let Some(text) = text {
            fields.push((Cow::Borrowed(TEXT), Value::from(text)));
            return Ok(Value::Object(fields));
        }
        let mut lists: Vec<(String, Vec<Value<'static>>)> = Vec::new();
        for child in self.children {
            let Child::Element(element) = child else { continue };
            let name = element.name.clone();
            let value = element.into_value()?;
            // children of one name mostly follow each other
            match lists.iter_mut().rev().find(|(known, _)| *known == name) {
                Some((_, list)) => list.push(value),
                None => lists.push((name, vec![value])),
            }
        }
        for (name, mut list) in lists {
            let value = if list.len() == 1 { list.remove(0) } else { Value::Array(list) };
            fields.push((Cow::Owned(name), value));
        }
        Ok(Value::Object(fields))
    }
}

impl Child {
    fn own_text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Element(_) => "",
        }
    }
}

/// Text and elements as they stand, in XML.
fn markup(children: &[Child]) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut out = String::new();
    for child in children {
        match child {
            Child::Text(text) => out.push_str(&escaped(text)),
            Child::Element(element) => {
                out.push('<');
                out.push_str(&element.name);
                for (name, value) in &element.attributes {
                    out.push_str(&format!(" {name}=\"{}\"", escaped(value).replace('"', "&quot;")));
                }
                match element.children.is_empty() {
                    true => out.push_str("/>"),
                    false => out.push_str(&format!(">{}</{}>", markup(&element.children), element.name)),
                }
            }
        }
    }
    out
}
