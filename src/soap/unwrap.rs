//! Takes off the wrappings that hold one thing and nothing else: that of an answer, and that of a list.

use serde_json::{Map, Value};

use super::bound::Parts;
use super::schema::{Found, Particle, Schemas, Type, TypeRef};
use crate::error::Result;

/// What an operation gives back. A wrapping is taken off where its type has one element alone, and where no more came: a
/// derived type, or a newer server, may have sent more.
///
/// # Errors
/// Not found, for a type that no schema declares.
pub(super) fn unwrapped(schemas: &Schemas, parts: &Parts, body: &Map<String, Value>) -> Result<Value> {
    let part = match parts.list.as_slice() {
        [] if body.is_empty() => return Ok(Value::Null),
        [part] if body.len() == 1 => part,
        _ => return Ok(Value::Object(body.clone())),
    };
    let mut value = body.get(&*part.name.local).cloned().unwrap_or_default();
    let mut of = part.of.clone();
    let levels = if parts.is_rpc { 1 } else { 2 };
    for _ in 0..levels {
        let (Some(children), Value::Object(object)) = (children(schemas, &of)?, &mut value) else { break };
        match children.as_slice() {
            [] if object.is_empty() => return Ok(Value::Null),
            [(key, inner)] if object.len() == 1 && object.contains_key(key) => {
                value = object.remove(key).unwrap_or_default();
                of = inner.clone();
            }
            _ => break,
        }
    }
    Ok(value)
}

/// The elements of a complex type that has nothing else.
fn children(schemas: &Schemas, of: &TypeRef) -> Result<Option<Vec<(String, TypeRef)>>> {
    let Found::Declared(declared) = schemas.find(of)? else { return Ok(None) };
    let Type::Complex(complex) = &*declared else { return Ok(None) };
    let shape = schemas.shape(complex)?;
    if !shape.attributes.is_empty() || shape.text.is_some() || shape.is_dataset {
        return Ok(None);
    }
    let mut children = Vec::new();
    for particle in &shape.particles {
        gather(schemas, particle, &mut children)?;
    }
    Ok(Some(children))
}

/// The elements that a particle comes to. A list of a list ends there: its items are whole.
fn gather(schemas: &Schemas, particle: &Particle, children: &mut Vec<(String, TypeRef)>) -> Result<()> {
    match particle {
        Particle::Element(declared, occurs) => {
            let behind = schemas.behind(declared)?;
            let of = if occurs.is_many() { TypeRef::Any } else { behind.of.clone() };
            children.push((declared.key().to_owned(), of));
        }
        Particle::Group(_, members, occurs) if !occurs.is_many() => {
            members.iter().try_for_each(|member| gather(schemas, member, children))?;
        }
        Particle::Named(name, occurs) if !occurs.is_many() => {
            schemas.groups.get(name).map_or(Ok(()), |group| gather(schemas, group, children))?;
        }
        Particle::Group(..) | Particle::Named(..) | Particle::Any(_) => {
            children.push((format!("_value_{}", children.len() + 1), TypeRef::Any));
        }
    }
    Ok(())
}
