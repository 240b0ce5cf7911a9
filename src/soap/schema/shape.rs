//! A complex type with everything that it inherits.

use super::types::{AttributeDecl, ComplexType, Found, Particle, Schemas, Type, TypeRef};
use crate::error::{Error, Result};

/// Types that are derived from each other, at the most.
const DERIVED_MAX: usize = 64;

/// What an element of a complex type holds.
#[derive(Default)]
pub(in crate::soap) struct Shape {
    /// The content, that of the base first.
    pub(in crate::soap) particles: Vec<Particle>,
    pub(in crate::soap) attributes: Vec<AttributeDecl>,
    /// The type of its text, where it has text and attributes.
    pub(in crate::soap) text: Option<TypeRef>,
    pub(in crate::soap) is_mixed: bool,
    /// A DataSet of .NET.
    pub(in crate::soap) is_dataset: bool,
}

impl Schemas {
    /// The whole of a complex type.
    ///
    /// # Errors
    /// Not found, for a base that is not declared; failed for types that are derived from themselves.
    pub(in crate::soap) fn shape(&self, of: &ComplexType) -> Result<Shape> {
        let mut shape = Shape::default();
        self.gather(of, &mut shape, 0)?;
        self.tell_apart(&mut shape);
        Ok(shape)
    }

    fn gather(&self, of: &ComplexType, shape: &mut Shape, depth: usize) -> Result<()> {
        if depth > DERIVED_MAX {
            return Err(Error::failed("read a schema: its types are derived from each other in a circle"));
        }
        if let Some((base, is_extension)) = &of.base {
            match self.find(base) {
                Ok(Found::Declared(declared)) => match &*declared {
                    Type::Complex(complex) => {
                        let mut inherited = Shape::default();
                        self.gather(complex, &mut inherited, depth + 1)?;
                        // a restriction says its content anew
                        if *is_extension || of.is_text {
                            shape.particles.extend(inherited.particles);
                        }
                        shape.attributes.extend(inherited.attributes);
                        shape.text = inherited.text;
                    }
                    Type::Simple { .. } => shape.text = Some(base.clone()),
                },
                Ok(Found::Builtin(_)) if of.is_text => shape.text = Some(base.clone()),
                Ok(Found::Builtin(_) | Found::Any) => {}
                // an array of SOAP's encoding, which nobody declares
                Err(_) if !is_extension => {}
                Err(error) => return Err(error),
            }
        }
        shape.is_mixed |= of.is_mixed;
        shape.is_dataset |= of.is_dataset;
        shape.particles.extend(of.content.as_ref().map(|content| self.with_choices(content)));
        self.attributes(of, shape, depth)
    }

    fn attributes(&self, of: &ComplexType, shape: &mut Shape, depth: usize) -> Result<()> {
        for declared in &of.attributes {
            let known = self.attributes.get(&declared.name).filter(|_| declared.is_reference);
            let mut attribute = declared.clone();
            if let Some(known) = known {
                attribute.of = known.of.clone();
                attribute.fixed = attribute.fixed.or_else(|| known.fixed.clone());
                attribute.default = attribute.default.or_else(|| known.default.clone());
            }
            shape.attributes.retain(|it| it.name != attribute.name);
            shape.attributes.push(attribute);
        }
        if depth > DERIVED_MAX {
            return Err(Error::failed("read a schema: its groups of attributes hold each other in a circle"));
        }
        for name in &of.attribute_groups {
            if let Some(group) = self.attribute_groups.get(name).cloned() {
                self.attributes(&group, shape, depth + 1)?;
            }
        }
        Ok(())
    }
}
