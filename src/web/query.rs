//! What stands behind the `?` of an address, and in forms.

use std::collections::BTreeMap;

/// Fields with their values; of the same field there may be several.
#[derive(Debug, Clone, Default)]
pub(super) struct Query(BTreeMap<String, Vec<String>>);

/// More values are not read.
const VALUES_MAX: usize = 2_000;

impl Query {
    /// Reads them.
    pub(super) fn read(text: &[u8]) -> Self {
        let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(text).take(VALUES_MAX) {
            fields.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        Self(fields)
    }

    /// The value of a field, where it has one that is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.first().map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The same as a text of its own.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// All values of a field.
    pub(super) fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The address of a page with these fields, and one of them otherwise; without it where it is `None`.
    pub(super) fn with(&self, path: &str, name: &str, value: Option<&str>) -> String {
        let mut out = url::form_urlencoded::Serializer::new(String::new());
        let others = self.0.iter().filter(|(known, _)| *known != name && *known != "told");
        for (known, values) in others {
            for value in values.iter().filter(|value| !value.is_empty()) {
                out.append_pair(known, value);
            }
        }
        if let Some(value) = value {
            out.append_pair(name, value);
        }
        match out.finish() {
            text if text.is_empty() => path.to_owned(),
            text => format!("{path}?{text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Query;

    #[test]
    fn an_address_keeps_its_other_fields() {
        let query = Query::read(b"q=a%26b&state=failed&empty=&told=7");
        assert_eq!((query.get("q"), query.get("empty"), query.get("none")), (Some("a&b"), None, None));
        assert_eq!(query.with("/apps", "state", Some("x y")), "/apps?q=a%26b&state=x+y");
        assert_eq!(query.with("/apps", "state", None), "/apps?q=a%26b");
        assert_eq!(Query::default().with("/apps", "q", None), "/apps");
    }
}
