//! The operations of a service, as people are shown them.

use std::fmt;

use serde::Serialize;

use super::bound::{Bound, Parts};
use super::encode::VALUE;
use super::schema::{Found, Occurs, Particle, Schemas, Type, TypeRef, Variety};
use crate::error::Result;

/// How deep fields within fields are shown.
const DEPTH_MAX: usize = 4;

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Operation {
    /// The service.
    pub service: String,
    /// The port of the service.
    pub port: String,
    /// Its name.
    pub name: String,
    /// What the service says of it.
    pub documentation: String,
    /// How its messages are written: `document/literal`, `rpc/literal`, `rpc/encoded`.
    pub style: String,
    /// The version of SOAP: `1.1`, `1.2`.
    pub version: &'static str,
    /// What it takes.
    pub parameters: Vec<Field>,
    /// What it takes in the header.
    pub headers: Vec<Field>,
    /// What it gives back.
    pub returns: Vec<Field>,
    /// Why it cannot be called, where it cannot.
    pub refused: Option<String>,
}

/// A parameter, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type: `text`, `integer`, `boolean`, or the name of a type of the service.
    #[serde(rename = "type")]
    pub of: String,
    /// It must be there.
    pub is_required: bool,
    /// It is a list.
    pub is_list: bool,
    /// It may be null.
    pub is_nillable: bool,
    /// The values that it may have, where they are few.
    pub values: Vec<String>,
    /// What it holds itself.
    pub fields: Vec<Field>,
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (many, optional) = (if self.is_list { "[]" } else { "" }, if self.is_required { "" } else { "?" });
        write!(formatter, "{}{optional}: {}{many}", self.name, self.of)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |fields: &[Field]| fields.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        write!(formatter, "{}({}) -> ({})", self.name, list(&self.parameters), list(&self.returns))
    }
}

/// Describes what is bound.
pub(super) fn describe(schemas: &Schemas, bound: &Bound<'_>) -> Operation {
    // what cannot be described is shown as a problem of the operation, not of the whole service
    let mut refused = bound.refusal();
    let mut fields = |fields: Result<Vec<Field>>| {
        fields.unwrap_or_else(|error| {
            refused.get_or_insert_with(|| error.to_string());
            Vec::new()
        })
    };
    let parameters = fields(bound.input().and_then(|parts| top(schemas, &parts)));
    let returns = fields(bound.output().and_then(|parts| top(schemas, &parts)));
    let headers = fields(bound.headers().and_then(|parts| {
        parts.iter().map(|part| field(schemas, &part.name.local, &part.of, Occurs::ONCE, false, 0)).collect()
    }));
    Operation {
        service: bound.service.name.clone(),
        port: bound.port.name.clone(),
        name: bound.operation.name.clone(),
        documentation: bound.port_operation.documentation.clone(),
        style: bound.style().to_owned(),
        version: bound.version_name(),
        parameters,
        headers,
        returns,
        refused,
    }
}

/// The fields of a message: those of its one complex element, or a field for each part.
fn top(schemas: &Schemas, parts: &Parts) -> Result<Vec<Field>> {
    if let [part] = parts.list.as_slice()
        && !parts.is_rpc
        && let Found::Declared(declared) = schemas.find(&part.of)?
        && let Type::Complex(_) = &*declared
    {
        return inner(schemas, &part.of, 0);
    }
    parts.list.iter().map(|part| field(schemas, &part.name.local, &part.of, Occurs::ONCE, false, 0)).collect()
}

fn field(
    schemas: &Schemas,
    name: &str,
    of: &TypeRef,
    occurs: Occurs,
    is_nillable: bool,
    depth: usize,
) -> Result<Field> {
    let (word, values) = word(schemas, of, 0)?;
    Ok(Field {
        name: name.to_owned(),
        of: word,
        is_required: occurs.min > 0,
        is_list: occurs.is_many(),
        is_nillable,
        values,
        fields: if depth < DEPTH_MAX { inner(schemas, of, depth + 1)? } else { Vec::new() },
    })
}

/// The fields within a type.
fn inner(schemas: &Schemas, of: &TypeRef, depth: usize) -> Result<Vec<Field>> {
    let Found::Declared(declared) = schemas.find(of)? else { return Ok(Vec::new()) };
    let Type::Complex(complex) = &*declared else { return Ok(Vec::new()) };
    let shape = schemas.shape(complex)?;
    let mut fields = Vec::new();
    // its tables are known when it comes
    if shape.is_dataset {
        return Ok(fields);
    }
    if let Some(of) = &shape.text {
        fields.push(field(schemas, VALUE, of, Occurs::ONCE, false, depth)?);
    }
    for particle in &shape.particles {
        particle_fields(schemas, particle, Occurs::ONCE, depth, &mut fields)?;
    }
    for attribute in &shape.attributes {
        let occurs = Occurs { min: u32::from(attribute.is_required), max: Some(1) };
        fields.push(field(schemas, &attribute.marked(), &attribute.of, occurs, false, depth)?);
    }
    Ok(fields)
}

fn particle_fields(
    schemas: &Schemas,
    particle: &Particle,
    outer: Occurs,
    depth: usize,
    fields: &mut Vec<Field>,
) -> Result<()> {
    let within = |occurs: &Occurs| Occurs {
        min: occurs.min.min(outer.min),
        max: if occurs.is_many() || outer.is_many() { None } else { Some(1) },
    };
    match particle {
        Particle::Element(declared, occurs) => {
            let behind = schemas.behind(declared)?;
            fields.push(field(schemas, declared.key(), &behind.of, within(occurs), behind.is_nillable, depth)?);
        }
        Particle::Group(group, members, occurs) => {
            let mut occurs = within(occurs);
            if *group == super::schema::Group::Choice {
                occurs.min = 0;
            }
            for member in members.iter() {
                particle_fields(schemas, member, occurs, depth, fields)?;
            }
        }
        Particle::Named(name, occurs) => {
            if let Some(group) = schemas.groups.get(name) {
                particle_fields(schemas, group, within(occurs), depth, fields)?;
            }
        }
        Particle::Any(occurs) => {
            fields.push(field(schemas, VALUE, &TypeRef::Any, Occurs { min: 0, ..within(occurs) }, false, depth)?);
        }
    }
    Ok(())
}

/// A type in a word, and the values that it may have.
fn word(schemas: &Schemas, of: &TypeRef, depth: usize) -> Result<(String, Vec<String>)> {
    Ok(match schemas.find(of)? {
        Found::Any => ("any".to_owned(), Vec::new()),
        Found::Builtin(builtin) => match of {
            TypeRef::Named(name)
                if matches!(&*name.local, "date" | "dateTime" | "time" | "base64Binary" | "duration") =>
            {
                (name.local.to_string(), Vec::new())
            }
            _ => (builtin.word().to_owned(), Vec::new()),
        },
        Found::Declared(declared) => match &*declared {
            Type::Simple { variety: Variety::Of(base), enumeration } if depth < DEPTH_MAX => {
                (word(schemas, base, depth + 1)?.0, enumeration.clone())
            }
            Type::Simple { variety: Variety::List(_), .. } => ("words".to_owned(), Vec::new()),
            Type::Simple { .. } => ("text".to_owned(), Vec::new()),
            Type::Complex(complex) if complex.is_dataset => ("DataSet".to_owned(), Vec::new()),
            Type::Complex(_) => match of {
                TypeRef::Named(name) => (name.local.to_string(), Vec::new()),
                _ => ("object".to_owned(), Vec::new()),
            },
        },
    })
}
