//! The value behind a `=` of a dotenv file: how it is read, and how one is written so that it reads the same.

use std::ops::Range;

use zeroize::Zeroizing;

/// A value that was read.
pub(super) struct Value {
    /// What it says.
    pub(super) text: Zeroizing<String>,
    /// How it is written, quotes included.
    pub(super) span: Range<usize>,
    /// Where the next line begins.
    pub(super) next: usize,
}

/// Reads the value that begins at `at`, behind the `=`.
pub(super) fn read_value(text: &str, at: usize) -> Result<Value, &'static str> {
    let line_end = text[at..].find('\n').map_or(text.len(), |end| at + end);
    let line = &text[at..line_end];
    // of an empty value the place is right behind the `=`, before the carriage return of Windows
    let start = if line.trim().is_empty() { at } else { line_end - line.trim_start().len() };
    let value = match text[start..].chars().next() {
        Some('\'') => literal(text, start)?,
        Some('"') => escaped(text, start)?,
        _ => bare(text, start),
    };
    if value.text.contains('\0') {
        return Err("a value cannot hold a NUL");
    }
    Ok(value)
}

fn literal(text: &str, start: usize) -> Result<Value, &'static str> {
    let end = text[start + 1..].find('\'').ok_or("its `'` is not closed")? + start + 1;
    let value = Zeroizing::new(text[start + 1..end].to_owned());
    Ok(Value { text: value, span: start..end + 1, next: rest_of_line(text, end + 1)? })
}

fn escaped(text: &str, start: usize) -> Result<Value, &'static str> {
    // what it says is never longer than how it is written: the buffer does not move
    let rest = &text[start + 1..];
    let mut value = Zeroizing::new(String::with_capacity(rest.len()));
    let mut letters = rest.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => {
                let end = start + 1 + at + 1;
                return Ok(Value { text: value, span: start..end, next: rest_of_line(text, end)? });
            }
            '\\' => match letters.next().map(|(_, letter)| letter) {
                Some('n') => value.push('\n'),
                Some('r') => value.push('\r'),
                Some('t') => value.push('\t'),
                Some(letter @ ('"' | '\\' | '$')) => value.push(letter),
                Some(letter) => value.extend(['\\', letter]),
                None => break,
            },
            _ => value.push(letter),
        }
    }
    Err("its `\"` is not closed")
}

fn bare(text: &str, start: usize) -> Value {
    let line = &text[start..];
    let next = line.find('\n').map_or(text.len(), |end| start + end + 1);
    let line = &text[start..next];
    let is_comment = |at: &usize| text[..start + at].ends_with([' ', '\t']);
    let comment = line.match_indices('#').map(|(at, _)| at).find(is_comment).unwrap_or(line.len());
    let value = line[..comment].trim();
    let from = start + line[..comment].len() - line[..comment].trim_start().len();
    // of an empty value the place right behind the `=`
    let from = if value.is_empty() { start } else { from };
    Value { text: Zeroizing::new(value.to_owned()), span: from..from + value.len(), next }
}

/// Where the next line begins, when nothing but a comment follows.
fn rest_of_line(text: &str, at: usize) -> Result<usize, &'static str> {
    let next = text[at..].find('\n').map_or(text.len(), |end| at + end + 1);
    let rest = text[at..next].trim();
    if rest.is_empty() || rest.starts_with('#') { Ok(next) } else { Err("something follows its closing quote") }
}

/// How a value is written: bare where it can be, else in `'..'`, else in `".."`.
pub(super) fn written(value: &str) -> Result<Zeroizing<String>, &'static str> {
    if value.contains('\0') {
        return Err("a value cannot hold a NUL");
    }
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:@%+,=~^".contains(letter);
    if !value.is_empty() && value.chars().all(is_plain) {
        return Ok(Zeroizing::new(value.to_owned()));
    }
    // every letter takes two at most
    let mut out = Zeroizing::new(String::with_capacity(2 * value.len() + 2));
    if !value.contains('\'') {
        out.extend(["'", value, "'"]);
        return Ok(out);
    }
    out.push('"');
    for letter in value.chars() {
        match letter {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '"' | '\\' | '$' => out.extend(['\\', letter]),
            _ => out.push(letter),
        }
    }
    out.push('"');
    Ok(out)
}
