//! What a field's value may be: each type finds its values in a text and checks them, or says why one is refused.

mod amount;
mod date;
mod decimal;
mod iban;
mod iban_countries;
mod luhn;
mod months;
mod vat;
mod vat_checks;

use std::cmp::Ordering;
use std::ops::Range;

use serde_json::Value;

pub(super) use date::{DateOrder, DateRule, Language};
pub(super) use decimal::Mark;
pub(super) use vat::is_country as is_vat_country;

/// The longest text that is taken as a value.
const TEXT_CHARS_MAX: usize = 1_000;

/// The type of a field, with what its configuration says of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// A day.
    Date(DateRule),
    /// Money: a decimal with a currency beside it.
    Amount(Option<Mark>),
    /// A decimal.
    Number(Option<Mark>),
    /// A whole number of 64 bits.
    Integer,
    /// An account.
    Iban,
    /// A VAT number of the EU; those without a prefix are of this country.
    Vat(Option<String>),
    /// Digits of which the last one is the check digit.
    Luhn,
}

/// Why a candidate is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is no such value; the next candidate may be.
    Wrong(String),
    /// It is one of several values, and nobody says which; no other candidate may stand in for it.
    Ambiguous(String),
}

/// A value that passed its checks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Taken {
    /// Text, or a JSON integer.
    pub(super) value: Value,
    /// The currency beside an amount: its ISO code, or the sign where that belongs to several.
    pub(super) currency: Option<String>,
    /// What the value says other than the page does, in words.
    pub(super) note: Option<String>,
}

/// Something in a text that looks like a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Find {
    /// Its bytes in the text.
    pub(super) range: Range<usize>,
    /// The value, or why it is none.
    pub(super) outcome: Result<Taken, Refusal>,
}

impl Taken {
    fn text(value: impl Into<String>) -> Self {
        Self { value: Value::String(value.into()), currency: None, note: None }
    }
}

impl Refusal {
    /// The reason.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Wrong(reason) | Self::Ambiguous(reason) => reason,
        }
    }
}

impl Kind {
    /// Everything in a text that looks like a value of this type, from left to right.
    pub(super) fn find(&self, text: &str) -> Vec<Find> {
        match self {
            Self::Text => plain(text),
            Self::Date(rule) => date::find(text, rule),
            Self::Amount(mark) => amount::amounts(text, *mark),
            Self::Number(mark) => amount::numbers(text, *mark),
            Self::Integer => amount::integers(text),
            Self::Iban => iban::find(text),
            Self::Vat(country) => vat::find(text, country.as_deref()),
            Self::Luhn => luhn::find(text),
        }
    }

    /// How the type is called in app.toml.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Date(_) => "date",
            Self::Amount(_) => "amount",
            Self::Number(_) => "number",
            Self::Integer => "integer",
            Self::Iban => "iban",
            Self::Vat(_) => "vat",
            Self::Luhn => "luhn",
        }
    }

    /// Whether one value can be larger than another.
    pub(super) fn has_size(&self) -> bool {
        matches!(self, Self::Date(_) | Self::Amount(_) | Self::Number(_) | Self::Integer)
    }

    /// Which of two values of this type is larger.
    pub(super) fn compare(&self, one: &Value, other: &Value) -> Ordering {
        match (one, other) {
            (Value::String(one), Value::String(other)) if matches!(self, Self::Date(_)) => one.cmp(other),
            (Value::String(one), Value::String(other)) => decimal::compare(one, other),
            (one, other) => one.as_i64().cmp(&other.as_i64()),
        }
    }
}

/// The text itself, without blanks around it.
fn plain(text: &str) -> Vec<Find> {
    let value = text.trim();
    if value.is_empty() {
        return Vec::new();
    }
    let start = text.len() - text.trim_start().len();
    let outcome = match value.chars().count() {
        count if count > TEXT_CHARS_MAX => {
            Err(Refusal::Wrong(format!("it has {count} characters, more than {TEXT_CHARS_MAX}")))
        }
        _ => Ok(Taken::text(value.split_whitespace().collect::<Vec<_>>().join(" "))),
    };
    vec![Find { range: start..start + value.len(), outcome }]
}

/// Whether a letter or digit stands right before a place in a text.
fn is_inside_left(text: &str, at: usize) -> bool {
    text[..at].chars().next_back().is_some_and(char::is_alphanumeric)
}

/// Whether a letter or digit stands right at a place in a text.
fn is_inside_right(text: &str, at: usize) -> bool {
    text[at..].chars().next().is_some_and(char::is_alphanumeric)
}
