//! One section of the settings, each field read as what it shall be. What is swapped by name (a backend, a sink) reads
//! its own fields here, so that a new one needs no change of the settings.

use std::time::Duration;

use super::layers::Layers;
use crate::error::Result;
use crate::secret::Secret;

/// A section such as `[log.splunk]`, whose variables are `DC_LOG_SPLUNK_*`.
#[derive(Clone, Copy)]
pub struct Section<'a> {
    layers: &'a Layers,
    name: &'a str,
}

impl<'a> Section<'a> {
    pub(super) fn new(layers: &'a Layers, name: &'a str) -> Self {
        Self { layers, name }
    }

    /// The section's name, for messages.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// A text.
    ///
    /// # Errors
    /// Settings, for a list or a table.
    pub fn text(&self, field: &str) -> Result<Option<String>> {
        self.layers.text(self.name, field)
    }

    /// A text that must not be seen.
    ///
    /// # Errors
    /// As [`Section::text`].
    pub fn secret(&self, field: &str) -> Result<Option<Secret>> {
        Ok(self.text(field)?.map(Secret::new))
    }

    /// Words: a list, or one text with commas.
    ///
    /// # Errors
    /// As [`Section::text`].
    pub fn words(&self, field: &str) -> Result<Option<Vec<String>>> {
        let words =
            |text: String| text.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect();
        Ok(self.text(field)?.map(words))
    }

    /// A whole number from 0 on.
    ///
    /// # Errors
    /// Settings, with the origin of what is none.
    pub fn number(&self, field: &str) -> Result<Option<u64>> {
        self.layers.typed(self.name, field, "a whole number", |text| text.trim().parse().ok())
    }

    /// A number above 0, with or without a point.
    ///
    /// # Errors
    /// Settings, with the origin of what is none.
    pub fn decimal(&self, field: &str) -> Result<Option<f64>> {
        let read = |text: &str| text.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
        self.layers.typed(self.name, field, "a number above 0", read)
    }

    /// True or false.
    ///
    /// # Errors
    /// Settings, with the origin of what is neither.
    pub fn flag(&self, field: &str) -> Result<Option<bool>> {
        self.layers.typed(self.name, field, "true or false", |text| match text.trim().to_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        })
    }

    /// One of some words, of which the first is the default.
    ///
    /// # Errors
    /// Settings, with the words that are known.
    pub fn choice<T: Copy>(&self, field: &str, words: &[(&str, T)]) -> Result<T> {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let read =
            |text: &str| words.iter().find(|(name, _)| name.eq_ignore_ascii_case(text.trim())).map(|(_, it)| *it);
        let found = self.layers.typed(self.name, field, &format!("one of {}", names.join(", ")), read)?;
        Ok(found.unwrap_or(words[0].1))
    }

    /// A length of time: `30s`, `5m`.
    ///
    /// # Errors
    /// Settings, with the origin of what is none.
    pub fn duration(&self, field: &str) -> Result<Option<Duration>> {
        let read = |text: &str| crate::clock::duration(text).ok();
        self.layers.typed(self.name, field, "a length of time such as 30s or 5m", read)
    }

    /// A number of bytes: `64MiB`, `1 GiB`, `500000`.
    ///
    /// # Errors
    /// Settings, with the origin of what is none.
    pub fn bytes(&self, field: &str) -> Result<Option<u64>> {
        self.layers.typed(self.name, field, "a size such as 64MiB or 1GiB", bytes)
    }
}

pub(crate) fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let unit: u64 = match text[digits..].trim().to_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        _ => return None,
    };
    text[..digits].parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_write_them() {
        for (text, expected) in [("0", 0), ("12", 12), ("1 KiB", 1024), ("64MiB", 64 << 20), ("2g", 2 << 30)] {
            assert_eq!(bytes(text), Some(expected), "{text}");
        }
        for text in ["", "MiB", "-1", "1.5G", "1 parsec", "99999999999G"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
