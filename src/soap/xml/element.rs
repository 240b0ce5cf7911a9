//! Elements with their names resolved.

use std::fmt;
use std::sync::Arc;

/// A name in a namespace; the namespace is empty where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// The namespace.
    pub namespace: Arc<str>,
    /// The local part.
    pub local: Arc<str>,
}

impl Name {
    /// A name.
    pub fn new(namespace: &str, local: &str) -> Self {
        Self { namespace: namespace.into(), local: local.into() }
    }

    /// Whether it is this one.
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        &*self.namespace == namespace && &*self.local == local
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.is_empty() {
            true => formatter.write_str(&self.local),
            false => write!(formatter, "{{{}}}{}", self.namespace, self.local),
        }
    }
}

/// The prefixes that hold in an element.
#[derive(Debug, Default)]
pub(in crate::soap) struct Scope {
    pub(super) outer: Option<Arc<Scope>>,
    pub(super) prefixes: Vec<(String, Arc<str>)>,
}

impl Scope {
    /// The namespace of a prefix.
    pub(super) fn find(&self, prefix: &str) -> Option<Arc<str>> {
        let mut scope = Some(self);
        while let Some(here) = scope {
            if let Some((_, namespace)) = here.prefixes.iter().rev().find(|(known, _)| known == prefix) {
                return Some(Arc::clone(namespace));
            }
            scope = here.outer.as_deref();
        }
        (prefix == "xml").then(|| "http://www.w3.org/XML/1998/namespace".into())
    }
}

/// An element.
#[derive(Debug, Clone)]
pub struct Element {
    /// Its name.
    pub name: Name,
    /// Its attributes, without the declarations of namespaces.
    pub attributes: Vec<(Name, String)>,
    /// What it holds, in order.
    pub children: Vec<Node>,
    pub(super) scope: Arc<Scope>,
}

/// What an element holds.
#[derive(Debug, Clone)]
pub enum Node {
    /// Another element.
    Element(Element),
    /// Text.
    Text(String),
}

impl Element {
    /// An attribute without a namespace.
    pub fn attribute(&self, local: &str) -> Option<&str> {
        self.attribute_in("", local)
    }

    /// An attribute.
    pub fn attribute_in(&self, namespace: &str, local: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name.is(namespace, local)).map(|(_, value)| value.as_str())
    }

    /// The elements that it holds.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The first element of this name that it holds.
    pub fn child(&self, namespace: &str, local: &str) -> Option<&Element> {
        self.elements().find(|element| element.name.is(namespace, local))
    }

    /// All its text, without that of its elements.
    pub fn text(&self) -> String {
        let texts = self.children.iter().filter_map(|node| match node {
            Node::Text(text) => Some(text.as_str()),
            Node::Element(_) => None,
        });
        texts.collect()
    }

    /// A name that stands in a value, such as `tns:Company`, by the prefixes that hold here.
    pub fn name_of(&self, value: &str) -> Name {
        let value = value.trim();
        let (prefix, local) = value.split_once(':').unwrap_or(("", value));
        Name { namespace: self.scope.find(prefix).unwrap_or_default(), local: local.into() }
    }
}
