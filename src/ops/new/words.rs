//! What a template's places are filled with.

use std::collections::BTreeMap;

use super::sample::{Sample, Shape, renamed};
use crate::ident::AppName;

/// The values of a template's places, by their names.
pub(super) struct Words(BTreeMap<&'static str, String>);

impl Words {
    pub(super) fn of(name: &AppName, sample: &Sample) -> Self {
        let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' };
        let mut table: String = name.name.chars().map(letter).collect();
        if !table.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
            table.insert(0, 't');
        }
        let mut words = Self(BTreeMap::new());
        words.set("TITLE", sample.url.clone().unwrap_or_else(|| name.name.clone()));
        words.set("NAME", name.to_string());
        words.set("CRATE", table.replace('_', "-").trim_matches('-').to_owned());
        words.set("TABLE", table);
        words.set("SAMPLE", sample.name.clone());
        words.set("COUNT", sample.count.to_string());
        words
    }

    pub(super) fn set(&mut self, place: &'static str, text: impl Into<String>) -> &mut Self {
        self.0.insert(place, text.into());
        self
    }

    /// A template with its places filled.
    pub(super) fn fill(&self, template: &str) -> Vec<u8> {
        let mut text = template.to_owned();
        for (place, value) in &self.0 {
            text = text.replace(&format!("{{{{{place}}}}}"), value);
        }
        text.into_bytes()
    }
}

/// A text as a literal of Python, JavaScript and Rust alike.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `["data"]["items"]`
pub(super) fn way(shape: &Shape) -> String {
    match shape {
        Shape::Json { path } => path.iter().map(|name| format!("[{}]", quoted(name))).collect(),
        _ => String::new(),
    }
}

/// The flags of `dc merge` that a source needs.
pub(super) fn flags(sample: &Sample) -> Vec<String> {
    let key = (!sample.key.is_empty()).then(|| ["--key".to_owned(), sample.key.join(",")]).into_iter().flatten();
    let names = sample.reserved.iter().map(|name| format!("{name}={}", renamed(name)));
    key.chain(names.flat_map(|pair| ["--rename".to_owned(), pair])).collect()
}

/// The fields of the source, as it names them.
pub(super) fn fields(sample: &Sample) -> Vec<String> {
    let own = |name: &str| sample.reserved.iter().find(|own| renamed(own) == name).cloned();
    sample.columns.iter().map(|column| own(&column.name).unwrap_or_else(|| column.name.clone())).collect()
}
