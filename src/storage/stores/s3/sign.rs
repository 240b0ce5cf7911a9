//! Signatures of S3: AWS Signature Version 4, in the headers of a request. After "Authenticating Requests: Using the
//! Authorization Header" in the S3 API reference.

use std::fmt::Write;

use chrono::NaiveDateTime;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::settings::Secret;
use crate::tables::hex_text;

/// The SHA-256 of nothing, in hex.
pub(super) const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Who asks.
pub(super) struct Credentials {
    pub(super) access_key: String,
    pub(super) secret_key: Secret,
    /// Of keys that end by themselves.
    pub(super) session_token: Option<Secret>,
}

/// What is signed.
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    /// With its port, where the URL says one.
    pub(super) host: &'a str,
    /// The path, encoded.
    pub(super) path: &'a str,
    /// Parameters, not encoded.
    pub(super) query: &'a [(&'a str, &'a str)],
    /// The SHA-256 of the body, in hex.
    pub(super) sha256: &'a str,
    pub(super) at: NaiveDateTime,
}

/// The headers that go with a request.
pub(super) fn headers(request: &Signed<'_>, region: &str, who: &Credentials) -> Vec<(&'static str, String)> {
    let stamp = request.at.format("%Y%m%dT%H%M%SZ").to_string();
    let mut headers = vec![
        ("host", request.host.to_owned()),
        ("x-amz-content-sha256", request.sha256.to_owned()),
        ("x-amz-date", stamp.clone()),
    ];
    if let Some(token) = &who.session_token {
        headers.push(("x-amz-security-token", token.reveal().to_owned()));
    }
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let Signed { method, path, sha256, .. } = request;
    let mut canonical = format!("{method}\n{path}\n{}\n", query(request.query));
    for (name, value) in &headers {
        let _ = writeln!(canonical, "{name}:{}", value.trim());
    }
    let _ = write!(canonical, "\n{names}\n{sha256}");
    let day = request.at.format("%Y%m%d").to_string();
    let scope = format!("{day}/{region}/s3/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}", hex_text(&Sha256::digest(canonical.as_bytes())));
    let first = format!("AWS4{}", who.secret_key.reveal());
    let key = [region, "s3", "aws4_request"].iter().fold(mac(first.as_bytes(), &day), |key, part| mac(&key, part));
    let signature = hex_text(&mac(&key, &text));
    let access = &who.access_key;
    let value = format!("AWS4-HMAC-SHA256 Credential={access}/{scope}, SignedHeaders={names}, Signature={signature}");
    // whoever sends it writes the host itself
    headers.remove(0);
    headers.push(("authorization", value));
    headers
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mut mac) => {
            mac.update(text.as_bytes());
            mac.finalize().into_bytes().to_vec()
        }
        // a key of HMAC may have any length
        Err(_) => Vec::new(),
    }
}

/// Parameters as a URL and a signature have them: in the order of their names, encoded.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    let mut pairs: Vec<(String, String)> =
        pairs.iter().map(|(name, value)| (encoded(name, false), encoded(value, false))).collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Percent-encoded as signatures want it; a path keeps its slashes.
pub(super) fn encoded(text: &str, is_path: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            b'/' if is_path => encoded.push('/'),
            byte => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(query: &[(&str, &str)]) -> String {
        let at = chrono::NaiveDate::from_ymd_opt(2013, 5, 24).and_then(|day| day.and_hms_opt(0, 0, 0)).expect("a time");
        let host = "examplebucket.s3.amazonaws.com";
        let request = Signed { method: "GET", host, path: "/", query, sha256: EMPTY_SHA256, at };
        let who = Credentials {
            access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            session_token: None,
        };
        let headers = headers(&request, "us-east-1", &who);
        let (_, value) = headers.last().expect("a header");
        value.rsplit('=').next().expect("a signature").to_owned()
    }

    /// The examples of the S3 API reference.
    #[test]
    fn signatures_are_those_of_the_reference() {
        let lifecycle = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543";
        assert_eq!(signature(&[("lifecycle", "")]), lifecycle);
        let list = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
        assert_eq!(signature(&[("prefix", "J"), ("max-keys", "2")]), list);
    }

    #[test]
    fn what_is_no_plain_letter_is_encoded() {
        assert_eq!(encoded("a b+c/\u{10d}~*", false), "a%20b%2Bc%2F%C4%8D~%2A");
        assert_eq!(encoded("/a b/c", true), "/a%20b/c");
    }
}
