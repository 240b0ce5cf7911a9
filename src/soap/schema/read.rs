//! Reads one schema into what is declared.

use std::sync::Arc;

use super::super::xml::{Element, Name};
use super::builtin::XSD;
use super::types::{AttributeDecl, ComplexType, ElementDecl, Group, Occurs, Particle, Schemas, Type, TypeRef, Variety};

/// Where .NET has the rows of a DataSet.
pub(in crate::soap) const DIFFGRAM: &str = "urn:schemas-microsoft-com:xml-diffgram-v1";

/// Where .NET says what XML Schema cannot.
pub(in crate::soap) const MSDATA: &str = "urn:schemas-microsoft-com:xml-msdata";

/// Reads a schema. `target` is the namespace of the schema that includes it, for one that names none itself.
pub(in crate::soap) fn read_schema(schemas: &mut Schemas, schema: &Element, target: Option<&str>) {
    let own = schema.attribute("targetNamespace");
    let reader = Reader {
        target: own.or(target).unwrap_or_default().to_owned(),
        is_chameleon: own.is_none() && target.is_some(),
        qualifies_elements: schema.attribute("elementFormDefault") == Some("qualified"),
        qualifies_attributes: schema.attribute("attributeFormDefault") == Some("qualified"),
    };
    for declared in schema.elements().filter(|it| is_xsd(it)) {
        reader.global(schemas, declared);
    }
}

pub(super) fn is_xsd(element: &Element) -> bool {
    XSD.contains(&&*element.name.namespace)
}

struct Reader {
    target: String,
    is_chameleon: bool,
    qualifies_elements: bool,
    qualifies_attributes: bool,
}

impl Reader {
    fn global(&self, schemas: &mut Schemas, declared: &Element) {
        // what is redefined takes the place of what it was
        if matches!(&*declared.name.local, "redefine" | "override") {
            declared.elements().filter(|it| is_xsd(it)).for_each(|it| self.global(schemas, it));
            return;
        }
        let Some(local) = declared.attribute("name") else { return };
        let name = Name::new(&self.target, local);
        match &*declared.name.local {
            "element" => {
                for head in declared.attribute("substitutionGroup").unwrap_or_default().split_whitespace() {
                    schemas.substitutes.entry(self.name(declared, head)).or_default().push(name.clone());
                }
                schemas.elements.insert(name.clone(), Arc::new(self.element(declared, name)));
            }
            "simpleType" => drop(schemas.types.insert(name, Arc::new(self.simple(declared)))),
            "complexType" => drop(schemas.types.insert(name, Arc::new(Type::Complex(self.complex(declared))))),
            "group" => {
                if let Some(particle) = declared.elements().find_map(|it| self.particle(it)) {
                    schemas.groups.insert(name, particle);
                }
            }
            "attribute" => drop(schemas.attributes.insert(name.clone(), self.attribute(declared, name))),
            "attributeGroup" => drop(schemas.attribute_groups.insert(name, Arc::new(self.complex(declared)))),
            _ => {}
        }
    }

    /// A name in a value of the schema.
    fn name(&self, at: &Element, value: &str) -> Name {
        let name = at.name_of(value);
        match name.namespace.is_empty() && self.is_chameleon {
            true => Name { namespace: self.target.as_str().into(), ..name },
            false => name,
        }
    }

    fn type_of(&self, declared: &Element) -> TypeRef {
        if let Some(name) = declared.attribute("type") {
            return TypeRef::Named(self.name(declared, name));
        }
        let inline = declared.elements().filter(|it| is_xsd(it)).find_map(|it| match &*it.name.local {
            "simpleType" => Some(self.simple(it)),
            "complexType" => Some(Type::Complex(self.complex(it))),
            _ => None,
        });
        inline.map_or(TypeRef::Any, |of| TypeRef::Inline(Arc::new(of)))
    }

    fn element(&self, declared: &Element, name: Name) -> ElementDecl {
        let default = declared.attribute("fixed").or_else(|| declared.attribute("default"));
        ElementDecl {
            name,
            of: self.type_of(declared),
            is_nillable: is_true(declared, "nillable"),
            is_abstract: is_true(declared, "abstract"),
            default: default.map(str::to_owned),
            is_reference: false,
            key: None,
        }
    }

    fn simple(&self, declared: &Element) -> Type {
        let mut enumeration = Vec::new();
        let mut variety = Variety::Union;
        for part in declared.elements().filter(|it| is_xsd(it)) {
            let inline =
                || part.child(&part.name.namespace, "simpleType").map(|it| TypeRef::Inline(Arc::new(self.simple(it))));
            match &*part.name.local {
                "restriction" => {
                    let base = part.attribute("base").map(|base| TypeRef::Named(self.name(part, base)));
                    variety = Variety::Of(base.or_else(inline).unwrap_or(TypeRef::Any));
                    let values = part.elements().filter(|it| &*it.name.local == "enumeration");
                    enumeration = values.filter_map(|it| it.attribute("value").map(str::to_owned)).collect();
                }
                "list" => {
                    let item = part.attribute("itemType").map(|item| TypeRef::Named(self.name(part, item)));
                    variety = Variety::List(item.or_else(inline).unwrap_or(TypeRef::Any));
                }
                _ => {}
            }
        }
        Type::Simple { variety, enumeration }
    }

    fn complex(&self, declared: &Element) -> ComplexType {
        let mut complex = ComplexType { is_mixed: is_true(declared, "mixed"), ..ComplexType::default() };
        self.fill(&mut complex, declared);
        complex
    }

    fn fill(&self, complex: &mut ComplexType, from: &Element) {
        for part in from.elements().filter(|it| is_xsd(it)) {
            match &*part.name.local {
                "simpleContent" | "complexContent" => {
                    complex.is_text = &*part.name.local == "simpleContent";
                    complex.is_mixed |= is_true(part, "mixed");
                    for derived in part.elements().filter(|it| is_xsd(it)) {
                        let is_extension = &*derived.name.local == "extension";
                        if let Some(base) = derived.attribute("base") {
                            complex.base = Some((TypeRef::Named(self.name(derived, base)), is_extension));
                            self.fill(complex, derived);
                        }
                    }
                }
                "attribute" => complex.attributes.extend(self.local_attribute(part)),
                "attributeGroup" => {
                    complex.attribute_groups.extend(part.attribute("ref").map(|name| self.name(part, name)));
                }
                _ => {
                    if let Some(particle) = self.particle(part) {
                        complex.is_dataset |= self.holds_dataset(part);
                        complex.content = Some(particle);
                    }
                }
            }
        }
    }

    fn particle(&self, part: &Element) -> Option<Particle> {
        let occurs = occurs(part);
        if occurs.max == Some(0) {
            return None;
        }
        let group = |kind: Group| {
            let members = part.elements().filter(|it| is_xsd(it)).filter_map(|it| self.particle(it)).collect();
            Some(Particle::Group(kind, Arc::new(members), occurs))
        };
        match &*part.name.local {
            "element" => {
                let reference = part.attribute("ref").map(|name| self.name(part, name));
                let decl = match reference {
                    Some(name) => ElementDecl::reference(name),
                    None => {
                        let local = part.attribute("name")?;
                        let is_qualified = match part.attribute("form") {
                            Some(form) => form == "qualified",
                            None => self.qualifies_elements,
                        };
                        let namespace = if is_qualified { self.target.as_str() } else { "" };
                        self.element(part, Name::new(namespace, local))
                    }
                };
                Some(Particle::Element(Arc::new(decl), occurs))
            }
            "sequence" | "all" => group(Group::Sequence),
            "choice" => group(Group::Choice),
            "group" => Some(Particle::Named(self.name(part, part.attribute("ref")?), occurs)),
            "any" => Some(Particle::Any(occurs)),
            _ => None,
        }
    }

    /// A schema and what it describes, as .NET declares a DataSet or a DataTable.
    fn holds_dataset(&self, content: &Element) -> bool {
        let mut parts = content.elements().filter(|it| is_xsd(it));
        parts.any(|part| match (&*part.name.local, part.attribute("ref"), part.attribute("namespace")) {
            ("element", Some(name), _) => {
                let name = self.name(part, name);
                &*name.local == "schema" && XSD.contains(&&*name.namespace)
            }
            ("any", _, Some(namespace)) => XSD.contains(&namespace) || namespace == DIFFGRAM,
            _ => false,
        })
    }

    fn local_attribute(&self, declared: &Element) -> Option<AttributeDecl> {
        if declared.attribute("use") == Some("prohibited") {
            return None;
        }
        if let Some(name) = declared.attribute("ref") {
            let name = self.name(declared, name);
            return Some(AttributeDecl { is_reference: true, ..self.attribute(declared, name) });
        }
        let is_qualified = match declared.attribute("form") {
            Some(form) => form == "qualified",
            None => self.qualifies_attributes,
        };
        let namespace = if is_qualified { self.target.as_str() } else { "" };
        Some(self.attribute(declared, Name::new(namespace, declared.attribute("name")?)))
    }

    fn attribute(&self, declared: &Element, name: Name) -> AttributeDecl {
        AttributeDecl {
            name,
            of: self.type_of(declared),
            is_required: declared.attribute("use") == Some("required"),
            fixed: declared.attribute("fixed").map(str::to_owned),
            default: declared.attribute("default").map(str::to_owned),
            is_reference: false,
            key: None,
        }
    }
}

fn is_true(declared: &Element, attribute: &str) -> bool {
    matches!(declared.attribute(attribute), Some("true" | "1"))
}

fn occurs(part: &Element) -> Occurs {
    let number = |name: &str| part.attribute(name).map(str::trim);
    let max = match number("maxOccurs") {
        Some("unbounded") => None,
        Some(text) => Some(text.parse().unwrap_or(1)),
        None => Some(1),
    };
    Occurs { min: number("minOccurs").and_then(|text| text.parse().ok()).unwrap_or(1), max }
}
