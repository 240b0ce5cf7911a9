//! A server that no client can block: each has a bound of its own, and when too many are there, who came first goes.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::peer::Peer;
use crate::error::{Error, ErrorKind, OrFail, Result};

/// How long a client may take to say what it wants.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// How long it may take in all, its reading of the answer included.
const CLIENT_LIMIT: Duration = Duration::from_secs(30);
/// The most bytes of a request's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// So many clients are served at once; the next one takes the place of who has been there longest.
const CLIENTS_MAX: usize = 256;
/// Threads that wait for the database.
const WAITING_THREADS_MAX: usize = 4;
/// How long nobody is let in when the system has no more file descriptors.
const BREATH: Duration = Duration::from_millis(100);

/// A place where clients are let in.
pub(super) struct Server(TcpListener, SocketAddr);

impl Server {
    /// Takes an address with a port, or a port of this machine alone.
    ///
    /// # Errors
    /// Usage for a place that is none; busy when it is taken.
    pub(super) fn bind(place: &str) -> Result<Self> {
        let place = if place.contains(':') { place.to_owned() } else { format!("127.0.0.1:{place}") };
        let listener = TcpListener::bind(&place).and_then(|listener| {
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok(Self(listener, address))
        });
        listener.map_err(|cause| {
            let kind = if cause.kind() == std::io::ErrorKind::AddrInUse { ErrorKind::Busy } else { ErrorKind::Usage };
            Error::new(kind, format!("listen at {place}")).because(cause).hint("--listen takes 127.0.0.1:PORT")
        })
    }

    /// Where it is.
    pub(super) fn address(&self) -> SocketAddr {
        self.1
    }

    /// Whether only processes of this machine can reach it.
    pub(super) fn is_local(&self) -> bool {
        self.1.ip().to_canonical().is_loopback()
    }

    /// Serves on threads of its own until the process ends.
    ///
    /// # Errors
    /// When no thread can be had.
    pub(super) fn serve(self, router: Router) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(WAITING_THREADS_MAX)
            .build()
            .or_fail(|| "prepare the web server".to_owned())?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(self.0).or_fail(|| "prepare the web server".to_owned())?
        };
        let thread = std::thread::Builder::new().name("web".to_owned());
        thread
            .spawn(move || runtime.block_on(let_in(listener, router)))
            .or_fail(|| "start a thread for the web server".to_owned())?;
        Ok(())
    }
}

async fn let_in(listener: tokio::net::TcpListener, router: Router) {
    let mut clients: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let (stream, client) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(cause) => {
                log::debug!("nobody is let in for a moment: {cause}");
                clients.drain(..).for_each(|client| client.abort());
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        clients.retain(|client| !client.is_finished());
        if clients.len() >= CLIENTS_MAX
            && let Some(oldest) = clients.pop_front()
        {
            oldest.abort();
        }
        clients.push_back(tokio::spawn(attend(stream, client, router.clone())).abort_handle());
    }
}

async fn attend(stream: TcpStream, client: SocketAddr, router: Router) {
    let peer = stream.local_addr().ok().map(|server| Peer { client, server });
    let inner = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        inner.call(request)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(CLIENT_LIMIT, served).await {
        Ok(Ok(())) => {}
        Ok(Err(cause)) => log::debug!("the client {client} has gone: {cause}"),
        Err(_) => log::debug!("the client {client} took longer than {} s", CLIENT_LIMIT.as_secs()),
    }
}
