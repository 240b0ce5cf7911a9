//! The keywords of one schema, read with their types.

use super::canonical::{canonical, digits, shown};
use super::format::Format;
use super::node::{Check, Count, Limit, Type};
use super::pattern;
use crate::record::{Digits, Value};

/// Names and values.
pub(super) struct Keywords<'a>(pub(super) &'a [(std::borrow::Cow<'static, str>, Value<'static>)]);

/// Why a keyword is not understood: its name, and the reason.
pub(super) struct Slip {
    pub(super) keyword: String,
    pub(super) reason: String,
}

type Read<T> = std::result::Result<T, Slip>;

/// A slip of a keyword.
pub(super) fn slip<T>(keyword: &str, reason: impl Into<String>) -> Read<T> {
    Err(Slip { keyword: keyword.to_owned(), reason: reason.into() })
}

fn takes<T>(keyword: &str, what: &str) -> Read<T> {
    slip(keyword, format!("`{keyword}` takes {what}"))
}

impl<'a> Keywords<'a> {
    /// The value of a keyword.
    pub(super) fn get(&self, keyword: &str) -> Option<&'a Value<'static>> {
        self.0.iter().find(|(name, _)| name == keyword).map(|(_, value)| value)
    }

    /// A text.
    pub(super) fn text(&self, keyword: &str) -> Read<Option<&'a str>> {
        match self.get(keyword) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => takes(keyword, "text"),
        }
    }

    /// All checks that hold no schemas.
    pub(super) fn simple(&self) -> Read<Vec<Check>> {
        let mut checks = Vec::new();
        checks.extend(self.types()?);
        checks.extend(self.values()?);
        checks.extend(self.multiple()?);
        for (keyword, is_maximum, is_exclusive) in [
            ("maximum", true, false),
            ("exclusiveMaximum", true, true),
            ("minimum", false, false),
            ("exclusiveMinimum", false, true),
        ] {
            let limit = self.number(keyword)?;
            checks.extend(limit.map(|(digits, text)| Check::Limit(Limit { digits, text, is_maximum, is_exclusive })));
        }
        checks.extend(self.counts("minLength", "maxLength")?.map(Check::Length));
        checks.extend(self.counts("minItems", "maxItems")?.map(Check::ItemCount));
        checks.extend(self.counts("minProperties", "maxProperties")?.map(Check::PropertyCount));
        if let Some(text) = self.text("pattern")? {
            match pattern::compile(text) {
                Ok(regex) => checks.push(Check::Pattern { regex, text: text.to_owned() }),
                Err(reason) => return slip("pattern", format!("the pattern `{text}`: {reason}")),
            }
        }
        if let Some(name) = self.text("format")? {
            match Format::of(name) {
                Some(format) => checks.extend(format.map(Check::Format)),
                None => return slip("format", format!("there is no format `{name}`; known: {}", Format::names())),
            }
        }
        match self.get("uniqueItems") {
            None | Some(Value::Bool(false)) => {}
            Some(Value::Bool(true)) => checks.push(Check::Unique),
            Some(_) => return takes("uniqueItems", "true or false"),
        }
        if let Some(value) = self.get("required") {
            checks.push(Check::Required(names("required", value)?));
        }
        Ok(checks)
    }

    fn types(&self) -> Read<Option<Check>> {
        let Some(value) = self.get("type") else { return Ok(None) };
        let named = match value {
            Value::Array(items) if !items.is_empty() => items.iter().collect(),
            value => vec![value],
        };
        let of = |value: &Value<'_>| if let Value::Text(name) = value { Type::of(name) } else { None };
        match named.into_iter().map(of).collect::<Option<Vec<Type>>>() {
            Some(types) => Ok(Some(Check::Types(types))),
            None => takes("type", "one or more of null, boolean, integer, number, string, array, object"),
        }
    }

    fn values(&self) -> Read<Vec<Check>> {
        let mut checks = Vec::new();
        if let Some(value) = self.get("const") {
            checks.push(Check::OneOfValues { canonical: vec![canonical(value)], shown: shown(value) });
        }
        if let Some(value) = self.get("enum") {
            let Value::Array(items) = value else { return takes("enum", "a list of values") };
            let shown = items.iter().map(shown).collect::<Vec<_>>().join(", ");
            checks.push(Check::OneOfValues { canonical: items.iter().map(canonical).collect(), shown });
        }
        Ok(checks)
    }

    fn multiple(&self) -> Read<Option<Check>> {
        let Some((step, text)) = self.number("multipleOf")? else { return Ok(None) };
        let zero = Digits::of("0");
        match step.is_multiple_of(&step).is_some() && Some(&step) > zero.as_ref() {
            true => Ok(Some(Check::MultipleOf { step, text })),
            false => takes("multipleOf", "a number above 0 of at most 18 digits"),
        }
    }

    fn number(&self, keyword: &str) -> Read<Option<(Digits, String)>> {
        let Some(value) = self.get(keyword) else { return Ok(None) };
        match digits(value) {
            Some(digits) => Ok(Some((digits, shown(value)))),
            None => takes(keyword, "a number"),
        }
    }

    /// How many there may be, by the keywords of the least and the most.
    pub(super) fn counts(&self, min: &str, max: &str) -> Read<Option<Count>> {
        let (min, max) = (self.count(min)?, self.count(max)?);
        Ok((min.is_some() || max.is_some()).then_some(Count { min: min.unwrap_or(0), max }))
    }

    /// A whole number from 0 on.
    pub(super) fn count(&self, keyword: &str) -> Read<Option<u64>> {
        let Some(value) = self.get(keyword) else { return Ok(None) };
        match digits(value).and_then(|digits| u64::try_from(digits.integer()?).ok()) {
            Some(count) => Ok(Some(count)),
            None => takes(keyword, "a whole number from 0 on"),
        }
    }
}

/// The names in a list.
pub(super) fn names(keyword: &str, value: &Value<'_>) -> Read<Vec<String>> {
    let name = |item: &Value<'_>| if let Value::Text(name) = item { Some(name.to_string()) } else { None };
    let names = if let Value::Array(items) = value { items.iter().map(name).collect::<Option<Vec<_>>>() } else { None };
    match names {
        Some(names) => Ok(names),
        None => takes(keyword, "a list of names"),
    }
}
