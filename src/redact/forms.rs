//! What is looked for of a secret: which of its parts are secret, and the encodings that resolving escapes does not undo.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::Url;

use super::finder::{Form, RUN_BYTES_MIN};
use super::{is_credential_name, is_secret_parameter};
use crate::secrets::Hide;

/// A shorter value is not looked for unless it is marked: it would blot out half of every text.
const SECRET_BYTES_MIN: usize = 4;
/// Nor a shorter encoding.
const ENCODED_CHARS_MIN: usize = 6;
/// A line of a secret with so many bytes is looked for by itself: output is read line by line.
const LINE_BYTES_MIN: usize = 8;
/// The longest plain word, and the longest number, that is no secret.
const PLAIN_CHARS_MAX: usize = 15;
/// A part of a URL's path that is so long and has digits is a token.
const TOKEN_BYTES_MIN: usize = 16;
/// How deep a secret in JSON may be.
const DEPTH_MAX: usize = 32;

/// All forms of the values.
#[derive(Default)]
pub(super) struct Forms {
    pub(super) forms: Vec<Form>,
    /// Values that JSON may write without quotes.
    pub(super) numbers: Vec<String>,
    pub(super) has_spaces: bool,
}

impl Forms {
    /// Adds a value that is secret whatever it is, if it has four bytes.
    pub(super) fn value(&mut self, value: &str) {
        if value.len() >= SECRET_BYTES_MIN {
            self.whole(value);
        }
        self.parts(value, 0);
    }

    /// Adds what is secret of a value with a name.
    pub(super) fn named(&mut self, name: &str, value: &str, hide: Hide) {
        self.named_at(name, value, hide, 0);
    }

    fn named_at(&mut self, name: &str, value: &str, hide: Hide, depth: usize) {
        let is_secret = match hide {
            Hide::Never => return,
            Hide::Always => !value.is_empty(),
            Hide::Auto => value.len() >= SECRET_BYTES_MIN && (is_credential_name(name) || !is_plain(value)),
        };
        if is_secret {
            self.whole(value);
        }
        self.parts(value, depth);
    }

    /// Lines, and what is secret inside a URL or JSON.
    fn parts(&mut self, value: &str, depth: usize) {
        let lines = value.lines().map(str::trim).filter(|line| line.len() < value.len());
        for line in lines.filter(|line| line.len() >= LINE_BYTES_MIN && !is_plain(line) && !line.starts_with("-----")) {
            self.text(line);
        }
        if value.contains("://")
            && let Ok(url) = Url::parse(value.trim())
        {
            self.url(&url, depth);
        }
        if value.trim_start().starts_with(['{', '['])
            && let Ok(json) = serde_json::from_str::<Value>(value)
        {
            self.json("", &json, depth);
        }
    }

    fn url(&mut self, url: &Url, depth: usize) {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let user = decoded(url.username());
        let is_login = is_token(&user) || (url.scheme().starts_with("http") && url.password().is_none());
        let login = url.password().map(decoded).into_iter().chain(Some(user).filter(|_| is_login));
        login.filter(|text| text.len() >= SECRET_BYTES_MIN).for_each(|text| self.whole(&text));
        for (name, value) in url.query_pairs().filter(|(name, value)| is_secret_parameter(name) && is_token(value)) {
            self.named_at(&name, &value, Hide::Auto, depth + 1);
        }
        for (name, value) in url.query_pairs().filter(|(name, _)| is_credential_name(name)) {
            self.named_at(&name, &value, Hide::Auto, depth + 1);
        }
        url.path_segments().into_iter().flatten().filter(|part| is_token(part)).for_each(|part| self.whole(part));
    }

    fn json(&mut self, name: &str, json: &Value, depth: usize) {
        if depth > DEPTH_MAX {
            return;
        }
        match json {
            Value::String(text) => self.named_at(name, text, Hide::Auto, depth + 1),
            Value::Array(items) => items.iter().for_each(|item| self.json(name, item, depth + 1)),
            Value::Object(fields) => fields.iter().for_each(|(name, field)| self.json(name, field, depth + 1)),
            Value::Number(number) if is_credential_name(name) => {
                self.named_at(name, &number.to_string(), Hide::Auto, depth + 1);
            }
            _ => {}
        }
    }

    /// A secret in all its encodings.
    fn whole(&mut self, value: &str) {
        self.text(value);
        if value.trim() != value && value.trim().len() >= SECRET_BYTES_MIN {
            self.text(value.trim());
        }
        self.has_spaces |= value.contains(' ');
        if is_number(value) {
            self.numbers.push(value.to_owned());
        }
        let latin: Option<Vec<u8>> = value.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect();
        if let Some(latin) = latin.filter(|_| !value.is_ascii()) {
            self.push(latin, false);
        }
        for before in 0..3 {
            // as a part of something longer its letters depend on how many bytes stand before it; those that the
            // neighbours have a share in are left out
            let shifted = [&[0; 2][..before], value.as_bytes()].concat();
            let (first, end) = ([0, 2, 3][before], shifted.len() * 8 / 6);
            let standard = STANDARD_NO_PAD.encode(&shifted);
            let for_urls = URL_SAFE_NO_PAD.encode(&shifted);
            let second = Some(for_urls).filter(|text| *text != standard);
            for encoded in [Some(standard), second].into_iter().flatten() {
                self.encoded(encoded.get(first..end).unwrap_or_default());
            }
        }
        self.encoded(&hex(value, b"0123456789abcdef"));
        self.encoded(&hex(value, b"0123456789ABCDEF"));
        self.encoded(&base32(value.as_bytes()));
    }

    fn encoded(&mut self, text: &str) {
        if text.len() >= ENCODED_CHARS_MIN {
            self.push(text.as_bytes().to_vec(), true);
        }
    }

    fn text(&mut self, text: &str) {
        let is_opaque = !text.contains("://")
            && !text.starts_with(['/', '.', '~', '{', '['])
            && !text.bytes().any(|byte| byte.is_ascii_whitespace());
        self.push(text.as_bytes().to_vec(), is_opaque && text.len() > RUN_BYTES_MIN);
    }

    fn push(&mut self, bytes: Vec<u8>, in_parts: bool) {
        if !bytes.is_empty() {
            self.forms.push(Form { bytes, in_parts });
        }
    }
}

/// What stands in every second line of a log: a word, a number, a moment, an address, a duration.
fn is_plain(value: &str) -> bool {
    value.chars().count() <= PLAIN_CHARS_MAX && (is_word(value) || is_number(value) || is_measure(value))
}

fn is_word(value: &str) -> bool {
    let mut letters = value.chars();
    let Some(first) = letters.next() else { return true };
    let rest = letters.as_str();
    let is_lower = |text: &str| text.chars().all(|letter| letter.is_alphabetic() && !letter.is_uppercase());
    first.is_alphabetic()
        && (is_lower(rest) || value.chars().all(|letter| letter.is_alphabetic() && !letter.is_lowercase()))
}

fn is_number(value: &str) -> bool {
    value.parse::<f64>().is_ok()
}

fn is_measure(value: &str) -> bool {
    let digits = value.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let has_unit = value.len() - digits.len() <= 3;
    has_unit && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || b".:-,_".contains(&byte))
}

/// Whether it looks as if a machine has made it.
pub(super) fn is_token(text: &str) -> bool {
    text.len() >= TOKEN_BYTES_MIN
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn hex(value: &str, digits: &[u8; 16]) -> String {
    let pair = |byte: u8| [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]];
    value.bytes().flat_map(pair).map(char::from).collect()
}

/// RFC 4648, without the last letter where it is not whole.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut out = String::with_capacity(bytes.len() * 8 / 5);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in bytes {
        bits = (bits << 8 | u32::from(*byte)) & 0xfff;
        count += 8;
        while count >= 5 {
            count -= 5;
            out.push(char::from(LETTERS[(bits >> count & 31) as usize]));
        }
    }
    out
}
