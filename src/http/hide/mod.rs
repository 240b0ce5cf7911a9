//! What must not be seen of requests and answers, wherever they are kept, recorded or told. It is hidden where it stands: behind
//! a name that is that of a credential; and wherever the value of a [`Secret`](crate::settings::Secret) stands, or one that was
//! seen as a credential and looks like nothing else. All other bytes stay as they came.

mod places;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use places::Kind;
use url::Url;

use crate::redact::{MASK, Redactor, is_secret_field, is_secret_parameter, without};
use crate::settings::known_secrets;

/// A value that was seen as a credential is looked for elsewhere if it has so many bytes, and looks as if it was made by dice.
const RANDOM_BYTES_MIN: usize = 12;
/// So many changes between letters of one kind and another tell dice from words.
const RANDOM_CHANGES_MIN: usize = 2;
/// No word is so long.
const WORD_BYTES_MAX: usize = 31;
/// A value that an answer gave, and that was hidden in it, is found in later requests if it has so many bytes.
const GIVEN_BYTES_MIN: usize = 4;
/// So many values are remembered.
const VALUES_MAX: usize = 4_096;

/// Whose body it is: what a request calls `key` is a credential, what an answer calls so is data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Answer,
}

/// Hides what must not be seen.
pub(super) struct Hider {
    own: Vec<String>,
    /// Looks for all secrets that were known when there were so many.
    redactor: RwLock<(usize, Arc<Redactor>)>,
    learned: RwLock<BTreeSet<String>>,
    given: RwLock<BTreeSet<String>>,
}

impl Hider {
    /// Hides these values besides what is secret by its name, and every secret of the process.
    pub(super) fn new(values: impl IntoIterator<Item = String>) -> Self {
        let own: Vec<String> = values.into_iter().collect();
        let redactor = RwLock::new((0, Arc::new(Redactor::new(own.iter().cloned()))));
        Self { own, redactor, learned: RwLock::default(), given: RwLock::default() }
    }

    fn redactor(&self) -> Arc<Redactor> {
        let (count, known) = (known_secrets().count(), self.redactor.read().unwrap_or_else(PoisonError::into_inner));
        if known.0 == count {
            return Arc::clone(&known.1);
        }
        drop(known);
        let secrets = known_secrets().all();
        let redactor = Arc::new(Redactor::new(self.own.iter().cloned().chain(secrets)));
        *self.redactor.write().unwrap_or_else(PoisonError::into_inner) = (count, Arc::clone(&redactor));
        redactor
    }

    /// Remembers a credential that was seen: servers repeat in their answers what they were asked.
    pub(super) fn learn(&self, value: &str) {
        if is_random(value.trim()) {
            remember(&self.learned, value.trim());
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

    /// Hides what is secret by its value.
    fn values<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let mut seen = self.redactor().values(bytes);
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

    /// A request as it would be if the credentials in the answers before had been `***`: a replay, in which they are, asks so.
    pub(super) fn as_replayed(&self, mut request: Vec<u8>) -> Vec<u8> {
        for value in self.given.read().unwrap_or_else(PoisonError::into_inner).iter() {
            for form in forms(value) {
                if memchr::memmem::find(&request, form.as_bytes()).is_some() {
                    request = replace(&request, form.as_bytes());
                }
            }
        }
        request
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

    /// Any text of ours: a message, a URL, the value of a header.
    pub(super) fn text(&self, text: &str) -> String {
        let seen = self.redactor().text(text).into_owned();
        String::from_utf8_lossy(&self.values(seen.as_bytes())).into_owned()
    }

    /// A body: what stands behind secret names, and secret values. Every other byte is as it was.
    pub(super) fn body<'a>(&self, side: Side, content_type: &str, body: &'a [u8]) -> Cow<'a, [u8]> {
        let is_secret = |name: &str| match side {
            Side::Request => is_secret_parameter(name),
            Side::Answer => is_secret_field(name),
        };
        let places = Kind::of(content_type, body).secrets(body, &is_secret);
        for place in &places {
            let value = meant(&body[place.clone()]);
            self.learn(&value);
            if side == Side::Answer && value.len() >= GIVEN_BYTES_MIN {
                remember(&self.given, &value);
            }
        }
        match without(body, &places) {
            Cow::Borrowed(body) => self.values(body),
            Cow::Owned(seen) => Cow::Owned(self.values(&seen).into_owned()),
        }
    }
}

fn remember(values: &RwLock<BTreeSet<String>>, value: &str) {
    let is_known = |known: &BTreeSet<String>| known.contains(value) || known.len() >= VALUES_MAX;
    if value != MASK && !is_known(&values.read().unwrap_or_else(PoisonError::into_inner)) {
        values.write().unwrap_or_else(PoisonError::into_inner).insert(value.to_owned());
    }
}

/// Whether a value looks as if dice had made it: then whoever has it in a text means this very one.
fn is_random(value: &str) -> bool {
    if value.len() < RANDOM_BYTES_MIN || value.chars().any(char::is_whitespace) {
        return false;
    }
    let kind = |byte: u8| match byte {
        b'0'..=b'9' => 1,
        b'A'..=b'Z' => 2,
        b'a'..=b'z' => 3,
        _ => 0,
    };
    let letters: Vec<u8> = value.bytes().filter(|byte| kind(*byte) > 0).collect();
    // a capital begins a word
    let is_change = |pair: &[u8]| kind(pair[0]) != kind(pair[1]) && (kind(pair[0]), kind(pair[1])) != (2, 3);
    let changes = letters.windows(2).filter(|pair| is_change(pair)).count();
    value.len() > WORD_BYTES_MAX || changes >= RANDOM_CHANGES_MIN
}

/// A value as its program means it, whatever is escaped in it.
fn meant(value: &[u8]) -> String {
    let quoted = [b"\"", value, b"\""].concat();
    let text = serde_json::from_slice(&quoted).unwrap_or_else(|_| String::from_utf8_lossy(value).into_owned());
    match text.contains('%') {
        true => percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned(),
        false => text,
    }
}

/// `name=value` of a query.
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
    let json = serde_json::Value::from(value).to_string();
    let json = json[1..json.len() - 1].to_owned();
    forms.extend([encoded, json].into_iter().filter(|form| form != value));
    forms
}

fn replace(bytes: &[u8], value: &[u8]) -> Vec<u8> {
    let places: Vec<Range<usize>> =
        memchr::memmem::find_iter(bytes, value).map(|place| place..place + value.len()).collect();
    without(bytes, &places).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";

    #[test]
    fn urls_headers_and_bodies_lose_what_is_secret() {
        let hider = Hider::new(["hunter22".to_owned()]);
        let url = Url::parse("https://me:pw@h/a?api_key=1234&page=2&q=hunter22").expect("a URL");
        assert_eq!(hider.url(&url), "https://h/a?api_key=***&page=2&q=***");
        assert_eq!(hider.place(&url), "https://h/a");
        assert_eq!(hider.header("Set-Cookie", "sid=abc; Path=/; HttpOnly"), "sid=***; Path=/; HttpOnly");
        assert_eq!(hider.header("X-Api-Key", "abc"), "***");
        assert_eq!(
            hider.header("Location", "https://h/b?token=abc&jwt=x&hash=y"),
            "https://h/b?token=***&jwt=***&hash=***"
        );
        let body = hider.body(
            Side::Answer,
            "application/json",
            br#"{"access_token":"abc","key":"HR","n":[{"password":"x"}]}"#,
        );
        assert_eq!(&*body, br#"{"access_token":"***","key":"HR","n":[{"password":"***"}]}"#);
        assert_eq!(&*hider.body(Side::Request, "", br#"{"pwd":"abc","pass":"x"}"#), br#"{"pwd":"***","pass":"***"}"#);
        assert_eq!(&*hider.body(Side::Request, FORM, b"user=me&password=abc"), b"user=me&password=***");
        assert_eq!(&*hider.body(Side::Answer, "text/plain", b"it is hunter22"), b"it is ***");
        // hidden by its name before, and by its value now
        hider.header("Authorization", "Bearer t0k/n-l34rned-0ne");
        assert_eq!(&*hider.body(Side::Answer, "text/plain", b"t0k/n-l34rned-0ne t0k%2Fn-l34rned-0ne"), b"*** ***");
        // every secret of the process is known by itself
        let secret = crate::settings::Secret::new("of-the-s0ap-login");
        assert_eq!(&*hider.body(Side::Answer, "", b"it is of-the-s0ap-login"), b"it is ***");
        drop(secret);
    }

    #[test]
    fn data_stays_as_it_came() {
        let hider = Hider::new([]);
        hider.learn_header("Cookie", "lang=english; last=Podravska-banka-dd-2024; n=12345678901234567890");
        hider.learn_query(&Url::parse("https://h/?key=company").expect("a URL"));
        for body in [
            r#"{"n":123456789012345678901234,"m":1.10,"a":1,"a":2,"is":"english company","nextPageToken":"c2Vjb25kIHBhZ2U"}"#,
            r#"{"pass":"St. Gotthard","key":"HR","hash":"abc","last":"Podravska-banka-dd-2024","n":"12345678901234567890"}"#,
            "write Authorization: Bearer x, or http://user:password@host/ <Password/>",
        ] {
            assert_eq!(&*hider.body(Side::Answer, "", body.as_bytes()), body.as_bytes(), "{body}");
        }
        let body = b"{ \"token\" : \"a b\",\t\"n\":1.10, \"n\":123456789012345678901234}";
        let seen = b"{ \"token\" : \"***\",\t\"n\":1.10, \"n\":123456789012345678901234}";
        assert_eq!(&*hider.body(Side::Answer, "", body), seen);
        assert_eq!(&*hider.body(Side::Request, FORM, b"\xff=1&pin=1&x=\xfe"), b"\xff=1&pin=***&x=\xfe");
    }

    #[test]
    fn a_replay_asks_with_what_was_hidden_in_answers() {
        let hider = Hider::new([]);
        hider.body(Side::Answer, "", br#"{"session_token":"ab/cd"}"#);
        assert_eq!(hider.as_replayed(b"GET /a?s=ab%2Fcd&q=ab".to_vec()), b"GET /a?s=***&q=ab");
    }
}
