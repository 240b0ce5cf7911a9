//! JSON as Python writes it: numbers of any size, `NaN`, `Infinity` and lone surrogates. A value is kept as it was written,
//! so that what passes through here arrives byte for byte.

use std::fmt;

use serde::Serialize;

use super::scan;
use crate::error::{Error, OrFail, Result};

/// A value, as it was written.
#[derive(Clone, PartialEq, Eq)]
pub struct Json(String);

/// The fields of an object in their order, each name once.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, Json)>);

impl Json {
    /// Reads one value.
    ///
    /// # Errors
    /// Where it ends to be JSON.
    pub fn read(text: &str) -> Result<Self> {
        let text = text.trim_matches(scan::is_blank);
        match scan::value(text.as_bytes(), 0) {
            Ok(end) if end == text.len() => Ok(Self(text.to_owned())),
            Ok(end) => Err(wrong(end)),
            Err(at) => Err(wrong(at)),
        }
    }

    /// What was put together of values.
    pub(super) fn known(text: String) -> Self {
        Self(text)
    }

    /// A value of Rust.
    ///
    /// # Errors
    /// When it has no form in JSON, such as an object whose keys are no texts.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        serde_json::to_string(value).map(Self).or_fail(|| "write a value as JSON".to_owned())
    }

    /// A whole number.
    pub fn number(number: i64) -> Self {
        Self(number.to_string())
    }

    /// A text.
    pub fn of_text(text: &str) -> Self {
        // a text always serialises
        Self(serde_json::to_string(text).unwrap_or_default())
    }

    /// `null`.
    pub fn null() -> Self {
        Self("null".to_owned())
    }

    /// An array of values.
    pub fn array<'a>(items: impl IntoIterator<Item = &'a Json>) -> Self {
        let items: Vec<&str> = items.into_iter().map(Json::text).collect();
        Self(format!("[{}]", items.join(",")))
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        self.0 == "null"
    }

    /// Whether it counts as true in Python.
    pub fn is_truthy(&self) -> bool {
        !matches!(self.text(), "null" | "false" | "0" | "\"\"" | "[]" | "{}")
    }

    /// A whole number; the whole part of another one.
    pub fn as_whole(&self) -> Option<i64> {
        self.0.parse().ok().or_else(|| {
            let number: f64 = self.0.parse().ok()?;
            // every whole number up to 2^53 is there
            (number.abs() <= 9_007_199_254_740_992.0 && self.0.starts_with(|c: char| c == '-' || c.is_ascii_digit()))
                .then_some(number as i64)
        })
    }

    /// A text; `None` for anything else and for one with a lone surrogate.
    pub fn as_text(&self) -> Option<String> {
        self.0.starts_with('"').then(|| serde_json::from_str(&self.0).ok()).flatten()
    }

    /// The values of an array.
    pub fn items(&self) -> Option<Vec<Self>> {
        let places = scan::items(self.0.as_bytes())?;
        Some(places.into_iter().map(|place| Self(self.0[place].to_owned())).collect())
    }

    /// The fields of an object; of a name that stands twice the last one.
    pub fn fields(&self) -> Option<Fields> {
        let mut fields = Fields::default();
        for (name, value) in scan::fields(self.0.as_bytes())? {
            fields.put(self.0[name].to_owned(), Self(self.0[value].to_owned()));
        }
        Some(fields)
    }
}

impl Fields {
    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(key, _)| is_named(key, name)).map(|(_, value)| value)
    }

    /// The value of a field, where it is not `null`.
    pub fn given(&self, name: &str) -> Option<&Json> {
        self.get(name).filter(|value| !value.is_null())
    }

    /// Sets a field, in its place where it is there, else behind the others.
    pub fn set(&mut self, name: &str, value: Json) {
        self.put(Json::of_text(name).0, value);
    }

    /// Takes a field away.
    pub fn remove(&mut self, name: &str) -> Option<Json> {
        let place = self.0.iter().position(|(key, _)| is_named(key, name))?;
        Some(self.0.remove(place).1)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names, where they are texts that Rust has, and the values.
    pub fn iter(&self) -> impl Iterator<Item = (Option<String>, &Json)> {
        self.0.iter().map(|(key, value)| (serde_json::from_str(key).ok(), value))
    }

    /// As an object.
    pub fn to_json(&self) -> Json {
        let mut text = String::with_capacity(2 + self.0.iter().map(|(k, v)| k.len() + v.0.len() + 2).sum::<usize>());
        text.push('{');
        for (place, (key, value)) in self.0.iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            text.push_str(key);
            text.push(':');
            text.push_str(value.text());
        }
        text.push('}');
        Json(text)
    }

    fn put(&mut self, key: String, value: Json) {
        match self.0.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key, value)),
        }
    }
}

/// Whether a key, as it was written, is this name.
fn is_named(key: &str, name: &str) -> bool {
    match key.contains('\\') {
        false => key.len() == name.len() + 2 && &key[1..key.len() - 1] == name,
        true => serde_json::from_str::<String>(key).is_ok_and(|key| key == name),
    }
}

fn wrong(at: usize) -> Error {
    Error::failed(format!("read JSON: it is wrong at byte {at}"))
}

/// The content may be anybody's data: it is never printed.
impl fmt::Debug for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bytes of JSON", self.0.len())
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} fields of JSON", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_writes_is_kept_byte_for_byte() {
        for text in [
            "NaN",
            "-Infinity",
            "[Infinity,1180591620717411303424,-0.0,1e400]",
            r#"{"a":"\ud800","\udc00":[null,true],"a b":{}}"#,
            r#""š\u0161\n""#,
            "[ 1 , { } ]",
        ] {
            assert_eq!(Json::read(text).expect(text).text(), text);
        }
        for text in
            ["", "nan", "01", "1.", "+1", "[1,]", "{\"a\"}", "{1:2}", "\"\u{1}\"", "\"\\x\"", "[1", "1 2", "\"\\u12\""]
        {
            assert!(Json::read(text).is_err(), "{text}");
        }
        assert!(Json::read(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn of_a_name_that_stands_twice_the_last_one_counts() {
        let mut fields = Json::read(r#"{"a":1,"b":2,"a":3,"\u0065ta":5}"#).expect("JSON").fields().expect("an object");
        assert_eq!(fields.get("a").and_then(Json::as_whole), Some(3));
        assert_eq!(fields.remove("eta").and_then(|eta| eta.as_whole()), Some(5));
        fields.set("b", Json::number(4));
        assert_eq!(fields.to_json().text(), r#"{"a":3,"b":4}"#);
    }

    #[test]
    fn numbers_are_whole_or_none() {
        let whole = |text| Json::read(text).expect(text).as_whole();
        assert_eq!((whole("5"), whole("5.9"), whole("1e3")), (Some(5), Some(5), Some(1_000)));
        assert_eq!((whole("NaN"), whole("Infinity"), whole("\"5\""), whole("1e300")), (None, None, None, None));
    }
}
