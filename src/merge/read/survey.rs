//! What the columns of an input hold: the narrowest kind that takes all their values.

use std::collections::HashMap;

use crate::db::{Kind, NewColumn};
use crate::record::{PlainNumber, Value, float_without_loss, parse_json, plain_number};

/// Integers of any size that a column takes.
const INTEGER: Kind = Kind::Integer { bits: 64 };
/// Integers that a float holds as well: beside floats they make no difference.
const SMALL: Kind = Kind::Integer { bits: 53 };
/// So many digits are always a small integer.
const SMALL_DIGITS: usize = 15;

/// The columns seen so far, in the order of their first place.
#[derive(Debug, Default, Clone)]
pub(crate) struct Survey {
    columns: Vec<Seen>,
    places: HashMap<String, usize>,
}

#[derive(Debug, Clone)]
struct Seen {
    name: String,
    /// `None` while there were only nulls.
    kind: Option<Kind>,
}

impl Survey {
    /// Notes a value of a column. Records of one source have their columns in the same order: `at` is where this one
    /// most likely stands.
    pub(crate) fn see_at(&mut self, at: usize, name: &str, kind: Option<Kind>) {
        match self.columns.get_mut(at) {
            Some(seen) if seen.name == name => seen.kind = wider(seen.kind, kind),
            _ => self.see(name, kind),
        }
    }

    /// Notes a value of a column.
    pub(crate) fn see(&mut self, name: &str, kind: Option<Kind>) {
        match self.places.get(name) {
            Some(place) => {
                let seen = &mut self.columns[*place];
                seen.kind = wider(seen.kind, kind);
            }
            None => {
                self.places.insert(name.to_owned(), self.columns.len());
                self.columns.push(Seen { name: name.to_owned(), kind });
            }
        }
    }

    /// Adds what another thread saw further on in the input.
    pub(crate) fn add(&mut self, later: Survey) {
        for seen in later.columns {
            self.see(&seen.name, seen.kind);
        }
    }

    /// The columns to make; one that held only nulls becomes text.
    pub(crate) fn columns(&self) -> Vec<NewColumn> {
        self.columns
            .iter()
            .map(|seen| NewColumn { name: seen.name.clone(), kind: made(seen.kind), declared: None })
            .collect()
    }

    /// Whether everything in here fits what `self` has seen already: no new column, no wider kind.
    pub(crate) fn covers(&self, other: &Survey) -> bool {
        other.columns.iter().all(|seen| {
            let known = self.places.get(&seen.name).map(|place| self.columns[*place].kind);
            known.is_some_and(|kind| made(wider(kind, seen.kind)) == made(kind))
        })
    }

    /// The names of the columns.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|seen| seen.name.as_str())
    }

    /// The kind of one column.
    pub(crate) fn kind(&self, name: &str) -> Option<Kind> {
        self.places.get(name).map(|place| made(self.columns[*place].kind))
    }
}

/// What a value of JSON holds; `None` for null.
pub(crate) fn kind_of(value: &Value<'_>) -> Option<Kind> {
    match value {
        Value::Null => None,
        Value::Bool(_) => Some(Kind::Boolean),
        Value::Integer(number) => Some(kind_of_integer(*number)),
        Value::BigInteger(_) => Some(Kind::Numeric),
        Value::Float(_) => Some(Kind::Float),
        Value::Decimal(digits) if float_without_loss(digits).is_some() => Some(Kind::Float),
        Value::Decimal(_) => Some(Kind::Numeric),
        Value::Text(_) => Some(Kind::Text),
        Value::Bytes(_) => Some(Kind::Bytes),
        Value::Array(_) | Value::Object(_) => Some(Kind::Json),
    }
}

/// What an integer could be.
pub(crate) fn kind_of_integer(number: i64) -> Kind {
    if (number as f64) as i128 == i128::from(number) { SMALL } else { INTEGER }
}

/// What an integer of so many digits could be.
pub(crate) fn kind_of_digits(count: usize) -> Kind {
    if count <= SMALL_DIGITS { SMALL } else { INTEGER }
}

/// The kind of the column that is made for what was seen.
fn made(kind: Option<Kind>) -> Kind {
    match kind {
        None => Kind::Text,
        Some(SMALL) => INTEGER,
        Some(kind) => kind,
    }
}

/// What a field of CSV could hold; `None` for an empty one. Numbers are those of JSON, so `007` stays text.
pub(crate) fn kind_of_field(field: &str) -> Option<Kind> {
    let number = plain_number(field.as_bytes()).filter(|number| number.length == field.len());
    if let Some(PlainNumber { is_float, length }) = number
        && (is_float || length <= SMALL_DIGITS)
    {
        return Some(if is_float { Kind::Float } else { SMALL });
    }
    match field.as_bytes().first()? {
        b'-' | b'0'..=b'9' => match parse_json(field) {
            Ok(value) if field.trim() == field => kind_of(&value),
            _ => Some(Kind::Text),
        },
        b't' | b'T' | b'f' | b'F' if field.eq_ignore_ascii_case("true") || field.eq_ignore_ascii_case("false") => {
            Some(Kind::Boolean)
        }
        _ => Some(Kind::Text),
    }
}

fn wider(one: Option<Kind>, other: Option<Kind>) -> Option<Kind> {
    let (Some(left), Some(right)) = (one, other) else { return one.or(other) };
    if left == right {
        return one;
    }
    let is_number = |kind| matches!(kind, Kind::Integer { .. } | Kind::Float | Kind::Numeric);
    Some(match (left, right) {
        (Kind::Numeric, right) if is_number(right) => Kind::Numeric,
        (left, Kind::Numeric) if is_number(left) => Kind::Numeric,
        (SMALL, Kind::Integer { .. }) | (Kind::Integer { .. }, SMALL) => INTEGER,
        // an integer that no float holds, and a float that is no integer: only digits hold both
        (INTEGER, Kind::Float) | (Kind::Float, INTEGER) => Kind::Numeric,
        (left, right) if is_number(left) && is_number(right) => Kind::Float,
        _ => Kind::Text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_as_narrow_as_its_values_allow() {
        for (fields, expected) in [
            (vec!["1", "", "2"], INTEGER),
            (vec!["1", "2.5"], Kind::Float),
            (vec!["1", "123456789012345678901234567890"], Kind::Numeric),
            (vec!["9007199254740993", "9007199254740992"], INTEGER),
            (vec!["9007199254740993", "9007199254740992", "2.5"], Kind::Numeric),
            (vec!["2.5", "9007199254740992"], Kind::Float),
            (vec!["12345678901234567.89"], Kind::Numeric),
            (vec!["1.50", "0.30000000000000004"], Kind::Float),
            (vec!["true", "FALSE"], Kind::Boolean),
            (vec!["true", "1"], Kind::Text),
            (vec!["007"], Kind::Text),
            (vec!["1", " 2"], Kind::Text),
            (vec![""], Kind::Text),
            (vec!["NaN"], Kind::Text),
        ] {
            let mut survey = Survey::default();
            fields.iter().for_each(|field| survey.see("a", kind_of_field(field)));
            assert_eq!(survey.kind("a"), Some(expected), "{fields:?}");
        }
    }
}
