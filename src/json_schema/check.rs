//! A value judged by the nodes of a schema: what is wrong, where, in words.

mod plain;

use self::plain::{cut, cut_text, is_number, one_of};
use super::canonical::{canonical, digits};
use super::compile::Compiled;
use super::library::escaped;
use super::node::{Check, Count, Node, NodeId};
use super::violation::Violation;
use crate::record::Value;

/// The most violations that are told.
const VIOLATIONS_MAX: usize = 100;
/// How many schemas may judge inside of each other; a thread's stack holds them.
const DEPTH_MAX: usize = 400;
/// How many judgements one value may take: a few schemas in each other can ask for any number of them.
const STEPS_MAX: u64 = 5_000_000;
/// How much a message shows of what is wrong by each of several schemas.
const REASONS_CHARS_MAX: usize = 800;

/// Which fields or items of a value were judged.
type Seen = Vec<bool>;

/// One value that is judged.
pub(super) struct Judge<'a> {
    compiled: &'a Compiled,
    /// Where in the value, as a JSON pointer.
    at: String,
    /// The resources of the schemas on the way here, outermost first.
    scope: Vec<usize>,
    found: Vec<Violation>,
    depth: usize,
    steps: u64,
    /// Where it was given up, once and for all: what was found until then may be half of the truth.
    given_up: Option<Violation>,
}

impl<'a> Judge<'a> {
    pub(super) fn of(compiled: &'a Compiled) -> Self {
        let (at, scope, found) = (String::new(), Vec::new(), Vec::new());
        Self { compiled, at, scope, found, depth: 0, steps: 0, given_up: None }
    }

    /// Everything that is wrong.
    pub(super) fn judge(mut self, value: &Value<'_>) -> Vec<Violation> {
        self.node(0, value, &mut Vec::new());
        self.given_up.map_or(self.found, |reason| vec![reason])
    }

    fn wrong(&mut self, message: impl Into<String>) -> bool {
        if self.found.len() < VIOLATIONS_MAX {
            self.found.push(Violation { pointer: self.at.clone(), message: message.into() });
        }
        false
    }

    /// Stops judging: there is no answer but that.
    fn give_up(&mut self, reason: &str) -> bool {
        self.given_up = Some(Violation { pointer: self.at.clone(), message: reason.to_owned() });
        false
    }

    /// Whether a value fits a node; notes what of it was judged.
    fn node(&mut self, node: NodeId, value: &Value<'_>, seen: &mut Seen) -> bool {
        if self.given_up.is_some() {
            return false;
        }
        self.steps += 1;
        if self.depth >= DEPTH_MAX || self.steps > STEPS_MAX {
            return self.give_up("it is not judged: the schema goes too deep for it");
        }
        let compiled = self.compiled;
        match &compiled.nodes[node] {
            Node::Always(true) => true,
            Node::Always(false) => self.wrong("nothing is allowed here"),
            Node::Checks { checks, resource } => {
                self.depth += 1;
                self.scope.push(*resource);
                let mut own = Seen::new();
                let mut fits = true;
                for check in checks {
                    fits &= self.check(check, value, &mut own);
                }
                self.scope.pop();
                self.depth -= 1;
                if fits {
                    join(seen, &own);
                }
                fits
            }
        }
    }

    /// Whether a value fits a node, without a word of what is wrong.
    fn fits(&mut self, node: NodeId, value: &Value<'_>, seen: &mut Seen) -> bool {
        let before = self.found.len();
        let fits = self.node(node, value, seen);
        if self.given_up.is_none() {
            self.found.truncate(before);
        }
        fits
    }

    fn check(&mut self, check: &Check, value: &Value<'_>, seen: &mut Seen) -> bool {
        match (check, value) {
            (Check::Types(types), value) => self.types(types, value),
            (Check::OneOfValues { canonical: allowed, shown }, value) => {
                let is_one = allowed.contains(&canonical(value));
                is_one || self.wrong(format!("{} is not {}", cut(value), one_of(shown, allowed.len())))
            }
            (Check::MultipleOf { step, text }, value) if is_number(value) => {
                let fits = digits(value).and_then(|digits| digits.is_multiple_of(step)) == Some(true);
                fits || self.wrong(format!("{} is no multiple of {text}", cut(value)))
            }
            (Check::Limit(limit), value) if is_number(value) => self.limit(limit, value),
            (Check::Length(count), Value::Text(text)) => {
                self.count(*count, text.chars().count(), ("character", "characters"))
            }
            (Check::Pattern { regex, text }, Value::Text(letters)) => {
                regex.is_match(letters) || self.wrong(format!("{} does not match `{text}`", cut(value)))
            }
            (Check::Format(format), Value::Text(text)) => {
                format.fits(text) || self.wrong(format!("{} has not the format {}", cut(value), format.name()))
            }
            (Check::Items { first, rest }, Value::Array(items)) => self.items((first, *rest), items, seen),
            (Check::Contains { node, count }, Value::Array(items)) => self.contains(*node, *count, items, seen),
            (Check::ItemCount(count), Value::Array(items)) => self.count(*count, items.len(), ("item", "items")),
            (Check::Unique, Value::Array(items)) => self.unique(items),
            (Check::UnevaluatedItems(node), Value::Array(items)) => {
                let left = (0..items.len()).filter(|at| !seen.get(*at).copied().unwrap_or_default());
                let left: Vec<usize> = left.collect();
                self.each_item(*node, &left, items, seen)
            }
            (check, Value::Object(fields)) => self.object(check, value, fields, seen),
            (check, value) => self.combined(check, value, seen),
        }
    }

    fn object(&mut self, check: &Check, value: &Value<'_>, fields: &[Field<'_>], seen: &mut Seen) -> bool {
        let has = |name: &str| fields.iter().any(|(field, _)| field == name);
        match check {
            Check::PropertyCount(count) => self.count(*count, fields.len(), ("field", "fields")),
            Check::Required(names) => {
                let missing: Vec<&String> = names.iter().filter(|name| !has(name)).collect();
                missing.into_iter().fold(true, |_, name| self.wrong(format!("`{name}` is missing")))
            }
            Check::RequiredWith { name, others } if has(name) => {
                let missing: Vec<&String> = others.iter().filter(|other| !has(other)).collect();
                missing.into_iter().fold(true, |_, other| self.wrong(format!("`{other}` is missing beside `{name}`")))
            }
            Check::SchemaWith { name, node } if has(name) => self.node(*node, value, seen),
            Check::RequiredWith { .. } | Check::SchemaWith { .. } => true,
            Check::Properties { named, patterns, rest } => {
                let mut fits = true;
                for (at, (name, value)) in fields.iter().enumerate() {
                    let own = named.get(name.as_ref()).copied();
                    let by_pattern = patterns.iter().filter(|(regex, _)| regex.is_match(name)).map(|(_, node)| *node);
                    let nodes: Vec<NodeId> = own.into_iter().chain(by_pattern).collect();
                    let is_other = nodes.is_empty();
                    for node in nodes.into_iter().chain(rest.filter(|_| is_other)) {
                        fits &= self.field(node, (at, name, value), seen);
                    }
                }
                fits
            }
            Check::PropertyNames(node) => {
                let mut fits = true;
                for (name, _) in fields {
                    let is_name = self.fits(*node, &Value::Text(name.as_ref().into()), &mut Seen::new());
                    fits &= is_name || self.wrong(format!("`{}` is not allowed as a name", cut_text(name)));
                }
                fits
            }
            Check::UnevaluatedProperties(node) => {
                let mut fits = true;
                for (at, (name, value)) in fields.iter().enumerate() {
                    if !seen.get(at).copied().unwrap_or_default() {
                        fits &= self.field(*node, (at, name, value), seen);
                    }
                }
                fits
            }
            check => self.combined(check, value, seen),
        }
    }

    /// The checks that judge the value as a whole by other schemas; all others say nothing of it.
    fn combined(&mut self, check: &Check, value: &Value<'_>, seen: &mut Seen) -> bool {
        match check {
            Check::Ref(node) => self.node(*node, value, seen),
            Check::DynamicRef { anchor, node } => {
                let dynamic = &self.compiled.dynamic;
                let mut outer = self.scope.iter().filter_map(|resource| dynamic.get(&(*resource, anchor.clone())));
                let node = outer.next().copied().unwrap_or(*node);
                self.node(node, value, seen)
            }
            Check::AllOf(nodes) => {
                let misfits = nodes.iter().filter(|node| !self.node(**node, value, seen));
                misfits.count() == 0
            }
            Check::AnyOf(nodes) => {
                // each is judged, since each may judge other parts of the value
                let fitting = nodes.iter().filter(|node| self.fits(**node, value, seen)).count();
                fitting > 0 || self.none_fits("anyOf", nodes, value)
            }
            Check::OneOf(nodes) => {
                let mut fitting = Vec::new();
                let mut own = Seen::new();
                for (at, node) in nodes.iter().enumerate() {
                    if self.fits(*node, value, &mut own) {
                        fitting.push((at + 1).to_string());
                    }
                }
                match fitting.len() {
                    1 => {
                        join(seen, &own);
                        true
                    }
                    0 => self.none_fits("oneOf", nodes, value),
                    _ => self.wrong(format!("it fits more than one schema of `oneOf`: {}", fitting.join(", "))),
                }
            }
            Check::Not(node) => !self.fits(*node, value, &mut Seen::new()) || self.wrong("it fits the schema of `not`"),
            Check::If { test, then, otherwise } => {
                let branch = if self.fits(*test, value, seen) { then } else { otherwise };
                branch.is_none_or(|node| self.node(node, value, seen))
            }
            _ => true,
        }
    }

    /// Says what is wrong by each of several schemas, in one violation.
    fn none_fits(&mut self, keyword: &str, nodes: &[NodeId], value: &Value<'_>) -> bool {
        let before = self.found.len();
        let mut reasons = Vec::new();
        for (at, node) in nodes.iter().enumerate().take(VIOLATIONS_MAX) {
            self.node(*node, value, &mut Seen::new());
            if self.given_up.is_some() {
                return false;
            }
            let own = self.found.get(before).map(|it| (it.pointer.strip_prefix(&self.at), it.message.as_str()));
            reasons.extend(own.map(|(place, message)| match place.filter(|place| !place.is_empty()) {
                Some(place) => format!("{}: {place}: {message}", at + 1),
                None => format!("{}: {message}", at + 1),
            }));
            self.found.truncate(before);
        }
        let reasons: String = reasons.join("; ").chars().take(REASONS_CHARS_MAX).collect();
        self.wrong(format!("it fits no schema of `{keyword}` ({reasons})"))
    }

    fn items(&mut self, (first, rest): (&[NodeId], Option<NodeId>), items: &[Value<'_>], seen: &mut Seen) -> bool {
        let mut fits = true;
        for at in 0..items.len() {
            if let Some(node) = first.get(at).copied().or(rest) {
                fits &= self.each_item(node, &[at], items, seen);
            }
        }
        fits
    }

    fn each_item(&mut self, node: NodeId, places: &[usize], items: &[Value<'_>], seen: &mut Seen) -> bool {
        let mut fits = true;
        for at in places {
            let length = self.at.len();
            self.at.push_str(&format!("/{at}"));
            fits &= self.node(node, &items[*at], &mut Seen::new());
            self.at.truncate(length);
            mark(seen, *at);
        }
        fits
    }

    fn field(&mut self, node: NodeId, (at, name, value): (usize, &str, &Value<'_>), seen: &mut Seen) -> bool {
        let length = self.at.len();
        self.at.push('/');
        self.at.push_str(&escaped(name));
        let fits = self.node(node, value, &mut Seen::new());
        self.at.truncate(length);
        mark(seen, at);
        fits
    }

    fn contains(&mut self, node: NodeId, count: Count, items: &[Value<'_>], seen: &mut Seen) -> bool {
        let mut found = 0;
        for (at, item) in items.iter().enumerate() {
            if self.fits(node, item, &mut Seen::new()) {
                found += 1;
                mark(seen, at);
            }
        }
        if count.allows(found) {
            return true;
        }
        let most = count.max.map_or(String::new(), |max| format!(" and at most {max}"));
        self.wrong(format!("{found} of its items fit `contains`, and at least {}{most} should", count.min))
    }
}

type Field<'a> = (std::borrow::Cow<'a, str>, Value<'a>);

fn mark(seen: &mut Seen, at: usize) {
    if seen.len() <= at {
        seen.resize(at + 1, false);
    }
    seen[at] = true;
}

fn join(seen: &mut Seen, own: &Seen) {
    for at in (0..own.len()).filter(|at| own[*at]) {
        mark(seen, at);
    }
}
