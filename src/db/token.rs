//! SQL in pieces: words, names, signs; what stands in quotes or comments is skipped.

/// A piece of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A word without quotes and dots, in lower case if it is reserved; else a name.
    Keyword(String),
    /// A name as it is written, with its schema and its quotes.
    Name(String),
    /// Any other character.
    Sign(char),
    /// A literal.
    Value,
}

impl Token {
    /// Whether it is this keyword (in lower case) or sign.
    pub(super) fn is(&self, text: &str) -> bool {
        match self {
            Self::Keyword(word) => word == text,
            Self::Sign(sign) => text.len() == 1 && text.starts_with(*sign),
            Self::Name(_) | Self::Value => false,
        }
    }

    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            _ => None,
        }
    }
}

/// The words of SQL that can stand where a name could and are none.
const KEYWORDS: &[&str] = &[
    "all",
    "alter",
    "and",
    "any",
    "array",
    "as",
    "between",
    "both",
    "by",
    "call",
    "cascade",
    "case",
    "check",
    "concurrently",
    "conflict",
    "constraint",
    "copy",
    "create",
    "cross",
    "delete",
    "desc",
    "distinct",
    "do",
    "drop",
    "else",
    "end",
    "except",
    "exists",
    "fetch",
    "filter",
    "for",
    "from",
    "full",
    "group",
    "having",
    "if",
    "in",
    "inner",
    "insert",
    "intersect",
    "into",
    "is",
    "join",
    "key",
    "lateral",
    "left",
    "like",
    "limit",
    "matched",
    "materialized",
    "merge",
    "natural",
    "not",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "over",
    "partition",
    "primary",
    "recursive",
    "references",
    "refresh",
    "returning",
    "right",
    "select",
    "set",
    "some",
    "table",
    "temp",
    "temporary",
    "then",
    "to",
    "truncate",
    "union",
    "unique",
    "unlogged",
    "update",
    "using",
    "values",
    "view",
    "when",
    "where",
    "window",
    "with",
    "within",
];

/// Reads a statement, or several; what is left open at its end ends there.
pub(super) fn tokens(sql: &str) -> Vec<Token> {
    let mut rest = sql;
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let behind = &rest[first.len_utf8()..];
        rest = match first {
            _ if first.is_whitespace() => behind,
            '-' if behind.starts_with('-') => behind.split_once('\n').map_or("", |(_, line)| line),
            '/' if behind.starts_with('*') => behind_comment(rest),
            '\'' => {
                tokens.push(Token::Value);
                behind_quoted(behind, '\'', false)
            }
            '$' => {
                tokens.push(Token::Value);
                behind_dollar(rest)
            }
            '0'..='9' => {
                tokens.push(Token::Value);
                behind.trim_start_matches(|other: char| other.is_alphanumeric() || other == '.' || other == '_')
            }
            '"' | '_' => word(rest, &mut tokens),
            _ if first.is_alphabetic() => word(rest, &mut tokens),
            _ => {
                tokens.push(Token::Sign(first));
                behind
            }
        };
    }
    tokens
}

/// Reads a keyword, a name with all its parts, or a literal with a letter before its quote.
fn word<'a>(text: &'a str, tokens: &mut Vec<Token>) -> &'a str {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let end = end_of_part(rest);
        name.push_str(&rest[..end]);
        rest = &rest[end..];
        let next = rest.trim_start().strip_prefix('.').map(str::trim_start);
        match next.filter(|next| next.starts_with(|first: char| first == '"' || first == '_' || first.is_alphabetic()))
        {
            Some(next) => {
                name.push('.');
                rest = next;
            }
            None => break,
        }
    }
    let lower = name.to_lowercase();
    // E'..', B'..', X'..', N'..' and U&'..'
    if let (1, Some(text)) = (lower.len(), rest.strip_prefix('\'')) {
        tokens.push(Token::Value);
        return behind_quoted(text, '\'', lower == "e");
    }
    tokens.push(if KEYWORDS.contains(&lower.as_str()) { Token::Keyword(lower) } else { Token::Name(name) });
    rest
}

fn end_of_part(text: &str) -> usize {
    match text.strip_prefix('"') {
        Some(quoted) => text.len() - behind_quoted(quoted, '"', false).len(),
        None => text.find(|other: char| !other.is_alphanumeric() && other != '_' && other != '$').unwrap_or(text.len()),
    }
}

/// What stands behind the quoted text, the comment or the quoted name that begins here, by the rules of PostgreSQL;
/// the same place where none does. `at` is never inside of a letter.
pub(super) fn skip(bytes: &[u8], at: usize) -> usize {
    let Some(text) = bytes.get(at..).and_then(|rest| std::str::from_utf8(rest).ok()) else { return at };
    let rest = match bytes[at] {
        b'-' if text.starts_with("--") => text.split_once('\n').map_or("", |(_, line)| line),
        b'/' if text.starts_with("/*") => behind_comment(text),
        b'\'' => {
            let before = &bytes[..at];
            let is_escaped = matches!(before, [.., b'e' | b'E']) && !is_word_byte(before.len().checked_sub(2), bytes);
            behind_quoted(&text[1..], '\'', is_escaped)
        }
        b'"' => behind_quoted(&text[1..], '"', false),
        // `$1` is no quote
        b'$' if !text[1..].starts_with(|next: char| next.is_ascii_digit())
            && !is_word_byte(at.checked_sub(1), bytes) =>
        {
            match behind_dollar(text) {
                behind if behind.len() + 1 == text.len() => return at,
                behind => behind,
            }
        }
        _ => return at,
    };
    bytes.len() - rest.len()
}

fn is_word_byte(at: Option<usize>, bytes: &[u8]) -> bool {
    at.and_then(|at| bytes.get(at)).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80)
}

/// What stands behind text in quotes, of which the first is already read.
fn behind_quoted(text: &str, quote: char, backslash: bool) -> &str {
    let mut letters = text.char_indices().peekable();
    while let Some((place, letter)) = letters.next() {
        if backslash && letter == '\\' || letter == quote && letters.peek().is_some_and(|(_, next)| *next == quote) {
            letters.next();
        } else if letter == quote {
            return &text[place + quote.len_utf8()..];
        }
    }
    ""
}

/// What stands behind `$tag$ .. $tag$`, or behind the number of a parameter.
fn behind_dollar(text: &str) -> &str {
    let inner = &text[1..];
    let tag = inner.find(|other: char| !other.is_alphanumeric() && other != '_').unwrap_or(inner.len());
    if !inner[tag..].starts_with('$') || inner.starts_with(|first: char| first.is_ascii_digit()) {
        return &inner[tag..];
    }
    let mark = &text[..tag + 2];
    text[mark.len()..].split_once(mark).map_or("", |(_, behind)| behind)
}

/// What stands behind a comment, with those inside it.
fn behind_comment(text: &str) -> &str {
    let mut depth = 0;
    let mut place = 0;
    while let Some(found) = text[place..].find(['/', '*']) {
        let here = place + found;
        let step = match text.as_bytes().get(here..here + 2) {
            Some(b"/*") => {
                depth += 1;
                2
            }
            Some(b"*/") => {
                depth -= 1;
                2
            }
            _ => 1,
        };
        place = here + step;
        if depth == 0 {
            return &text[place..];
        }
    }
    ""
}
