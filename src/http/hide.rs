//! What must not be seen of requests and answers, wherever they are kept, recorded or told.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

use serde_json::Value;
use url::Url;

use crate::redact::{MASK, Redactor, is_secret_field, is_secret_parameter};

/// A shorter value is not looked for elsewhere: it would blot out half of every text.
const LEARNED_BYTES_MIN: usize = 6;
/// So many values are remembered.
const LEARNED_MAX: usize = 4_096;

/// Hides what must not be seen. What was hidden once by its name is hidden by its value from then on: servers repeat in
/// their answers what they were asked.
pub(super) struct Hider {
    redactor: Redactor,
    learned: RwLock<BTreeSet<String>>,
}

impl Hider {
    /// Hides these values besides what is secret by its name.
    pub(super) fn new(values: impl IntoIterator<Item = String>) -> Self {
        Self { redactor: Redactor::new(values), learned: RwLock::default() }
    }

    /// Remembers a value that must not be seen.
    pub(super) fn learn(&self, value: &str) {
        let value = value.trim();
        if value.len() < LEARNED_BYTES_MIN || value == MASK {
            return;
        }
        let is_known = |known: &BTreeSet<String>| known.contains(value) || known.len() >= LEARNED_MAX;
        if !is_known(&self.learned.read().unwrap_or_else(PoisonError::into_inner)) {
            self.learned.write().unwrap_or_else(PoisonError::into_inner).insert(value.to_owned());
        }
    }

    /// Remembers the credential in a header of a request.
    pub(super) fn learn_header(&self, name: &str, value: &str) {
        if !is_secret_parameter(name) {
            return;
        }
        if name.eq_ignore_ascii_case("cookie") {
            value.split(';').filter_map(|pair| pair.split_once('=')).for_each(|(_, value)| self.learn(value));
        } else {
            // `Bearer TOKEN`
            self.learn(value.rsplit(' ').next().unwrap_or(value));
        }
    }

    /// Remembers the credentials in the query of a URL.
    pub(super) fn learn_query(&self, url: &Url) {
        for (name, value) in url.query_pairs().filter(|(name, _)| is_secret_parameter(name)) {
            log::trace!("the parameter {name} is hidden");
            self.learn(&value);
        }
    }

    /// Hides what the settings and those before have said.
    fn values<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let mut seen = self.redactor.bytes(bytes);
        let learned = self.learned.read().unwrap_or_else(PoisonError::into_inner);
        for value in learned.iter() {
            for form in forms(value) {
                if memchr::memmem::find(&seen, form.as_bytes()).is_some() {
                    seen = Cow::Owned(replace(&seen, form.as_bytes()));
                }
            }
        }
        seen
    }

    /// A URL without login, and without the values of parameters that are secret.
    pub(super) fn url(&self, url: &Url) -> String {
        let mut seen = url.clone();
        if !seen.username().is_empty() || seen.password().is_some() {
            let _ = seen.set_username("");
            let _ = seen.set_password(None);
        }
        self.learn_query(url);
        if let Some(query) = url.query() {
            let parts: Vec<Cow<'_, str>> = query.split('&').map(parameter).collect();
            seen.set_query(Some(&parts.join("&")));
        }
        self.text(seen.as_str())
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
            let (value, attributes) = rest.split_once(';').unwrap_or((rest, ""));
            self.learn(value);
            let attributes = if attributes.is_empty() { String::new() } else { format!(";{attributes}") };
            return format!("{name}={MASK}{attributes}");
        }
        if is_secret_parameter(name) {
            self.learn_header(name, value);
            return MASK.to_owned();
        }
        match Url::parse(value) {
            Ok(url) if url.has_host() => self.url(&url),
            _ => self.text(value),
        }
    }

    /// Any text.
    pub(super) fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.values(text.as_bytes())).into_owned()
    }

    /// A body: JSON by the names of its fields, a form by the names of its parameters, everything by the values.
    pub(super) fn body<'a>(&self, content_type: &str, body: &'a [u8]) -> Cow<'a, [u8]> {
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let looks_like_json = body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|it| b"{[".contains(it));
        if kind == "application/x-www-form-urlencoded" {
            let text = String::from_utf8_lossy(body);
            for (name, value) in url::form_urlencoded::parse(body).filter(|(name, _)| is_secret_parameter(name)) {
                log::trace!("the field {name} is hidden");
                self.learn(&value);
            }
            let seen: Vec<Cow<'_, str>> = text.split('&').map(parameter).collect();
            return Cow::Owned(self.values(seen.join("&").as_bytes()).into_owned());
        }
        if (kind.contains("json") || kind.is_empty() || looks_like_json)
            && let Ok(mut value) = serde_json::from_slice::<Value>(body)
            && self.hide_fields(&mut value)
        {
            let text = value.to_string();
            return Cow::Owned(self.values(text.as_bytes()).into_owned());
        }
        self.values(body)
    }
}

impl Hider {
    /// Whether anything was hidden.
    fn hide_fields(&self, value: &mut Value) -> bool {
        match value {
            Value::Object(fields) => {
                let mut found = false;
                for (name, value) in fields.iter_mut() {
                    match value {
                        Value::String(text) if !text.is_empty() && is_secret_field(name) => {
                            self.learn(text);
                            *text = MASK.to_owned();
                            found = true;
                        }
                        value => found |= self.hide_fields(value),
                    }
                }
                found
            }
            Value::Array(items) => items.iter_mut().fold(false, |found, item| self.hide_fields(item) || found),
            _ => false,
        }
    }
}

/// `name=value` of a query or a form.
fn parameter(part: &str) -> Cow<'_, str> {
    match part.split_once('=') {
        Some((name, value)) if !value.is_empty() && is_secret_parameter(name) => Cow::Owned(format!("{name}={MASK}")),
        _ => Cow::Borrowed(part),
    }
}

/// A value as it stands in a text, in a URL and in JSON.
fn forms(value: &str) -> Vec<String> {
    let mut forms = vec![value.to_owned()];
    let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let json = Value::from(value).to_string();
    let json = json[1..json.len() - 1].to_owned();
    forms.extend([encoded, json].into_iter().filter(|form| form != value));
    forms
}

fn replace(bytes: &[u8], value: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for place in memchr::memmem::find_iter(bytes, value) {
        replaced.extend_from_slice(&bytes[from..place]);
        replaced.extend_from_slice(MASK.as_bytes());
        from = place + value.len();
    }
    replaced.extend_from_slice(&bytes[from..]);
    replaced
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
        // hidden by its name before, and by its value now
        hider.header("Authorization", "Bearer t0k/n-l34rned");
        assert_eq!(&*hider.body("text/plain", b"t0k/n-l34rned t0k%2Fn-l34rned"), b"*** ***");
    }
}
