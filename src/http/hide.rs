//! What must not be seen of requests and answers, wherever they are kept, recorded or told.

use std::borrow::Cow;

use serde_json::Value;
use url::Url;

use crate::redact::{MASK, Redactor, is_secret_field, is_secret_parameter};

/// Hides what must not be seen.
pub(super) struct Hider {
    redactor: Redactor,
}

impl Hider {
    /// Hides these values besides what is secret by its name.
    pub(super) fn new(values: impl IntoIterator<Item = String>) -> Self {
        Self { redactor: Redactor::new(values) }
    }

    /// A URL without login, and without the values of parameters that are secret.
    pub(super) fn url(&self, url: &Url) -> String {
        let mut seen = url.clone();
        if !seen.username().is_empty() || seen.password().is_some() {
            let _ = seen.set_username("");
            let _ = seen.set_password(None);
        }
        if let Some(query) = url.query() {
            let parts: Vec<Cow<'_, str>> = query.split('&').map(parameter).collect();
            seen.set_query(Some(&parts.join("&")));
        }
        self.redactor.text(seen.as_str()).into_owned()
    }

    /// The place of a URL, for messages: no query at all.
    pub(super) fn place(&self, url: &Url) -> String {
        let mut seen = url.clone();
        seen.set_query(None);
        seen.set_fragment(None);
        self.url(&seen)
    }

    /// A header's value.
    pub(super) fn header(&self, name: &str, value: &str) -> String {
        if name.eq_ignore_ascii_case("set-cookie") {
            // the name and what governs the cookie stay: a replay needs them
            let (name, rest) = value.split_once('=').unwrap_or((value, ""));
            let attributes = rest.split_once(';').map(|(_, rest)| format!(";{rest}")).unwrap_or_default();
            return format!("{name}={MASK}{attributes}");
        }
        if is_secret_parameter(name) {
            return MASK.to_owned();
        }
        match Url::parse(value) {
            Ok(url) if url.has_host() => self.url(&url),
            _ => self.text(value),
        }
    }

    /// Any text.
    pub(super) fn text(&self, text: &str) -> String {
        self.redactor.text(text).into_owned()
    }

    /// A body: JSON by the names of its fields, a form by the names of its parameters, everything by the values.
    pub(super) fn body<'a>(&self, content_type: &str, body: &'a [u8]) -> Cow<'a, [u8]> {
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let looks_like_json = body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|it| b"{[".contains(it));
        if kind == "application/x-www-form-urlencoded" {
            let text = String::from_utf8_lossy(body);
            let seen: Vec<Cow<'_, str>> = text.split('&').map(parameter).collect();
            return Cow::Owned(self.redactor.bytes(seen.join("&").as_bytes()).into_owned());
        }
        if (kind.contains("json") || kind.is_empty() || looks_like_json)
            && let Ok(mut value) = serde_json::from_slice::<Value>(body)
            && hide_fields(&mut value)
        {
            let text = value.to_string();
            return Cow::Owned(self.redactor.bytes(text.as_bytes()).into_owned());
        }
        self.redactor.bytes(body)
    }
}

/// `name=value` of a query or a form.
fn parameter(part: &str) -> Cow<'_, str> {
    match part.split_once('=') {
        Some((name, value)) if !value.is_empty() && is_secret_parameter(name) => Cow::Owned(format!("{name}={MASK}")),
        _ => Cow::Borrowed(part),
    }
}

/// Whether anything was hidden.
fn hide_fields(value: &mut Value) -> bool {
    match value {
        Value::Object(fields) => {
            let mut found = false;
            for (name, value) in fields.iter_mut() {
                match value {
                    Value::String(text) if !text.is_empty() && is_secret_field(name) => {
                        *text = MASK.to_owned();
                        found = true;
                    }
                    value => found |= hide_fields(value),
                }
            }
            found
        }
        Value::Array(items) => items.iter_mut().fold(false, |found, item| hide_fields(item) || found),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_headers_and_bodies_lose_what_is_secret() {
        let hider = Hider::new(["hunter22".to_owned()]);
        let url = Url::parse("https://me:pw@h/a?api_key=1234&page=2&q=hunter22").expect("a URL");
        assert_eq!(hider.url(&url), "https://h/a?api_key=***&page=2&q=***");
        assert_eq!(hider.place(&url), "https://h/a");
        assert_eq!(hider.header("Set-Cookie", "sid=abc; Path=/; HttpOnly"), "sid=***; Path=/; HttpOnly");
        assert_eq!(hider.header("X-Api-Key", "abc"), "***");
        assert_eq!(hider.header("Location", "https://h/b?token=abc"), "https://h/b?token=***");
        let body = hider.body("application/json", br#"{"access_token":"abc","key":"HR","n":[{"password":"x"}]}"#);
        assert_eq!(&*body, br#"{"access_token":"***","key":"HR","n":[{"password":"***"}]}"#);
        let form = hider.body("application/x-www-form-urlencoded", b"user=me&password=abc");
        assert_eq!(&*form, b"user=me&password=***");
        assert_eq!(&*hider.body("text/plain", b"it is hunter22"), b"it is ***");
    }
}
