//! Where credentials stand in a body: by the names of parameters, fields, parts and elements. Nothing is parsed and written anew:
//! what is found is a range of bytes, and all other bytes stay.

use std::ops::Range;

/// Bodies that are looked into by their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Form,
    Json,
    Multipart,
    Xml,
    Other,
}

impl Kind {
    pub(super) fn of(content_type: &str, body: &[u8]) -> Self {
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
        match kind.as_str() {
            "application/x-www-form-urlencoded" => Self::Form,
            kind if kind.starts_with("multipart/") => Self::Multipart,
            kind if kind.contains("html") => Self::Other,
            kind if kind.contains("json") => Self::Json,
            kind if kind.contains("xml") => Self::Xml,
            _ => match first {
                Some(b'{' | b'[') => Self::Json,
                Some(b'<') if body.trim_ascii_start().starts_with(b"<?xml") => Self::Xml,
                _ => Self::Other,
            },
        }
    }

    /// The places of the values whose names are secret, in order.
    pub(super) fn secrets(self, body: &[u8], is_secret: &dyn Fn(&str) -> bool) -> Vec<Range<usize>> {
        let mut found = match self {
            Self::Form => in_form(body, is_secret),
            Self::Json => in_json(body, is_secret),
            Self::Multipart => in_parts(body, is_secret),
            Self::Xml => in_xml(body, is_secret),
            Self::Other => Vec::new(),
        };
        found.retain(|place| !place.is_empty());
        found
    }
}

fn in_form(body: &[u8], is_secret: &dyn Fn(&str) -> bool) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    for pair in body.split(|byte| *byte == b'&') {
        if let Some(equals) = pair.iter().position(|byte| *byte == b'=') {
            let name = url::form_urlencoded::parse(&pair[..equals]).next().map(|(name, _)| name.into_owned());
            if name.is_some_and(|name| is_secret(&name)) {
                found.push(from + equals + 1..from + pair.len());
            }
        }
        from += pair.len() + 1;
    }
    found
}

/// The insides of the texts that stand behind secret names.
fn in_json(body: &[u8], is_secret: &dyn Fn(&str) -> bool) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut at, mut hides_next) = (0, false);
    while at < body.len() {
        match body[at] {
            b'"' => {
                let inside = string_at(body, at + 1);
                at = inside.end + 1;
                let rest = body.get(at..).unwrap_or_default();
                if rest.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':') {
                    hides_next = is_secret(&name_of(&body[inside]));
                } else if std::mem::take(&mut hides_next) {
                    found.push(inside);
                }
            }
            b',' | b'{' | b'[' | b'}' | b']' => {
                hides_next = false;
                at += 1;
            }
            _ => at += 1,
        }
    }
    found
}

/// A name as it is meant, whatever is escaped in it.
fn name_of(inside: &[u8]) -> String {
    let quoted = [b"\"", inside, b"\""].concat();
    serde_json::from_slice(&quoted).unwrap_or_else(|_| String::from_utf8_lossy(inside).into_owned())
}

/// The inside of the text that begins at `from`, behind its quote.
fn string_at(body: &[u8], from: usize) -> Range<usize> {
    let mut at = from;
    while at < body.len() && body[at] != b'"' {
        at += if body[at] == b'\\' { 2 } else { 1 };
    }
    from..at.min(body.len())
}

/// The contents of the parts whose names are secret; a part ends where a line begins as the body does.
fn in_parts(body: &[u8], is_secret: &dyn Fn(&str) -> bool) -> Vec<Range<usize>> {
    let Some(first) = memchr::memmem::find(body, b"\r\n").filter(|_| body.starts_with(b"--")) else {
        return Vec::new();
    };
    let delimiter = [b"\r\n", &body[..first]].concat();
    let mut found = Vec::new();
    let mut from = first + 2;
    while let Some(length) = memchr::memmem::find(body.get(from..).unwrap_or_default(), &delimiter) {
        let part = &body[from..from + length];
        if let Some(head) = memchr::memmem::find(part, b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&part[..head]);
            let name = text.split("name=\"").nth(1).and_then(|rest| rest.split('"').next());
            if name.is_some_and(is_secret) && !text.contains("filename=") {
                found.push(from + head + 4..from + length);
            }
        }
        from += length + delimiter.len() + 2;
    }
    found
}

/// The texts of the elements, and the values of the attributes, whose names are secret.
fn in_xml(body: &[u8], is_secret: &dyn Fn(&str) -> bool) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for start in memchr::memchr_iter(b'<', body) {
        let Some(end) = memchr::memchr(b'>', &body[start..]).map(|length| start + length) else { break };
        let tag = &body[start + 1..end];
        if tag.first().is_none_or(|byte| b"/?!".contains(byte)) || tag.ends_with(b"/") {
            continue;
        }
        let name = tag.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
        let name = String::from_utf8_lossy(name);
        let text = memchr::memchr(b'<', &body[end..]).map_or(body.len(), |length| end + length);
        if is_secret(name.rsplit(':').next().unwrap_or_default()) && !body[end + 1..text].trim_ascii().is_empty() {
            found.push(end + 1..text);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(content_type: &str, body: &str) -> Vec<String> {
        let is_secret = |name: &str| name.to_ascii_lowercase().contains("token");
        let found = Kind::of(content_type, body.as_bytes()).secrets(body.as_bytes(), &is_secret);
        found.into_iter().map(|place| body[place].to_owned()).collect()
    }

    #[test]
    fn values_are_found_by_their_names_wherever_they_stand() {
        let none: [&str; 0] = [];
        assert_eq!(hidden("application/x-www-form-urlencoded", "a=1&to%6ben=x%20y&token=&token2"), ["x%20y"]);
        let json =
            r#"{"a":"token","token":"x\"y","n":{"t\u006fken" : "z"},"token":["no"],"token":7,"l":["token"],"token":"#;
        assert_eq!(hidden("application/json", json), ["x\\\"y", "z"]);
        assert_eq!(hidden("", "  {\"token\":\"x\"}\n{\"token\":\"y\"}"), ["x", "y"]);
        let parts = "--b\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nx\r\ny\r\n--b\r\nContent-Disposition: \
                     form-data; name=\"token\"; filename=\"f\"\r\n\r\nz\r\n--b--\r\n";
        assert_eq!(hidden("multipart/form-data; boundary=b", parts), ["x\r\ny"]);
        let xml = "<?xml version=\"1.0\"?><a><s:Token x='1'>x</s:Token><Token/><b>y</b><Token> <c>z</c></Token></a>";
        assert_eq!(hidden("text/xml", xml), ["x"]);
        assert_eq!(hidden("text/html", "<token>x</token>"), none);
        for (kind, body) in [("application/json", "{\"token\":\"x"), ("text/xml", "<token"), ("multipart/x", "--b\r\n")]
        {
            let _ = hidden(kind, body);
        }
    }
}
