//! From the files of a schema to nodes that judge: each part that is referred to becomes one node.

mod shapes;

use std::borrow::Cow;
use std::collections::HashMap;

use super::circle::circle;
use super::dialect::{Draft, Holds};
use super::keywords::{Keywords, Slip};
use super::library::{Library, Place, escaped, find, settings_error};
use super::node::{Check, Node, NodeId};
use crate::error::Result;
use crate::record::Value;

/// The most parts of a schema.
const NODES_MAX: usize = 100_000;

/// Nodes, and what dynamic references look for: nodes by resource and anchor.
pub(super) struct Compiled {
    pub(super) nodes: Vec<Node>,
    pub(super) dynamic: HashMap<(usize, String), NodeId>,
}

/// What is being compiled.
struct Compiler {
    library: Library,
    nodes: Vec<Option<Node>>,
    places: Vec<Place>,
    by_place: HashMap<Place, NodeId>,
    dynamic: HashMap<(usize, String), NodeId>,
    /// The anchors that dynamic references name.
    looked_for: Vec<String>,
}

/// A part that is being compiled.
struct Part<'a> {
    place: &'a Place,
    keywords: Keywords<'a>,
    draft: Draft,
}

type Field = (Cow<'static, str>, Value<'static>);

/// Compiles the schema at a place, whose node is the first one.
///
/// # Errors
/// Settings (exit 3) with the file and the JSON pointer of what is not understood.
pub(super) fn compile(library: Library, root: Place) -> Result<Compiled> {
    let mut compiler = Compiler {
        library,
        nodes: Vec::new(),
        places: Vec::new(),
        by_place: HashMap::new(),
        dynamic: HashMap::new(),
        looked_for: Vec::new(),
    };
    compiler.node(root);
    let mut next = 0;
    while next < compiler.places.len() {
        if next >= NODES_MAX {
            return Err(settings_error(format!("read the schema: it has more than {NODES_MAX} parts")));
        }
        let node = compiler.build(next)?;
        compiler.nodes[next] = Some(node);
        next += 1;
        if next == compiler.places.len() {
            // files that were read on the way may have more of them
            compiler.find_dynamic();
        }
    }
    if let Some(node) = circle(&compiler.nodes) {
        let reason = "it refers to itself without going into the value, and would never end";
        return Err(compiler.library.wrong(&compiler.places[node], reason));
    }
    Ok(Compiled { nodes: compiler.nodes.into_iter().flatten().collect(), dynamic: compiler.dynamic })
}

impl Compiler {
    /// The node of a place, which is compiled when its turn comes.
    fn node(&mut self, place: Place) -> NodeId {
        if let Some(node) = self.by_place.get(&place) {
            return *node;
        }
        let node = self.nodes.len();
        self.nodes.push(None);
        self.places.push(place.clone());
        self.by_place.insert(place, node);
        node
    }

    fn find_dynamic(&mut self) {
        for name in self.looked_for.clone() {
            for (resource, place) in self.library.dynamic(&name) {
                let node = self.node(place);
                self.dynamic.insert((resource, name.clone()), node);
            }
        }
    }

    fn build(&mut self, node: NodeId) -> Result<Node> {
        let place = self.places[node].clone();
        let (resource, draft) = self.library.resource(&place);
        let found = self.library.value(&place);
        let Some((document, steps)) = found else { return Err(self.library.wrong(&place, "there is nothing")) };
        match find(&document, &steps) {
            Some(Value::Bool(flag)) => Ok(Node::Always(*flag)),
            Some(Value::Object(fields)) => {
                let part = Part { place: &place, keywords: Keywords(fields), draft };
                let checks = self.checks(&part)?;
                Ok(Node::Checks { checks, resource })
            }
            _ => Err(self.library.wrong(&place, "a schema is an object, true or false")),
        }
    }

    fn checks(&mut self, part: &Part<'_>) -> Result<Vec<Check>> {
        for (name, _) in part.keywords.0 {
            if part.draft.holds(name).is_none() && !name.starts_with("x-") {
                let draft = part.draft.name();
                let error = self.library.wrong(part.place, format_args!("there is no keyword `{name}` in {draft}"));
                return Err(error.hint("names of your own begin with `x-`; `$schema` names the draft"));
            }
        }
        if part.draft == Draft::Seven && part.keywords.get("$ref").is_some() {
            return self.references(part);
        }
        let simple = part.keywords.simple().map_err(|slip| self.told(part, slip))?;
        let mut checks = simple;
        checks.extend(self.references(part)?);
        checks.extend(self.combined(part)?);
        let more = self.objects(part).map_err(|either| either.into_error(|slip| self.told(part, slip)))?;
        checks.extend(more);
        let more = self.lists(part).map_err(|either| either.into_error(|slip| self.told(part, slip)))?;
        checks.extend(more);
        // last: they need to know what the others have judged
        checks.extend(self.one(part, "unevaluatedItems")?.map(Check::UnevaluatedItems));
        checks.extend(self.one(part, "unevaluatedProperties")?.map(Check::UnevaluatedProperties));
        Ok(checks)
    }

    fn told(&self, part: &Part<'_>, slip: Slip) -> crate::error::Error {
        let place = part.inside(&slip.keyword);
        self.library.wrong(&place, slip.reason)
    }

    /// The schema under a keyword; in drafts that have it also a list, which is not looked at here.
    fn one(&mut self, part: &Part<'_>, keyword: &str) -> Result<Option<NodeId>> {
        match part.keywords.get(keyword) {
            Some(_) if part.draft.holds(keyword) == Some(Holds::One) => Ok(Some(self.node(part.inside(keyword)))),
            _ => Ok(None),
        }
    }

    /// The schemas in a list under a keyword.
    fn list(&mut self, part: &Part<'_>, keyword: &str) -> Result<Option<Vec<NodeId>>> {
        match part.keywords.get(keyword) {
            None => Ok(None),
            Some(Value::Array(items)) if !items.is_empty() => {
                let place = part.inside(keyword);
                let of = |at| Place { file: place.file, pointer: format!("{}/{at}", place.pointer) };
                Ok(Some((0..items.len()).map(|at| self.node(of(at))).collect()))
            }
            Some(_) => {
                Err(self.library.wrong(&part.inside(keyword), format_args!("`{keyword}` takes a list of schemas")))
            }
        }
    }

    /// The schemas by name under a keyword, each with its own value.
    fn map<'a>(&mut self, part: &Part<'a>, keyword: &str) -> Result<Vec<(&'a Field, NodeId)>> {
        match part.keywords.get(keyword) {
            None => Ok(Vec::new()),
            Some(Value::Object(fields)) => {
                let place = part.inside(keyword);
                let of =
                    |name: &str| Place { file: place.file, pointer: format!("{}/{}", place.pointer, escaped(name)) };
                Ok(fields.iter().map(|field| (field, self.node(of(&field.0)))).collect())
            }
            Some(_) => {
                Err(self.library.wrong(&part.inside(keyword), format_args!("`{keyword}` takes schemas by name")))
            }
        }
    }

    fn references(&mut self, part: &Part<'_>) -> Result<Vec<Check>> {
        let mut checks = Vec::new();
        for keyword in ["$ref", "$dynamicRef"] {
            let reference = part.keywords.text(keyword).map_err(|slip| self.told(part, slip))?;
            let Some(reference) = reference else { continue };
            let target = self.library.resolve(&part.inside_place(), reference)?;
            let node = self.node(target.place);
            checks.push(match target.dynamic.filter(|_| keyword == "$dynamicRef") {
                None => Check::Ref(node),
                Some(anchor) => {
                    self.looked_for.push(anchor.clone());
                    Check::DynamicRef { anchor, node }
                }
            });
        }
        Ok(checks)
    }

    fn combined(&mut self, part: &Part<'_>) -> Result<Vec<Check>> {
        let mut checks = Vec::new();
        checks.extend(self.list(part, "allOf")?.map(Check::AllOf));
        checks.extend(self.list(part, "anyOf")?.map(Check::AnyOf));
        checks.extend(self.list(part, "oneOf")?.map(Check::OneOf));
        checks.extend(self.one(part, "not")?.map(Check::Not));
        let (test, then, otherwise) = (self.one(part, "if")?, self.one(part, "then")?, self.one(part, "else")?);
        checks.extend(test.map(|test| Check::If { test, then, otherwise }));
        Ok(checks)
    }
}

impl Part<'_> {
    /// The place of a keyword.
    fn inside(&self, keyword: &str) -> Place {
        Place { file: self.place.file, pointer: format!("{}/{}", self.place.pointer, escaped(keyword)) }
    }

    fn inside_place(&self) -> Place {
        self.place.clone()
    }
}
