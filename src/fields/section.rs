//! The keys of one field in the configuration, each with its type and its limits.

use regex::{Regex, RegexBuilder};
use toml::{Table, Value};

use super::label::Label;
use super::pick::Pick;
use super::values::{DateOrder, DateRule, Kind, Language, Mark, is_vat_country};
use crate::error::{Error, ErrorKind, Result};

/// The longest pattern, label or name.
pub(super) const TEXT_BYTES_MAX: usize = 2_000;
/// The most patterns or labels of a field.
const WAYS_MAX: usize = 50;
/// The most memory that a pattern takes when it is compiled.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// What `type` takes.
pub(super) const KINDS: &str = "one of text, date, amount, number, iban, vat, luhn, integer";

/// A field of the configuration that is being read.
pub(super) struct Section<'a> {
    pub(super) name: &'a str,
    pub(super) table: &'a Table,
}

impl Section<'_> {
    fn wrong(&self, key: &str, takes: &str) -> Error {
        settings_error(format!("read field `{}`: `{key}` takes {takes}", self.name))
    }

    /// A text or a list of texts, none of them empty.
    fn texts(&self, key: &str, takes: &str) -> Result<Vec<&str>> {
        let values = match self.table.get(key) {
            None => return Ok(Vec::new()),
            Some(Value::Array(values)) => values.iter().collect(),
            Some(value) => vec![value],
        };
        let is_text = |text: &&str| !text.trim().is_empty() && text.len() <= TEXT_BYTES_MAX;
        let texts: Option<Vec<&str>> = values.into_iter().map(|value| value.as_str().filter(is_text)).collect();
        texts.filter(|texts| (1..=WAYS_MAX).contains(&texts.len())).ok_or_else(|| self.wrong(key, takes))
    }

    /// One text of several.
    fn word(&self, key: &str, takes: &str) -> Result<Option<&str>> {
        match self.table.get(key) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or_else(|| self.wrong(key, takes)),
        }
    }

    /// The patterns of `pattern`, each with a group.
    pub(super) fn patterns(&self) -> Result<Vec<Regex>> {
        let texts = self.texts("pattern", "a regular expression, or a list of them")?;
        let compile = |text: &str| {
            let pattern =
                RegexBuilder::new(text).size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX).build();
            // the crate's message draws the pattern over several lines; its last one is the reason
            let reason = |cause: regex::Error| match &cause {
                regex::Error::CompiledTooBig(_) => "it takes too much memory".to_owned(),
                cause => cause.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
            };
            let pattern = pattern.map_err(|cause| {
                settings_error(format!("read field `{}`: the pattern `{text}`: {}", self.name, reason(cause)))
                    .hint("groups, classes and repetitions work; look-around and back references do not")
            })?;
            let has_group = pattern.captures_len() > 1;
            let takes = "a pattern with a group for the value, such as 'Invoice no\\. (\\S+)'";
            has_group.then_some(pattern).ok_or_else(|| self.wrong("pattern", takes))
        };
        texts.into_iter().map(compile).collect()
    }

    /// The labels of `after`.
    pub(super) fn labels(&self) -> Result<Vec<Label>> {
        let takes = "a label such as \"Date\", or a list of them";
        let texts = self.texts("after", takes)?;
        texts.into_iter().map(|text| Label::of(text).ok_or_else(|| self.wrong("after", takes))).collect()
    }

    /// The type, with what belongs to it.
    pub(super) fn kind(&self) -> Result<Kind> {
        let (kind, own): (Kind, &[&str]) = match self.word("type", KINDS)?.unwrap_or("text") {
            "text" => (Kind::Text, &[]),
            "date" => (Kind::Date(self.date()?), &["format", "century", "language"]),
            "amount" => (Kind::Amount(self.mark()?), &["format"]),
            "number" => (Kind::Number(self.mark()?), &["format"]),
            "integer" => (Kind::Integer, &[]),
            "iban" => (Kind::Iban, &[]),
            "vat" => (Kind::Vat(self.country()?), &["country"]),
            "luhn" => (Kind::Luhn, &[]),
            _ => return Err(self.wrong("type", KINDS)),
        };
        for key in ["format", "century", "language", "country"] {
            if self.table.contains_key(key) && !own.contains(&key) {
                let (field, kind) = (self.name, kind.word());
                return Err(settings_error(format!("read field `{field}`: `{key}` says nothing of type {kind}")));
            }
        }
        Ok(kind)
    }

    fn date(&self) -> Result<DateRule> {
        let takes = "one of dmy, mdy, ymd";
        let order = match self.word("format", takes)? {
            None => None,
            Some("dmy") => Some(DateOrder::DayMonthYear),
            Some("mdy") => Some(DateOrder::MonthDayYear),
            Some("ymd") => Some(DateOrder::YearMonthDay),
            Some(_) => return Err(self.wrong("format", takes)),
        };
        let takes = "one of hr, de, en";
        let language = match self.word("language", takes)? {
            None => None,
            Some("hr") => Some(Language::Croatian),
            Some("de") => Some(Language::German),
            Some("en") => Some(Language::English),
            Some(_) => return Err(self.wrong("language", takes)),
        };
        let century = match self.table.get("century").map(Value::as_integer) {
            None => None,
            Some(Some(century @ 1_000..=9_900)) if century % 100 == 0 => i32::try_from(century).ok(),
            Some(_) => return Err(self.wrong("century", "the first year of a century, such as 2000")),
        };
        Ok(DateRule { order, century, language })
    }

    fn mark(&self) -> Result<Option<Mark>> {
        let takes = "the mark before the decimals: comma or point";
        match self.word("format", takes)? {
            None => Ok(None),
            Some("comma") => Ok(Some(Mark::Comma)),
            Some("point") => Ok(Some(Mark::Point)),
            Some(_) => Err(self.wrong("format", takes)),
        }
    }

    fn country(&self) -> Result<Option<String>> {
        let takes = "the prefix of a VAT number of the EU, such as \"HR\"";
        match self.word("country", takes)? {
            Some(prefix) if !is_vat_country(prefix) => Err(self.wrong("country", takes)),
            prefix => Ok(prefix.map(str::to_owned)),
        }
    }

    /// Which value is taken.
    pub(super) fn pick(&self, kind: &Kind) -> Result<Pick> {
        let takes = "one of first, last, largest, only";
        match self.word("pick", takes)?.unwrap_or("first") {
            "first" => Ok(Pick::First),
            "last" => Ok(Pick::Last),
            "largest" if kind.has_size() => Ok(Pick::Largest),
            "largest" => Err(self.wrong("pick", "first, last or only where the type has no size")),
            "only" => Ok(Pick::Only),
            _ => Err(self.wrong("pick", takes)),
        }
    }

    /// The least confidence of a value that was recognised, in percent.
    pub(super) fn confidence(&self) -> Result<f64> {
        let share = match self.table.get("confidence") {
            None => return Ok(0.0),
            Some(value) => value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64)),
        };
        let share = share.filter(|share| (0.0..=1.0).contains(share));
        share.map(|share| share * 100.0).ok_or_else(|| self.wrong("confidence", "a share of 0 to 1, such as 0.8"))
    }

    /// Whether a document without it is rejected.
    pub(super) fn required(&self) -> Result<bool> {
        match self.table.get("required") {
            None => Ok(false),
            Some(value) => value.as_bool().ok_or_else(|| self.wrong("required", "true or false")),
        }
    }
}

/// A name that is not known, as far as an error shows it.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

/// An error of the configuration.
pub(super) fn settings_error(message: String) -> Error {
    Error::new(ErrorKind::Settings, message)
}
