//! One field of a section: what it takes, what it is without being set, and what it is for.

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// True or false.
    Flag,
    /// A whole number from 0 on.
    Number,
    /// A number above 0.
    Decimal,
    /// A length of time: `30s`, `5m`.
    Duration,
    /// A number of bytes: `64MiB`.
    Bytes,
    /// A list of texts, or one text with commas.
    Words,
    /// One of these.
    Choice(&'static [&'static str]),
    /// A whole number within limits.
    Whole(i64, i64),
    /// A list of texts, and nothing else.
    List,
    /// A program: a list of it and its arguments, or its name alone.
    Program,
    /// A table of names and values.
    Table,
}

impl Kind {
    /// What it takes, for people.
    pub fn words(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Number => "whole number".to_owned(),
            Self::Decimal => "number above 0".to_owned(),
            Self::Duration => "duration such as \"30s\" or \"5m\"".to_owned(),
            Self::Bytes => "size such as \"64MiB\"".to_owned(),
            Self::Words => "list of texts, or one text with commas".to_owned(),
            Self::Choice(words) => words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", "),
            Self::Whole(least, most) => format!("whole number from {least} to {most}"),
            Self::List => "list of texts".to_owned(),
            Self::Program => "list of texts: a program and its arguments".to_owned(),
            Self::Table => "table of names and values".to_owned(),
        }
    }
}

/// A field of a section.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What holds where it is not set, as it would be written; empty where nothing does.
    pub default: &'static str,
    /// What it is for, in a line.
    pub help: &'static str,
    /// Whether its value is never shown.
    pub is_secret: bool,
}

/// A field that everybody may see; `default` is what holds where it is not set, as it would be written.
pub const fn field(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Field {
    Field { name, kind, default, help, is_secret: false }
}

/// A field whose value is never shown.
pub(super) const fn secret(name: &'static str, kind: Kind, help: &'static str) -> Field {
    Field { name, kind, default: "", help, is_secret: true }
}
