//! What channels are configured by.

use super::letter::Letter;
use super::quiet::Quiet;
use super::template::Template;
use super::url::read;

/// Shorter parts stand in any message.
const SECRET_BYTES_MIN: usize = 8;

/// Words in capitals that the reasons have.
const OUR_WORDS: &str = "WORKFLOW SIGNATURE WEBHOOK INTEGRATION PASSWORD";

/// Any text as the URL of a channel, as a template and as quiet hours. No error shows a token.
pub fn notifier_url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match read(text) {
        Ok((kind, fields)) => assert!(!kind.is_empty() && !fields.is_empty()),
        Err(reason) => {
            // words have small letters alone, tokens do not
            let is_token = |part: &&str| {
                part.len() >= SECRET_BYTES_MIN
                    && part.bytes().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
            };
            let shown = reason.to_lowercase();
            // a short scheme is shown
            let shortened =
                text.split_once("://").filter(|(scheme, _)| scheme.len() <= 12).map_or(text, |(_, rest)| rest);
            let mut tokens = shortened.split(|letter: char| !letter.is_alphanumeric()).filter(is_token);
            let seen = tokens.find(|token| shown.contains(&token.to_lowercase()) && !OUR_WORDS.contains(*token));
            assert_eq!(seen, None, "{reason}");
        }
    }
    if let Ok(template) = Template::read(text) {
        let _ = template.fill(&Letter::test("id".to_owned()));
    }
    if let Some(quiet) = Quiet::read(text, None) {
        let _ = quiet.holds(crate::clock::now());
    }
}
