//! Canaries in the encodings of many languages, and credentials as they stand in the logs of many programs.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::*;

/// What every language escapes in another way.
const CANARY: &str = "k7/Qz&9<w>+\u{f6}\u{1f511}'Vb\"3\\nX%41=";

fn redactor(values: &[&str]) -> Redactor {
    Redactor::new(values.iter().map(|value| (*value).to_owned()))
}

fn units(letter: char, is_upper: bool) -> String {
    letter.encode_utf16(&mut [0; 2]).iter().fold(String::new(), |mut out, unit| {
        let _ = if is_upper { write!(out, "\\u{unit:04X}") } else { write!(out, "\\u{unit:04x}") };
        out
    })
}

/// The text as a part of a JSON string, where these letters besides `"` and `\` are escaped as `\u....`.
fn json(text: &str, is_escaped: impl Fn(char) -> bool, is_upper: bool) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            _ if is_escaped(letter) => out.push_str(&units(letter, is_upper)),
            '"' | '\\' => out.extend(['\\', letter]),
            _ => out.push(letter),
        }
    }
    out
}

fn percent_of(text: &str, mark: char, is_kept: impl Fn(u8) -> bool, is_upper: bool) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        let _ = match byte {
            _ if is_kept(byte) => write!(out, "{}", char::from(byte)),
            _ if is_upper => write!(out, "{mark}{byte:02X}"),
            _ => write!(out, "{mark}{byte:02x}"),
        };
        out
    })
}

fn wrapped(text: &str, columns: usize) -> Vec<String> {
    text.as_bytes().chunks(columns).map(|line| String::from_utf8_lossy(line).into_owned()).collect()
}

/// In how many ways a secret can stand in a line.
fn encodings(secret: &str) -> Vec<(&'static str, String)> {
    let alnum = |byte: u8| byte.is_ascii_alphanumeric();
    let uri = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte);
    let php = json(secret, |letter| !letter.is_ascii(), false).replace('/', "\\/");
    let go = json(secret, |letter| "<>&\u{2028}".contains(letter), false);
    let python = json(secret, |letter| !letter.is_ascii(), false);
    let net = json(secret, |letter| !letter.is_ascii() || "<>&'\"+`".contains(letter), true);
    let twice = json(&php, |_| false, false);
    let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let numbers = secret.chars().fold(String::new(), |mut out, letter| {
        let _ = if letter.is_ascii_alphanumeric() {
            write!(out, "{letter}")
        } else {
            write!(out, "&#{};", u32::from(letter))
        };
        out
    });
    let hexes = secret.chars().fold(String::new(), |mut out, letter| {
        let _ = if letter == '\'' { write!(out, "&#x27;") } else { write!(out, "{letter}") };
        out
    });
    let repr = secret.replace('\\', "\\\\").replace('\'', "\\'");
    let bytes = secret.bytes().fold(String::new(), |mut out, byte| {
        let _ = match byte {
            b'\\' | b'\'' => write!(out, "\\{}", char::from(byte)),
            b' '..=b'~' => write!(out, "{}", char::from(byte)),
            _ => write!(out, "\\x{byte:02x}"),
        };
        out
    });
    let hex = |is_upper| {
        secret.bytes().fold(String::new(), |mut out, byte| {
            let _ = if is_upper { write!(out, "{byte:02X}") } else { write!(out, "{byte:02x}") };
            out
        })
    };
    let percent = percent_of(secret, '%', alnum, true);
    vec![
        ("as it is", secret.to_owned()),
        ("serde, JavaScript", json(secret, |_| false, false)),
        ("PHP", php.clone()),
        ("Go", go),
        ("Python", python),
        (".NET", net),
        ("JSON in JSON", twice),
        ("percent", percent.clone()),
        ("percent in small letters", percent_of(secret, '%', alnum, false)),
        ("encodeURIComponent", percent_of(secret, '%', uri, true)),
        ("percent twice", percent_of(&percent, '%', alnum, true)),
        (
            "percent in PHP's JSON",
            percent_of(secret, '%', |byte| alnum(byte) || byte == b'/', true).replace('/', "\\/"),
        ),
        ("quoted-printable", percent_of(secret, '=', |byte| (b'!'..=b'~').contains(&byte) && byte != b'=', true)),
        ("HTML", html),
        ("HTML by numbers", numbers),
        ("HTML, Python's", hexes),
        ("a literal of Python", repr),
        ("bytes of Python", bytes),
        ("hex", hex(false)),
        ("HEX", hex(true)),
        ("base64", STANDARD.encode(secret)),
        ("base64 for URLs", URL_SAFE_NO_PAD.encode(secret)),
        ("base64 in PHP's JSON", STANDARD.encode(secret).replace('/', "\\/")),
        ("base64 in a URL", percent_of(&STANDARD.encode(secret), '%', alnum, true)),
        ("Rust", format!("{secret:?}").trim_matches('"').to_owned()),
    ]
}

/// Whether the text shows eight letters of it in a row.
fn shows(text: &str, encoded: &str) -> bool {
    let letters: Vec<char> = encoded.chars().collect();
    letters.windows(8).any(|window| text.contains(&window.iter().collect::<String>()))
}

#[test]
fn a_canary_is_hidden_in_every_encoding_of_every_language() {
    let redactor = redactor(&[CANARY]);
    for (name, encoded) in encodings(CANARY) {
        for text in [encoded.clone(), format!("before {encoded} behind"), format!(r#"{{"a":"x{encoded}y"}} 1"#)] {
            let seen = redactor.text(&text).into_owned();
            assert!(seen.contains(MASK) && !shows(&seen, &encoded), "{name}: {text}\n{seen}");
        }
    }
}

#[test]
fn what_is_wrapped_is_hidden_line_by_line() {
    let key: String = (0..1_700_u32).map(|at| char::from(b'!' + (at * at * 7 + at * 31) as u8 % 90)).collect();
    let token =
        format!("eyJhbGciOiJSUzI1NiJ9.{}.{}", URL_SAFE_NO_PAD.encode(&key[..300]), &STANDARD.encode(&key)[40..300]);
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        wrapped(&STANDARD.encode(&key), 64).join("\n")
    );
    for secret in [&key, &token, &pem] {
        let redactor = redactor(&[secret]);
        let flat = secret.replace('\n', "");
        for (name, columns, encoded) in [
            ("base64", 76, STANDARD.encode(secret)),
            ("base64", 64, STANDARD.encode(secret)),
            ("base64 for URLs", 76, URL_SAFE_NO_PAD.encode(secret)),
            ("folded", 76, flat.clone()),
            ("folded", 64, flat.clone()),
            ("inside", 76, STANDARD_NO_PAD.encode(format!("user:{secret}"))),
        ] {
            for line in wrapped(&encoded, columns) {
                let seen = redactor.text(&line).into_owned();
                assert!(!shows(&seen, &line) || line.contains("-----"), "{name} at {columns}: {line}\n{seen}");
            }
        }
    }
}

#[test]
fn authorization_is_hidden_in_all_its_forms() {
    let none = Redactor::new([]);
    for (text, secret) in [
        ("Authorization: Splunk 4f6c7d1e-aa10-4c2e", "4f6c7d1e"),
        ("authorization: Bot MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ", "MTk4Nj"),
        ("Authorization: SSWS 00QCjAl4MlV-WPXM", "00QCj"),
        ("Authorization: OAuth ya29.a0Af", "ya29"),
        ("Authorization: Key 7be1-22", "7be1"),
        ("Authorization: ApiKey id:77aa", "77aa"),
        ("Authorization: Hawk id=\"dh37\", ts=\"1353832234\", mac=\"6R4rV5iE+NPoym+WwjeHzjAGXi98\"", "6R4rV5"),
        (
            "Authorization: Digest username=\"me\", realm=\"r\", response=\"6629fae49393a05397450978507c4ef1\"",
            "6629fae4",
        ),
        ("Authorization: Digest username=me,response=6629fae49393a05397450978507c4ef1,qop=auth", "6629fae4"),
        (
            "AWS4-HMAC-SHA256 Credential=AKIA/20150830, SignedHeaders=host, Signature=5d672d79c15b13162d9279b0",
            "5d672d79",
        ),
        ("Authorization: AWS4-HMAC-SHA256 Credential=AK/2015, Signature=5d672d79c15b13162d9279b0", "5d672d79"),
        ("https://b.s3.amazonaws.com/k?X-Amz-Signature=5d672d79c15b13162d9279b0&x=1", "5d672d79"),
        ("('Authorization', 'Bearer x7y')", "x7y"),
        ("[('authorization', b'Basic dXNlcg==')]", "dXNlcg"),
        ("[b'Authorization', b'Bearer x7y']", "x7y"),
        ("{'Authorization': ['Bearer x7y']}", "x7y"),
        ("map[Authorization:[Bearer x7y] Accept:[*/*]]", "x7y"),
        ("'HTTP_AUTHORIZATION' => 'Token x7y'", "x7y"),
        ("<Authorization>Bearer x7y</Authorization>", "x7y"),
        (r#"{\"Authorization\":\"Basic dX\/Nlcg==\"}"#, "Nlcg"),
        (r#"{\\\"Authorization\\\": \\\"Bearer x7y\\\"}"#, "x7y"),
        ("Authorization: Weird 9f8e7d6c5b", "9f8e7d6c5b"),
        ("Proxy-Authorization: Basic dXNlcg==", "dXNlcg"),
        ("sent Bearer 9f8e7d6c5b4a39281706", "9f8e7d6c5b4a39281706"),
        ("X-Api-Key: 9f8e7d", "9f8e7d"),
        ("OAuth oauth_consumer_key=\"xvz\", oauth_signature=\"tnnArx%3D\", oauth_token=\"370773-abc\"", "370773"),
        ("https://ghp_16C7e42F292c6912E7710c838347Ae17@github.com/a/b.git", "ghp_16"),
        ("https://ghp_16C7e42F292c6912E7710c838347Ae17:x-oauth-basic@github.com/a", "ghp_16"),
        ("https:\\/\\/ghp_16C7e42F292c\\u0040github.com/a", "ghp_16"),
        ("https://sk_live_4eC39HqLyjWDarjtT1:@api.stripe.com/v1", "4eC39"),
        ("redis://:p4ssw0rd@cache:6379/0", "p4ssw0rd"),
    ] {
        let seen = none.text(text);
        assert!(!seen.contains(secret) && seen.contains(MASK), "{text}\n{seen}");
    }
    for text in [
        "authorization failed, please try again",
        "the response=200 of https://host/path?x=a@b and ssh://git@github.com/a",
        "bearer authentication is not supported",
        "signature=ok",
        "mail me@example.com, see https://example.com/@me",
    ] {
        assert_eq!(none.text(text), text);
    }
}

#[test]
fn large_secrets_take_memory_by_the_byte() {
    let peak = || {
        let status = std::fs::read_to_string("/proc/self/status").expect("a status");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
        line.split_whitespace().nth(1).and_then(|number| number.parse::<usize>().ok()).expect("a number") * 1024
    };
    let mut state = 1_u64;
    let mut secret = |bytes: usize| -> String {
        let letters = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[(state >> 58) as usize])
        });
        letters.take(bytes).collect()
    };
    let secrets: Vec<String> = (0..15).map(|_| wrapped(&secret(100_000), 64).join("\n")).collect();
    let before = peak();
    let redactor = Redactor::new(secrets.clone());
    let taken = peak() - before;
    assert!(taken < 150 * secrets.len() * 100_000, "{taken} bytes");
    for secret in &secrets {
        let line = secret.lines().nth(700).expect("a line");
        assert_eq!(redactor.text(&format!("at {line}!")), "at ***!");
        let encoded = redactor.text(&STANDARD.encode(&secret[1..])).into_owned();
        assert!(encoded.starts_with(MASK) && encoded.len() < 8, "{encoded}");
    }
}
