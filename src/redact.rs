//! Credentials are never logged: the values that the settings call secret, logins inside URLs, and `Authorization`
//! headers become `***`, also where they stand encoded for a URL or in base64.

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex::bytes::Regex;

use crate::hash::write_text;
use crate::settings::Settings;

/// What stands instead.
pub(crate) const MASK: &str = "***";
/// A shorter value is not looked for: it would blot out half of every text.
const SECRET_BYTES_MIN: usize = 4;
/// Nor a shorter piece of base64.
const BASE64_CHARS_MIN: usize = 6;

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

/// `user:password@` behind a scheme, up to the last `@` of the login.
static LOGIN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?-u)(?i)([a-z][a-z0-9+.-]*://[^\s/:@"'<>]*:)[^\s/"'<>]+@"#).ok());
/// The value of an `Authorization` header, as HTTP, JSON and debug output write it.
static HEADER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let scheme = "basic|bearer|digest|negotiate|token|apikey|aws4-hmac-sha256";
    Regex::new(&format!(r#"(?-u)(?i)(authorization["'\\]*\s*[:=]\s*["'\\]*(?:(?:{scheme})\s+)?)[^\s"'\\,;]+"#)).ok()
});

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
/// Names of headers and of parameters in URLs that are credentials as a whole word.
const SECRET_WORDS: [&str; 14] = [
    "auth",
    "cookie",
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
    "xauth",
];

/// Finds secrets in texts. Made once for a run: it holds the values in all their forms.
pub struct Redactor {
    values: Option<AhoCorasick>,
    hides_numbers: bool,
}

/// Whether a field of this name holds a credential.
pub(crate) fn is_secret_name(name: &str) -> bool {
    SECRET_NAMES.iter().any(|secret| secret.eq_ignore_ascii_case(name))
}

/// Whether a field of data of this name holds a credential: stricter than [`is_secret_parameter`], for a `key` in data is
/// mostly none.
pub(crate) fn is_secret_field(name: &str) -> bool {
    let name = plain(name);
    SECRET_PARTS.iter().any(|part| name.contains(part))
}

/// Whether a header, or a parameter of a URL, of this name holds a credential.
pub(crate) fn is_secret_parameter(name: &str) -> bool {
    is_secret_field(name) || SECRET_WORDS.contains(&plain(name).as_str())
}

fn plain(name: &str) -> String {
    name.chars().filter(|letter| !matches!(letter, '-' | '_' | '.')).flat_map(char::to_lowercase).collect()
}

impl Redactor {
    /// Looks for everything that the settings hold as a secret.
    pub fn of(settings: &Settings) -> Self {
        Self::new(settings.secret_values().iter().map(|secret| secret.reveal().to_owned()))
    }

    /// Looks for these values.
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        let mut forms: Vec<String> =
            values.into_iter().filter(|value| value.len() >= SECRET_BYTES_MIN).flat_map(forms).collect();
        forms.sort_unstable();
        forms.dedup();
        // the longest first: a value may begin with another one
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&forms);
        let hides_numbers = forms.iter().any(|form| form.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
        Self { values: finder.ok().filter(|_| !forms.is_empty()), hides_numbers }
    }

    /// Whether a bare number may be a secret.
    pub(crate) fn hides_numbers(&self) -> bool {
        self.hides_numbers
    }

    /// Appends JSON without secrets; it is JSON still.
    pub(crate) fn json(&self, json: &str, out: &mut Vec<u8>) {
        match self.text(json) {
            Cow::Borrowed(json) => out.extend_from_slice(json.as_bytes()),
            Cow::Owned(seen) if serde_json::from_str::<serde::de::IgnoredAny>(&seen).is_ok() => {
                out.extend_from_slice(seen.as_bytes());
            }
            Cow::Owned(seen) => write_text(&seen, true, out),
        }
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
        let mut bytes = Cow::Borrowed(bytes);
        if let Some(values) = self.values.as_ref().filter(|values| values.is_match(&*bytes)) {
            bytes = Cow::Owned(values.replace_all_bytes(&bytes, &vec![MASK; values.patterns_len()]));
        }
        if memchr::memmem::find(&bytes, b"://").is_some() {
            replace(&mut bytes, LOGIN.as_ref(), b"${1}***@");
        }
        if bytes.len() > "authorization".len() {
            replace(&mut bytes, HEADER.as_ref(), b"${1}***");
        }
        bytes
    }
}

fn replace(bytes: &mut Cow<'_, [u8]>, pattern: Option<&Regex>, by: &[u8]) {
    if let Some(pattern) = pattern.filter(|pattern| pattern.is_match(bytes)) {
        *bytes = Cow::Owned(pattern.replace_all(bytes, by).into_owned());
    }
}

/// The ways in which a value may stand in a text.
fn forms(value: String) -> Vec<String> {
    let mut forms = vec![percent(&value, "%20", true), percent(&value, "%20", false), percent(&value, "+", true)];
    let json = serde_json::Value::from(value.as_str()).to_string();
    forms.push(json[1..json.len() - 1].to_owned());
    for before in 0..3 {
        // as a part of something longer its letters depend on how many bytes stand before it; those that the
        // neighbours have a share in are left out
        let shifted = [&[0; 2][..before], value.as_bytes()].concat();
        let (first, end) = ([0, 2, 3][before], shifted.len() * 8 / 6);
        for encoded in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            forms.extend(encoded.get(first..end).filter(|part| part.len() >= BASE64_CHARS_MIN).map(str::to_owned));
        }
    }
    forms.push(value);
    forms
}

fn percent(value: &str, space: &str, is_upper: bool) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b' ' => encoded.push_str(space),
            b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            _ if is_upper => encoded.push_str(&format!("%{byte:02X}")),
            _ => encoded.push_str(&format!("%{byte:02x}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
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
            redactor.json(text, &mut out);
            String::from_utf8(out).expect("UTF-8").strip_prefix("before ").expect("what was there").to_owned()
        };
        let numbers = Redactor::new(["1234.5".to_owned()]);
        assert!(numbers.hides_numbers() && !redactor().hides_numbers() && !Redactor::new([]).hides_numbers());
        assert_eq!(json(&numbers, r#"{"a": 7}"#), r#"{"a": 7}"#);
        assert_eq!(json(&numbers, r#"{"a": "is 1234.5"}"#), r#"{"a": "is ***"}"#);
        // a mask is no number: the whole becomes a text
        assert_eq!(json(&numbers, r#"{"a": 1234.5}"#), r#""{\"a\": ***}""#);
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
