//! JSON into XML, as the schemas want it. What does not fit is told with its path.

mod dataset;

use std::sync::Arc;

use serde_json::{Map, Value};

use super::schema::{
    AttributeDecl, ElementDecl, Found, Group, Occurs, Particle, Schemas, Shape, Type, TypeRef, Variety,
};
use super::xml::{Name, Writer};
use crate::error::{Error, ErrorKind, Result};

/// The namespace of `nil` and `type`.
pub(super) const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// The key for the text of an element with attributes, for repeated groups, and for what may be anything.
pub(super) const VALUE: &str = "_value_1";
const UNNAMED: &str = "_value_";
/// The key for text beside what has that key.
pub(super) const TEXT: &str = "#text";
/// The key that names a derived type.
const TYPE: &str = "@type";
/// Simple types that are derived from each other, at the most.
const DERIVED_MAX: usize = 64;

/// Writes values.
pub(super) struct Encoder<'a> {
    pub(super) schemas: &'a Schemas,
    pub(super) writer: &'a mut Writer,
    pub(super) path: Vec<String>,
}

impl Encoder<'_> {
    /// Writes an element with what it holds.
    ///
    /// # Errors
    /// Usage, with the path of what does not fit.
    pub(super) fn element(&mut self, declared: &Arc<ElementDecl>, value: &Value) -> Result<()> {
        let declared = self.schemas.behind(declared)?;
        self.named(&declared.name, &declared.of, declared.is_nillable, value)
    }

    /// Writes an element of a type.
    pub(super) fn named(&mut self, name: &Name, of: &TypeRef, is_nillable: bool, value: &Value) -> Result<()> {
        self.writer.start(name);
        if value.is_null() {
            if !is_nillable {
                return Err(self.wrong("it may not be null"));
            }
            self.writer.attribute(&Name::new(XSI, "nil"), "true");
        } else {
            self.content(of, value)?;
        }
        self.writer.end();
        Ok(())
    }

    fn content(&mut self, of: &TypeRef, value: &Value) -> Result<()> {
        let mut of = of.clone();
        if let Some(named) = value.get(TYPE).and_then(Value::as_str) {
            let name = self.derived(named)?;
            let shown = self.writer.prefixed(&name);
            self.writer.attribute(&Name::new(XSI, "type"), &shown);
            of = TypeRef::Named(name);
        }
        match self.schemas.find(&of)? {
            Found::Any => self.anything(value),
            Found::Builtin(_) => {
                let text = self.simple(&of, value, 0)?;
                self.writer.text(&text);
                Ok(())
            }
            Found::Declared(declared) => match &*declared {
                Type::Simple { .. } => {
                    let text = self.simple(&of, value, 0)?;
                    self.writer.text(&text);
                    Ok(())
                }
                Type::Complex(complex) => {
                    let shape = self.schemas.shape(complex)?;
                    self.complex(&shape, value)
                }
            },
        }
    }

    /// A type by `{namespace}local`, or by its local name alone where only one has it.
    fn derived(&self, text: &str) -> Result<Name> {
        if let Some((namespace, local)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            return Ok(Name::new(namespace, local));
        }
        let found: Vec<&Name> = self.schemas.types.keys().filter(|name| &*name.local == text).collect();
        match found.as_slice() {
            [name] => Ok((*name).clone()),
            [] => Err(self.wrong(&format!("there is no type `{text}`"))),
            _ => Err(self.wrong(&format!("there are several types `{text}`: write {{namespace}}{text}"))),
        }
    }

    fn complex(&mut self, shape: &Shape, value: &Value) -> Result<()> {
        if shape.is_dataset {
            return self.dataset(value);
        }
        let only = only_list(shape);
        let wrapped;
        let object = match value {
            Value::Object(object) => object,
            // a type that is nothing but a list takes the list
            Value::Array(_) if only.is_some() => {
                wrapped = Map::from_iter([(only.unwrap_or_default(), value.clone())]);
                &wrapped
            }
            value if shape.text.is_some() => {
                wrapped = Map::from_iter([(VALUE.to_owned(), value.clone())]);
                &wrapped
            }
            _ => return Err(self.wrong(&format!("it takes an object with {}", names(shape).join(", ")))),
        };
        let mut used: Vec<String> = vec![TYPE.to_owned()];
        for attribute in &shape.attributes {
            self.attribute(attribute, object, &mut used)?;
        }
        if let Some(of) = &shape.text {
            used.push(VALUE.to_owned());
            let text = self.simple(of, object.get(VALUE).unwrap_or(&Value::String(String::new())), 0)?;
            self.writer.text(&text);
        }
        let mut unnamed = 0;
        for particle in &shape.particles {
            self.particle(particle, object, &mut used, &mut unnamed, true)?;
        }
        if shape.is_mixed {
            let key = if used.iter().any(|key| key == VALUE) { TEXT } else { VALUE };
            if let Some(Value::String(text)) = object.get(key) {
                used.push(key.to_owned());
                self.writer.text(text);
            }
        }
        match object.keys().find(|key| !used.contains(key)) {
            Some(key) => Err(self.wrong(&format!("there is no `{key}` in it; known: {}", names(shape).join(", ")))),
            None => Ok(()),
        }
    }

    fn attribute(
        &mut self,
        declared: &AttributeDecl,
        object: &Map<String, Value>,
        used: &mut Vec<String>,
    ) -> Result<()> {
        let local = declared.name.local.to_string();
        let (marked, key) = (declared.marked(), declared.key().to_owned());
        let value = object.get(&marked).or_else(|| object.get(&key));
        let unsaid = || declared.fixed.clone().or_else(|| declared.default.clone()).map(Value::String);
        let value = value.cloned().or_else(unsaid).filter(|value| !value.is_null());
        used.extend([marked, key]);
        self.path.push(local);
        match value {
            Some(value) => {
                let text = self.simple(&declared.of, &value, 0)?;
                self.writer.attribute(&declared.name, &text);
            }
            None if declared.is_required => return Err(self.wrong("it is missing")),
            None => {}
        }
        self.path.pop();
        Ok(())
    }

    /// Writes what the object has of a particle; whether it had anything.
    fn particle(
        &mut self,
        particle: &Particle,
        object: &Map<String, Value>,
        used: &mut Vec<String>,
        unnamed: &mut usize,
        is_needed: bool,
    ) -> Result<bool> {
        match particle {
            Particle::Element(declared, occurs) => self.member(declared, *occurs, object, used, is_needed),
            Particle::Any(_) => {
                *unnamed += 1;
                let key = format!("_value_{unnamed}");
                used.push(key.clone());
                match object.get(&key).filter(|value| !value.is_null()) {
                    Some(value) => self.members_of_any(value).map(|()| true),
                    None => Ok(false),
                }
            }
            Particle::Named(name, occurs) => match self.schemas.groups.get(name) {
                Some(Particle::Group(kind, members, _)) => {
                    let group = Particle::Group(*kind, Arc::clone(members), *occurs);
                    self.particle(&group, object, used, unnamed, is_needed)
                }
                _ => Err(self.wrong(&format!("the group {name} is not declared"))),
            },
            Particle::Group(kind, members, occurs) if occurs.is_many() => {
                *unnamed += 1;
                let key = format!("_value_{unnamed}");
                used.push(key.clone());
                let items = match object.get(&key) {
                    Some(Value::Array(items)) => items.clone(),
                    Some(value) => vec![value.clone()],
                    // written once, without the list
                    None => {
                        let once = Particle::Group(*kind, Arc::clone(members), Occurs { max: Some(1), ..*occurs });
                        return self.particle(&once, object, used, unnamed, is_needed && occurs.min > 0);
                    }
                };
                for (place, item) in items.iter().enumerate() {
                    let Value::Object(item) = item else { return Err(self.wrong("it takes a list of objects")) };
                    self.path.push(format!("{key}[{place}]"));
                    let once = Particle::Group(*kind, Arc::clone(members), Occurs::ONCE);
                    self.particle(&once, item, &mut Vec::new(), &mut 0, true)?;
                    self.path.pop();
                }
                Ok(!items.is_empty())
            }
            Particle::Group(Group::Sequence, members, occurs) => {
                let is_there = occurs.min > 0 || members.iter().any(|member| has(self.schemas, member, object));
                let mut found = false;
                for member in members.iter() {
                    found |= self.particle(member, object, used, unnamed, is_needed && is_there)?;
                }
                Ok(found)
            }
            Particle::Group(Group::Choice, members, occurs) => {
                let mut found = false;
                for member in members.iter() {
                    let is_chosen = !found && has(self.schemas, member, object);
                    let is_there = self.particle(member, object, used, unnamed, is_chosen)?;
                    if found && is_there {
                        return Err(self.wrong("of a choice only one may be there"));
                    }
                    found |= is_there;
                }
                if !found && is_needed && occurs.min > 0 && !members.iter().any(may_be_empty) {
                    return Err(self.wrong("of a choice one must be there"));
                }
                Ok(found)
            }
        }
    }

    fn member(
        &mut self,
        declared: &Arc<ElementDecl>,
        occurs: Occurs,
        object: &Map<String, Value>,
        used: &mut Vec<String>,
        is_needed: bool,
    ) -> Result<bool> {
        let key = declared.key().to_owned();
        used.push(key.clone());
        self.path.push(key.clone());
        let behind = self.schemas.behind(declared)?;
        let value = object.get(&key);
        let found = match value {
            Some(Value::Array(items)) if occurs.is_many() => {
                if let Some(max) = occurs.max.filter(|max| items.len() > *max as usize) {
                    return Err(self.wrong(&format!("it may come {max} times at the most")));
                }
                for (place, item) in items.iter().enumerate() {
                    self.path.push(format!("[{place}]"));
                    self.element(declared, item)?;
                    self.path.pop();
                }
                !items.is_empty()
            }
            // null is as good as nothing where it may be left out
            None | Some(Value::Null) if occurs.min == 0 || !is_needed => false,
            None | Some(Value::Null) if behind.is_nillable => {
                self.element(declared, &Value::Null)?;
                true
            }
            None | Some(Value::Null) => match &behind.default {
                Some(default) => {
                    self.element(declared, &Value::String(default.clone()))?;
                    true
                }
                None => return Err(self.wrong("it is missing")),
            },
            Some(value) => {
                self.element(declared, value)?;
                true
            }
        };
        self.path.pop();
        Ok(found)
    }

    /// A simple value as text.
    pub(super) fn simple(&self, of: &TypeRef, value: &Value, depth: usize) -> Result<String> {
        if depth > DERIVED_MAX {
            return Err(self.wrong("its type is derived from itself"));
        }
        match self.schemas.find(of)? {
            Found::Builtin(builtin) => builtin.to_text(value).map_err(|takes| self.wrong(&format!("it takes {takes}"))),
            Found::Any => plain(value).ok_or_else(|| self.wrong("it takes a single value")),
            Found::Declared(declared) => match &*declared {
                Type::Simple { variety, enumeration } => {
                    let text = match variety {
                        Variety::Of(base) => self.simple(base, value, depth + 1)?,
                        Variety::List(item) => match value {
                            Value::Array(items) => {
                                let words = items.iter().map(|value| self.simple(item, value, depth + 1));
                                words.collect::<Result<Vec<_>>>()?.join(" ")
                            }
                            value => plain(value).ok_or_else(|| self.wrong("it takes a list"))?,
                        },
                        Variety::Union => plain(value).ok_or_else(|| self.wrong("it takes a single value"))?,
                    };
                    match enumeration.is_empty() || enumeration.contains(&text) {
                        true => Ok(text),
                        false => Err(self.wrong(&format!("it takes one of {}", enumeration.join(", ")))),
                    }
                }
                Type::Complex(complex) => match self.schemas.shape(complex)?.text {
                    Some(of) => self.simple(&of, value, depth + 1),
                    None => Err(self.wrong("its type is no simple one")),
                },
            },
        }
    }

    /// A value where anything may stand.
    fn anything(&mut self, value: &Value) -> Result<()> {
        match value {
            Value::Object(_) => self.members_of_any(value),
            Value::Array(_) => Err(self.wrong("it takes a value or an object")),
            Value::Null => Ok(()),
            value => {
                self.writer.text(&plain(value).unwrap_or_default());
                Ok(())
            }
        }
    }

    fn members_of_any(&mut self, value: &Value) -> Result<()> {
        let objects: Vec<&Map<String, Value>> = match value {
            Value::Object(object) => vec![object],
            Value::Array(items) => items.iter().filter_map(Value::as_object).collect(),
            _ => return Err(self.wrong("it takes an object, or a list of objects")),
        };
        for (key, value) in objects.into_iter().flatten().filter(|(key, _)| *key != TYPE) {
            let name = match key.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
                Some((namespace, local)) => Name::new(namespace, local),
                None => Name::new("", key),
            };
            let items = match value {
                Value::Array(items) => items.iter().collect(),
                value => vec![value],
            };
            for item in items {
                match self.schemas.elements.get(&name).cloned() {
                    Some(declared) => self.element(&declared, item)?,
                    None => self.named(&name, &TypeRef::Any, true, item)?,
                }
            }
        }
        Ok(())
    }

    fn wrong(&self, why: &str) -> Error {
        let path = self.path.join(".").replace(".[", "[");
        let place = if path.is_empty() { "the arguments".to_owned() } else { format!("`{path}`") };
        Error::new(ErrorKind::Usage, format!("write {place}: {why}"))
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether the object has anything of a particle.
fn has(schemas: &Schemas, particle: &Particle, object: &Map<String, Value>) -> bool {
    match particle {
        Particle::Element(declared, _) => object.get(declared.key()).is_some_and(|value| !value.is_null()),
        Particle::Group(_, members, _) => members.iter().any(|member| has(schemas, member, object)),
        Particle::Named(name, _) => schemas.groups.get(name).is_some_and(|group| has(schemas, group, object)),
        Particle::Any(_) => object.iter().any(|(key, value)| key.starts_with(UNNAMED) && !value.is_null()),
    }
}

fn may_be_empty(particle: &Particle) -> bool {
    match particle {
        Particle::Element(_, occurs) | Particle::Any(occurs) | Particle::Named(_, occurs) => occurs.min == 0,
        Particle::Group(_, members, occurs) => occurs.min == 0 || members.iter().all(may_be_empty),
    }
}

/// The name of the one list that a type holds and nothing else.
pub(super) fn only_list(shape: &Shape) -> Option<String> {
    fn one(particles: &[Particle]) -> Option<String> {
        match particles {
            [Particle::Element(declared, occurs)] if occurs.is_many() => Some(declared.key().to_owned()),
            [Particle::Group(Group::Sequence, members, occurs)] if !occurs.is_many() => one(members),
            _ => None,
        }
    }
    one(&shape.particles).filter(|_| shape.attributes.is_empty() && shape.text.is_none())
}

/// The keys that an object of this shape may have.
fn names(shape: &Shape) -> Vec<String> {
    fn of(particle: &Particle, found: &mut Vec<String>) {
        match particle {
            Particle::Element(declared, _) => found.push(declared.key().to_owned()),
            Particle::Group(_, members, _) => members.iter().for_each(|member| of(member, found)),
            Particle::Named(name, _) => found.push(format!("those of {}", name.local)),
            Particle::Any(_) => found.push(VALUE.to_owned()),
        }
    }
    let mut found: Vec<String> = shape.attributes.iter().map(AttributeDecl::marked).collect();
    shape.particles.iter().for_each(|particle| of(particle, &mut found));
    found
}
