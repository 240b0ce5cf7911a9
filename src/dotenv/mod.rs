//! The plain text of a store: a dotenv file, whose comments, order and spelling survive a change.
//!
//! `NAME=value`, one a line. `#` begins a comment, at the start of a line or after a space: in `NAME=#x` it is the
//! value. `'..'` is taken as it is, `".."` knows `\n \r \t \" \\ \$`; both may go over several lines. `export` in front
//! is allowed. Nothing is put in for `$NAME`. Of a name that stands twice the last counts.

mod value;

use std::fmt;
use std::ops::Range;

use zeroize::Zeroizing;

use crate::secret::Secret;
use value::{read_value, written};

/// How a comment behind a value marks it.
const MARK: &str = "dc:hide=";

/// What a name begins with that is a setting of dc itself.
pub const SETTING_PREFIX: &str = "DC_";

/// Whether the value of a name is hidden in what an app writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hide {
    /// Unless it is a plain word, a number, or shorter than four bytes.
    #[default]
    Auto,
    /// Whatever it is.
    Always,
    /// It is no secret.
    Never,
}

/// A dotenv file.
#[derive(Clone)]
pub struct Document {
    text: Zeroizing<String>,
    entries: Vec<Entry>,
}

/// A name with its value.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name: letters, digits and `_`, no digit first.
    pub name: String,
    /// The value.
    pub value: Secret,
    /// How it is marked.
    pub hide: Hide,
    /// The line that it begins on, from 1.
    pub line: usize,
    /// Its lines, with the end of the last.
    span: Range<usize>,
    /// The value as it is written.
    value_span: Range<usize>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}=***", self.name)
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(&self.entries).finish()
    }
}

/// A line that is none of a dotenv file. Nothing of it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct BadLine {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Document {
    /// One without any line.
    pub fn empty() -> Self {
        Self { text: Zeroizing::new(String::new()), entries: Vec::new() }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// The first bad line.
    pub fn parse(text: &str) -> Result<Self, BadLine> {
        let text = Zeroizing::new(text.to_owned());
        let entries = entries_of(&text)?;
        Ok(Self { text, entries })
    }

    /// The text, as it was read or changed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All entries, as they stand.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The value of an entry as it is written, quotes included.
    pub(crate) fn written_value(&self, entry: &Entry) -> &str {
        &self.text[entry.value_span.clone()]
    }

    /// The names that count, each once, in their order.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for entry in &self.entries {
            if !names.contains(&entry.name.as_str()) {
                names.push(&entry.name);
            }
        }
        names
    }

    /// The value of a name: that of its last line.
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.entries.iter().rev().find(|entry| entry.name == name).map(|entry| &entry.value)
    }

    /// Whether some of the names are settings of dc itself.
    pub fn holds_settings(&self) -> bool {
        self.entries.iter().any(|entry| entry.name.starts_with(SETTING_PREFIX))
    }

    /// Gives a name a value, where it stands, or on a new line at the end.
    ///
    /// # Errors
    /// For what is no name, or a value that no variable can hold.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), BadLine> {
        let line = self.entries.len() + 1;
        if !is_name(name) {
            return Err(BadLine { line, reason: "a name has letters, digits and `_`, and begins with no digit" });
        }
        let written = written(value).map_err(|reason| BadLine { line, reason })?;
        let text = match self.entries.iter().rev().find(|entry| entry.name == name) {
            Some(entry) => {
                replaced(&self.text, &entry.value_span, &[&written, follow(&self.text, entry.value_span.end)])
            }
            None => {
                let end = self.text.len()..self.text.len();
                let gap = if self.text.is_empty() || self.text.ends_with('\n') { "" } else { "\n" };
                replaced(&self.text, &end, &[gap, name, "=", &written, "\n"])
            }
        };
        self.entries = entries_of(&text)?;
        self.text = text;
        Ok(())
    }

    /// How the names are marked that are.
    pub fn hides(&self) -> Vec<(String, Hide)> {
        let marked = self.entries.iter().rev().filter(|entry| entry.hide != Hide::Auto);
        marked.map(|entry| (entry.name.clone(), entry.hide)).collect()
    }

    /// Marks a name, in the comment behind its value. What the comment says besides stays.
    ///
    /// # Errors
    /// For a name that is not there.
    pub fn mark(&mut self, name: &str, hide: Hide) -> Result<(), BadLine> {
        let entry = self.entries.iter().rev().find(|entry| entry.name == name);
        let Some(entry) = entry else { return Err(BadLine { line: 0, reason: "there is no such name" }) };
        let behind = &self.text[entry.value_span.end..entry.span.end];
        let comment = behind.trim().trim_start_matches('#');
        let others = comment.split_whitespace().filter(|word| !word.starts_with(MARK)).collect::<Vec<_>>().join(" ");
        let mark = match hide {
            Hide::Auto => String::new(),
            Hide::Always => format!("{MARK}always"),
            Hide::Never => format!("{MARK}never"),
        };
        let words = [mark, others].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        let comment = if words.is_empty() { String::new() } else { format!(" # {words}") };
        let end = entry.value_span.end + behind.trim_end().len();
        let text = replaced(&self.text, &(entry.value_span.end..end), &[&comment]);
        self.entries = entries_of(&text)?;
        self.text = text;
        Ok(())
    }

    /// Takes out all lines of a name; whether there was one.
    ///
    /// # Errors
    /// None that can be foreseen: what is left was read before.
    pub fn unset(&mut self, name: &str) -> Result<bool, BadLine> {
        let mut was_there = false;
        while let Some(entry) = self.entries.iter().find(|entry| entry.name == name) {
            let text = replaced(&self.text, &entry.span, &[]);
            self.entries = entries_of(&text)?;
            self.text = text;
            was_there = true;
        }
        Ok(was_there)
    }
}

/// What has to stand between a value and a comment right behind it.
fn follow(text: &str, end: usize) -> &'static str {
    if text[end..].starts_with('#') { " " } else { "" }
}

/// The text with other pieces in place of a span, made in one buffer, so that no part of it is left behind unwiped.
fn replaced(text: &str, span: &Range<usize>, pieces: &[&str]) -> Zeroizing<String> {
    let length = text.len() - span.len() + pieces.iter().map(|piece| piece.len()).sum::<usize>();
    let mut out = Zeroizing::new(String::with_capacity(length));
    out.push_str(&text[..span.start]);
    pieces.iter().for_each(|piece| out.push_str(piece));
    out.push_str(&text[span.end..]);
    out
}

/// Whether a shell and every library take it as the name of a variable.
pub fn is_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.bytes().next().is_some_and(is_letter) && name.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

/// The mark in what stands behind a value.
fn hide_of(behind: &str) -> Hide {
    let Some((_, comment)) = behind.split_once('#') else { return Hide::Auto };
    match comment.split_whitespace().find_map(|word| word.strip_prefix(MARK)) {
        Some("always") => Hide::Always,
        Some("never") => Hide::Never,
        _ => Hide::Auto,
    }
}

fn entries_of(text: &str) -> Result<Vec<Entry>, BadLine> {
    let mut entries = Vec::new();
    let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut line = 1;
    while at < text.len() {
        let start = at;
        let line_end = text[at..].find('\n').map_or(text.len(), |end| at + end + 1);
        let content = text[at..line_end].trim();
        if content.is_empty() || content.starts_with('#') {
            at = line_end;
            line += 1;
            continue;
        }
        let bad = |reason| BadLine { line, reason };
        let equals = text[at..line_end].find('=').ok_or(bad("it has no `=`"))? + at;
        let left = text[at..equals].trim();
        let name = left.strip_prefix("export ").unwrap_or(left).trim();
        if !is_name(name) {
            return Err(bad("before `=` stands no name: letters, digits and `_`, no digit first"));
        }
        let value = read_value(text, equals + 1).map_err(bad)?;
        entries.push(Entry {
            name: name.to_owned(),
            value: Secret::from(value.text),
            hide: hide_of(&text[value.span.end..value.next]),
            line,
            span: start..value.next,
            value_span: value.span,
        });
        line += text[start..value.next].matches('\n').count();
        at = value.next;
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# the keys\r\n\nA=1\nexport B = 'two words' # why\nC=\"x\\ny\\\"\\$\\\\\" \nD=a#b #c\nE=\nF='1\n2'\nA=3";

    fn values(document: &Document) -> Vec<(&str, &str)> {
        document.entries().iter().map(|entry| (entry.name.as_str(), entry.value.reveal())).collect()
    }

    #[test]
    fn a_file_is_read_as_people_write_it() {
        let document = Document::parse(TEXT).expect("a document");
        let expected =
            [("A", "1"), ("B", "two words"), ("C", "x\ny\"$\\"), ("D", "a#b"), ("E", ""), ("F", "1\n2"), ("A", "3")];
        assert_eq!(values(&document), expected);
        assert_eq!(document.get("A").map(Secret::reveal), Some("3"));
        assert_eq!(document.names(), ["A", "B", "C", "D", "E", "F"]);
        assert_eq!(format!("{:?}", document.entries()[0]), "A=***");
        assert_eq!(document.entries()[6].line, 10);
    }

    #[test]
    fn a_change_leaves_everything_else_as_it_was() {
        let mut document = Document::parse(TEXT).expect("a document");
        for (name, value) in [("A", "it's \"$5\""), ("B", "plain"), ("E", " x\t"), ("G", "new\n")] {
            document.set(name, value).expect("a value");
            assert_eq!(document.get(name).map(Secret::reveal), Some(value), "{}", document.text());
        }
        let expected = "# the keys\r\n\nA=1\nexport B = plain # why\nC=\"x\\ny\\\"\\$\\\\\" \nD=a#b #c\nE=' x\t'\nF='1\n2'\nA=\"it's \\\"\\$5\\\"\"\nG='new\n'\n";
        assert_eq!(document.text(), expected);
        assert_eq!(document.unset("A"), Ok(true));
        assert_eq!(document.unset("Z"), Ok(false));
        let expected = "# the keys\r\n\nexport B = plain # why\nC=\"x\\ny\\\"\\$\\\\\" \nD=a#b #c\nE=' x\t'\nF='1\n2'\nG='new\n'\n";
        assert_eq!(document.text(), expected);
    }

    #[test]
    fn every_value_survives_being_written() {
        let odd = [
            "",
            " ",
            "a b",
            "'",
            "\"",
            "'\"",
            "\\",
            "\\n",
            "\n",
            "\r\n",
            "'\r\n",
            "#",
            "a #b",
            "$HOME",
            "\u{e9}\u{1f511}",
            "'\t\u{1}",
        ];
        for value in odd {
            let mut document = Document::parse("X=1 # c\nY=2").expect("a document");
            document.set("X", value).expect("a value");
            let again = Document::parse(document.text()).expect("the same");
            assert_eq!(values(&again), [("X", value), ("Y", "2")], "{}", document.text());
        }
        assert!(Document::empty().set("X", "a\0b").is_err());
        assert!(Document::empty().set("1X", "a").is_err());
    }

    #[test]
    fn a_mark_is_a_comment_behind_the_value_and_the_value_stays() {
        let mut document = Document::parse("A=1\r\nB='x\ny' # why\nC=\nA=error").expect("a document");
        for (name, hide) in [("A", Hide::Always), ("B", Hide::Never), ("C", Hide::Always), ("B", Hide::Always)] {
            document.mark(name, hide).expect("a name");
            assert!(document.hides().contains(&(name.to_owned(), hide)), "{}", document.text());
        }
        let marked = "A=1\r\nB='x\ny' # dc:hide=always why\nC= # dc:hide=always\nA=error # dc:hide=always";
        assert_eq!(document.text(), marked);
        assert_eq!(values(&document), [("A", "1"), ("B", "x\ny"), ("C", ""), ("A", "error")]);
        document.set("A", "other").expect("a value");
        assert!(document.hides().contains(&("A".to_owned(), Hide::Always)), "a new value keeps its mark");
        ["A", "B", "C"].iter().for_each(|name| document.mark(name, Hide::Auto).expect("a name"));
        assert_eq!(document.text(), "A=1\r\nB='x\ny' # why\nC= \nA=other");
        assert!(document.hides().is_empty() && document.mark("Z", Hide::Never).is_err());
    }

    #[test]
    fn a_bad_line_is_named_and_not_shown() {
        for (text, line) in [
            ("A=1\nsecret words\n", 2),
            ("=secret", 1),
            ("a b=secret", 1),
            ("A='secret", 1),
            ("\n\nA=\"secret\nB=1", 3),
            ("A='secret' more", 1),
            ("A=b\0secret", 1),
        ] {
            let bad = Document::parse(text).expect_err(text);
            assert_eq!(bad.line, line, "{text}");
            assert!(!bad.to_string().contains("secret"), "{bad}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(4_000))]

        #[test]
        fn whatever_is_set_reads_the_same_beside_the_rest(
            text in "([ABC] ?= ?|['\"# \\\\$a\n\r]|export )*",
            value in "[a'\"# \\\\$\n\r\t\u{e9}=]*",
        ) {
            let Ok(mut document) = Document::parse(&text) else { return Ok(()) };
            let others: Vec<Entry> = document.entries().iter().filter(|entry| entry.name != "B").cloned().collect();
            document.set("B", &value).expect("a value");
            let again = Document::parse(document.text()).expect("the same");
            proptest::prop_assert_eq!(again.get("B").map(Secret::reveal), Some(value.as_str()));
            let kept = again.entries().iter().filter(|entry| entry.name != "B");
            let same = kept.zip(&others).all(|(one, other)| one.name == other.name && one.value == other.value);
            proptest::prop_assert!(same && again.names().len() == document.names().len());
            document.unset("B").expect("the rest");
            proptest::prop_assert_eq!(document.entries().len(), others.len());
        }
    }
}
