//! The wire as servers use it: an answer may come before all of a request was sent, and its head may be one that ureq does not
//! read (`head.rs`). This layer stands between ureq and its connections.

use std::cell::Cell;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport, time};

use super::decode::Stream;
use super::head::{self, HEAD_BYTES_MAX, HEAD_LINES_MAX, Head};

/// Bytes of a connection's two buffers.
pub(super) const BUFFER_BYTES: usize = 16 << 10;
/// How often it is looked for an answer while a long body is sent.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// So many bytes tell the status of an answer.
const STATUS_BYTES: usize = b"HTTP/1.1 200".len();
/// How long such a look takes.
const LOOK: time::Duration = time::Duration::from_millis(1);

thread_local! {
    /// Nobody reads what this thread is sending.
    static IS_UNREAD: Cell<bool> = const { Cell::new(false) };
}

/// Wraps the connections of an agent.
#[derive(Debug)]
pub(super) struct Wires;

impl<In: Transport> Connector<In> for Wires {
    type Out = Wire<In>;

    fn connect(&self, _: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        Ok(chained.map(|inner| Wire {
            inner,
            phase: Phase::Rest,
            front: Front::default(),
            failed: None,
            is_over: false,
            is_unseen: false,
            is_sending: false,
            looked: Instant::now(),
        }))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Between requests, and within bodies of answers.
    Rest,
    /// A request is sent, or was: a head comes next.
    Asked,
    /// What is sent is not for us to understand.
    Tunnel,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Wire<T> {
    inner: T,
    phase: Phase,
    /// A head that ureq would not read, made so that it does.
    front: Front,
    /// Why nothing more can be sent.
    failed: Option<ureq::Error>,
    /// No second request goes this way.
    is_over: bool,
    /// An answer has come that ureq has not asked for.
    is_unseen: bool,
    /// ureq writes, and does not look for an answer yet.
    is_sending: bool,
    looked: Instant,
}

impl<T: Transport> Wire<T> {
    /// Looks whether a head has come, and makes it one that ureq reads.
    fn look(&mut self) -> Result<(), ureq::Error> {
        if self.phase != Phase::Asked || self.front.is_ready() {
            return Ok(());
        }
        let buffers = self.inner.buffers();
        let came = buffers.input().len();
        let found = match self.front.held.is_empty() {
            true => head::look(buffers.input()),
            false => {
                self.front.held.extend_from_slice(buffers.input());
                buffers.input_consume(came);
                head::look(&self.front.held)
            }
        };
        match found {
            Head::None => {
                self.phase = Phase::Rest;
                let ready = std::mem::take(&mut self.front.held);
                self.front = Front { ready, moves: true, ..Front::default() };
            }
            Head::Part { is_plain } if self.front.held.is_empty() && is_plain && came < BUFFER_BYTES => {}
            Head::Part { .. } if self.front.held.is_empty() => {
                self.front.held.extend_from_slice(buffers.input());
                buffers.input_consume(came);
            }
            Head::Part { .. } if self.front.held.len() <= HEAD_BYTES_MAX => {}
            Head::Whole { length, .. } if length > HEAD_BYTES_MAX => return Err(too_long()),
            Head::Part { .. } | Head::TooLong => return Err(too_long()),
            Head::Whole { length, is_plain } => {
                let held = std::mem::take(&mut self.front.held);
                let bytes = if held.is_empty() { &buffers.input()[..length] } else { &held[..length] };
                // after a word between comes the answer
                let is_between = bytes.get(9) == Some(&b'1') && bytes.get(10..12) != Some(b"01");
                if !is_between {
                    self.phase = Phase::Rest;
                }
                if !is_plain || !held.is_empty() {
                    let mut ready = head::plain(bytes);
                    if held.is_empty() {
                        buffers.input_consume(length);
                    }
                    let rest = held.get(length..).unwrap_or_default();
                    self.front = match is_between {
                        true => Front { ready, held: rest.to_vec(), moves: true, ..Front::default() },
                        false => {
                            ready.extend_from_slice(rest);
                            Front { ready, moves: true, ..Front::default() }
                        }
                    };
                }
            }
        }
        Ok(())
    }

    /// Whether a refusal has come, or the connection has ended, while something is sent.
    fn is_refused(&mut self, timeout: NextTimeout) -> bool {
        self.looked = Instant::now();
        let soon = NextTimeout { after: LOOK, ..timeout };
        // what has been judged by its status is not judged again
        let outcome = match self.front.held.len() {
            0..STATUS_BYTES => self.inner.await_input(soon),
            _ => return false,
        };
        match outcome {
            Ok(_) => {
                let buffers = self.inner.buffers();
                let came = buffers.input().len();
                self.front.held.extend_from_slice(buffers.input());
                buffers.input_consume(came);
                let held = &self.front.held;
                self.is_unseen = !held.is_empty();
                // one that agrees may go on reading: what is sent must arrive
                let is_refusal = held.starts_with(b"HTTP/1.") && matches!(held.get(9), Some(b'4' | b'5'));
                came == 0 || is_refusal
            }
            Err(ureq::Error::Timeout(_)) => false,
            Err(_) => true,
        }
    }
}

impl<T: Transport> Transport for Wire<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        if self.is_sending {
            return self.inner.buffers();
        }
        // an error is kept until the caller waits for more: this function can return none
        if let Err(error) = self.look() {
            self.failed.get_or_insert(error);
        }
        if self.front.is_active() { &mut self.front } else { self.inner.buffers() }
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.is_sending = true;
        if self.phase == Phase::Rest {
            let is_tunnel = self.inner.buffers().output().starts_with(b"CONNECT");
            self.phase = if is_tunnel { Phase::Tunnel } else { Phase::Asked };
            self.looked = Instant::now();
            IS_UNREAD.set(false);
        }
        if self.phase == Phase::Tunnel {
            return self.inner.transmit_output(amount, timeout);
        }
        if self.is_over {
            return Ok(());
        }
        if self.looked.elapsed() >= LOOK_EVERY && self.is_refused(timeout) {
            (self.is_over, _) = (true, IS_UNREAD.set(true));
            return Ok(());
        }
        self.inner.transmit_output(amount, timeout).or_else(|error| {
            // the server may have said why it takes no more
            (self.is_over, _) = (true, IS_UNREAD.set(true));
            self.failed = Some(error);
            Ok(())
        })
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.is_sending = false;
        if std::mem::take(&mut self.is_unseen) {
            return self.look().map(|()| true);
        }
        if self.front.is_ready() {
            // the rest of a body that came with its head is read together with what comes
            let came = self.inner.await_input(timeout)?;
            let buffers = self.inner.buffers();
            self.front.ready.extend_from_slice(buffers.input());
            let count = buffers.input().len();
            buffers.input_consume(count);
            return Ok(came);
        }
        if self.phase != Phase::Asked {
            return self.inner.await_input(timeout);
        }
        let outcome = self.inner.await_input(timeout).and_then(|came| self.look().map(|()| came));
        match (outcome, self.failed.take()) {
            (Ok(true), None) => Ok(true),
            // an answer has come all the same
            (Ok(true), Some(ureq::Error::Io(_) | ureq::Error::Timeout(_))) => Ok(true),
            (_, Some(error)) => Err(error),
            (outcome, None) => outcome,
        }
    }

    fn is_open(&mut self) -> bool {
        !self.is_over && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

/// A head on its way from the connection to ureq.
#[derive(Debug, Default)]
struct Front {
    /// The beginning of a head that ureq must not see yet.
    held: Vec<u8>,
    /// What ureq may read.
    ready: Vec<u8>,
    used: usize,
    /// What is there was not all looked at in vain.
    moves: bool,
    nothing: Vec<u8>,
}

impl Front {
    fn is_ready(&self) -> bool {
        self.used < self.ready.len()
    }

    fn is_active(&self) -> bool {
        self.is_ready() || !self.held.is_empty()
    }
}

impl Buffers for Front {
    fn output(&mut self) -> &mut [u8] {
        &mut self.nothing
    }

    fn input(&self) -> &[u8] {
        &self.ready[self.used..]
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        &mut self.nothing
    }

    fn input_appended(&mut self, _: usize) {}

    fn input_consume(&mut self, amount: usize) {
        self.moves = amount > 0;
        self.used += amount;
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        (&mut [], &mut self.nothing)
    }

    fn can_use_input(&self) -> bool {
        self.is_ready() && self.moves
    }
}

/// A head that is longer than anybody writes.
#[derive(Debug, thiserror::Error)]
#[error("the head of the answer has more than {} KiB or {HEAD_LINES_MAX} lines", HEAD_BYTES_MAX >> 10)]
pub(super) struct HeadTooLong;

fn too_long() -> ureq::Error {
    ureq::Error::Other(Box::new(HeadTooLong))
}

/// The body of a request on its way to the wire: of one that nobody reads any more no more is read.
pub(super) struct Upload {
    body: Stream,
    left: u64,
}

impl Upload {
    pub(super) fn new(body: Stream, length: u64) -> Self {
        IS_UNREAD.set(false);
        Self { body, left: length }
    }
}

impl Read for Upload {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match IS_UNREAD.get() {
            false => self.body.read(buffer)?,
            true => {
                // it goes nowhere; ureq counts
                let count = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                buffer[..count].fill(0);
                count
            }
        };
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}
