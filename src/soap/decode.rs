//! XML into JSON, as the schemas describe it. Whatever a type may hold is a key, also where an answer leaves it out (null,
//! or an empty list), so that records have the same keys. What no schema foresees is kept under its own name.

use serde_json::{Map, Value};

use super::encode::{VALUE, XSI};
use super::schema::{ElementDecl, Found, Group, Occurs, Particle, Schemas, Shape, Type, TypeRef, Variety};
use super::xml::{Element, Name};
use crate::error::Result;

/// Simple types that are derived from each other, at the most.
const DERIVED_MAX: usize = 64;

/// Reads values.
pub(super) struct Decoder<'a> {
    pub(super) schemas: &'a Schemas,
}

/// The elements of a content, and how far they are read.
struct Cursor<'a> {
    elements: Vec<&'a Element>,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<&'a Element> {
        self.elements.get(self.at).copied()
    }
}

impl Decoder<'_> {
    /// An element that is declared.
    ///
    /// # Errors
    /// Not found, for a type that no schema declares.
    pub(super) fn element(&self, declared: &ElementDecl, element: &Element) -> Result<Value> {
        self.content(&declared.of, element)
    }

    /// What an element of a type holds.
    pub(super) fn content(&self, of: &TypeRef, element: &Element) -> Result<Value> {
        if matches!(element.attribute_in(XSI, "nil"), Some("true" | "1")) {
            return Ok(Value::Null);
        }
        let told = element.attribute_in(XSI, "type").map(|name| TypeRef::Named(element.name_of(name)));
        let told = told.filter(|named| self.schemas.find(named).is_ok());
        let of = told.as_ref().unwrap_or(of);
        match self.schemas.find(of)? {
            Found::Any => Ok(self.anything(element)),
            Found::Builtin(builtin) => Ok(builtin.to_json(&element.text())),
            Found::Declared(declared) => match &*declared {
                Type::Simple { .. } => self.simple(of, &element.text(), 0),
                Type::Complex(complex) => self.complex(&self.schemas.shape(complex)?, element),
            },
        }
    }

    fn simple(&self, of: &TypeRef, text: &str, depth: usize) -> Result<Value> {
        if depth > DERIVED_MAX {
            return Ok(Value::String(text.to_owned()));
        }
        Ok(match self.schemas.find(of)? {
            Found::Builtin(builtin) => builtin.to_json(text),
            Found::Any => Value::String(text.to_owned()),
            Found::Declared(declared) => match &*declared {
                Type::Simple { variety: Variety::Of(base), .. } => self.simple(base, text, depth + 1)?,
                Type::Simple { variety: Variety::List(item), .. } => {
                    let words = text.split_whitespace().map(|word| self.simple(item, word, depth + 1));
                    Value::Array(words.collect::<Result<_>>()?)
                }
                Type::Simple { variety: Variety::Union, .. } => Value::String(text.to_owned()),
                Type::Complex(complex) => match self.schemas.shape(complex)?.text {
                    Some(of) => self.simple(&of, text, depth + 1)?,
                    None => Value::String(text.to_owned()),
                },
            },
        })
    }

    fn complex(&self, shape: &Shape, element: &Element) -> Result<Value> {
        let mut object = Map::new();
        if let Some(of) = &shape.text {
            let value = self.simple(of, &element.text(), 0)?;
            if shape.attributes.is_empty() {
                return Ok(value);
            }
            object.insert(VALUE.to_owned(), value);
        }
        let mut cursor = Cursor { elements: element.elements().collect(), at: 0 };
        let mut groups = 0;
        for particle in &shape.particles {
            self.particle(particle, &mut cursor, &mut object, &mut groups)?;
        }
        // what comes in another order, or is not foreseen
        let mut rest = cursor.elements[cursor.at..].to_vec();
        while !rest.is_empty() {
            let mut again = Cursor { elements: rest.clone(), at: 0 };
            for particle in &shape.particles {
                self.late(particle, &mut again, &mut object)?;
            }
            if again.at == 0 {
                let unknown = rest.remove(0);
                put(&mut object, &unknown.name.local, self.anything(unknown));
            } else {
                rest.drain(..again.at);
            }
        }
        for attribute in &shape.attributes {
            let name = &attribute.name;
            let value = match element.attribute_in(&name.namespace, &name.local) {
                Some(text) => self.simple(&attribute.of, text, 0)?,
                None => Value::Null,
            };
            object.entry(name.local.to_string()).or_insert(value);
        }
        let text = element.text();
        if shape.is_mixed && !text.trim().is_empty() {
            object.insert(VALUE.to_owned(), Value::String(text));
        }
        Ok(Value::Object(object))
    }

    fn particle(
        &self,
        particle: &Particle,
        cursor: &mut Cursor<'_>,
        object: &mut Map<String, Value>,
        groups: &mut usize,
    ) -> Result<()> {
        match particle {
            Particle::Element(declared, occurs) => {
                let declared = self.schemas.behind(declared)?;
                self.members(&declared, *occurs, cursor, object)
            }
            Particle::Any(occurs) => {
                let mut found = Vec::new();
                while let Some(element) = cursor.peek()
                    && occurs.max.is_none_or(|max| found.len() < max as usize)
                {
                    cursor.at += 1;
                    found.push(Value::Object(Map::from_iter([(
                        element.name.local.to_string(),
                        self.anything(element),
                    )])));
                }
                match occurs.is_many() {
                    true => drop(object.insert(VALUE.to_owned(), Value::Array(found))),
                    false => drop(object.insert(VALUE.to_owned(), found.pop().unwrap_or(Value::Null))),
                }
                Ok(())
            }
            Particle::Named(name, occurs) => match self.schemas.groups.get(name) {
                Some(Particle::Group(kind, members, _)) => {
                    let group = Particle::Group(*kind, members.clone(), *occurs);
                    self.particle(&group, cursor, object, groups)
                }
                _ => Ok(()),
            },
            Particle::Group(kind, members, occurs) if occurs.is_many() => {
                *groups += 1;
                let mut items = Vec::new();
                loop {
                    let before = cursor.at;
                    let mut item = Map::new();
                    let once = Particle::Group(*kind, members.clone(), Occurs::ONCE);
                    self.particle(&once, cursor, &mut item, &mut 0)?;
                    if cursor.at == before {
                        break;
                    }
                    items.push(Value::Object(item));
                }
                object.insert(format!("_value_{groups}"), Value::Array(items));
                Ok(())
            }
            Particle::Group(Group::Sequence, members, _) => {
                members.iter().try_for_each(|member| self.particle(member, cursor, object, groups))
            }
            Particle::Group(Group::Choice, members, _) => {
                let chosen = cursor.peek().and_then(|next| members.iter().position(|it| self.begins(it, next)));
                for (place, member) in members.iter().enumerate() {
                    match chosen == Some(place) {
                        true => self.particle(member, cursor, object, groups)?,
                        // its keys are there all the same
                        false => self.particle(member, &mut Cursor { elements: Vec::new(), at: 0 }, object, groups)?,
                    }
                }
                Ok(())
            }
        }
    }

    fn members(
        &self,
        declared: &ElementDecl,
        occurs: Occurs,
        cursor: &mut Cursor<'_>,
        object: &mut Map<String, Value>,
    ) -> Result<()> {
        let mut found = Vec::new();
        while let Some(element) = cursor.peek().filter(|element| is_named(declared, element)) {
            if occurs.max.is_some_and(|max| found.len() >= max as usize) {
                break;
            }
            found.push(self.element(declared, element)?);
            cursor.at += 1;
        }
        let local = declared.name.local.to_string();
        match (occurs.is_many(), object.get_mut(&local)) {
            (true, Some(Value::Array(known))) => known.extend(found),
            (true, _) => drop(object.insert(local, Value::Array(found))),
            (false, known) => {
                let value = found.pop();
                if value.is_some() || known.is_none() {
                    object.insert(local, value.unwrap_or(Value::Null));
                }
            }
        }
        Ok(())
    }

    /// Reads members that come later than they should.
    fn late(&self, particle: &Particle, cursor: &mut Cursor<'_>, object: &mut Map<String, Value>) -> Result<()> {
        match particle {
            Particle::Element(declared, occurs) if cursor.peek().is_some_and(|it| is_named(declared, it)) => {
                let declared = self.schemas.behind(declared)?;
                self.members(&declared, *occurs, cursor, object)
            }
            Particle::Group(_, members, occurs) if !occurs.is_many() => {
                members.iter().try_for_each(|member| self.late(member, cursor, object))
            }
            _ => Ok(()),
        }
    }

    fn begins(&self, particle: &Particle, next: &Element) -> bool {
        match particle {
            Particle::Element(declared, _) => is_named(declared, next),
            Particle::Group(Group::Choice, members, _) => members.iter().any(|member| self.begins(member, next)),
            Particle::Group(Group::Sequence, members, _) => {
                for member in members.iter() {
                    if self.begins(member, next) {
                        return true;
                    }
                    let is_optional = match member {
                        Particle::Element(_, occurs)
                        | Particle::Any(occurs)
                        | Particle::Named(_, occurs)
                        | Particle::Group(_, _, occurs) => occurs.min == 0,
                    };
                    if !is_optional {
                        return false;
                    }
                }
                false
            }
            Particle::Named(name, _) => self.schemas.groups.get(name).is_some_and(|group| self.begins(group, next)),
            Particle::Any(_) => true,
        }
    }

    /// An element of which nothing is known: text, or an object.
    pub(super) fn anything(&self, element: &Element) -> Value {
        if matches!(element.attribute_in(XSI, "nil"), Some("true" | "1")) {
            return Value::Null;
        }
        if let Some(named) = element.attribute_in(XSI, "type").map(|name| TypeRef::Named(element.name_of(name)))
            && matches!(self.schemas.find(&named), Ok(Found::Builtin(_) | Found::Declared(_)))
            && let Ok(value) = self.content(&named, element)
        {
            return value;
        }
        let attributes = element.attributes.iter().filter(|(name, _)| &*name.namespace != XSI);
        let mut object: Map<String, Value> =
            attributes.map(|(name, value)| (format!("@{}", name.local), Value::String(value.clone()))).collect();
        for inner in element.elements() {
            // a declared one is read as it is declared
            let declared = self.schemas.elements.get(&inner.name);
            let value = declared.and_then(|declared| self.element(declared, inner).ok());
            put(&mut object, &inner.name.local, value.unwrap_or_else(|| self.anything(inner)));
        }
        let text = element.text();
        match object.is_empty() {
            true => Value::String(text),
            false => {
                if !text.trim().is_empty() {
                    object.insert(VALUE.to_owned(), Value::String(text));
                }
                Value::Object(object)
            }
        }
    }
}

/// Some servers leave the namespace out, or put one where none belongs.
fn is_named(declared: &ElementDecl, element: &Element) -> bool {
    let Name { namespace, local } = &declared.name;
    let same = namespace == &element.name.namespace || namespace.is_empty() || element.name.namespace.is_empty();
    *local == element.name.local && same
}

/// Puts a value under a key; several become a list.
fn put(object: &mut Map<String, Value>, key: &str, value: Value) {
    match object.get_mut(key) {
        None => drop(object.insert(key.to_owned(), value)),
        Some(Value::Array(items)) => items.push(value),
        Some(known) => {
            let first = known.take();
            *known = Value::Array(vec![first, value]);
        }
    }
}
