//! TLS under AMQP: rustls over a socket that does not block, as amiquip's loop polls it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use amiquip::IoStream;
use mio::{Evented, Poll, PollOpt, Ready, Token};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::error::{Error, ErrorKind, OrFail, Result};

/// How long the handshake, or a broker that takes no more bytes, is waited for.
const WAIT_LIMIT: Duration = Duration::from_secs(5);

/// An encrypted connection to a broker, its certificate verified.
pub(super) struct TlsStream {
    tls: ClientConnection,
    socket: mio::net::TcpStream,
    /// The same socket, to wait on.
    waited: TcpStream,
}

impl TlsStream {
    /// Shakes hands. `certificates` names a PEM file to trust instead of the system's roots.
    ///
    /// # Errors
    /// Settings, when the certificates cannot be read or the broker's is not trusted; else temporary.
    pub(super) fn open(mut socket: TcpStream, host: &str, certificates: Option<&Path>) -> Result<Self> {
        let away = |cause: io::Error| shake_failed(host, &cause);
        let name = ServerName::try_from(host.to_owned()).or_fail(|| format!("read the broker's name {host}"))?;
        let config = Arc::new(config(certificates)?);
        let mut tls = ClientConnection::new(config, name).or_fail(|| "set up TLS".to_owned())?;
        socket
            .set_read_timeout(Some(WAIT_LIMIT))
            .and_then(|()| socket.set_write_timeout(Some(WAIT_LIMIT)))
            .map_err(away)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut socket).map_err(away)?;
        }
        let waited = socket.try_clone().map_err(away)?;
        socket.set_nonblocking(true).map_err(away)?;
        Ok(Self { tls, socket: mio::net::TcpStream::from_stream(socket).map_err(away)?, waited })
    }

    /// Sends what is encrypted already. amiquip polls for room only while it has bytes of its own, so the rest of a
    /// record is waited for here.
    fn send(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.socket) {
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => self.wait_for_room()?,
                sent => {
                    sent?;
                }
            }
        }
        Ok(())
    }

    fn wait_for_room(&self) -> io::Result<()> {
        let timeout = PollTimeout::try_from(WAIT_LIMIT).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(self.waited.as_fd(), PollFlags::POLLOUT)], timeout)? {
            0 => Err(io::Error::new(io::ErrorKind::TimedOut, "the broker takes no more bytes")),
            _ => Ok(()),
        }
    }
}

impl Read for TlsStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(buffer) {
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            if self.tls.read_tls(&mut self.socket)? == 0 {
                return Ok(0);
            }
            let processed = self.tls.process_new_packets();
            // an answer of the protocol's own: a key update, an alert
            self.send()?;
            processed.map_err(|cause| io::Error::new(io::ErrorKind::InvalidData, cause))?;
        }
    }
}

impl Write for TlsStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.tls.writer().write(bytes)?;
        self.send()?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

impl Evented for TlsStream {
    fn register(&self, poll: &Poll, token: Token, interest: Ready, options: PollOpt) -> io::Result<()> {
        self.socket.register(poll, token, interest, options)
    }

    fn reregister(&self, poll: &Poll, token: Token, interest: Ready, options: PollOpt) -> io::Result<()> {
        self.socket.reregister(poll, token, interest, options)
    }

    fn deregister(&self, poll: &Poll) -> io::Result<()> {
        self.socket.deregister(poll)
    }
}

impl IoStream for TlsStream {}

fn config(certificates: Option<&Path>) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    match certificates {
        Some(path) => {
            let wrong = |reason: String| {
                Error::new(ErrorKind::Settings, format!("read the certificates {}", path.display()))
                    .because(reason)
                    .hint("`broker.certificates` takes a PEM file")
            };
            let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
            roots.add_parsable_certificates(found.map_err(|cause| wrong(cause.to_string()))?);
            if roots.is_empty() {
                return Err(wrong("it holds no certificate".to_owned()));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .or_fail(|| "set up TLS".to_owned())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// A certificate that is not trusted stays so until somebody acts; everything else may pass.
fn shake_failed(host: &str, cause: &io::Error) -> Error {
    let is_untrusted = cause
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        .is_some_and(|inner| matches!(inner, rustls::Error::InvalidCertificate(_)));
    let message = format!("connect to the broker at {host} with TLS");
    if is_untrusted {
        return Error::new(ErrorKind::Settings, message)
            .because(cause.to_string())
            .hint("name the PEM file of its authority with `broker.certificates`");
    }
    Error::new(ErrorKind::Busy, message).because(cause.to_string())
}
