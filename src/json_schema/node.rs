//! A schema that is ready to judge: nodes, each a list of checks, that name each other by number.

use std::collections::HashMap;

use regex::Regex;

use super::format::Format;
use crate::record::Digits;

/// The number of a node.
pub(super) type NodeId = usize;

/// A type of JSON; an integer is a number without decimals, however it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Null,
    Boolean,
    Integer,
    Number,
    String,
    Array,
    Object,
}

/// Where the values of a number end.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    pub(super) digits: Digits,
    /// As it is written.
    pub(super) text: String,
    /// Whether numbers beyond it are larger ones.
    pub(super) is_maximum: bool,
    /// Whether it belongs to them itself.
    pub(super) is_exclusive: bool,
}

/// How many there may be of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Count {
    pub(super) min: u64,
    pub(super) max: Option<u64>,
}

/// One thing that is asked of a value; it says nothing of values of other types.
#[derive(Debug)]
pub(super) enum Check {
    Types(Vec<Type>),
    /// The value is one of these, in their canonical form, as it is shown.
    OneOfValues {
        canonical: Vec<String>,
        shown: String,
    },
    MultipleOf {
        step: Digits,
        text: String,
    },
    Limit(Limit),
    Length(Count),
    Pattern {
        regex: Regex,
        text: String,
    },
    Format(Format),
    Items {
        first: Vec<NodeId>,
        rest: Option<NodeId>,
    },
    Contains {
        node: NodeId,
        count: Count,
    },
    ItemCount(Count),
    Unique,
    PropertyCount(Count),
    Required(Vec<String>),
    RequiredWith {
        name: String,
        others: Vec<String>,
    },
    Properties {
        named: HashMap<String, NodeId>,
        patterns: Vec<(Regex, NodeId)>,
        rest: Option<NodeId>,
    },
    PropertyNames(NodeId),
    SchemaWith {
        name: String,
        node: NodeId,
    },
    AllOf(Vec<NodeId>),
    AnyOf(Vec<NodeId>),
    OneOf(Vec<NodeId>),
    Not(NodeId),
    If {
        test: NodeId,
        then: Option<NodeId>,
        otherwise: Option<NodeId>,
    },
    Ref(NodeId),
    /// A reference to the outermost schema on the way that has this anchor.
    DynamicRef {
        anchor: String,
        node: NodeId,
    },
    UnevaluatedItems(NodeId),
    UnevaluatedProperties(NodeId),
}

/// A schema or a part of one.
#[derive(Debug)]
pub(super) enum Node {
    /// `true` or `false`.
    Always(bool),
    /// What is asked, in the order in which it is judged.
    Checks {
        checks: Vec<Check>,
        /// The number of the resource that it stands in, which is what dynamic references look through.
        resource: usize,
    },
}

impl Type {
    /// The type of a name.
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "null" => Some(Self::Null),
            "boolean" => Some(Self::Boolean),
            "integer" => Some(Self::Integer),
            "number" => Some(Self::Number),
            "string" => Some(Self::String),
            "array" => Some(Self::Array),
            "object" => Some(Self::Object),
            _ => None,
        }
    }

    /// For people.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::String => "text",
            Self::Array => "a list",
            Self::Object => "an object",
        }
    }
}

impl Count {
    /// Whether it lets so many be.
    pub(super) fn allows(self, count: u64) -> bool {
        count >= self.min && self.max.is_none_or(|max| count <= max)
    }
}

impl Check {
    /// The nodes that judge the same value.
    pub(super) fn in_place(&self) -> Vec<NodeId> {
        match self {
            Self::AllOf(nodes) | Self::AnyOf(nodes) | Self::OneOf(nodes) => nodes.clone(),
            Self::Not(node) | Self::Ref(node) | Self::SchemaWith { node, .. } | Self::DynamicRef { node, .. } => {
                vec![*node]
            }
            Self::If { test, then, otherwise } => [Some(*test), *then, *otherwise].into_iter().flatten().collect(),
            _ => Vec::new(),
        }
    }
}
