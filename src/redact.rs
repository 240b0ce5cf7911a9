//! Credentials are never logged: the values that the settings and the store call secret, logins inside URLs, and
//! `Authorization` in all its forms become `***`, whatever they are escaped or encoded for.
//!
//! What a text means is read before: only what a value says is redacted, never what says how it is to be read.

mod finder;
mod forms;
mod json;
mod patterns;
mod view;

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use finder::Finder;
use forms::Forms;
use view::views;

use crate::secrets::{GIVEN_VARIABLE, Hide};
use crate::settings::Settings;

/// What stands instead.
pub(crate) const MASK: &str = "***";
/// The names of fields whose text is a credential, whatever it is.
const SECRET_NAMES: [&str; 10] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "password",
    "passwd",
    "secret",
    "token",
    "api_key",
    "access_token",
];

/// Parts of names that tell a credential, written in small letters without `-` and `_`.
const SECRET_PARTS: [&str; 10] = [
    "clientkey",
    "token",
    "secret",
    "password",
    "passwd",
    "apikey",
    "authorization",
    "credential",
    "signature",
    "accesskey",
];
/// Parts of names that tell a place in a list, which servers call a token as well: whoever has it may see the next page.
const PLACES: [&str; 6] = ["page", "next", "cursor", "continuation", "scroll", "sync"];
/// Names of headers and of parameters in URLs that are credentials as a whole word.
const SECRET_WORDS: [&str; 19] = [
    "assertion",
    "auth",
    "cookie",
    "hash",
    "hmac",
    "jwt",
    "key",
    "otp",
    "pass",
    "phpsessid",
    "pin",
    "pwd",
    "session",
    "sessionid",
    "setcookie",
    "sid",
    "sig",
    "sign",
    "xauth",
];

/// What a name ends with whose value is a credential, be it a word or a number.
const CREDENTIAL_ENDS: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "pass",
    "pin",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "clientkey",
    "credential",
];

/// Finds secrets in texts. Made once for a run: it holds the values in all their forms.
pub struct Redactor {
    finder: Finder,
    numbers: HashSet<String>,
    has_spaces: bool,
}

/// Whether a field of this name holds a credential.
pub(crate) fn is_secret_name(name: &str) -> bool {
    SECRET_NAMES.iter().any(|secret| secret.eq_ignore_ascii_case(name))
}

/// Whether a field of data of this name holds a credential: stricter than [`is_secret_parameter`], for a `key` in data is
/// mostly none.
pub(crate) fn is_secret_field(name: &str) -> bool {
    let name = plain(name);
    SECRET_PARTS.iter().any(|part| name.contains(part)) && !PLACES.iter().any(|place| name.contains(place))
}

/// Whether a header, or a parameter of a URL, of this name holds a credential.
pub(crate) fn is_secret_parameter(name: &str) -> bool {
    is_secret_field(name) || SECRET_WORDS.contains(&plain(name).as_str())
}

fn plain(name: &str) -> String {
    name.chars().filter(|letter| !matches!(letter, '-' | '_' | '.')).flat_map(char::to_lowercase).collect()
}

/// Whether a value of this name is a credential, even if it is a word or a number.
fn is_credential_name(name: &str) -> bool {
    let name = plain(name);
    CREDENTIAL_ENDS.iter().any(|end| name.ends_with(end))
}

impl Redactor {
    /// Looks for everything that the settings hold as a secret.
    pub fn of(settings: &Settings) -> Self {
        Self::new(settings.secret_values().iter().map(|secret| secret.reveal().to_owned()))
    }

    /// Looks for the secrets of the settings, and for those that the run around us was given.
    pub(crate) fn of_run(settings: &Settings) -> Self {
        let values = settings.secret_values();
        let names = settings.variable(GIVEN_VARIABLE).unwrap_or_default().split(',');
        let given = names.filter_map(|name| Some((name, settings.variable(name)?, Hide::default())));
        Self::with_store(values.iter().map(|secret| secret.reveal().to_owned()), given)
    }

    /// Looks for these values, if they have four bytes.
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        Self::with_store(values, [])
    }

    /// Looks for these values, and for what is secret of those of the store: by their names, their marks, and what they
    /// look like.
    pub(crate) fn with_store<'a>(
        values: impl IntoIterator<Item = String>,
        stored: impl IntoIterator<Item = (&'a str, &'a str, Hide)>,
    ) -> Self {
        let mut forms = Forms::default();
        values.into_iter().for_each(|value| forms.value(&value));
        stored.into_iter().for_each(|(name, value, hide)| forms.named(name, value, hide));
        let Forms { forms, numbers, has_spaces } = forms;
        Self { finder: Finder::new(forms), numbers: numbers.into_iter().collect(), has_spaces }
    }

    /// Whether a bare number may be a secret.
    pub(crate) fn hides_numbers(&self) -> bool {
        !self.numbers.is_empty()
    }

    fn is_secret_number(&self, number: &str) -> bool {
        self.numbers.contains(number)
    }

    /// The text without secrets.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// As [`Redactor::text`], for bytes that may be no UTF-8.
    pub fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        self.masked(bytes, false)
    }

    /// The bytes of somebody else's data without secret values: what only looks like a credential there is data.
    pub(crate) fn values<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let mut spans: Vec<Range<usize>> = Vec::new();
        views(bytes, false, self.has_spaces, |view| {
            self.finder.find(view.bytes(), &mut |span: Range<usize>| spans.push(view.place(&span)));
        });
        without(bytes, &apart(spans))
    }

    /// Where secrets stand, in order and apart from each other.
    pub(crate) fn spans(&self, text: &[u8], is_json: bool) -> Vec<Range<usize>> {
        let mut spans: Vec<Range<usize>> = Vec::new();
        views(text, is_json, self.has_spaces, |view| {
            let mut each = |span: Range<usize>| spans.push(view.place(&span));
            self.finder.find(view.bytes(), &mut each);
            patterns::find(view.bytes(), &mut each);
        });
        apart(spans)
    }

    fn masked<'a>(&self, text: &'a [u8], is_json: bool) -> Cow<'a, [u8]> {
        without(text, &self.spans(text, is_json))
    }
}

/// The same places in order, those that overlap as one.
fn apart(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.sort_unstable_by_key(|span| (span.start, span.end));
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(spans.len());
    for span in spans {
        match apart.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            _ => apart.push(span),
        }
    }
    apart
}

/// The text with these places hidden.
pub(crate) fn without<'a>(text: &'a [u8], places: &[Range<usize>]) -> Cow<'a, [u8]> {
    if places.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut from = 0;
    for place in places {
        out.extend_from_slice(&text[from..place.start]);
        out.extend_from_slice(MASK.as_bytes());
        from = place.end;
    }
    out.extend_from_slice(&text[from..]);
    Cow::Owned(out)
}

#[cfg(test)]
#[path = "redact/tests.rs"]
mod canaries;

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

    use super::*;

    const SECRET: &str = "p@ss w\u{f6}rd/\"7";

    fn redactor() -> Redactor {
        Redactor::new([SECRET.to_owned(), "abc".to_owned()])
    }

    #[test]
    fn a_value_goes_in_every_form() {
        for text in [
            format!("it is {SECRET}."),
            "q=p%40ss%20w%C3%B6rd%2F%227&x".to_owned(),
            "q=p%40ss%20w%c3%b6rd%2f%227&x".to_owned(),
            "q=p%40ss+w%C3%B6rd%2F%227".to_owned(),
            serde_json::json!({"k": SECRET}).to_string(),
        ] {
            let seen = redactor().text(&text).into_owned();
            assert!(seen.contains(MASK) && !seen.contains("ss"), "{seen}");
        }
        assert_eq!(redactor().text("abc is too short to hide"), "abc is too short to hide");
    }

    #[test]
    fn a_value_goes_in_base64_wherever_it_stands() {
        for (before, after) in [("", ""), ("u:", ""), ("us:", "!"), ("user:", "more text"), ("x", "yy")] {
            let plain = format!("{before}{SECRET}{after}");
            for encoded in [STANDARD_NO_PAD.encode(&plain), URL_SAFE_NO_PAD.encode(&plain)] {
                let seen = redactor().text(&encoded).into_owned();
                assert!(seen.contains(MASK), "{plain}: {seen}");
                let left = seen.replace(MASK, "").len();
                // what is left are the neighbours, and at most two letters at each end
                assert!(left <= (before.len() + after.len()) * 4 / 3 + 5, "{plain}: {seen}");
            }
        }
    }

    #[test]
    fn from_four_bytes_on_a_value_is_hidden_and_of_two_the_longer_one() {
        let redactor = Redactor::new(["abc", "abcd", "abcdefgh", "other"].map(str::to_owned));
        assert_eq!(redactor.text("abc abcd abcdefg abcdefgh."), "abc *** ***efg ***.");
        assert!(matches!(redactor.text("nothing of it"), Cow::Borrowed("nothing of it")));
        assert_eq!(&*redactor.bytes(b"\xff abcd"), b"\xff ***");
        assert_eq!(&*Redactor::new([]).text("abcd"), "abcd");
    }

    #[test]
    fn json_stays_json_also_where_a_number_was_the_secret() {
        let json = |redactor: &Redactor, text: &str| {
            let mut out = b"before ".to_vec();
            redactor.json("", text, &mut out);
            String::from_utf8(out).expect("UTF-8").strip_prefix("before ").expect("what was there").to_owned()
        };
        let numbers = Redactor::new(["1234.5".to_owned()]);
        assert!(numbers.hides_numbers() && !redactor().hides_numbers() && !Redactor::new([]).hides_numbers());
        assert_eq!(json(&numbers, r#"{"a": 7}"#), r#"{"a": 7}"#);
        assert_eq!(json(&numbers, r#"{"a": "is 1234.5"}"#), r#"{"a": "is ***"}"#);
        assert_eq!(
            json(&numbers, r#"{"a": [1234.5,12345678901234567890.10]}"#),
            r#"{"a": ["***",12345678901234567890.10]}"#
        );
    }

    #[test]
    fn a_name_tells_a_credential_by_its_words_whatever_stands_between() {
        for name in ["Authorization", "SET-COOKIE", "password", "api_key", "access_token"] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["passwords", "key", "authorization2", ""] {
            assert!(!is_secret_name(name), "{name}");
        }
        for name in ["X-Api-Key", "clientKey", "refresh_token", "aws.secret.access", "userPassword", "Signature"] {
            assert!(is_secret_field(name) && is_secret_parameter(name), "{name}");
        }
        // of data these are names as others, of a request they are credentials
        for name in ["key", "PIN", "session_id", "Set-Cookie", "x-auth", "sid"] {
            assert!(!is_secret_field(name) && is_secret_parameter(name), "{name}");
        }
        for name in ["monkey", "page", "assign", "pinned", ""] {
            assert!(!is_secret_field(name) && !is_secret_parameter(name), "{name}");
        }
    }

    #[test]
    fn logins_and_headers_go_whatever_they_are() {
        for (text, expected) in [
            ("postgres://me:hunter2@db:5432/x", "postgres://me:***@db:5432/x"),
            ("see amqp://a:b@c@host/ and http://h/p", "see amqp://a:***@host/ and http://h/p"),
            ("Authorization: Bearer ey.J.x", "Authorization: Bearer ***"),
            ("authorization: abc", "authorization: ***"),
            (r#"{"Authorization": "Basic dXNlcg=="}"#, r#"{"Authorization": "Basic ***"}"#),
            ("plain text, 10:30, a@b", "plain text, 10:30, a@b"),
        ] {
            assert_eq!(Redactor::new([]).text(text), expected);
        }
        let raw = b"\xff Authorization: Basic xyz";
        assert_eq!(&*Redactor::new([]).bytes(raw), b"\xff Authorization: Basic ***");
    }
}
