//! Sends messages from any thread: a thread of its own owns the connection, and connects again when it is needed.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, channel, sync_channel};
use std::time::{Duration, Instant};

use super::{Broker, Envelope, Taken, Topology, connect};
use crate::context::Context;
use crate::error::{Error, ErrorKind, OrFail, Result};

/// So many wait to send at once; more are told that the broker is busy.
const WAITING_MAX: usize = 64;
/// After a failure nobody waits for another try of the same.
const PAUSE: Duration = Duration::from_millis(500);

/// Sends messages; success is the broker's word.
pub struct Publisher {
    requests: SyncSender<Request>,
}

struct Request {
    envelopes: Vec<Envelope>,
    until: Instant,
    answer: std::sync::mpsc::Sender<Result<Vec<Taken>>>,
}

impl Publisher {
    /// A publisher for the broker of the settings, which declares `topology` on each connection. It connects when there is
    /// something to send.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(context: &Context, topology: Topology) -> Result<Self> {
        let (requests, received) = sync_channel(WAITING_MAX);
        let context = context.clone();
        let thread = std::thread::Builder::new().name("publisher".to_owned());
        let run = move || Connected { context, topology, broker: None, failed: None }.run(&received);
        thread.spawn(run).or_fail(|| "start a thread for the broker".to_owned())?;
        Ok(Self { requests })
    }

    /// Sends messages, and waits until the broker has them all; for each whether a queue took it.
    ///
    /// # Errors
    /// Temporary, when the broker is away or does not confirm within `patience`: any of them may have arrived. Settings or
    /// permission, when it refuses the topology.
    pub fn publish(&self, envelopes: Vec<Envelope>, patience: Duration) -> Result<Vec<Taken>> {
        let busy = |reason: String| Error::new(ErrorKind::Busy, format!("send to the broker: {reason}"));
        let until = Instant::now() + patience;
        let (answer, answered) = channel();
        match self.requests.try_send(Request { envelopes, until, answer }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(busy(format!("{WAITING_MAX} others wait for it"))),
            Err(TrySendError::Disconnected(_)) => return Err(busy("its thread has ended".to_owned())),
        }
        let silent = || Err(busy(format!("it did not answer within {} s", patience.as_secs_f64())));
        answered.recv_timeout(patience).unwrap_or_else(|_| silent())
    }
}

/// The thread's own state.
struct Connected {
    context: Context,
    topology: Topology,
    broker: Option<Box<dyn Broker>>,
    failed: Option<(Instant, ErrorKind, String)>,
}

impl Connected {
    /// Sends until nobody can ask any more.
    fn run(mut self, requests: &Receiver<Request>) {
        while let Ok(Request { envelopes, until, answer }) = requests.recv() {
            let patience = until.saturating_duration_since(Instant::now());
            if patience.is_zero() {
                // nobody waits for it any more
                continue;
            }
            let sent = self.publish(&envelopes, patience);
            // whoever asked may have given up
            let _ = answer.send(sent);
        }
    }

    fn publish(&mut self, envelopes: &[Envelope], patience: Duration) -> Result<Vec<Taken>> {
        if let Some((at, kind, reason)) = &self.failed
            && at.elapsed() < PAUSE
        {
            return Err(Error::new(*kind, reason.clone()));
        }
        let sent = self.connected().and_then(|broker| broker.publish(envelopes, patience));
        self.failed = match &sent {
            Ok(_) => None,
            Err(error) => {
                self.broker = None;
                Some((Instant::now(), error.kind(), error.to_string()))
            }
        };
        sent
    }

    fn connected(&mut self) -> Result<&mut Box<dyn Broker>> {
        if self.broker.is_none() {
            let broker = connect(&self.context)?;
            let none =
                || Error::new(ErrorKind::Settings, "send to the broker: none is configured").hint("[broker] url");
            let mut broker = broker.ok_or_else(none)?;
            broker.declare(&self.topology)?;
            self.broker = Some(broker);
        }
        self.broker.as_mut().ok_or_else(|| Error::new(ErrorKind::Busy, "send to the broker: it is away"))
    }
}
