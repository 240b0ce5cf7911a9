//! Asks as a program asked, and hands it what came: from the network while it is recorded, from the cassette while it is
//! played back.

use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as _, Incoming};
use hyper::{Request, Response};
use tempfile::NamedTempFile;
use tokio::sync::{mpsc, oneshot};
use ureq::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request};
use url::Url;

use super::super::answer::Answer;
use super::super::asked::Asked;
use super::super::body::Body;
use super::super::exchange::exchange;
use super::super::failure::Failure;
use super::super::host;
use super::super::options::Timeouts;
use super::sent::Sent;
use super::{Shared, add};
use crate::error::{ErrorKind, OrFail, Result};

/// How long a connection may take; how long the answer may, the program knows best.
const CONNECT: Duration = Duration::from_secs(60);
const SILENCE: Duration = Duration::from_secs(3600);
/// What of a body is kept in memory.
const BODY_BYTES_MAX: usize = 1 << 20;
/// What is read at once, and how many pieces wait for the program.
const PIECE_BYTES: usize = 64 << 10;
const PIECES_WAITING_MAX: usize = 4;
/// What is about one connection, and not about what is asked.
const OF_CONNECTIONS: [HeaderName; 8] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
];
/// As above, of an older time.
const OLDER: [&str; 2] = ["keep-alive", "proxy-connection"];

/// What a request brought along; what is too large is in a file.
struct Brought {
    body: Body,
    _file: Option<NamedTempFile>,
}

/// The head of an answer: its status, its headers, and the length of its body where that is known.
type Head = (StatusCode, HeaderMap, Option<u64>);

/// Answers a request for a URL.
pub(super) async fn ask(request: Request<Incoming>, url: String, shared: Arc<Shared>) -> Response<Sent> {
    let (parts, body) = request.into_parts();
    let brought = match bring(&parts, body).await {
        Ok(brought) => brought,
        Err(error) => return refusal(StatusCode::BAD_GATEWAY, &error.to_string()),
    };
    let (told, head) = oneshot::channel();
    let (sender, pieces) = mpsc::channel(PIECES_WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        let answer = match answer(&shared, &parts, &url, &brought) {
            Ok(answer) => answer,
            Err((status, words)) => return drop(told.send(Err((status, words)))),
        };
        let mut body = answer.body;
        if told.send(Ok(head_of(answer.status, &answer.headers))).is_ok() {
            pass_on(&mut body, &sender);
        }
    });
    match head.await {
        Ok(Ok((status, headers, length))) => {
            let mut response = Response::new(Sent::of(pieces, length));
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            response
        }
        Ok(Err((status, words))) => refusal(status, &words),
        Err(_) => refusal(StatusCode::BAD_GATEWAY, "the request was not made"),
    }
}

fn refusal(status: StatusCode, words: &str) -> Response<Sent> {
    let mut response = Response::new(Sent::text(format!("{words}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// The answer to a program that is none of the run's.
pub(super) fn who_are_you() -> Response<Sent> {
    let words = "this is the proxy of a run, and its programs find the password in http_proxy";
    let mut response = refusal(StatusCode::PROXY_AUTHENTICATION_REQUIRED, words);
    response.headers_mut().insert(header::PROXY_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"dc\""));
    response
}

/// Reads what a request brings along.
async fn bring(parts: &request::Parts, mut body: Incoming) -> Result<Brought> {
    if body.is_end_stream() {
        return Ok(Brought { body: Body::None, _file: None });
    }
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let what = || "read the body of a program's request".to_owned();
    let (mut bytes, mut file) = (Vec::new(), None::<NamedTempFile>);
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let piece = frame.or_fail(what)?.into_data().unwrap_or_default();
        match &mut file {
            Some(file) => file.write_all(&piece).or_fail(what)?,
            None => bytes.extend_from_slice(&piece),
        }
        if bytes.len() > BODY_BYTES_MAX {
            let mut new = NamedTempFile::new().or_fail(what)?;
            new.write_all(&std::mem::take(&mut bytes)).or_fail(what)?;
            file = Some(new);
        }
    }
    let body = match &file {
        Some(file) => Body::File { path: file.path().to_owned(), content_type },
        None => Body::Bytes { bytes: bytes.into(), content_type },
    };
    Ok(Brought { body, _file: file })
}

/// Asks once, as it is.
fn answer(
    shared: &Shared,
    parts: &request::Parts,
    url: &str,
    brought: &Brought,
) -> Result<Answer, (StatusCode, String)> {
    let failed = |cause: &dyn std::fmt::Display| (StatusCode::BAD_GATEWAY, format!("ask {url}: {cause}"));
    let url = Url::parse(url).map_err(|cause| failed(&cause))?;
    let session = &shared.session;
    let rules = session.hosts.of(&url).map_err(|error| failed(&error))?;
    let proxies = session.ways.of(&session.hosts, &url).map_err(|error| failed(&error))?;
    let way = proxies.take(url.host_str().unwrap_or_default(), None).map_err(|error| failed(&error))?;
    let mut headers = without_connection(&parts.headers);
    headers.remove(header::HOST);
    if !brought.body.is_none() || parts.headers.contains_key(header::CONTENT_LENGTH) {
        let length = brought.body.length().map_err(|error| failed(&error))?;
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    // what a session does, so that what is a credential in one place is none in another
    headers.iter().for_each(|(name, value)| {
        session.hider.learn_header(name.as_str(), &String::from_utf8_lossy(value.as_bytes()));
    });
    session.hider.learn_query(&url);
    let asked = Asked {
        method: parts.method.clone(),
        url,
        headers,
        body: &brought.body,
        timeouts: Timeouts { connect: CONNECT, read: SILENCE, total: None },
        deadline: None,
        way: way.as_deref(),
        unpack: true,
    };
    let place = host::key(&asked.url);
    exchange(session, &rules, None, &asked).inspect(|_| shared.note(|passed| passed.answered += 1)).map_err(
        |Failure { error, .. }| {
            let is_missing = session.replay().is_some() && error.kind() == ErrorKind::NotFound;
            let words = match error.hint_text() {
                Some(hint) => format!("{error}\n{hint}"),
                None => error.to_string(),
            };
            if !is_missing {
                shared.note(|passed| passed.answered += 1);
                return (StatusCode::BAD_GATEWAY, words);
            }
            log::warn!("{error}");
            shared.note(|passed| {
                passed.missing += 1;
                add(&mut passed.places, &place);
            });
            (StatusCode::GATEWAY_TIMEOUT, words)
        },
    )
}

/// Headers without those that are about one connection.
fn without_connection(headers: &HeaderMap) -> HeaderMap {
    let named: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(|name| name.trim().to_ascii_lowercase()))
        .collect();
    let is_kept = |name: &HeaderName| {
        !OF_CONNECTIONS.contains(name) && !OLDER.contains(&name.as_str()) && !named.iter().any(|it| it == name.as_str())
    };
    headers.iter().filter(|(name, _)| is_kept(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The head of an answer whose body comes unpacked.
fn head_of(status: u16, headers: &HeaderMap) -> Head {
    let mut headers = without_connection(headers);
    let is_packed = headers.remove(header::CONTENT_ENCODING).is_some();
    let length = headers.remove(header::CONTENT_LENGTH);
    let length = length.filter(|_| !is_packed).and_then(|length| length.to_str().ok()?.parse().ok());
    (StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY), headers, length)
}

/// Reads a body to its end, for as long as the program wants it.
fn pass_on(body: &mut impl Read, sender: &mpsc::Sender<io::Result<Bytes>>) {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = match body.read(&mut piece) {
            Ok(0) => return,
            Ok(count) => Ok(Bytes::copy_from_slice(&piece[..count])),
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
            Err(cause) => Err(cause),
        };
        let has_failed = read.is_err();
        if sender.blocking_send(read).is_err() || has_failed {
            return;
        }
    }
}
