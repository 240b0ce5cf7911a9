//! What an attacker would try first, as a password or as the value of a secret.

/// A password with fewer letters is tried out soon, whatever it is.
const LETTERS_MIN: usize = 12;
/// From this length on it does not matter of what kinds the letters are.
const LETTERS_ENOUGH: usize = 20;
/// So many different letters at least.
const DIFFERENT_MIN: usize = 6;
/// The words that are in most lists.
const WORDS: [&str; 20] = [
    "password", "passwort", "passwd", "secret", "admin", "root", "test", "changeme", "letmein", "welcome", "qwerty",
    "qwertz", "123456", "abc123", "iloveyou", "monkey", "dragon", "default", "example", "lozinka",
];
/// The parts of names whose values are typed by people and should be hard to guess.
const NAMES: [&str; 5] = ["PASSWORD", "PASSWD", "PASSWORT", "PASSPHRASE", "PWD"];

/// Why a password is weak; `None` when nothing speaks against it. Says nothing of the password itself.
pub fn weakness(password: &str) -> Option<&'static str> {
    let lower = password.to_lowercase();
    let letters = password.chars().count();
    let mut different: Vec<char> = lower.chars().collect();
    different.sort_unstable();
    different.dedup();
    let has = |is: fn(char) -> bool| u8::from(password.chars().any(is));
    let kinds = has(char::is_lowercase)
        + has(char::is_uppercase)
        + has(|letter| letter.is_ascii_digit())
        + has(|letter| !letter.is_alphanumeric());
    let rest = WORDS.iter().find(|word| lower.contains(**word)).map(|word| letters - word.chars().count());
    match (letters, rest) {
        (0..LETTERS_MIN, _) => Some("shorter than 12 letters"),
        (_, Some(..LETTERS_MIN)) => Some("a word of every list, and little more"),
        _ if different.len() < DIFFERENT_MIN => Some("a few letters again and again"),
        (..LETTERS_ENOUGH, _) if kinds < 2 => Some("letters of one kind"),
        _ => None,
    }
}

/// Whether the value of a secret of this name is one that people make up.
pub fn is_password(name: &str) -> bool {
    let name = name.to_uppercase();
    NAMES.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_every_list_is_weak() {
        for weak in ["", "short", "Password123!x", "aaaaaaaaaaaaaaaaaaaaaaa", "abababababab", "gkvbwzrmqthn"] {
            assert!(weakness(weak).is_some(), "{weak}");
        }
        for strong in ["correct horse battery staple", "gkvbw7zrmqthn", "p4ssWord-and-then-some-more"] {
            assert_eq!(weakness(strong), None, "{strong}");
        }
        assert!(is_password("db_main_password") && !is_password("API_KEY"));
    }
}
