//! The keywords of objects and lists.

use std::collections::HashMap;

use super::super::dialect::Draft;
use super::super::keywords::{Slip, names, slip};
use super::super::library::{Place, escaped};
use super::super::node::{Check, Count, NodeId};
use super::super::pattern;
use super::{Compiler, Field, Part};
use crate::error::{Error, Result};
use crate::record::Value;

impl Compiler {
    /// What is asked of objects.
    pub(super) fn objects(&mut self, part: &Part<'_>) -> Result<Vec<Check>, Either> {
        let mut checks = Vec::new();
        let named: HashMap<String, NodeId> =
            self.map(part, "properties")?.into_iter().map(|((name, _), node)| (name.to_string(), node)).collect();
        let mut patterns = Vec::new();
        for ((text, _), node) in self.map(part, "patternProperties")? {
            match pattern::compile(text) {
                Ok(regex) => patterns.push((regex, node)),
                Err(reason) => slip("patternProperties", format!("the pattern `{text}`: {reason}"))?,
            }
        }
        let rest = self.one(part, "additionalProperties")?;
        if !named.is_empty() || !patterns.is_empty() || rest.is_some() {
            checks.push(Check::Properties { named, patterns, rest });
        }
        checks.extend(self.one(part, "propertyNames")?.map(Check::PropertyNames));
        if part.draft == Draft::Seven {
            for ((name, value), node) in self.map_of_dependencies(part)? {
                checks.push(match node {
                    Some(node) => Check::SchemaWith { name: name.to_string(), node },
                    None => Check::RequiredWith { name: name.to_string(), others: names("dependencies", value)? },
                });
            }
            return Ok(checks);
        }
        for ((name, _), node) in self.map(part, "dependentSchemas")? {
            checks.push(Check::SchemaWith { name: name.to_string(), node });
        }
        match part.keywords.get("dependentRequired") {
            None => {}
            Some(Value::Object(fields)) => {
                for (name, value) in fields {
                    let others = names("dependentRequired", value)?;
                    checks.push(Check::RequiredWith { name: name.to_string(), others });
                }
            }
            Some(_) => slip("dependentRequired", "`dependentRequired` takes lists of names by name")?,
        }
        Ok(checks)
    }

    /// Draft-07: schemas, and lists of names, which are no nodes.
    fn map_of_dependencies<'a>(&mut self, part: &Part<'a>) -> Result<Vec<(&'a Field, Option<NodeId>)>, Either> {
        let fields = match part.keywords.get("dependencies") {
            None => return Ok(Vec::new()),
            Some(Value::Object(fields)) => fields,
            Some(_) => return slip("dependencies", "`dependencies` takes schemas or lists of names by name")?,
        };
        let place = part.inside("dependencies");
        let of = |name: &str| Place { file: place.file, pointer: format!("{}/{}", place.pointer, escaped(name)) };
        let node = |field: &'a Field| match field.1 {
            Value::Array(_) => (field, None),
            _ => (field, Some(self.node(of(&field.0)))),
        };
        Ok(fields.iter().map(node).collect())
    }

    /// What is asked of lists.
    pub(super) fn lists(&mut self, part: &Part<'_>) -> Result<Vec<Check>, Either> {
        let mut checks = Vec::new();
        let is_tuple = part.draft == Draft::Seven && matches!(part.keywords.get("items"), Some(Value::Array(_)));
        let (first, rest) = match (part.draft, is_tuple) {
            (_, true) => (self.list_or_none(part, "items")?, self.one(part, "additionalItems")?),
            (Draft::Seven, false) => (Vec::new(), self.one(part, "items")?),
            (Draft::Of2020, _) => (self.list(part, "prefixItems")?.unwrap_or_default(), self.one(part, "items")?),
        };
        if !first.is_empty() || rest.is_some() {
            checks.push(Check::Items { first, rest });
        }
        if let Some(node) = self.one(part, "contains")? {
            let (min, max) = match part.draft {
                Draft::Of2020 => (part.keywords.count("minContains")?, part.keywords.count("maxContains")?),
                Draft::Seven => (None, None),
            };
            checks.push(Check::Contains { node, count: Count { min: min.unwrap_or(1), max } });
        }
        Ok(checks)
    }

    fn list_or_none(&mut self, part: &Part<'_>, keyword: &str) -> Result<Vec<NodeId>> {
        match part.keywords.get(keyword) {
            Some(Value::Array(items)) if items.is_empty() => Ok(Vec::new()),
            _ => Ok(self.list(part, keyword)?.unwrap_or_default()),
        }
    }
}

/// An error that names its place, or a slip that does not yet.
pub(super) enum Either {
    Error(Error),
    Slip(Slip),
}

impl From<Error> for Either {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Slip> for Either {
    fn from(slip: Slip) -> Self {
        Self::Slip(slip)
    }
}

impl Either {
    /// The error, where a slip is told its place.
    pub(super) fn into_error(self, told: impl FnOnce(Slip) -> Error) -> Error {
        match self {
            Self::Error(error) => error,
            Self::Slip(slip) => told(slip),
        }
    }
}
