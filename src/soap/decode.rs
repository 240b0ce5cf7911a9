//! XML into JSON, as the schemas describe it. Whatever a type may hold is a key, also where an answer leaves it out (null,
//! or an empty list), so that records have the same keys. What no schema foresees is kept under its own name: nothing that
//! came is left out.

mod anything;
mod dataset;

use std::sync::Arc;

use serde_json::{Map, Value};

use super::encode::{TEXT, VALUE, XSI};
use super::schema::{
    AttributeDecl, ElementDecl, Found, Group, Occurs, Particle, Schemas, Shape, Type, TypeRef, Variety,
};
use super::xml::{Element, Name};
use crate::error::Result;
pub(super) use anything::{add_attribute, is_data, put};
use anything::{is_bare, is_nil};

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
        if is_nil(element) && is_bare(element) {
            return Ok(Value::Null);
        }
        if let Some(rows) = self.dataset(element)? {
            return Ok(rows);
        }
        let told = element.attribute_in(XSI, "type").map(|name| TypeRef::Named(element.name_of(name)));
        let told = told.filter(|named| self.schemas.find(named).is_ok());
        let of = told.as_ref().unwrap_or(of);
        match self.schemas.find(of)? {
            Found::Any => Ok(self.anything(element)),
            Found::Builtin(_) => self.single(of, element),
            Found::Declared(declared) => match &*declared {
                Type::Simple { .. } => self.single(of, element),
                Type::Complex(complex) => self.complex(&self.schemas.shape(complex)?, element),
            },
        }
    }

    /// A single value, and what came with it though its type has nothing else.
    fn single(&self, of: &TypeRef, element: &Element) -> Result<Value> {
        let text = element.text();
        let value = if is_nil(element) { Value::Null } else { self.simple(of, &text, 0)? };
        if is_bare(element) {
            return Ok(value);
        }
        let mut object = Map::new();
        if !text.trim().is_empty() || element.elements().next().is_none() {
            object.insert(VALUE.to_owned(), value);
        }
        element.elements().for_each(|inner| self.unknown(inner, &mut object));
        let foreign = element.attributes.iter().filter(|(name, _)| is_data(name));
        foreign.for_each(|(name, value)| add_attribute(&mut object, name, value));
        Ok(Value::Object(object))
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
        let text = element.text();
        if let Some(of) = &shape.text {
            let value = if is_nil(element) { Value::Null } else { self.simple(of, &text, 0)? };
            if shape.attributes.is_empty() && is_bare(element) {
                return Ok(value);
            }
            object.insert(VALUE.to_owned(), value);
        }
        let mut cursor = Cursor { elements: element.elements().collect(), at: 0 };
        let mut unnamed = 0;
        for particle in &shape.particles {
            self.particle(particle, &mut cursor, &mut object, &mut unnamed)?;
        }
        // what comes in another order, or is not foreseen
        while let Some(next) = cursor.peek() {
            let (before, mut unnamed) = (cursor.at, 0);
            for particle in &shape.particles {
                self.late(particle, &mut cursor, &mut object, &mut unnamed)?;
            }
            if cursor.at == before {
                self.unknown(next, &mut object);
                cursor.at += 1;
            }
        }
        self.attributes(&shape.attributes, element, &mut object)?;
        if shape.text.is_none() && !text.trim().is_empty() {
            let key = if object.contains_key(VALUE) { TEXT } else { VALUE };
            object.insert(key.to_owned(), Value::String(text));
        }
        Ok(Value::Object(object))
    }

    fn attributes(&self, declared: &[AttributeDecl], element: &Element, object: &mut Map<String, Value>) -> Result<()> {
        let mut left: Vec<&(Name, String)> = element.attributes.iter().filter(|(name, _)| is_data(name)).collect();
        for attribute in declared {
            let exact = left.iter().position(|(name, _)| *name == attribute.name);
            // some leave the namespace out, or put one where none belongs
            let is_near = |name: &Name| {
                let either = name.namespace.is_empty() || attribute.name.namespace.is_empty();
                name.local == attribute.name.local && either && !declared.iter().any(|other| other.name == *name)
            };
            let value = match exact.or_else(|| left.iter().position(|(name, _)| is_near(name))) {
                Some(place) => self.simple(&attribute.of, &left.remove(place).1, 0)?,
                None => match element.attribute_in(&attribute.name.namespace, &attribute.name.local) {
                    Some(text) => self.simple(&attribute.of, text, 0)?,
                    None => Value::Null,
                },
            };
            let is_taken = object.contains_key(attribute.key());
            let key = if is_taken { attribute.marked() } else { attribute.key().to_owned() };
            object.insert(key, value);
        }
        left.into_iter().for_each(|(name, value)| add_attribute(object, name, value));
        Ok(())
    }

    /// What no schema foresees, or none at this place.
    fn unknown(&self, element: &Element, object: &mut Map<String, Value>) {
        put(object, &element.name.local, self.by_its_name(element));
    }

    /// Reads what comes next of a particle. `unnamed` counts what has a number for its key.
    fn particle(
        &self,
        particle: &Particle,
        cursor: &mut Cursor<'_>,
        object: &mut Map<String, Value>,
        unnamed: &mut usize,
    ) -> Result<()> {
        match particle {
            Particle::Element(declared, occurs) => self.members(declared, *occurs, cursor, object),
            Particle::Any(occurs) => {
                *unnamed += 1;
                let mut found = Vec::new();
                while let Some(element) = cursor.peek()
                    && occurs.max.is_none_or(|max| found.len() < max as usize)
                {
                    cursor.at += 1;
                    found.push(Value::Object(Map::from_iter([(
                        element.name.local.to_string(),
                        self.by_its_name(element),
                    )])));
                }
                let value = match occurs.is_many() {
                    true => Value::Array(found),
                    false => found.pop().unwrap_or(Value::Null),
                };
                object.insert(format!("_value_{unnamed}"), value);
                Ok(())
            }
            Particle::Named(name, occurs) => match self.schemas.groups.get(name) {
                Some(Particle::Group(kind, members, _)) => {
                    let group = Particle::Group(*kind, Arc::clone(members), *occurs);
                    self.particle(&group, cursor, object, unnamed)
                }
                _ => Ok(()),
            },
            Particle::Group(kind, members, occurs) if occurs.is_many() => {
                *unnamed += 1;
                self.repeated(*kind, members, cursor, object, *unnamed)
            }
            Particle::Group(Group::Sequence, members, _) => {
                members.iter().try_for_each(|member| self.particle(member, cursor, object, unnamed))
            }
            Particle::Group(Group::Choice, members, _) => {
                let chosen = cursor.peek().and_then(|next| members.iter().position(|it| self.begins(it, next)));
                for (place, member) in members.iter().enumerate() {
                    match chosen == Some(place) {
                        true => self.particle(member, cursor, object, unnamed)?,
                        // its keys are there all the same
                        false => self.particle(member, &mut Cursor { elements: Vec::new(), at: 0 }, object, unnamed)?,
                    }
                }
                Ok(())
            }
        }
    }

    /// Reads the items of a repeated group, each an object, behind those that were read before.
    fn repeated(
        &self,
        kind: Group,
        members: &Arc<Vec<Particle>>,
        cursor: &mut Cursor<'_>,
        object: &mut Map<String, Value>,
        number: usize,
    ) -> Result<()> {
        let once = Particle::Group(kind, Arc::clone(members), Occurs::ONCE);
        let mut items = Vec::new();
        loop {
            let before = cursor.at;
            let mut item = Map::new();
            self.particle(&once, cursor, &mut item, &mut 0)?;
            if cursor.at == before {
                break;
            }
            items.push(Value::Object(item));
        }
        match object.get_mut(&format!("_value_{number}")) {
            Some(Value::Array(known)) => known.extend(items),
            _ => drop(object.insert(format!("_value_{number}"), Value::Array(items))),
        }
        Ok(())
    }

    fn members(
        &self,
        declared: &Arc<ElementDecl>,
        occurs: Occurs,
        cursor: &mut Cursor<'_>,
        object: &mut Map<String, Value>,
    ) -> Result<()> {
        let behind = self.schemas.behind(declared)?;
        let mut found = Vec::new();
        while let Some(element) = cursor.peek().filter(|element| is_named(&behind, element)) {
            if occurs.max.is_some_and(|max| found.len() >= max as usize) {
                break;
            }
            found.push(self.element(&behind, element)?);
            cursor.at += 1;
        }
        let key = declared.key();
        match object.get(key) {
            // of another branch of a choice, or read before
            Some(known) if !known.is_null() => found.into_iter().for_each(|value| put(object, key, value)),
            _ if occurs.is_many() => drop(object.insert(key.to_owned(), Value::Array(found))),
            _ => drop(object.insert(key.to_owned(), found.pop().unwrap_or(Value::Null))),
        }
        Ok(())
    }

    /// Reads members that come later than they should, or more often.
    fn late(
        &self,
        particle: &Particle,
        cursor: &mut Cursor<'_>,
        object: &mut Map<String, Value>,
        unnamed: &mut usize,
    ) -> Result<()> {
        match particle {
            Particle::Element(declared, occurs) => match cursor.peek().is_some_and(|it| is_named(declared, it)) {
                true => self.members(declared, *occurs, cursor, object),
                false => Ok(()),
            },
            Particle::Group(kind, members, occurs) if occurs.is_many() => {
                *unnamed += 1;
                let begins = |next| members.iter().any(|member| self.begins(member, next));
                match cursor.peek().is_some_and(begins) {
                    true => self.repeated(*kind, members, cursor, object, *unnamed),
                    false => Ok(()),
                }
            }
            Particle::Group(_, members, _) => {
                members.iter().try_for_each(|member| self.late(member, cursor, object, unnamed))
            }
            Particle::Named(name, occurs) => match self.schemas.groups.get(name) {
                Some(Particle::Group(kind, members, _)) => {
                    self.late(&Particle::Group(*kind, Arc::clone(members), *occurs), cursor, object, unnamed)
                }
                _ => Ok(()),
            },
            Particle::Any(_) => {
                *unnamed += 1;
                Ok(())
            }
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
}

/// Some servers leave the namespace out, or put one where none belongs.
fn is_named(declared: &ElementDecl, element: &Element) -> bool {
    let Name { namespace, local } = &declared.name;
    let same = namespace == &element.name.namespace || namespace.is_empty() || element.name.namespace.is_empty();
    *local == element.name.local && same
}
