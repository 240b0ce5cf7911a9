//! The lines that are wanted by what they say. The database leaves out most of the others (`tables/log_text.rs`);
//! here it is looked closer.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::error::{Error, ErrorKind, Result};
use crate::tables::{LogText, StoredLog};

/// What a line has to say.
pub(in crate::ops) struct Matcher {
    pattern: Option<Regex>,
    /// A text that every such line contains, in either case.
    text: Option<String>,
}

impl Matcher {
    /// For a plain text, or else a regular expression.
    pub(in crate::ops) fn new(text: Option<&str>, pattern: Option<&str>) -> Result<Self> {
        let (source, text) = match (text, pattern) {
            (Some(text), _) => (format!("(?i){}", regex::escape(text)), Some(text.to_owned())),
            (None, Some(pattern)) => (pattern.to_owned(), required(pattern)),
            (None, None) => return Ok(Self { pattern: None, text: None }),
        };
        let regex = RegexBuilder::new(&source).multi_line(true).build().map_err(|cause| {
            Error::new(ErrorKind::Usage, format!("read `{source}` as a regular expression"))
                .because(cause)
                .hint("`--text` looks for plain text")
        })?;
        Ok(Self { pattern: Some(regex), text })
    }

    /// What the database can look for.
    pub(in crate::ops) fn text(&self) -> Option<LogText> {
        self.text.as_deref().and_then(LogText::of)
    }

    /// Whether there is anything to look for.
    pub(in crate::ops) fn is_any(&self) -> bool {
        self.pattern.is_none()
    }

    /// Whether the line is wanted: its message, or its context as JSON has it or as text.
    pub(in crate::ops) fn takes(&self, log: &StoredLog) -> bool {
        let Some(pattern) = &self.pattern else { return true };
        pattern.is_match(&log.message)
            || log.context.as_deref().is_some_and(|context| {
                pattern.is_match(context) || (context.contains('\\') && pattern.is_match(&unescaped(context)))
            })
    }
}

/// JSON with its texts as they are meant: `{"path":"C:\Temp"}`.
fn unescaped(json: &str) -> Cow<'_, str> {
    let Some(first) = json.find('\\') else { return Cow::Borrowed(json) };
    let (mut text, mut rest) = (json[..first].to_owned(), &json[first..]);
    while let Some(behind) = rest.strip_prefix('\\') {
        let (letter, length) = escape(behind);
        match letter {
            Some(letter) => text.push(letter),
            None => text.push_str(&rest[..1 + length]),
        }
        let next = &behind[length..];
        let plain = next.find('\\').unwrap_or(next.len());
        text.push_str(&next[..plain]);
        rest = &next[plain..];
    }
    Cow::Owned(text)
}

/// The letter behind a backslash, and how many bytes it takes there.
fn escape(behind: &str) -> (Option<char>, usize) {
    let unit = |text: &str| text.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let Some(first) = behind.chars().next() else { return (None, 0) };
    match first {
        '"' | '\\' | '/' => (Some(first), 1),
        'n' => (Some('\n'), 1),
        't' => (Some('\t'), 1),
        'r' => (Some('\r'), 1),
        'b' => (Some('\u{8}'), 1),
        'f' => (Some('\u{c}'), 1),
        'u' => {
            let Some(high) = unit(&behind[1..]) else { return (None, 1) };
            let low = behind.get(5..).and_then(|rest| rest.strip_prefix("\\u")).and_then(unit);
            match (high, low) {
                (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => {
                    (char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)), 11)
                }
                _ => (char::from_u32(high), 5),
            }
        }
        _ => (None, first.len_utf8()),
    }
}

/// The longest text that whatever matches the pattern contains, in either case of its ASCII letters.
fn required(pattern: &str) -> Option<String> {
    let hir = regex_syntax::ParserBuilder::new().multi_line(true).build().parse(pattern).ok()?;
    let (mut best, mut run) = (String::new(), String::new());
    collect(&hir, &mut run, &mut best);
    settle(&mut run, &mut best);
    (!best.is_empty()).then_some(best)
}

/// Adds to the text that stands behind what was before.
fn collect(hir: &Hir, run: &mut String, best: &mut String) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) => run.push_str(text),
            Err(_) => settle(run, best),
        },
        HirKind::Class(class) => match either_case(class) {
            Some(letter) => run.push(letter),
            None => settle(run, best),
        },
        HirKind::Capture(capture) => collect(&capture.sub, run, best),
        HirKind::Concat(parts) => parts.iter().for_each(|part| collect(part, run, best)),
        HirKind::Repetition(repetition) => {
            settle(run, best);
            if repetition.min > 0 {
                collect(&repetition.sub, run, best);
                settle(run, best);
            }
        }
        HirKind::Alternation(_) => settle(run, best),
    }
}

fn settle(run: &mut String, best: &mut String) {
    if run.len() > best.len() {
        std::mem::swap(run, best);
    }
    run.clear();
}

/// The letter of a class that is one ASCII letter in either case.
fn either_case(class: &Class) -> Option<char> {
    let Class::Unicode(class) = class else { return None };
    let mut letters = Vec::new();
    for range in class.ranges() {
        if range.len() > 2 {
            return None;
        }
        letters.extend(range.start()..=range.end());
    }
    let mut plain = letters.into_iter().filter(char::is_ascii);
    let (upper, lower) = (plain.next()?, plain.next()?);
    (plain.next().is_none() && upper.is_ascii_uppercase() && upper.to_ascii_lowercase() == lower).then_some(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_as_they_are_meant() {
        for (json, text) in [
            (r#"{"a":1}"#, r#"{"a":1}"#),
            (r#"{"path":"C:\\Temp","q":"say \"hi\""}"#, r#"{"path":"C:\Temp","q":"say "hi""}"#),
            (r#""a\nb\tc\/d\u00e4\ud83d\ude00""#, "\"a\nb\tc/dä😀\""),
            (r#""\ud83d x \uZZZZ \q \"#, r#""\ud83d x \uZZZZ \q \"#),
        ] {
            assert_eq!(unescaped(json), text);
        }
    }

    #[test]
    fn what_every_match_contains_is_found() {
        for (pattern, text) in [
            ("page [0-9]+ of", Some("page ")),
            ("^page [0-9]+ of many$", Some(" of many")),
            ("(?i)TimeOut", Some("timeout")),
            ("(?i)skip", Some("skip")),
            ("(abc)+x?", Some("abc")),
            ("ab?c", Some("a")),
            ("no|answer", None),
            ("[0-9]+", None),
            ("a.b", Some("a")),
            ("", None),
            ("(", None),
        ] {
            assert_eq!(required(pattern).as_deref(), text, "{pattern}");
        }
    }

    #[test]
    fn a_line_is_taken_by_its_message_its_context_and_what_the_context_means() {
        let log = StoredLog {
            id: 1,
            runtime: None,
            app_id: None,
            time: chrono::NaiveDateTime::default(),
            level: 20,
            source: "stdout".to_owned(),
            message: "A page".to_owned(),
            context: Some(r#"{"path":"C:\\Temp","word":"\u010cakovec","n":7}"#.to_owned()),
        };
        for (text, expected) in [
            ("a PAGE", true),
            (r"c:\temp", true),
            (r"C:\\Temp", true),
            ("čakovec", true),
            ("\"n\":7", true),
            ("stdout", false),
            ("Tempel", false),
        ] {
            assert_eq!(Matcher::new(Some(text), None).expect("a text").takes(&log), expected, "{text}");
        }
    }
}
