//! Connections of programs: plain requests, and tunnels, in which TLS is ended.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::select;
use hyper::body::Incoming;
use hyper::header::PROXY_AUTHORIZATION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::sent::Sent;
use super::{Shared, add, asking};

/// The first byte of TLS: a handshake.
const HANDSHAKE: u8 = 0x16;
/// Where a program says nothing for so long it waits for the server to begin.
const BEGINNING: Duration = Duration::from_secs(1);
/// How long nobody is let in when the system has no more file descriptors.
const BREATH: Duration = Duration::from_millis(100);

/// One program's connection: it counts as open until it goes.
#[derive(Clone)]
struct Visit {
    shared: Arc<Shared>,
    _open: mpsc::Sender<()>,
}

/// Accepts connections until `end`; those that are open then have `patience` to finish.
pub(super) async fn attend(
    listener: std::net::TcpListener,
    shared: Arc<Shared>,
    end: oneshot::Receiver<()>,
    patience: Duration,
) {
    let (open, mut all) = mpsc::channel(1);
    let visit = Visit { shared, _open: open };
    select(Box::pin(let_in(listener, visit)), end).await;
    let _ = timeout(patience, all.recv()).await;
}

async fn let_in(listener: std::net::TcpListener, visit: Visit) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(cause) => return log::error!("requests of other programs are not seen: {cause}"),
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(serve(stream, None, visit.clone()))),
            Err(cause) => {
                log::debug!("no program is let in for a moment: {cause}");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

/// Answers the requests on a connection; within a tunnel they are for this place.
async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S, within: Option<String>, visit: Visit) {
    let service = service_fn(move |request| answer(request, within.clone(), visit.clone()));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(cause) = served.await {
        log::debug!("the connection of a program ended: {cause}");
    }
}

/// As [`serve`], for what was asked of it itself.
fn serve_within<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    place: String,
    visit: Visit,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(serve(stream, Some(place), visit))
}

async fn answer(
    request: Request<Incoming>,
    within: Option<String>,
    visit: Visit,
) -> Result<Response<Sent>, Infallible> {
    let shared = &visit.shared;
    let is_known =
        || request.headers().get(PROXY_AUTHORIZATION).is_some_and(|it| it.as_bytes() == shared.login.as_bytes());
    if within.is_none() && !is_known() {
        return Ok(asking::who_are_you());
    }
    let uri = request.uri();
    let url = match (&within, uri.authority()) {
        (None, Some(place)) if request.method() == Method::CONNECT => {
            let place = place.to_string();
            tokio::spawn(async move {
                match hyper::upgrade::on(request).await {
                    Ok(tunnel) => look_into(TokioIo::new(tunnel), &place, &visit).await,
                    Err(cause) => log::debug!("a tunnel to {place} did not come about: {cause}"),
                }
            });
            return Ok(Response::new(Sent::text(String::new())));
        }
        (Some(place), _) => {
            let rest = uri.path_and_query().map_or("/", |it| it.as_str());
            format!("https://{place}{rest}")
        }
        (None, Some(_)) => uri.to_string(),
        (None, None) => {
            let mut refused = Response::new(Sent::text("this is a proxy: ask it for a whole URL\n".to_owned()));
            *refused.status_mut() = StatusCode::BAD_REQUEST;
            return Ok(refused);
        }
    };
    Ok(asking::ask(request, url, Arc::clone(shared)).await)
}

/// Ends TLS in a tunnel. What is nothing of the kind passes while it is recorded, and is refused while it is played back.
async fn look_into(mut tunnel: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, place: &str, visit: &Visit) {
    let shared = &visit.shared;
    let mut first = [0];
    let count = timeout(BEGINNING, tunnel.read(&mut first)).await;
    let begun = match count {
        Ok(Ok(0) | Err(_)) => return,
        Ok(Ok(_)) => Some(first[0]),
        Err(_) => None,
    };
    let mut tunnel = Begun { begun, inner: tunnel };
    if begun != Some(HANDSHAKE) {
        shared.note(|passed| add(&mut passed.unseen, place));
        if shared.session.replay().is_none()
            && let Ok(mut server) = TcpStream::connect(place).await
        {
            let _ = copy_bidirectional(&mut tunnel, &mut server).await;
        }
        return;
    }
    let host = place.rsplit_once(':').map_or(place, |(host, _)| host).trim_matches(['[', ']']);
    let config = match shared.authority.server(host) {
        Ok(config) => config,
        Err(error) => return log::warn!("{error}"),
    };
    match TlsAcceptor::from(config).accept(tunnel).await {
        // without its usual port a URL has none
        Ok(tls) => {
            let place = place.strip_suffix(":443").unwrap_or(place).to_owned();
            serve_within(tls, place, visit.clone()).await;
        }
        Err(cause) => {
            log::debug!("a program spoke to {place} and did not trust the run's authority: {cause}");
            shared.note(|passed| add(&mut passed.unseen, place));
        }
    }
}

/// A connection of which the first byte was read already.
struct Begun<S> {
    begun: Option<u8>,
    inner: S,
}

impl<S: AsyncRead + Unpin> AsyncRead for Begun<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() > 0
            && let Some(first) = self.begun.take()
        {
            buffer.put_slice(&[first]);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Begun<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
