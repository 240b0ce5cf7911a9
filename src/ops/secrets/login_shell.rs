//! The shells that people log in with, and how each quotes a word.

use serde::Serialize;

/// A family of shells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LoginShell {
    /// sh, dash, ksh and others that read `~/.profile`.
    Sh,
    /// bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}

/// A word in single quotes, which only a quote, and in fish a backslash, can end.
pub(super) fn quote(text: &mut String, shell: LoginShell, word: &str) {
    text.push('\'');
    for letter in word.chars() {
        match (letter, shell) {
            ('\'', LoginShell::Fish) => text.push_str("\\'"),
            ('\\', LoginShell::Fish) => text.push_str("\\\\"),
            ('\'', _) => text.push_str("'\\''"),
            (letter, _) => text.push(letter),
        }
    }
    text.push('\'');
}
