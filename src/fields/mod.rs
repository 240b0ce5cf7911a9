//! Named fields of a document: what a page reader read (`dc ocr --format json`) becomes a number, a date, an amount, an
//! account, each checked, with its place on the page. Nothing is rounded, guessed or changed without being said: a value
//! that fails its check is not taken, and one with two meanings is refused.
//!
//! A rule finds its candidates by a pattern, or by a label beside or above them; with both, the pattern is looked for in
//! what the label points at. The first candidate that passes is taken, or another one that `pick` asks for; why others were
//! not, and why a field has no value, stands in `_fields` as `refused`. What it knows:
//!
//! - `pattern`: the value is the group named `value`, or else the first one
//! - `after`: labels; what stands right of one is looked at first, up to the next label of any field, then what is below;
//!   then tables, the pairs that the reader found (`key_values`), and fields of a form that have the label for a name.
//!   Of several, the first that has a value counts, unless `pick` asks for another value: then all of them do
//! - `type`: text (default), date, amount, number, integer, iban, vat, luhn
//! - `format`: dmy, mdy, ymd for dates; comma or point (the mark before the decimals) for amounts and numbers
//! - `century`: of years of two digits, such as 2000; `language`: hr, de or en, for the names of months
//! - `country`: of VAT numbers without a prefix; `pick`: first, last, largest, only (all places agree)
//! - `confidence`: what OCR recognised with less, 0 to 1, is not taken; `required`: a document without it is rejected
//!
//! ```
//! use data_collector::fields::Rules;
//!
//! let table: toml::Table = toml::from_str(
//!     r#"
//!     number = { pattern = 'Invoice no\. (\S+)', required = true }
//!     total = { after = ["Total", "Ukupno"], type = "amount", pick = "last" }
//!     "#,
//! )?;
//! let rules = Rules::read(&table)?;
//! // a word is its letters and its place in points, from the top left corner
//! let word = |text: &str, x0: f64, top: f64| {
//!     let x1 = x0 + 6.0 * text.len() as f64;
//!     serde_json::json!({"text": text, "points": {"x0": x0, "top": top, "x1": x1, "bottom": top + 10.0}})
//! };
//! let lines = serde_json::json!([
//!     {"words": [word("Invoice", 50.0, 40.0), word("no.", 95.0, 40.0), word("R1-7", 116.0, 40.0)]},
//!     {"words": [word("Total:", 50.0, 90.0), word("1.234,56", 400.0, 90.0), word("EUR", 452.0, 90.0)]},
//! ]);
//! let document = serde_json::json!({"pages": [{"page": 1, "lines": lines}]});
//! let found = rules.apply(&document)?;
//! assert_eq!(found["number"], "R1-7");
//! assert_eq!(found["total"], "1234.56");
//! assert_eq!(found["total_currency"], "EUR");
//! assert_eq!(found["_fields"]["total"]["rule"], "after Total");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod apply;
mod candidate;
#[cfg(any(test, fuzzing))]
#[path = "../../fuzz/targets/fields.rs"]
pub(crate) mod fuzzing;
mod label;
mod page;
mod pair;
mod passage;
mod pick;
mod rules;
mod section;
mod table;
#[cfg(test)]
mod tests;
mod values;

pub use apply::Rejection;
pub use rules::Rules;
