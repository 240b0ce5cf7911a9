//! Patterns of JSON Schema are those of JavaScript: what they share with the regex crate is translated where the two differ,
//! and the rest (look-around, back references) is refused.

use regex::{Regex, RegexBuilder};

/// The most memory that a pattern takes when it is compiled.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// The longest pattern.
const LENGTH_MAX: usize = 10_000;

/// Compiles a pattern, which may match anywhere in a text.
///
/// # Errors
/// The reason, in words.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > LENGTH_MAX {
        return Err(format!("it has {} bytes, more than {LENGTH_MAX}", pattern.len()));
    }
    let translated = translated(pattern);
    let built = RegexBuilder::new(&translated).size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX).build();
    built.map_err(|cause| match &cause {
        regex::Error::CompiledTooBig(_) => "it takes too much memory".to_owned(),
        cause => cause.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    })
}

fn translated(pattern: &str) -> String {
    let (mut out, mut in_class) = (String::with_capacity(pattern.len()), false);
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('d') => out.push_str("[0-9]"),
                Some('D') => out.push_str("[^0-9]"),
                Some('w') => out.push_str("[A-Za-z0-9_]"),
                Some('W') => out.push_str("[^A-Za-z0-9_]"),
                Some('s') => out.push_str(r"[\s\x{feff}]"),
                Some('S') => out.push_str(r"[^\s\x{feff}]"),
                Some('b') if in_class => out.push_str(r"\x08"),
                Some('b') => out.push_str(r"(?-u:\b)"),
                Some('c') => match letters.next() {
                    Some(key) if key.is_ascii_alphabetic() => out.push_str(&format!(r"\x{:02x}", key as u32 % 32)),
                    key => out.extend(['\\', 'c'].into_iter().chain(key)),
                },
                Some('u') if letters.peek() != Some(&'{') => {
                    out.push_str(r"\u");
                }
                Some('0') => out.push_str(r"\x00"),
                // these stand for themselves
                Some(
                    plain @ ('/' | '-' | '"' | '\'' | ',' | ':' | ';' | '=' | '<' | '>' | '@' | '!' | '%' | '`' | '_'
                    | ' '),
                ) => {
                    out.push_str(&regex::escape(&plain.to_string()));
                }
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            '[' if in_class => out.push_str(r"\["),
            '[' => {
                in_class = true;
                out.push('[');
                if letters.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                // an empty class is nothing, and one that excludes nothing is anything
                if letters.peek() == Some(&']') {
                    letters.next();
                    in_class = false;
                    let is_any = out.ends_with('^');
                    out.truncate(out.len() - 1 - usize::from(is_any));
                    out.push_str(if is_any { r"[\s\S]" } else { r"[^\s\S]" });
                }
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => out.extend(['\\', letter]),
            '-' if in_class && letters.peek() == Some(&'-') => out.push_str(r"\-"),
            // JavaScript's point leaves out more than one line end
            '.' if !in_class => out.push_str(r"[^\n\r\x{2028}\x{2029}]"),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_javascript() {
        for (pattern, text, matches) in [
            (r"^\d+$", "12", true),
            (r"^\d+$", "१२", false),
            (r"^\w+$", "é", false),
            (r"^\S+$", "a\u{feff}", false),
            (r"^[\w.-]+@[a-z]+$", "a.b-c@d", true),
            (r"^[[a]+$", "[a", true),
            (r"^[a&&b]+$", "a&b", true),
            (r"a\/b", "a/b", true),
            (r"^\u00e9$", "é", true),
            (r"^\cC$", "\u{3}", true),
            (r"^.$", "\r", false),
            (r"[]", "a", false),
            (r"^[^]$", "\n", true),
            (r"^a$", "a\n", false),
            (r"b", "abc", true),
        ] {
            assert_eq!(compile(pattern).expect(pattern).is_match(text), matches, "{pattern} {text:?}");
        }
        assert!(compile("(?=a)").is_err_and(|reason| reason.starts_with("look-around")));
        assert!(compile(r"(a)\1").is_err() && compile("(").is_err());
        assert_eq!(compile("((a{99}){99}){99}").err().as_deref(), Some("it takes too much memory"));
    }
}
