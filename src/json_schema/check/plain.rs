//! The checks that ask no other schema: types, limits, counts; and how values are shown.

use std::collections::HashSet;

use super::super::canonical::{canonical, digits, shown};
use super::super::node::{Count, Limit, Type};
use super::Judge;
use crate::record::Value;

/// How much of a value a message shows.
const SHOWN_CHARS_MAX: usize = 80;

impl Judge<'_> {
    pub(super) fn types(&mut self, types: &[Type], value: &Value<'_>) -> bool {
        let is = |wanted: &Type| match (wanted, value) {
            (Type::Null, Value::Null)
            | (Type::Boolean, Value::Bool(_))
            | (Type::String, Value::Text(_))
            | (Type::Array, Value::Array(_))
            | (Type::Object, Value::Object(_)) => true,
            (Type::Number, value) => is_number(value),
            (Type::Integer, value) => digits(value).is_some_and(|digits| digits.decimals() == 0),
            _ => false,
        };
        let wanted: Vec<&str> = types.iter().map(|wanted| wanted.words()).collect();
        types.iter().any(is) || self.wrong(format!("{} is not {}", cut(value), wanted.join(" or ")))
    }

    pub(super) fn limit(&mut self, limit: &Limit, value: &Value<'_>) -> bool {
        let Some(number) = digits(value) else {
            return self.wrong(format!("{} is no number that is kept", cut(value)));
        };
        let order = number.cmp(&limit.digits);
        let beyond = if limit.is_maximum { order.is_gt() } else { order.is_lt() };
        let words = match (limit.is_maximum, limit.is_exclusive) {
            (true, false) => "more than",
            (true, true) => "not less than",
            (false, false) => "less than",
            (false, true) => "not more than",
        };
        let fits = !(beyond || limit.is_exclusive && order.is_eq());
        fits || self.wrong(format!("{} is {words} {}", cut(value), limit.text))
    }

    pub(super) fn count(&mut self, allowed: Count, count: usize, (one, many): (&str, &str)) -> bool {
        // a count of things in memory
        let fits = allowed.allows(count as u64);
        let word = |count: u64| if count == 1 { one } else { many };
        fits || match allowed.max {
            Some(max) if count as u64 > max => {
                self.wrong(format!("it has {count} {}, more than {max}", word(count as u64)))
            }
            _ => self.wrong(format!("it has {count} {}, fewer than {}", word(count as u64), allowed.min)),
        }
    }

    pub(super) fn unique(&mut self, items: &[Value<'_>]) -> bool {
        let mut known = HashSet::new();
        match items.iter().position(|item| !known.insert(canonical(item))) {
            None => true,
            Some(at) => self.wrong(format!("item {at} stands in it twice: {}", cut(&items[at]))),
        }
    }
}

pub(super) fn is_number(value: &Value<'_>) -> bool {
    matches!(value, Value::Integer(_) | Value::BigInteger(_) | Value::Float(_) | Value::Decimal(_))
}

pub(super) fn one_of(shown: &str, count: usize) -> String {
    if count == 1 { cut_text(shown) } else { format!("one of {}", cut_text(shown)) }
}

pub(super) fn cut(value: &Value<'_>) -> String {
    match value {
        // whole lists and objects say less than what they are
        Value::Array(_) | Value::Object(_) => value.kind_name().to_owned(),
        value => cut_text(&shown(value)),
    }
}

pub(super) fn cut_text(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}..", &text[..at]),
    }
}
