//! XML Schema, as far as services describe their messages with it: simple and complex types, extension and restriction,
//! sequences, choices, groups, attributes, references, substitution groups, nil, and whatever is allowed to be anything.

mod builtin;
mod circles;
mod keys;
mod read;
mod shape;
mod substitutes;
mod types;

pub(super) use builtin::XSD;
pub(super) use read::{DIFFGRAM, MSDATA, read_schema};
pub(super) use shape::Shape;
pub(super) use types::{
    AttributeDecl, ElementDecl, Found, Group, Occurs, Particle, Schemas, Type, TypeRef, Variety, WSDL, near,
};
