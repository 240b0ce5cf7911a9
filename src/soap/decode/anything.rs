//! Elements of which no schema says what they hold.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::super::encode::{TEXT, VALUE, XSI};
use super::super::schema::{DIFFGRAM, Found, MSDATA, TypeRef};
use super::super::xml::{Element, Name};
use super::Decoder;

/// Where attributes stand that say how a message is written, and nothing of what it tells.
const WRITING: [&str; 7] = [
    XSI,
    "http://schemas.xmlsoap.org/soap/envelope/",
    "http://www.w3.org/2003/05/soap-envelope",
    "http://schemas.xmlsoap.org/soap/encoding/",
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd",
    DIFFGRAM,
    MSDATA,
];

impl Decoder<'_> {
    /// An element by the declaration of its name, where there is one.
    pub(in crate::soap) fn by_its_name(&self, element: &Element) -> Value {
        let declared = self.schemas.elements.get(&element.name);
        declared.and_then(|declared| self.element(declared, element).ok()).unwrap_or_else(|| self.anything(element))
    }

    /// An element of which nothing is known: text, or an object.
    pub(in crate::soap) fn anything(&self, element: &Element) -> Value {
        if is_nil(element) && is_bare(element) {
            return Value::Null;
        }
        if let Ok(Some(rows)) = self.dataset(element) {
            return rows;
        }
        if let Some(named) = element.attribute_in(XSI, "type").map(|name| TypeRef::Named(element.name_of(name)))
            && matches!(self.schemas.find(&named), Ok(Found::Builtin(_) | Found::Declared(_)))
            && let Ok(value) = self.content(&named, element)
        {
            return value;
        }
        let mut object = Map::new();
        let attributes = element.attributes.iter().filter(|(name, _)| is_data(name));
        attributes.for_each(|(name, value)| add_attribute(&mut object, name, value));
        let mut counts: HashMap<&str, usize> = HashMap::new();
        element.elements().for_each(|inner| *counts.entry(&inner.name.local).or_default() += 1);
        for inner in element.elements() {
            let (local, value) = (&*inner.name.local, self.by_its_name(inner));
            match (counts.get(local), object.get_mut(local)) {
                (Some(2..), Some(Value::Array(items))) => items.push(value),
                (Some(2..), _) => drop(object.insert(local.to_owned(), Value::Array(vec![value]))),
                _ => drop(object.insert(local.to_owned(), value)),
            }
        }
        let text = element.text();
        match object.is_empty() {
            true => Value::String(text),
            false => {
                if !text.trim().is_empty() {
                    let key = if object.contains_key(VALUE) { TEXT } else { VALUE };
                    object.insert(key.to_owned(), Value::String(text));
                }
                Value::Object(object)
            }
        }
    }
}

pub(super) fn is_nil(element: &Element) -> bool {
    matches!(element.attribute_in(XSI, "nil"), Some("true" | "1"))
}

/// Whether it has neither elements nor attributes that say anything.
pub(super) fn is_bare(element: &Element) -> bool {
    element.elements().next().is_none() && !element.attributes.iter().any(|(name, _)| is_data(name))
}

/// Whether an attribute belongs to what is told.
pub(in crate::soap) fn is_data(name: &Name) -> bool {
    !WRITING.contains(&&*name.namespace)
}

/// Adds an attribute that is not declared: as `@name`, or with its namespace where two have the same name.
pub(in crate::soap) fn add_attribute(object: &mut Map<String, Value>, name: &Name, value: &str) {
    let marked = format!("@{}", name.local);
    let key = if object.contains_key(&marked) { format!("@{name}") } else { marked };
    object.insert(key, Value::String(value.to_owned()));
}

/// Puts a value under a key; several become a list.
pub(in crate::soap) fn put(object: &mut Map<String, Value>, key: &str, value: Value) {
    match object.get_mut(key) {
        None | Some(Value::Null) => drop(object.insert(key.to_owned(), value)),
        Some(Value::Array(items)) => items.push(value),
        Some(known) => {
            let first = known.take();
            *known = Value::Array(vec![first, value]);
        }
    }
}
