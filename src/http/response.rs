//! An answer, whatever its status, with its body in memory.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use ureq::http::{HeaderMap, HeaderValue, StatusCode};
use url::Url;

use super::charset::{self, Decoded};
use super::hide::{Hider, Side};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Value, from_value, may_have_long_numbers, parse_json};

/// So much of a bad answer is shown.
const EXCERPT_CHARS_MAX: usize = 200;

/// An answer.
#[derive(Clone)]
pub struct Response {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) url: Url,
    pub(super) body: Vec<u8>,
    pub(super) history: Vec<(u16, Url)>,
    pub(super) attempts: u32,
    pub(super) elapsed: Duration,
    pub(super) is_unchanged: bool,
    pub(super) hider: Arc<Hider>,
}

impl Response {
    /// The status: 200, 404, 503.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header, the first of its name; `None` as well for one that is not UTF-8: [`Response::header_bytes`] has it.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
    }

    /// A header as it came, the first of its name.
    pub fn header_bytes(&self, name: &str) -> Option<&[u8]> {
        self.headers.get(name).map(HeaderValue::as_bytes)
    }

    /// All values of a header that may come several times, in their order.
    pub fn header_all(&self, name: &str) -> impl Iterator<Item = &str> {
        let all = self.headers.get_all(name).iter();
        all.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok())
    }

    /// Whether the server says that nothing has changed since the answer that `cache` of the settings has kept; this is that
    /// answer, with the status 200.
    pub fn is_unchanged(&self) -> bool {
        self.is_unchanged
    }

    /// All headers of UTF-8, in their order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.headers.iter();
        all.filter_map(|(name, value)| Some((name.as_str(), std::str::from_utf8(value.as_bytes()).ok()?)))
    }

    /// The name of the file that the server gives, of `Content-Disposition` (RFC 6266 and 8187), without folders.
    pub fn file_name(&self) -> Option<String> {
        file_name(self.header_bytes("content-disposition")?)
    }

    /// Where it came from, after all redirects.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The redirects that led to it: the status of each, and where it came from.
    pub fn history(&self) -> impl Iterator<Item = (u16, &str)> {
        self.history.iter().map(|(status, url)| (*status, url.as_str()))
    }

    /// The body, unpacked.
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body, unpacked.
    pub fn into_bytes(self) -> Vec<u8> {
        self.body
    }

    /// The body as text, in the charset that the server or the page declares, and a likely one where nothing is declared.
    /// Bytes that stand for nothing in it become U+FFFD, with a warning in the log.
    pub fn text(&self) -> String {
        let decoded = self.decoded();
        if decoded.is_broken {
            let place = self.hider.place(&self.url);
            log::warn!(
                "the answer of {place} has bytes that stand for nothing in {}: they became U+FFFD",
                decoded.charset
            );
        }
        decoded.text
    }

    /// The body as text in a charset that the caller knows better than the server: `windows-1250`, `cp852`, `utf-8`.
    ///
    /// # Errors
    /// Usage, for a charset that is not known.
    pub fn text_in(&self, charset: &str) -> Result<String> {
        let decoded = charset::decode_in(&self.body, charset);
        decoded.map(|decoded| decoded.text).ok_or_else(|| {
            Error::new(ErrorKind::Usage, format!("read a text in the charset `{charset}`: it is not known"))
                .hint("such as utf-8, windows-1250, iso-8859-2, cp852, utf-16le")
        })
    }

    /// The charset that [`Response::text`] reads: `UTF-8`, `windows-1250`.
    pub fn charset(&self) -> &'static str {
        self.decoded().charset
    }

    fn decoded(&self) -> Decoded {
        charset::decode(&self.body, self.header("content-type"))
    }

    /// The body, read as JSON. A number with more digits than a float holds is given whole: to an `i128` or a `String` that
    /// asks for it, and as text to a `serde_json::Value`, whose numbers are floats.
    ///
    /// # Errors
    /// Failed, when it is no JSON, or not what is asked for.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        if may_have_long_numbers(&self.body)
            && let Some(value) = self.value().ok().and_then(from_value)
        {
            return Ok(value);
        }
        let read = match serde_json::from_slice(&self.body) {
            Err(cause) if cause.is_syntax() => serde_json::from_str(&self.text()).map_err(|_| cause),
            read => read,
        };
        read.map_err(|cause| {
            Error::failed(format!("read the answer of {} as JSON", self.hider.place(&self.url))).because(cause)
        })
    }

    /// The body, read as JSON into a value of a record, as a merge takes it: all digits of its numbers are kept, as written.
    ///
    /// # Errors
    /// Failed, when it is no JSON.
    pub fn value(&self) -> Result<Value<'static>> {
        let read = |text: &str| parse_json(text).map(Value::into_owned);
        let read = match std::str::from_utf8(&self.body) {
            Ok(text) => read(text),
            Err(_) => read(&self.text()),
        };
        read.map_err(|cause| {
            Error::failed(format!("read the answer of {} as JSON", self.hider.place(&self.url))).because(cause)
        })
    }

    /// How long the server asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after").and_then(super::retry::retry_after)
    }

    /// How often it was asked for.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// How long it took with all attempts.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// An error for a status that is none of success.
    ///
    /// # Errors
    /// Permission for 401 and 403, not found for 404 and 410, busy for 429, timeout for 408 and 504, else failed;
    /// temporary where the same may go through later.
    pub fn ok(self) -> Result<Self> {
        if self.is_success() {
            return Ok(self);
        }
        let kind = match self.status {
            401 | 403 | 407 => ErrorKind::Permission,
            404 | 410 => ErrorKind::NotFound,
            429 => ErrorKind::Busy,
            408 | 504 => ErrorKind::Timeout,
            _ => ErrorKind::Failed,
        };
        let reason = StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
        let place = self.hider.place(&self.url);
        let message = format!("use the answer of {place}: {} {}", self.status, reason.unwrap_or_default());
        let error = Error::new(kind, message.trim_end()).temporary(matches!(self.status, 408 | 425 | 429 | 500..));
        let excerpt = self.excerpt();
        Err(if excerpt.is_empty() { error } else { error.because(excerpt) })
    }

    /// The start of the body, without what must not be seen.
    fn excerpt(&self) -> String {
        let kind = self.header("content-type").unwrap_or_default();
        let is_text = self.body.iter().take(EXCERPT_CHARS_MAX).all(|byte| *byte >= b' ' || b"\r\n\t".contains(byte));
        if kind.contains("html") || !is_text {
            return String::new();
        }
        let seen = self.hider.body(Side::Request, kind, &self.body);
        let text = String::from_utf8_lossy(&seen);
        let words: Vec<&str> = text.split_whitespace().collect();
        words.join(" ").chars().take(EXCERPT_CHARS_MAX).collect()
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.hider.place(&self.url);
        write!(formatter, "Response({} from {place}, {} bytes)", self.status, self.body.len())
    }
}
/// `attachment; filename="a.csv"`, `filename*=UTF-8''%C4%8D.csv`; what servers write of it, in UTF-8 or Latin-1.
fn file_name(disposition: &[u8]) -> Option<String> {
    let text = match std::str::from_utf8(disposition) {
        Ok(text) => text.to_owned(),
        Err(_) => disposition.iter().copied().map(char::from).collect(),
    };
    let (mut plain, mut extended) = (None, None);
    for (name, value) in header_parameters(&text) {
        match name.as_str() {
            "filename" => plain = Some(value),
            "filename*" => {
                let mut parts = value.splitn(3, '\'');
                if let (Some(charset), Some(_), Some(encoded)) = (parts.next(), parts.next(), parts.next()) {
                    let bytes: Vec<u8> = percent_encoding::percent_decode_str(encoded).collect();
                    extended = charset::decode_in(&bytes, charset).map(|decoded| decoded.text);
                }
            }
            _ => {}
        }
    }
    let name = extended.or(plain)?;
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    (!name.is_empty() && name != "." && name != "..").then(|| name.to_owned())
}

/// The parameters of a header's value: names in small letters, and values without their quotes.
pub(crate) fn header_parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.split_once(';').map_or("", |(_, rest)| rest);
    while let Some((name, after)) = rest.split_once('=') {
        let (name, after) = (name.trim().to_ascii_lowercase(), after.trim_start());
        let (value, end) = match after.strip_prefix('"') {
            Some(quoted) => {
                let mut value = String::new();
                let mut letters = quoted.char_indices();
                let mut end = quoted.len();
                while let Some((at, letter)) = letters.next() {
                    match letter {
                        '"' => {
                            end = at + 1;
                            break;
                        }
                        '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
                        letter => value.push(letter),
                    }
                }
                (value, &quoted[end..])
            }
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        found.push((name, value));
        rest = end.split_once(';').map_or("", |(_, rest)| rest);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_is_read_as_servers_write_it() {
        for (text, expected) in [
            (b"attachment; filename=\"a b;c.csv\"".as_slice(), Some("a b;c.csv")),
            (b"attachment; filename=a.csv; size=7", Some("a.csv")),
            ("attachment; filename=čšž.csv".as_bytes(), Some("čšž.csv")),
            (b"attachment; filename=\"\xe9t\xe9.csv\"", Some("été.csv")),
            (b"attachment; filename=\"x.csv\"; filename*=UTF-8''%C4%8D%20.csv", Some("č .csv")),
            (b"attachment; filename*=iso-8859-2'hr'%E8.csv", Some("č.csv")),
            (b"attachment; FileName=\"a\\\"b.csv\"", Some("a\"b.csv")),
            (b"attachment; filename=\"../../etc/passwd\"", Some("passwd")),
            (b"attachment; filename=\"..\"", None),
            (b"inline", None),
        ] {
            assert_eq!(file_name(text).as_deref(), expected, "{}", String::from_utf8_lossy(text));
        }
    }
}
