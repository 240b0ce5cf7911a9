//! What stands behind the `?` of a channel's URL: each parameter is used or refused, none is passed over.

use std::collections::BTreeMap;

use super::decode;

/// A longer name may be a token, and is not shown.
const NAME_BYTES_MAX: usize = 16;

/// The parameters that are not used yet.
pub(super) struct Query(Vec<Parameter>);

struct Parameter {
    /// `+` for a header, `-` for the address, `:` for a field of the message; a blank for all others.
    mark: char,
    name: String,
    value: String,
    /// It looks like a name, and not like a token that stands in the wrong place.
    is_word: bool,
}

impl Query {
    /// Reads parameters as Apprise does: a plus sign is no blank.
    pub(super) fn read(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let read = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name), decode(value));
            let is_word =
                name.len() <= NAME_BYTES_MAX && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            match name.chars().next().filter(|first| "+-:".contains(*first)) {
                Some(mark) => Parameter { mark, name: name[1..].to_owned(), value, is_word },
                None => Parameter { mark: ' ', name: name.to_ascii_lowercase(), value, is_word },
            }
        });
        Self(read.collect())
    }

    /// Takes a parameter by one of its names.
    pub(super) fn take(&mut self, names: &[&str]) -> Option<String> {
        let place = self.0.iter().position(|it| it.mark == ' ' && names.contains(&it.name.as_str()))?;
        Some(self.0.remove(place).value)
    }

    /// Takes all parameters with a mark.
    pub(super) fn marked(&mut self, mark: char) -> Vec<(String, String)> {
        let (taken, left) = std::mem::take(&mut self.0).into_iter().partition(|it| it.mark == mark);
        self.0 = left;
        let taken: Vec<Parameter> = taken;
        taken.into_iter().map(|it| (it.name, it.value)).collect()
    }

    /// Takes those that are fields of the channel under their own names.
    pub(super) fn take_fields(&mut self, known: &[&str], fields: &mut BTreeMap<String, String>) {
        for name in known {
            if let Some(value) = self.take(&[name]) {
                fields.insert((*name).to_owned(), value);
            }
        }
    }

    /// Takes what every kind of channel has in Apprise.
    ///
    /// # Errors
    /// For what would have another effect than dc's.
    pub(super) fn take_common(&mut self, fields: &mut BTreeMap<String, String>) -> Result<(), String> {
        for (name, field) in [("cto", "connect_timeout"), ("rto", "read_timeout")] {
            if let Some(value) = self.take(&[name]) {
                fields.insert(field.to_owned(), value);
            }
        }
        self.only("verify", &YES, "certificates are always verified")?;
        self.only("format", &["text"], "messages are plain text")?;
        self.only("emojis", &NO, "messages are sent as they are")?;
        self.only("image", &NO, "no pictures are sent")?;
        match self.take(&["overflow"]).as_deref() {
            // parts of a long message, which is what dc does anyway
            None | Some("split" | "upstream") => {}
            Some("truncate") => drop(fields.insert("overflow".to_owned(), "truncate".to_owned())),
            Some(_) => return Err("`overflow` takes split, truncate or upstream".to_owned()),
        }
        // Apprise's own store and its retries: messages wait in the database, and are tried until they are taken
        for name in ["store", "retry", "wait"] {
            self.take(&[name]);
        }
        Ok(())
    }

    /// Takes a parameter that may only say what is so anyway.
    pub(super) fn only(&mut self, name: &str, values: &[&str], why: &str) -> Result<(), String> {
        match self.take(&[name]) {
            Some(value) if !values.contains(&value.to_ascii_lowercase().as_str()) => {
                Err(format!("`{name}` takes only {}: {why}", values[0]))
            }
            _ => Ok(()),
        }
    }

    /// What is left was not understood.
    pub(super) fn end(self) -> Result<(), String> {
        let Some(left) = self.0.first() else { return Ok(()) };
        Err(match (left.mark, left.is_word) {
            (' ', true) => format!("the parameter `{}` is not known", left.name),
            (' ', false) => "it has a parameter that is not known".to_owned(),
            (mark, _) => format!("parameters that begin with `{mark}` are not known here"),
        })
    }
}

/// What people write for yes and no, the usual word first.
pub(super) const YES: [&str; 4] = ["yes", "true", "1", "on"];
pub(super) const NO: [&str; 4] = ["no", "false", "0", "off"];
