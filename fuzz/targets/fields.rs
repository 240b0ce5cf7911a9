//! Fields of documents: their configuration, and the pages that they are found in.

use serde_json::Value;

use super::Rules;
use super::values::{DateOrder, DateRule, Kind, Mark, Refusal};
use crate::fuzzing::halves;

/// A configuration, and behind the mark the JSON of a document: each field has a value or null, each value that is told
/// about is on a page, and the same input gives the same answer.
pub fn fields(data: &[u8]) {
    let Some((table, document)) = halves(data) else { return };
    let Ok(table) = toml::from_str::<toml::Table>(table) else { return };
    let rules = match Rules::read(&table) {
        Ok(rules) => rules,
        Err(error) => return assert!(error.to_string().starts_with("could not read ")),
    };
    let Ok(document) = serde_json::from_str::<Value>(document) else { return };
    let found = rules.apply(&document);
    assert_eq!(found, rules.apply(&document));
    match found {
        Ok(values) => {
            for name in table.keys() {
                assert!(values.get(name).is_some(), "{name}");
                let about = values["_fields"].get(name).expect("what is said of it");
                assert_eq!(about.get("text").is_some(), !values[name].is_null(), "{name}");
                assert!(!values[name].is_null() || !about["refused"][0].is_null(), "{name}");
            }
        }
        Err(rejection) => assert!(!rejection.reasons.is_empty()),
    }
}

/// Any text as each type: what is found stands in the text, in order, and a value is found in itself again.
pub fn field_value(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let date = |order| Kind::Date(DateRule { order, century: Some(2_000), language: None });
    for kind in [
        Kind::Text,
        date(None),
        date(Some(DateOrder::DayMonthYear)),
        date(Some(DateOrder::MonthDayYear)),
        date(Some(DateOrder::YearMonthDay)),
        Kind::Amount(None),
        Kind::Amount(Some(Mark::Point)),
        Kind::Number(Some(Mark::Point)),
        Kind::Integer,
        Kind::Iban,
        Kind::Vat(None),
        Kind::Vat(Some("HR".to_owned())),
        Kind::Luhn,
    ] {
        let mut start = 0;
        for find in kind.find(text) {
            assert!(find.range.start >= start && find.range.start < find.range.end, "{kind:?}: {find:?}");
            assert!(text.get(find.range.clone()).is_some(), "{kind:?}: {find:?}");
            start = find.range.start;
            match find.outcome {
                Ok(taken) => {
                    let value = match &taken.value {
                        Value::String(value) => value.clone(),
                        value => value.to_string(),
                    };
                    let is_plain = matches!(kind, Kind::Amount(None));
                    let again = kind.find(&value).into_iter().next().map(|find| find.outcome);
                    let same = again.as_ref().is_some_and(|it| it.as_ref().is_ok_and(|it| it.value == taken.value));
                    // 1234.567 of `1.234,567`, read without a format, is itself; 1.234 of `1,234.` would be ambiguous
                    let is_ambiguous = matches!(again, Some(Err(Refusal::Ambiguous(_))));
                    assert!(same || is_plain && is_ambiguous, "{kind:?}: {value} of {text:?} is {again:?}");
                }
                Err(refusal) => assert!(!refusal.reason().is_empty()),
            }
        }
    }
}
