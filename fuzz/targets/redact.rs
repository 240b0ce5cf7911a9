//! Credentials in texts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::halves;
use crate::redact::{MASK, Redactor};

/// A shorter value is not looked for.
const SECRET_BYTES_MIN: usize = 4;
/// Of a longer one, which nobody has, all forms together take seconds to be made ready.
const SECRET_BYTES_MAX: usize = 4 << 10;
/// Nor is a shorter piece of base64.
const BASE64_CHARS_MIN: usize = 6;

/// A secret and a text: it is not to be seen in what comes of any text with it, and JSON stays JSON.
pub fn redact(data: &[u8]) {
    let Some((secret, text)) = halves(data) else { return };
    if secret.len() > SECRET_BYTES_MAX {
        return;
    }
    let redactor = Redactor::new([secret.to_owned()]);
    let mut json = Vec::new();
    if serde_json::from_str::<serde_json::Value>(text).is_ok() {
        redactor.json("", text, &mut json);
        assert!(serde_json::from_slice::<serde_json::Value>(&json).is_ok(), "{}", String::from_utf8_lossy(&json));
    }
    // a star may belong to a mask
    if secret.len() < SECRET_BYTES_MIN || secret.contains('*') {
        return;
    }
    let seen = redactor.text(text);
    assert!(!seen.contains(secret), "{seen}");
    let written = serde_json::Value::from(secret).to_string();
    let mut forms = vec![secret.to_owned(), written[1..written.len() - 1].to_owned()];
    // of a shorter one too few letters are its own
    if secret.len() * 8 / 6 >= BASE64_CHARS_MIN {
        forms.push(STANDARD_NO_PAD.encode(secret));
    }
    for form in forms {
        let seen = redactor.text(&form).into_owned();
        assert!(seen.contains(MASK) && !seen.contains(secret), "{form}: {seen}");
    }
}
