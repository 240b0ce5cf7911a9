//! The configuration of fields: a table of app.toml, read key by key, so that each error names the field and what it takes.

use regex::Regex;
use toml::{Table, Value};

use super::label::Label;
use super::pick::Pick;
use super::section::{Section, TEXT_BYTES_MAX, settings_error, shortened};
use super::values::Kind;
use crate::error::Result;

/// The most fields of a document.
const FIELDS_MAX: usize = 200;
/// The name of what is said of all fields.
pub(super) const ABOUT: &str = "_fields";
/// What the name of an amount's currency ends with.
pub(super) const CURRENCY: &str = "_currency";

const KEYS: &[&str] =
    &["pattern", "after", "type", "format", "century", "language", "country", "required", "pick", "confidence"];

/// One field.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) patterns: Vec<Regex>,
    pub(super) labels: Vec<Label>,
    pub(super) kind: Kind,
    pub(super) pick: Pick,
    pub(super) required: bool,
    /// What was recognised with less confidence, in percent, is not taken.
    pub(super) confidence: f64,
}

/// How the fields of a document are found.
#[derive(Debug, Clone)]
pub struct Rules {
    pub(super) rules: Vec<Rule>,
}

impl Rules {
    /// Reads the table `fields` of a stage: a table for each field.
    ///
    /// # Errors
    /// Settings (exit 3) with the field, the key and what it takes. The caller adds file and line.
    pub fn read(table: &Table) -> Result<Self> {
        if table.is_empty() || table.len() > FIELDS_MAX {
            let count = table.len();
            return Err(settings_error(format!("read `fields`: it has {count} fields, not 1 to {FIELDS_MAX}")));
        }
        let rules: Vec<Rule> = table.iter().map(|(name, value)| rule(name, value)).collect::<Result<_>>()?;
        for amount in rules.iter().filter(|rule| matches!(rule.kind, Kind::Amount(_))) {
            let currency = format!("{}{CURRENCY}", amount.name);
            if table.contains_key(&currency) {
                let message = format!("read field `{currency}`: the currency of `{}` has this name", amount.name);
                return Err(settings_error(message).hint("give one of the two fields another name"));
            }
        }
        Ok(Self { rules })
    }
}

fn rule(name: &str, value: &Value) -> Result<Rule> {
    let is_first = |letter: char| letter.is_ascii_alphabetic();
    let is_name =
        name.starts_with(is_first) && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if !is_name || name.len() > TEXT_BYTES_MAX {
        let message = format!("read field `{}`: its name is not made of letters, digits and `_`", shortened(name));
        return Err(settings_error(message));
    }
    let Value::Table(table) = value else {
        return Err(settings_error(format!("read field `{name}`: it takes a table such as {{ after = \"Date\" }}")));
    };
    let section = Section { name, table };
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let message = format!("read field `{name}`: there is no key `{}`", shortened(key));
        return Err(settings_error(message).hint(format!("known here: {}", KEYS.join(", "))));
    }
    let kind = section.kind()?;
    let rule = Rule {
        name: name.to_owned(),
        patterns: section.patterns()?,
        labels: section.labels()?,
        pick: section.pick(&kind)?,
        required: section.required()?,
        confidence: section.confidence()?,
        kind,
    };
    match rule.patterns.is_empty() && rule.labels.is_empty() {
        true => Err(settings_error(format!("read field `{name}`: it has neither `pattern` nor `after`"))
            .hint("after = [\"Date\"] takes what stands right of a label or below it")),
        false => Ok(rule),
    }
}

#[cfg(test)]
mod tests {
    use super::super::section::KINDS;
    use super::*;
    use crate::error::ErrorKind;

    fn failure(text: &str) -> String {
        let error = Rules::read(&toml::from_str(text).expect("TOML")).expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::Settings);
        error.to_string()
    }

    #[test]
    fn what_is_not_understood_names_the_field_and_what_it_takes() {
        for (text, expected) in [
            ("", "could not read `fields`: it has 0 fields, not 1 to 200"),
            ("a = 5", "could not read field `a`: it takes a table such as { after = \"Date\" }"),
            ("a = {}", "could not read field `a`: it has neither `pattern` nor `after`"),
            ("a = { aftre = 'x' }", "could not read field `a`: there is no key `aftre`"),
            (
                "_fields = { after = 'x' }",
                "could not read field `_fields`: its name is not made of letters, digits and `_`",
            ),
            (
                "a = { after = [] }",
                "could not read field `a`: `after` takes a label such as \"Date\", or a list of them",
            ),
            (
                "a = { after = ': ' }",
                "could not read field `a`: `after` takes a label such as \"Date\", or a list of them",
            ),
            ("a = { after = 'x', type = 'money' }", &format!("could not read field `a`: `type` takes {KINDS}")),
            ("a = { pattern = '(' }", "could not read field `a`: the pattern `(`: unclosed group"),
            (
                "a = { pattern = '(?=x)(y)' }",
                "could not read field `a`: the pattern `(?=x)(y)`: look-around, including \
                look-ahead and look-behind, is not supported",
            ),
            (
                "a = { pattern = '((\\w{99}){99}){99}' }",
                "could not read field `a`: the pattern `((\\w{99}){99}){99}`: it \
                takes too much memory",
            ),
            (
                "a = { pattern = 'x' }",
                "could not read field `a`: `pattern` takes a pattern with a group for the value, \
                such as 'Invoice no\\. (\\S+)'",
            ),
            ("a = { after = 'x', format = 'dmy' }", "could not read field `a`: `format` says nothing of type text"),
            (
                "a = { after = 'x', type = 'date', format = 'dm' }",
                "could not read field `a`: `format` takes one of dmy, mdy, ymd",
            ),
            (
                "a = { after = 'x', type = 'date', century = 2020 }",
                "could not read field `a`: `century` takes the first \
                year of a century, such as 2000",
            ),
            (
                "a = { after = 'x', type = 'vat', country = 'US' }",
                "could not read field `a`: `country` takes the prefix of \
                a VAT number of the EU, such as \"HR\"",
            ),
            (
                "a = { after = 'x', pick = 'largest' }",
                "could not read field `a`: `pick` takes first, last or only where \
                the type has no size",
            ),
            ("a = { after = 'x', required = 'yes' }", "could not read field `a`: `required` takes true or false"),
            (
                "a = { after = 'x', type = 'amount' }\na_currency = { after = 'y' }",
                "could not read field `a_currency`: the \
                currency of `a` has this name",
            ),
        ] {
            assert_eq!(failure(text), expected, "{text}");
        }
    }
}
