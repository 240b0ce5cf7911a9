//! The channel that messages are sent by: each is confirmed, and told whether a queue took it.

use std::time::{Duration, Instant};

use amiquip::{Channel, Confirm, ConfirmSmoother, Publish, Return};
use crossbeam_channel::Receiver;

use super::super::{Envelope, Taken};
use super::{failed, properties};
use crate::error::{Error, ErrorKind, Result};

/// So many messages are under way before the broker's word is waited for.
const UNCONFIRMED_MAX: usize = 256;

/// A channel whose confirmations are counted.
pub(super) struct Publishing {
    channel: Channel,
    confirms: Receiver<Confirm>,
    returns: Receiver<Return>,
    smoother: ConfirmSmoother,
}

impl Publishing {
    pub(super) fn open(channel: Channel) -> Result<Self> {
        let fail = |cause| failed("prepare to send", &cause);
        let confirms = channel.listen_for_publisher_confirms().map_err(fail)?;
        let returns = channel.listen_for_returns().map_err(fail)?;
        channel.enable_publisher_confirms().map_err(fail)?;
        Ok(Self { channel, confirms, returns, smoother: ConfirmSmoother::new() })
    }

    pub(super) fn publish(&mut self, envelopes: &[Envelope], patience: Duration) -> Result<Vec<Taken>> {
        let until = Instant::now() + patience;
        let mut all = Vec::with_capacity(envelopes.len());
        for some in envelopes.chunks(UNCONFIRMED_MAX) {
            for envelope in some {
                let publish = Publish {
                    mandatory: true,
                    ..Publish::with_properties(&envelope.body, &envelope.key, properties(&envelope.properties))
                };
                self.channel
                    .basic_publish(&envelope.exchange, publish)
                    .map_err(|cause| failed("send to the broker", &cause))?;
            }
            self.wait(some.len(), until)?;
            let mut taken = vec![Taken::ByQueue; some.len()];
            // what no queue took comes back before its confirmation, in the order in which it was sent
            let mut from = 0;
            for back in self.returns.try_iter() {
                let is_this = |envelope: &Envelope| {
                    (envelope.exchange.as_str(), envelope.key.as_str(), envelope.body.as_slice())
                        == (back.exchange.as_str(), back.routing_key.as_str(), back.content.as_slice())
                };
                if let Some(place) = some[from..].iter().position(is_this) {
                    taken[from + place] = Taken::ByNobody;
                    from += place + 1;
                }
            }
            all.extend(taken);
        }
        Ok(all)
    }

    /// Waits for as many confirmations.
    fn wait(&mut self, count: usize, until: Instant) -> Result<()> {
        let busy = |reason: &str| Error::new(ErrorKind::Busy, format!("send to the broker: {reason}"));
        let mut confirmed = 0;
        while confirmed < count {
            let confirm = self.confirms.recv_deadline(until).map_err(|_| busy("it did not confirm in time"))?;
            // all of them are taken, or the next ones are miscounted
            for confirm in self.smoother.process(confirm).collect::<Vec<_>>() {
                match confirm {
                    Confirm::Ack(_) => confirmed += 1,
                    Confirm::Nack(_) => return Err(busy("it did not keep a message")),
                }
            }
        }
        Ok(())
    }
}
