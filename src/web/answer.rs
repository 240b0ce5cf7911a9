//! Answers: their headers, their compression, and refusals that say what to do.

use std::io::Write as _;

use axum::body::Body;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Response, StatusCode};
use flate2::Compression;
use flate2::write::GzEncoder;
use maud::{Markup, html};

use super::layout::{Frame, page};
use super::parts::View;
use crate::error::{Error, ErrorKind};

/// Nothing comes from elsewhere, nothing stands in a page that could run, and no other page shows ours inside of it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Shorter answers are not compressed.
const PACKED_BYTES_MIN: usize = 1_024;

/// An answer.
pub(super) type Answer = Response<Body>;

/// Puts on the headers that every answer of the dashboard has.
pub(super) fn guarded(mut answer: Answer) -> Answer {
    let fixed: [(HeaderName, &str); 6] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // with no referrer at all a form would say that its origin is `null`
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        if let Ok(value) = HeaderValue::from_str(value) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

/// A page.
pub(super) fn html_answer(status: StatusCode, text: String, asked: &HeaderMap) -> Answer {
    let mut answer = packed(text.into_bytes(), asked);
    *answer.status_mut() = status;
    set(&mut answer, header::CONTENT_TYPE, "text/html; charset=utf-8");
    set(&mut answer, header::CACHE_CONTROL, "no-store");
    answer
}

/// What an address with a hash in it has.
pub(super) fn asset(text: &'static str, kind: &'static str, asked: &HeaderMap) -> Answer {
    let mut answer = packed(text.as_bytes().to_vec(), asked);
    set(&mut answer, header::CONTENT_TYPE, kind);
    set(&mut answer, header::CACHE_CONTROL, "public, max-age=31536000, immutable");
    answer
}

/// Leads on to another page of ours.
pub(super) fn redirect(to: &str) -> Answer {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    set(&mut answer, header::LOCATION, if is_own_path(to) { to } else { "/" });
    set(&mut answer, header::CACHE_CONTROL, "no-store");
    answer
}

/// Whether an address leads to a page of this server and to none elsewhere.
pub(super) fn is_own_path(path: &str) -> bool {
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    is_plain && path.starts_with('/') && !path.starts_with("//")
}

/// Sets a header, unless its value is none.
pub(super) fn set(answer: &mut Answer, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

fn packed(bytes: Vec<u8>, asked: &HeaderMap) -> Answer {
    let takes = asked.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let takes_gzip = takes.split(',').any(|way| way.trim().split(';').next() == Some("gzip"));
    if !takes_gzip || bytes.len() < PACKED_BYTES_MIN {
        return Response::new(Body::from(bytes));
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::new(4));
    let packed = encoder.write_all(&bytes).and_then(|()| encoder.finish());
    match packed {
        Ok(packed) => {
            let mut answer = Response::new(Body::from(packed));
            set(&mut answer, header::CONTENT_ENCODING, "gzip");
            set(&mut answer, header::VARY, "accept-encoding");
            answer
        }
        Err(_) => Response::new(Body::from(bytes)),
    }
}

/// What stands in the place of a page that there is not.
pub(super) fn refusal(view: &View, status: StatusCode, error: &Error, asked: &HeaderMap) -> Answer {
    html_answer(status, refusal_text(view, error), asked)
}

/// The page that says what could not be done.
pub(super) fn refusal_text(view: &View, error: &Error) -> String {
    let mut causes = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        causes.push(inner.to_string());
        cause = inner.source();
    }
    let body: Markup = html! {
        h1 { "Could not " (error.message()) }
        @for cause in causes { p.soft { (crate::shell::visible(&cause)) } }
        @if let Some(hint) = error.hint_text() { p { (hint) } }
        p { a href="/" { "Back to Now" } }
    };
    page(view, &Frame { title: "Not done", command: "dc doctor", ..Frame::default() }, &body)
}

/// The status that an error has over HTTP.
pub(super) fn status_of(error: &Error) -> StatusCode {
    match error.kind() {
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Usage => StatusCode::BAD_REQUEST,
        ErrorKind::Refused => StatusCode::CONFLICT,
        ErrorKind::Permission => StatusCode::FORBIDDEN,
        ErrorKind::Busy | ErrorKind::Conflict | ErrorKind::Timeout => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_elsewhere() {
        for ours in ["/", "/apps?q=1", "/runs/x#L1"] {
            assert!(is_own_path(ours), "{ours}");
        }
        for theirs in ["", "//evil.example", "/\\evil.example", "http://evil.example", "/a\r\nb", "apps", "/\tx"] {
            assert!(!is_own_path(theirs), "{theirs}");
        }
    }
}
