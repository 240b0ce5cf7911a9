//! The drafts of JSON Schema, and the keywords that each of them has.

/// A draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Draft {
    /// The one of December 2020.
    Of2020,
    /// Draft 07.
    Seven,
}

/// What stands under a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// No schema.
    None,
    /// A schema.
    One,
    /// A list of schemas.
    List,
    /// Schemas by name.
    Map,
}

const SHARED: &[(&str, Holds)] = &[
    ("$schema", Holds::None),
    ("$id", Holds::None),
    ("$ref", Holds::None),
    ("$comment", Holds::None),
    ("title", Holds::None),
    ("description", Holds::None),
    ("default", Holds::None),
    ("examples", Holds::None),
    ("readOnly", Holds::None),
    ("writeOnly", Holds::None),
    ("definitions", Holds::Map),
    ("type", Holds::None),
    ("enum", Holds::None),
    ("const", Holds::None),
    ("multipleOf", Holds::None),
    ("maximum", Holds::None),
    ("exclusiveMaximum", Holds::None),
    ("minimum", Holds::None),
    ("exclusiveMinimum", Holds::None),
    ("maxLength", Holds::None),
    ("minLength", Holds::None),
    ("pattern", Holds::None),
    ("format", Holds::None),
    ("contentEncoding", Holds::None),
    ("contentMediaType", Holds::None),
    ("maxItems", Holds::None),
    ("minItems", Holds::None),
    ("uniqueItems", Holds::None),
    ("contains", Holds::One),
    ("maxProperties", Holds::None),
    ("minProperties", Holds::None),
    ("required", Holds::None),
    ("properties", Holds::Map),
    ("patternProperties", Holds::Map),
    ("additionalProperties", Holds::One),
    ("propertyNames", Holds::One),
    ("allOf", Holds::List),
    ("anyOf", Holds::List),
    ("oneOf", Holds::List),
    ("not", Holds::One),
    ("if", Holds::One),
    ("then", Holds::One),
    ("else", Holds::One),
];
const OF_2020: &[(&str, Holds)] = &[
    ("$anchor", Holds::None),
    ("$dynamicRef", Holds::None),
    ("$dynamicAnchor", Holds::None),
    ("$vocabulary", Holds::None),
    ("$defs", Holds::Map),
    ("deprecated", Holds::None),
    ("prefixItems", Holds::List),
    ("items", Holds::One),
    ("minContains", Holds::None),
    ("maxContains", Holds::None),
    ("dependentRequired", Holds::None),
    ("dependentSchemas", Holds::Map),
    ("unevaluatedItems", Holds::One),
    ("unevaluatedProperties", Holds::One),
    ("contentSchema", Holds::One),
];
const SEVEN: &[(&str, Holds)] = &[("items", Holds::One), ("additionalItems", Holds::One), ("dependencies", Holds::Map)];

impl Draft {
    /// The draft that `$schema` names.
    pub(super) fn of(name: &str) -> Option<Self> {
        match name.trim_end_matches('#') {
            "https://json-schema.org/draft/2020-12/schema" => Some(Self::Of2020),
            "http://json-schema.org/draft-07/schema" | "https://json-schema.org/draft-07/schema" => Some(Self::Seven),
            _ => None,
        }
    }

    /// How it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Of2020 => "draft 2020-12",
            Self::Seven => "draft-07",
        }
    }

    /// What stands under a keyword; `None` for one that it does not have.
    pub(super) fn holds(self, keyword: &str) -> Option<Holds> {
        let own = if self == Self::Of2020 { OF_2020 } else { SEVEN };
        SHARED.iter().chain(own).find(|(name, _)| *name == keyword).map(|(_, holds)| *holds)
    }
}
