//! Credentials that are known by what stands around them: `Authorization` in all its forms, signatures, logins in URLs.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use regex::bytes::Regex;

use super::MASK;
use super::forms::is_token;

/// Without one of these no pattern is tried.
static WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let words = [
        "authorization",
        "api-key",
        "auth-token",
        "private-token",
        "signature",
        "response=",
        "response\"",
        "mac=",
        "oauth",
        "bearer",
        "splunk",
        "ssws",
        "sig=",
        "security-token",
    ];
    AhoCorasick::builder().ascii_case_insensitive(true).build(words).ok()
});
/// The name of a header and what stands between it and its value, as HTTP, JSON, XML, tuples and debug output write it.
static HEADER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let names = "authorization|x-api-key|x-auth-token|private-token";
    Regex::new(&format!(r#"(?-u)(?i)(?:{names})(?:["'\\]*\s*(?:=>|[:=>])|["'\\]+\s*,)[\s\[(]*(?:b?\\*["'])?"#)).ok()
});
/// Parameters of `Authorization`, of signed URLs and of signed requests.
static PARAMETER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let between = r#"["'\\]*\s*[=:]\s*["'\\]*"#;
    let oauth = r"oauth_(?:token|signature|token_secret|consumer_key|verifier)";
    Regex::new(&format!(
        r#"(?-u)(?i)\b(?:response{between}([0-9a-f]{{32,}})|{oauth}{between}([^\s"'\\,;&]+)|(?:mac|signature|sig|x-amz-signature|x-amz-security-token){between}([0-9a-z+/%_=.~-]{{16,}}))"#
    ))
    .ok()
});
/// A token behind the word for it.
static TOKEN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?-u)(?i)\b(?:bearer|splunk|ssws)[ \t]+["'\\]*([0-9a-z._~+/-]{16,}=*)"#).ok());

/// The schemes that stay, so that one sees what was meant.
const SCHEMES: [&str; 22] = [
    "apikey",
    "api-key",
    "aws4-hmac-sha256",
    "basic",
    "bearer",
    "bot",
    "client",
    "digest",
    "dpop",
    "genie",
    "gnap",
    "hawk",
    "key",
    "negotiate",
    "ntlm",
    "oauth",
    "sharedkey",
    "signature",
    "splunk",
    "ssws",
    "token",
    "vapid",
];
/// Behind the scheme no more is read than this.
const SECOND_BYTES_MIN: usize = 8;
/// A login is not longer.
const LOGIN_BYTES_MAX: usize = 4_096;

/// What is a credential by its neighbours.
pub(super) fn find(text: &[u8], each: &mut impl FnMut(Range<usize>)) {
    if memchr::memmem::find(text, b"://").is_some() {
        find_logins(text, each);
    }
    if WORDS.as_ref().is_none_or(|words| !words.is_match(text)) {
        return;
    }
    if let Some(header) = &*HEADER {
        header.find_iter(text).filter_map(|found| credential(text, found.end())).for_each(&mut *each);
    }
    if let Some(parameter) = &*PARAMETER {
        for found in parameter.captures_iter(text) {
            let value = found.get(1).or(found.get(2)).or(found.get(3));
            let is_sure = found.get(3).is_none();
            value.filter(|value| is_sure || has_digit(value.as_bytes())).into_iter().for_each(|it| each(it.range()));
        }
    }
    if let Some(token) = &*TOKEN {
        let tokens = token.captures_iter(text).filter_map(|found| found.get(1));
        tokens.filter(|token| has_digit(token.as_bytes())).for_each(|token| each(token.range()));
    }
}

fn has_digit(bytes: &[u8]) -> bool {
    bytes.iter().any(u8::is_ascii_digit)
}

/// The credential in the value of a header that begins at `from`.
fn credential(text: &[u8], from: usize) -> Option<Range<usize>> {
    let word = |from: usize| {
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"\"'\\,;<>()[]{}".contains(byte);
        let length = text[from..].iter().position(is_end).unwrap_or(text.len() - from);
        from..from + length
    };
    let first = word(from);
    let space = text[first.end..].iter().take_while(|byte| **byte == b' ' || **byte == b'\t').count();
    let second = if space > 0 { word(first.end + space) } else { first.end..first.end };
    let is_scheme = SCHEMES.iter().any(|scheme| text[first.clone()].eq_ignore_ascii_case(scheme.as_bytes()));
    let found = match is_scheme && !second.is_empty() {
        // `username="me"`: the secret is another one of its parameters
        true if is_parameter(text, &second) => return None,
        true => second,
        false if second.len() >= SECOND_BYTES_MIN && has_digit(&text[second.clone()]) => first.start..second.end,
        false => first,
    };
    (!found.is_empty() && &text[found.clone()] != MASK.as_bytes()).then_some(found)
}

fn is_parameter(text: &[u8], word: &Range<usize>) -> bool {
    let Some(equals) = text[word.clone()].iter().position(|byte| *byte == b'=') else { return false };
    let behind = word.start + equals + 1;
    let name = &text[word.start..behind - 1];
    let is_name = name.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'_');
    is_name && (behind < word.end || text.get(behind).is_some_and(|byte| b"\"'\\".contains(byte))) && name.len() < 24
}

fn find_logins(text: &[u8], each: &mut impl FnMut(Range<usize>)) {
    for scheme in memchr::memmem::find_iter(text, b"://") {
        let from = scheme + 3;
        let rest = &text[from..text.len().min(from + LOGIN_BYTES_MAX)];
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"/\"'<>".contains(byte);
        let authority = &rest[..rest.iter().position(is_end).unwrap_or(rest.len())];
        let Some(at) = memchr::memrchr(b'@', authority) else { continue };
        let login = &authority[..at];
        let is_web = text[..scheme].ends_with(b"http") || text[..scheme].ends_with(b"https");
        match memchr::memchr(b':', login) {
            Some(colon) => {
                let (user, password) = (&login[..colon], &login[colon + 1..]);
                let digits = password.iter().take_while(|byte| byte.is_ascii_digit()).count();
                // `host:80?to=a@b`
                if digits > 0 && password.get(digits).is_some_and(|byte| b"?#".contains(byte)) {
                    continue;
                }
                if !password.is_empty() && password != MASK.as_bytes() {
                    each(from + colon + 1..from + at);
                }
                let is_alone = password.is_empty() || password == b"x-oauth-basic";
                if !user.is_empty() && (is_alone || is_token(&String::from_utf8_lossy(user))) {
                    each(from..from + colon);
                }
            }
            None if login.iter().any(|byte| b"?#".contains(byte)) || login.is_empty() => {}
            None if is_web || is_token(&String::from_utf8_lossy(login)) => each(from..from + at),
            None => {}
        }
    }
}
