//! What `[deploy] ignore` names: a name, a path in the app's folder, and `*` for any letters but `/`.

use std::path::Path;

/// One of the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(String);

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        Self(text.trim_start_matches("./").trim_end_matches('/').to_owned())
    }

    /// Whether a path in the app's folder is meant: by all of it, or by its last part where the word has no `/`.
    pub(super) fn fits(&self, path: &Path) -> bool {
        let whole = path.to_string_lossy();
        let text = match self.0.contains('/') {
            true => &*whole,
            false => whole.rsplit('/').next().unwrap_or_default(),
        };
        fits(self.0.as_bytes(), text.as_bytes())
    }
}

fn fits(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => {
            let end = text.iter().position(|byte| *byte == b'/').unwrap_or(text.len());
            (0..=end).any(|start| fits(rest, &text[start..]))
        }
        Some((byte, rest)) => text.first() == Some(byte) && fits(rest, &text[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_means_a_name_or_a_path() {
        let fits = |pattern: &str, path: &str| Pattern::new(pattern).fits(Path::new(path));
        for (pattern, path) in
            [("data", "a/data"), ("./data/", "data"), ("a/data", "a/data"), ("*.csv", "b/x.csv"), ("o*/x*", "out/x.1")]
        {
            assert!(fits(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in
            [("data", "data.py"), ("data", "data/x"), ("a/data", "b/a/data"), ("*.csv", "x.csv.py"), ("a/*", "a/b/c")]
        {
            assert!(!fits(pattern, path), "{pattern} {path}");
        }
    }
}
