//! The bytes between the driver and the server. The first exchange of the protocol, which agrees on encryption, and the TLS
//! handshake inside of it are done here, so that a certificate is checked as on every other backend; the driver is then told
//! that there is no encryption, and speaks through the line that has it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::io::{AsyncRead, AsyncWrite};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead as TokioRead, AsyncReadExt, AsyncWrite as TokioWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Bytes of a packet's header: kind, status, length of all (two), and four that say nothing to us.
const HEADER_BYTES: usize = 8;
/// The kinds of packets: of the first exchange, and of an answer.
const PRELOGIN: u8 = 0x12;
const ANSWER: u8 = 0x04;
/// "This was the last packet of the message".
const LAST: u8 = 1;
/// The options of the first exchange, and what stands behind the last.
const VERSION: u8 = 0;
const ENCRYPTION: u8 = 1;
const END: u8 = 0xff;
/// What is said of encryption.
pub(super) const ON: u8 = 1;
pub(super) const NOT_SUPPORTED: u8 = 2;
pub(super) const REQUIRED: u8 = 3;

/// A line to a server whose first exchange is done.
pub(crate) struct Wire {
    stream: Stream,
    /// What the driver has said of the first exchange, which nobody hears.
    said: Vec<u8>,
    is_greeted: bool,
    /// What the driver is answered to it, and how much of that it has.
    answer: Vec<u8>,
    given: usize,
}

enum Stream {
    Plain(TcpStream),
    Secure(Box<TlsStream<Framed>>),
}

/// What the server says of encryption, when it is asked for `wanted`.
///
/// # Errors
/// What the network says; `InvalidData` for a server that speaks something else.
pub(super) async fn greet(stream: &mut TcpStream, wanted: u8) -> io::Result<u8> {
    stream.write_all(&greeting(wanted, PRELOGIN)).await?;
    let mut header = [0; HEADER_BYTES];
    stream.read_exact(&mut header).await?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let strange = || io::Error::new(io::ErrorKind::InvalidData, "it speaks another protocol than SQL Server's");
    if header[0] != ANSWER || length < HEADER_BYTES {
        return Err(strange());
    }
    let mut body = vec![0; length - HEADER_BYTES];
    stream.read_exact(&mut body).await?;
    option(&body, ENCRYPTION).ok_or_else(strange)
}

/// The first byte of an option.
fn option(body: &[u8], wanted: u8) -> Option<u8> {
    body.chunks_exact(5).take_while(|entry| entry[0] != END).find(|entry| entry[0] == wanted).and_then(|entry| {
        let at = usize::from(u16::from_be_bytes([entry[1], entry[2]]));
        body.get(at).copied()
    })
}

/// A message of the first exchange: a version, and what is said of encryption.
fn greeting(encryption: u8, kind: u8) -> Vec<u8> {
    const OPTIONS_BYTES: u8 = 11;
    let version = [17, 0, 0, 0, 0, 0];
    let length = HEADER_BYTES as u8 + OPTIONS_BYTES + version.len() as u8 + 1;
    let mut out = vec![kind, LAST, 0, length, 0, 0, 1, 0];
    out.extend([VERSION, 0, OPTIONS_BYTES, 0, version.len() as u8]);
    out.extend([ENCRYPTION, 0, OPTIONS_BYTES + version.len() as u8, 0, 1, END]);
    out.extend(version);
    out.push(encryption);
    out
}

impl Wire {
    pub(super) fn plain(stream: TcpStream) -> Self {
        Self::over(Stream::Plain(stream))
    }

    /// Makes the line secure; its handshake travels in packets of the first exchange.
    ///
    /// # Errors
    /// What rustls or the network says.
    pub(super) async fn secure(stream: TcpStream, config: ClientConfig, host: &str) -> io::Result<Self> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("no certificate can be of the host `{host}`"))
        })?;
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, Framed::over(stream)).await?;
        stream.get_mut().0.is_framing = false;
        Ok(Self::over(Stream::Secure(Box::new(stream))))
    }

    fn over(stream: Stream) -> Self {
        let answer = greeting(NOT_SUPPORTED, ANSWER);
        Self { stream, said: Vec::new(), is_greeted: false, answer, given: 0 }
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.said.extend_from_slice(bytes);
        if let [_, _, high, low, ..] = self.said[..] {
            self.is_greeted = self.said.len() >= usize::from(u16::from_be_bytes([high, low]));
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.given < self.answer.len() {
            let count = out.len().min(self.answer.len() - self.given);
            out[..count].copy_from_slice(&self.answer[self.given..self.given + count]);
            self.given += count;
            return Poll::Ready(Ok(count));
        }
        let mut buffer = ReadBuf::new(out);
        match &mut self.stream {
            Stream::Plain(stream) => ready!(Pin::new(stream).poll_read(context, &mut buffer))?,
            Stream::Secure(stream) => ready!(Pin::new(stream).poll_read(context, &mut buffer))?,
        }
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.is_greeted {
            self.hear(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Secure(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Secure(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Secure(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

/// A line that wraps what it carries into packets of the first exchange, until the handshake is done.
struct Framed {
    stream: TcpStream,
    is_framing: bool,
    /// A packet that is being written, its header included, and how much of it has been sent.
    out: Vec<u8>,
    sent: usize,
    /// The header of the packet that is being read, as far as it is there.
    header: [u8; HEADER_BYTES],
    header_bytes: usize,
    /// What of its content is still to come.
    rest: usize,
}

impl Framed {
    fn over(stream: TcpStream) -> Self {
        let header = [0; HEADER_BYTES];
        Self { stream, is_framing: true, out: Vec::new(), sent: 0, header, header_bytes: 0, rest: 0 }
    }

    /// Sends the packet.
    fn poll_packet(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.sent == 0 && !self.out.is_empty() {
            let length = u16::try_from(self.out.len()).map_err(io::Error::other)?;
            self.out[2..4].copy_from_slice(&length.to_be_bytes());
        }
        while self.sent < self.out.len() {
            let count = ready!(Pin::new(&mut self.stream).poll_write(context, &self.out[self.sent..]))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += count;
        }
        self.out.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }
}

impl TokioRead for Framed {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.is_framing {
            return Pin::new(&mut self.stream).poll_read(context, out);
        }
        while self.rest == 0 {
            let (mut header, at) = (self.header, self.header_bytes);
            let mut buffer = ReadBuf::new(&mut header[at..]);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            let count = buffer.filled().len();
            if count == 0 {
                return Poll::Ready(Ok(()));
            }
            (self.header, self.header_bytes) = (header, at + count);
            if self.header_bytes == HEADER_BYTES {
                let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
                (self.rest, self.header_bytes) = (length.saturating_sub(HEADER_BYTES), 0);
            }
        }
        let most = self.rest.min(out.remaining());
        let mut part = ReadBuf::new(out.initialize_unfilled_to(most));
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
        let count = part.filled().len();
        self.rest -= count;
        out.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl TokioWrite for Framed {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.is_framing {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        }
        if self.sent > 0 {
            ready!(self.poll_packet(context))?;
        }
        if self.out.is_empty() {
            self.out.extend([PRELOGIN, LAST, 0, 0, 0, 0, 0, 0]);
        }
        self.out.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_packet(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_says_what_it_is_asked() {
        for encryption in [ON, NOT_SUPPORTED, REQUIRED] {
            let message = greeting(encryption, PRELOGIN);
            assert_eq!(usize::from(message[3]), message.len());
            assert_eq!(option(&message[HEADER_BYTES..], ENCRYPTION), Some(encryption));
        }
        assert_eq!(option(&[ENCRYPTION, 0, 90, 0, 1, END], ENCRYPTION), None);
        assert_eq!(option(&[END], ENCRYPTION), None);
    }
}
