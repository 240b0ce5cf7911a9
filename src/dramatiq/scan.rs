//! Where values of JSON begin and end, by the rules of Python's reader: it takes `NaN` and `Infinity`, and any `\u`.

use std::ops::Range;

/// How deep arrays and objects may lie in each other; Python gives up at about a thousand.
const DEPTH_MAX: usize = 900;

/// White space of JSON.
pub(super) fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r')
}

/// The end of the value that begins at `at`; the place where it is wrong.
pub(super) fn value(text: &[u8], at: usize) -> Result<usize, usize> {
    let mut at = at;
    // for each array or object that is open, whether it is an object
    let mut open: Vec<bool> = Vec::new();
    loop {
        at = blank(text, at);
        // one value begins here
        let is_empty = match text.get(at) {
            Some(b'{' | b'[') => {
                let is_object = text[at] == b'{';
                if open.len() == DEPTH_MAX {
                    return Err(at);
                }
                open.push(is_object);
                at = blank(text, at + 1);
                let is_empty = text.get(at) == Some(if is_object { &b'}' } else { &b']' });
                if !is_empty {
                    if is_object {
                        at = key(text, at)?;
                    }
                    continue;
                }
                true
            }
            _ => {
                at = plain(text, at)?;
                false
            }
        };
        if is_empty {
            open.pop();
            at += 1;
        }
        // one value has ended here
        loop {
            let Some(is_object) = open.last().copied() else { return Ok(at) };
            at = blank(text, at);
            match (text.get(at), is_object) {
                (Some(b','), true) => {
                    at = key(text, blank(text, at + 1))?;
                    break;
                }
                (Some(b','), false) => {
                    at += 1;
                    break;
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    open.pop();
                    at += 1;
                }
                _ => return Err(at),
            }
        }
    }
}

/// The places of the values of an array that is known to be JSON; `None` for what is no array.
pub(super) fn items(text: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut at = blank(text, start(text, b'[')?);
    let mut places = Vec::new();
    while text.get(at) != Some(&b']') {
        let end = value(text, at).ok()?;
        places.push(at..end);
        at = next(text, end);
    }
    Some(places)
}

/// The places of the names and values of an object that is known to be JSON; `None` for what is no object.
pub(super) fn fields(text: &[u8]) -> Option<Vec<(Range<usize>, Range<usize>)>> {
    let mut at = blank(text, start(text, b'{')?);
    let mut places = Vec::new();
    while text.get(at) != Some(&b'}') {
        let name = at..string(text, at).ok()?;
        let begin = blank(text, key(text, at).ok()?);
        let end = value(text, begin).ok()?;
        places.push((name, begin..end));
        at = next(text, end);
    }
    Some(places)
}

fn start(text: &[u8], sign: u8) -> Option<usize> {
    (text.first() == Some(&sign)).then_some(1)
}

/// Behind a comma, where one is.
fn next(text: &[u8], end: usize) -> usize {
    let at = blank(text, end);
    if text.get(at) == Some(&b',') { blank(text, at + 1) } else { at }
}

fn blank(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|byte| is_blank(char::from(*byte))) {
        at += 1;
    }
    at
}

/// Behind a name and its colon.
fn key(text: &[u8], at: usize) -> Result<usize, usize> {
    let at = blank(text, string(text, at)?);
    if text.get(at) == Some(&b':') { Ok(at + 1) } else { Err(at) }
}

/// Behind a value that holds no other.
fn plain(text: &[u8], at: usize) -> Result<usize, usize> {
    let rest = &text[at.min(text.len())..];
    if rest.first() == Some(&b'"') {
        return string(text, at);
    }
    let words: [&[u8]; 6] = [b"null", b"true", b"false", b"NaN", b"Infinity", b"-Infinity"];
    if let Some(word) = words.into_iter().find(|word| rest.starts_with(word)) {
        return Ok(at + word.len());
    }
    number(text, at)
}

fn number(text: &[u8], begin: usize) -> Result<usize, usize> {
    let digits = |mut at: usize| {
        while text.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    let whole = begin + usize::from(text.get(begin) == Some(&b'-'));
    let mut at = match text.get(whole) {
        Some(b'0') => whole + 1,
        _ => digits(whole),
    };
    if at == whole {
        return Err(at);
    }
    if text.get(at) == Some(&b'.') {
        let end = digits(at + 1);
        if end == at + 1 {
            return Err(end);
        }
        at = end;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let sign = at + 1 + usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let end = digits(sign);
        if end == sign {
            return Err(end);
        }
        at = end;
    }
    Ok(at)
}

fn string(text: &[u8], begin: usize) -> Result<usize, usize> {
    if text.get(begin) != Some(&b'"') {
        return Err(begin);
    }
    let mut at = begin + 1;
    loop {
        match text.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => {
                let is_hex = |at| text.get(at).is_some_and(u8::is_ascii_hexdigit);
                at += match text.get(at + 1) {
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
                    Some(b'u') if (2..6).all(|place| is_hex(at + place)) => 6,
                    _ => return Err(at),
                };
            }
            Some(0..=0x1f) | None => return Err(at),
            Some(_) => at += 1,
        }
    }
}
