//! What a schema declares.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::super::xml::Name;
use super::builtin::{Builtin, XSD};
use crate::error::{Error, ErrorKind, Result};

/// The namespace of WSDL, which is the default one in many documents.
pub(in crate::soap) const WSDL: &str = "http://schemas.xmlsoap.org/wsdl/";

/// A type by its name, or one that stands where it is used.
#[derive(Debug, Clone)]
pub(in crate::soap) enum TypeRef {
    Named(Name),
    Inline(Arc<Type>),
    /// Anything.
    Any,
}

#[derive(Debug)]
pub(in crate::soap) enum Type {
    Simple { variety: Variety, enumeration: Vec<String> },
    Complex(ComplexType),
}

#[derive(Debug)]
pub(in crate::soap) enum Variety {
    /// As another one, narrower.
    Of(TypeRef),
    /// Several with blanks between them.
    List(TypeRef),
    /// One of several.
    Union,
}

#[derive(Debug, Default)]
pub(in crate::soap) struct ComplexType {
    pub(in crate::soap) content: Option<Particle>,
    pub(in crate::soap) attributes: Vec<AttributeDecl>,
    pub(in crate::soap) attribute_groups: Vec<Name>,
    /// What it is derived from, and whether by extension.
    pub(in crate::soap) base: Option<(TypeRef, bool)>,
    /// Text with attributes.
    pub(in crate::soap) is_text: bool,
    pub(in crate::soap) is_mixed: bool,
    /// It holds a schema and the rows that this describes: a DataSet of .NET.
    pub(in crate::soap) is_dataset: bool,
}

#[derive(Debug, Clone)]
pub(in crate::soap) struct AttributeDecl {
    pub(in crate::soap) name: Name,
    pub(in crate::soap) of: TypeRef,
    pub(in crate::soap) is_required: bool,
    pub(in crate::soap) fixed: Option<String>,
    /// What is sent when nothing is said.
    pub(in crate::soap) default: Option<String>,
    /// It is declared elsewhere, under the same name.
    pub(in crate::soap) is_reference: bool,
    /// The key of its value, where its name alone is that of something else, too.
    pub(super) key: Option<String>,
}

impl AttributeDecl {
    /// The key of its value.
    pub(in crate::soap) fn key(&self) -> &str {
        self.key.as_deref().unwrap_or(&self.name.local)
    }

    /// The key that can be no element's.
    pub(in crate::soap) fn marked(&self) -> String {
        self.key.clone().unwrap_or_else(|| format!("@{}", self.name.local))
    }
}

#[derive(Debug, Clone)]
pub(in crate::soap) struct ElementDecl {
    pub(in crate::soap) name: Name,
    pub(in crate::soap) of: TypeRef,
    pub(in crate::soap) is_nillable: bool,
    /// It never comes itself: others come in its place.
    pub(in crate::soap) is_abstract: bool,
    /// What stands there when nothing is said.
    pub(in crate::soap) default: Option<String>,
    /// It is declared elsewhere, under the same name.
    pub(in crate::soap) is_reference: bool,
    /// The key of its value, where an element before it has the same name.
    pub(super) key: Option<String>,
}

impl ElementDecl {
    /// One that is declared elsewhere.
    pub(super) fn reference(name: Name) -> Self {
        let (of, default) = (TypeRef::Any, None);
        Self { name, of, is_nillable: false, is_abstract: false, default, is_reference: true, key: None }
    }

    /// The key of its value.
    pub(in crate::soap) fn key(&self) -> &str {
        self.key.as_deref().unwrap_or(&self.name.local)
    }
}

/// How often something comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::soap) struct Occurs {
    pub(in crate::soap) min: u32,
    /// `None` for as often as it likes.
    pub(in crate::soap) max: Option<u32>,
}

impl Occurs {
    pub(in crate::soap) const ONCE: Self = Self { min: 1, max: Some(1) };

    pub(in crate::soap) fn is_many(&self) -> bool {
        self.max.is_none_or(|max| max > 1)
    }
}

#[derive(Debug, Clone)]
pub(in crate::soap) enum Particle {
    Element(Arc<ElementDecl>, Occurs),
    Group(Group, Arc<Vec<Particle>>, Occurs),
    /// A group that is declared elsewhere.
    Named(Name, Occurs),
    Any(Occurs),
}

/// How the members of a group come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::soap) enum Group {
    /// One after the other, or all in any order.
    Sequence,
    /// One of them.
    Choice,
}

/// All that was read.
#[derive(Debug, Default)]
pub(in crate::soap) struct Schemas {
    pub(in crate::soap) elements: HashMap<Name, Arc<ElementDecl>>,
    pub(in crate::soap) types: HashMap<Name, Arc<Type>>,
    pub(in crate::soap) groups: HashMap<Name, Particle>,
    pub(in crate::soap) attributes: HashMap<Name, AttributeDecl>,
    pub(in crate::soap) attribute_groups: HashMap<Name, Arc<ComplexType>>,
    /// What may come in the place of an element (a substitution group), by the name of that one.
    pub(super) substitutes: BTreeMap<Name, Vec<Name>>,
    /// The same with the element itself, as members of a choice.
    pub(super) choices: HashMap<Name, Arc<Vec<Particle>>>,
}

/// What a type reference comes to.
pub(in crate::soap) enum Found {
    Builtin(Builtin),
    Declared(Arc<Type>),
    Any,
}

impl Schemas {
    /// A global element.
    ///
    /// # Errors
    /// Not found, when no schema that could be read declares it.
    pub(in crate::soap) fn element(&self, name: &Name) -> Result<Arc<ElementDecl>> {
        // a schema within a message, which no schema declares
        let is_schema = || &*name.local == "schema" && XSD.contains(&&*name.namespace);
        let schema = || {
            is_schema().then(|| Arc::new(ElementDecl { is_reference: false, ..ElementDecl::reference(name.clone()) }))
        };
        let found = self.elements.get(name).cloned().or_else(schema).or_else(|| near(&self.elements, name).cloned());
        found.ok_or_else(|| missing("element", name))
    }

    /// The declaration behind a reference.
    pub(in crate::soap) fn behind(&self, declared: &Arc<ElementDecl>) -> Result<Arc<ElementDecl>> {
        if declared.is_reference { self.element(&declared.name) } else { Ok(Arc::clone(declared)) }
    }

    /// What a type is.
    ///
    /// # Errors
    /// Not found, when no schema that could be read declares it.
    pub(in crate::soap) fn find(&self, of: &TypeRef) -> Result<Found> {
        match of {
            TypeRef::Any => Ok(Found::Any),
            TypeRef::Inline(of) => Ok(Found::Declared(Arc::clone(of))),
            TypeRef::Named(name) => match (near(&self.types, name), Builtin::of(name).or_else(|| builtin_near(name))) {
                (Some(of), _) => Ok(Found::Declared(Arc::clone(of))),
                (None, Some(Builtin::Any)) => Ok(Found::Any),
                (None, Some(builtin)) => Ok(Found::Builtin(builtin)),
                (None, None) => Err(missing("type", name)),
            },
        }
    }
}

/// What a map has under a name. A name without a prefix, where none means what its author meant, is that of the only one
/// that has its local part.
pub(in crate::soap) fn near<'a, V>(map: &'a HashMap<Name, V>, name: &Name) -> Option<&'a V> {
    let by_local = || {
        let mut found = map.iter().filter(|(known, _)| known.local == name.local).map(|(_, value)| value);
        found.next().filter(|_| found.next().is_none())
    };
    map.get(name).or_else(|| if is_unprefixed(name) { by_local() } else { None })
}

/// Whether a name is in a namespace where a service declares nothing: it stood without a prefix.
fn is_unprefixed(name: &Name) -> bool {
    let namespace = &*name.namespace;
    namespace.is_empty() || namespace == WSDL || (XSD.contains(&namespace) && Builtin::of(name).is_none())
}

/// A type of XML Schema whose prefix was forgotten.
fn builtin_near(name: &Name) -> Option<Builtin> {
    if is_unprefixed(name) { Builtin::of(&Name::new(XSD[0], &name.local)) } else { None }
}

fn missing(what: &str, name: &Name) -> Error {
    Error::new(ErrorKind::NotFound, format!("find the {what} {name}: no schema that could be read declares it"))
}
