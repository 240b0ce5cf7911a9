//! The record hash of the framework's own rows that come from no source: groups, parents, objects.

use sha3::{Digest, Sha3_256};
use unicode_normalization::UnicodeNormalization;

/// Record hash, version 1, of a record of plain texts; `fields` ordered by name.
pub(super) fn text_sha(fields: &[(&str, &str)]) -> Vec<u8> {
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\": {}", normal(value))).collect();
    Sha3_256::digest(format!("{{{}}}", pairs.join(", "))).to_vec()
}

fn normal(value: &str) -> String {
    let text: String = value.nfc().collect::<String>().to_lowercase();
    let kept: String = text.chars().filter(|c| !c.is_whitespace() && !('\u{1c}'..='\u{1f}').contains(c)).collect();
    serde_json::Value::String(kept).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_hash_that_python_computes() {
        // hashlib.sha3_256(b'{"name": "findata"}').hexdigest()
        let sha: String = text_sha(&[("name", "Fin Data")]).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(sha, "73099d184eda21ce5a00e9d1743dcd32e3e3057b87f287288e07acab07a3cc72");
    }
}
