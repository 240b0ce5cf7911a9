//! Digest authentication (RFC 7616): the password never goes over the wire. A server's challenge is kept, so that further requests
//! are answered at once.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use md5::Md5;
use sha2::{Digest, Sha256};
use ureq::http::{HeaderMap, Method, header};
use url::Url;

use crate::die;
use crate::settings::Secret;

/// The challenges of servers, by their origin.
#[derive(Default)]
pub(super) struct Challenges(Mutex<HashMap<String, Challenge>>);

/// What a server asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Option<String>,
    hash: Hash,
    /// A password is mixed with the nonce once.
    is_session: bool,
    has_quality: bool,
    count: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hash {
    Md5,
    Sha256,
}

impl Hash {
    fn of(self, text: &str) -> String {
        match self {
            Self::Md5 => hex(&Md5::digest(text.as_bytes())),
            Self::Sha256 => hex(&Sha256::digest(text.as_bytes())),
        }
    }
}

impl Challenges {
    /// Takes the challenge of an answer with 401; false where there is none that we can answer.
    pub(super) fn take(&self, url: &Url, headers: &HeaderMap) -> bool {
        let texts = headers.get_all(header::WWW_AUTHENTICATE).iter();
        let texts = texts.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let found = texts.flat_map(|text| challenges(&text)).max_by_key(|challenge| challenge.hash);
        let Some(challenge) = found else { return false };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(url.origin().ascii_serialization(), challenge);
        true
    }

    /// What `Authorization` says to a server whose challenge is known.
    pub(super) fn answer(&self, method: &Method, url: &Url, name: &str, password: &Secret) -> Option<String> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let challenge = known.get_mut(&url.origin().ascii_serialization())?;
        challenge.count += 1;
        let mut random = [0; 16];
        die::fill(&mut random).ok()?;
        Some(challenge.answer(method, url, (name, password), &hex(&random)))
    }
}

impl Challenge {
    fn of(parameters: &[(String, String)]) -> Option<Self> {
        let get = |wanted: &str| parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
        let algorithm = get("algorithm");
        let named = algorithm.as_deref().unwrap_or("MD5").to_ascii_uppercase();
        let (hash, is_session) = match named.as_str() {
            "MD5" => (Hash::Md5, false),
            "MD5-SESS" => (Hash::Md5, true),
            "SHA-256" => (Hash::Sha256, false),
            "SHA-256-SESS" => (Hash::Sha256, true),
            _ => return None,
        };
        let qualities = get("qop");
        let has_quality = qualities.is_some();
        // one that wants nothing but the body to be signed is not answered
        if qualities.is_some_and(|words| !words.split(',').any(|word| word.trim().eq_ignore_ascii_case("auth"))) {
            return None;
        }
        let (realm, nonce) = (get("realm")?, get("nonce")?);
        Some(Self { realm, nonce, opaque: get("opaque"), algorithm, hash, is_session, has_quality, count: 0 })
    }

    fn answer(&self, method: &Method, url: &Url, (name, password): (&str, &Secret), own: &str) -> String {
        let Self { realm, nonce, hash, .. } = self;
        let place = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let mut who = hash.of(&format!("{name}:{realm}:{}", password.reveal()));
        if self.is_session {
            who = hash.of(&format!("{who}:{nonce}:{own}"));
        }
        let what = hash.of(&format!("{method}:{place}"));
        let count = format!("{:08x}", self.count);
        let proof = match self.has_quality {
            true => hash.of(&format!("{who}:{nonce}:{count}:{own}:auth:{what}")),
            false => hash.of(&format!("{who}:{nonce}:{what}")),
        };
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut text = format!(
            "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{place}\", response=\"{proof}\"",
            quoted(name),
            quoted(realm),
            quoted(nonce)
        );
        // as the server wrote it
        if let Some(algorithm) = &self.algorithm {
            let _ = write!(text, ", algorithm={algorithm}");
        }
        if let Some(opaque) = &self.opaque {
            let _ = write!(text, ", opaque=\"{}\"", quoted(opaque));
        }
        if self.has_quality || self.is_session {
            let _ = write!(text, ", qop=auth, nc={count}, cnonce=\"{own}\"");
        }
        text
    }
}

/// The challenges of a header that we can answer: `Basic realm="x", Digest realm="y", nonce="z"`.
fn challenges(text: &str) -> Vec<Challenge> {
    let mut schemes: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for part in parts(text) {
        let part = part.trim();
        let (head, rest) = part.split_once('=').unwrap_or((part, ""));
        let head = head.trim();
        // the first parameter of a scheme stands behind its name
        let name = match head.split_once(char::is_whitespace) {
            Some((scheme, name)) => {
                schemes.push((scheme.to_ascii_lowercase(), Vec::new()));
                name.trim()
            }
            None if !part.contains('=') => {
                schemes.push((head.to_ascii_lowercase(), Vec::new()));
                continue;
            }
            None => head,
        };
        if let Some((_, parameters)) = schemes.last_mut() {
            parameters.push((name.to_ascii_lowercase(), unquoted(rest.trim())));
        }
    }
    let ours = schemes.iter().filter(|(scheme, _)| scheme == "digest");
    ours.filter_map(|(_, parameters)| Challenge::of(parameters)).collect()
}

/// What stands between commas that are not quoted.
fn parts(text: &str) -> Vec<&str> {
    let (mut found, mut start, mut is_quoted, mut is_escaped) = (Vec::new(), 0, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => {
                found.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&text[start..]);
    found
}

fn unquoted(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else { return text.to_owned() };
    let (mut plain, mut is_escaped) = (String::with_capacity(inner.len()), false);
    for letter in inner.chars() {
        match letter {
            '\\' if !is_escaped => is_escaped = true,
            letter => {
                plain.push(letter);
                is_escaped = false;
            }
        }
    }
    plain
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

    /// The example of RFC 7616, 3.9.1.
    #[test]
    fn a_proof_is_that_of_the_standard() {
        let text = r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256,
            nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#;
        let url = Url::parse("http://www.example.org/dir/index.html").expect("a URL");
        for (algorithm, proof) in [
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ] {
            let text = text.replace("SHA-256", algorithm);
            let mut found = challenges(&text);
            assert_eq!(found.len(), 1, "{text}");
            found[0].count = 1;
            let login = ("Mufasa", &Secret::new("Circle of Life"));
            let answer = found[0].answer(&Method::GET, &url, login, OWN);
            assert!(answer.contains(&format!("response=\"{proof}\"")), "{answer}");
            assert!(answer.contains("nc=00000001") && !answer.contains("Circle"), "{answer}");
        }
    }

    #[test]
    fn challenges_of_all_kinds_are_told_apart() {
        let several = r#"Basic realm="a, b=c", Digest realm="x \"y\"", nonce="1", Bearer, digest nonce=2, realm=z, algorithm=SHA-256"#;
        let found = challenges(several);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].realm.as_str(), found[0].has_quality, found[0].hash), ("x \"y\"", false, Hash::Md5));
        assert_eq!((found[1].nonce.as_str(), found[1].hash), ("2", Hash::Sha256));
        for unanswered in [
            "Basic realm=x",
            "Digest realm=x, nonce=1, qop=auth-int",
            "Digest realm=x, nonce=1, algorithm=TOKEN",
            "Digest realm=x",
            "",
        ] {
            assert!(challenges(unanswered).is_empty(), "{unanswered}");
        }
    }
}
