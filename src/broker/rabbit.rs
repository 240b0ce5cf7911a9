//! RabbitMQ through amiquip: one connection, owned by one thread; success only on the broker's word, and a deadline on
//! everything that waits.

mod consumer;
mod publishing;

use std::path::Path;
use std::time::Duration;

use amiquip::{
    AmqpProperties, Auth, Channel, Connection, ConnectionBlockedNotification, ConnectionOptions, ConnectionTuning,
    ExchangeDeclareOptions, ExchangeType, FieldTable, QueueDeclareOptions,
};
use crossbeam_channel::Receiver;

use super::address::Address;
use super::table::{arguments, from_table, to_table};
use super::tls_stream::TlsStream;
use super::{
    Broker, Depth, Envelope, Event, ExchangeKind, Message, Next, Properties, Subscription, Taken, Topology, Verdict,
};
use crate::error::{Error, ErrorKind, OrFail, Result};
use publishing::Publishing;

/// How long the broker's welcome may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How often both sides say that they live.
const HEARTBEAT_S: u16 = 10;
/// AMQP's number for a message that outlasts a restart.
const PERSISTENT: u8 = 2;

/// An open connection.
pub(super) struct Rabbit {
    /// Taken when it is gone, for its last word.
    connection: Option<Connection>,
    blocked: Receiver<ConnectionBlockedNotification>,
    /// Why the broker takes nothing at present.
    is_blocked: Option<String>,
    publishing: Option<Publishing>,
}

impl Rabbit {
    /// Connects, with TLS where the address says so; `certificates` as for [`TlsStream::open`].
    ///
    /// # Errors
    /// Settings for a certificate that is not trusted, else temporary: it is away, or refuses the login.
    pub(super) fn connect(address: &Address, certificates: Option<&Path>) -> Result<Self> {
        let fail = |cause| failed("connect to the broker", &cause);
        let login = Auth::Plain { username: address.user.clone(), password: address.password.clone() };
        let options = ConnectionOptions::default()
            .auth(login)
            .virtual_host(address.virtual_host.as_str())
            .heartbeat(HEARTBEAT_S)
            .connection_timeout(Some(CONNECT_LIMIT));
        let tuning = ConnectionTuning::default().mem_channel_bound(1_024);
        let socket = address.connect()?;
        let mut connection = match address.is_encrypted {
            true => {
                let stream = TlsStream::open(socket, &address.host, certificates)?;
                Connection::insecure_open_stream(stream, options, tuning)
            }
            false => {
                let stream = mio::net::TcpStream::from_stream(socket)
                    .or_fail(|| "prepare the connection to the broker".to_owned())?;
                Connection::insecure_open_stream(stream, options, tuning)
            }
        }
        .map_err(fail)?;
        let blocked = connection.listen_for_connection_blocked().map_err(fail)?;
        Ok(Self { connection: Some(connection), blocked, is_blocked: None, publishing: None })
    }

    fn channel(&mut self) -> Result<Channel> {
        let gone = || Error::new(ErrorKind::Busy, "work with the broker: the connection is gone");
        let connection = self.connection.as_mut().ok_or_else(gone)?;
        connection.open_channel(None).map_err(|cause| failed("open a channel to the broker", &cause))
    }

    /// The error for a connection that is gone: its own word, where it has one.
    fn gone(&mut self) -> Error {
        match self.connection.take().map(Connection::close) {
            Some(Err(cause)) => failed("listen to the broker", &cause),
            _ => Error::new(ErrorKind::Busy, "listen to the broker: the connection was closed"),
        }
    }

    /// A broker that is short of memory or disk takes nothing, and whoever publishes would wait for it.
    ///
    /// # Errors
    /// Temporary, while it takes nothing.
    fn check_blocked(&mut self) -> Result<()> {
        for notification in self.blocked.try_iter() {
            self.is_blocked = match notification {
                ConnectionBlockedNotification::Blocked(reason) => Some(reason),
                ConnectionBlockedNotification::Unblocked => None,
            };
        }
        match &self.is_blocked {
            Some(reason) => Err(Error::new(ErrorKind::Busy, format!("send to the broker: it takes nothing: {reason}"))),
            None => Ok(()),
        }
    }
}

impl Broker for Rabbit {
    fn declare(&mut self, topology: &Topology) -> Result<()> {
        let channel = self.channel()?;
        for exchange in &topology.exchanges {
            let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
            let kind = match exchange.kind {
                ExchangeKind::Direct => ExchangeType::Direct,
                ExchangeKind::Topic => ExchangeType::Topic,
            };
            let fail = |cause| failed(&format!("declare the exchange `{}`", exchange.name), &cause);
            channel.exchange_declare(kind, &exchange.name, durable).map_err(fail)?;
        }
        for queue in &topology.queues {
            let options = QueueDeclareOptions {
                durable: queue.is_durable,
                arguments: arguments(&queue.arguments),
                ..QueueDeclareOptions::default()
            };
            let fail = |cause| failed(&format!("declare the queue `{}`", queue.name), &cause);
            channel.queue_declare(&queue.name, options).map_err(fail)?;
        }
        for binding in &topology.bindings {
            let fail = |cause| failed(&format!("bind the queue `{}`", binding.queue), &cause);
            channel.queue_bind(&binding.queue, &binding.exchange, &binding.key, FieldTable::new()).map_err(fail)?;
        }
        Ok(())
    }

    fn publish(&mut self, envelopes: &[Envelope], patience: Duration) -> Result<Vec<Taken>> {
        self.check_blocked()?;
        let mut publishing = match self.publishing.take() {
            Some(publishing) => publishing,
            None => Publishing::open(self.channel()?)?,
        };
        // what was not confirmed spoils the count, so a channel that failed is not used again
        let taken = publishing.publish(envelopes, patience)?;
        self.publishing = Some(publishing);
        Ok(taken)
    }

    fn consume(&mut self, subscription: &Subscription, each: &mut dyn FnMut(Event) -> Next) -> Result<()> {
        let channel = self.channel()?;
        match consumer::consume(&channel, subscription, each)? {
            consumer::End::Stopped => Ok(()),
            consumer::End::Gone => Err(self.gone()),
        }
    }

    fn depths(&mut self, queues: &[String]) -> Result<Vec<Option<Depth>>> {
        let mut depths = Vec::with_capacity(queues.len());
        for queue in queues {
            // a queue that is not there closes the channel
            let channel = self.channel()?;
            let declared = channel.queue_declare_passive(queue.as_str());
            depths.push(match declared {
                Ok(queue) => Some(Depth {
                    messages: queue.declared_message_count().map_or(0, u64::from),
                    consumers: queue.declared_consumer_count().map_or(0, u64::from),
                }),
                Err(cause) => match failed(&format!("look at the queue `{queue}`"), &cause) {
                    error if error.kind() == ErrorKind::NotFound => None,
                    error => return Err(error),
                },
            });
        }
        Ok(depths)
    }

    fn look_through(
        &mut self,
        queue: &str,
        count: usize,
        each: &mut dyn FnMut(&Message) -> Result<Verdict>,
    ) -> Result<()> {
        let channel = self.channel()?;
        consumer::look_through(&channel, queue, count, each)
    }
}

fn properties(properties: &Properties) -> AmqpProperties {
    let mut all = AmqpProperties::default();
    if let Some(content_type) = &properties.content_type {
        all = all.with_content_type(content_type.clone());
    }
    if properties.is_persistent {
        all = all.with_delivery_mode(PERSISTENT);
    }
    if let Some(priority) = properties.priority {
        all = all.with_priority(priority);
    }
    if let Some(message_id) = &properties.message_id {
        all = all.with_message_id(message_id.clone());
    }
    if !properties.headers.is_empty() {
        all = all.with_headers(to_table(&properties.headers));
    }
    all
}

/// A message as it was delivered; its body is taken out of the delivery.
fn message(delivery: &mut amiquip::Delivery) -> Message {
    let found = &delivery.properties;
    let properties = Properties {
        content_type: found.content_type().clone(),
        is_persistent: *found.delivery_mode() == Some(PERSISTENT),
        priority: *found.priority(),
        message_id: found.message_id().clone(),
        headers: found.headers().as_ref().map(from_table).unwrap_or_default(),
    };
    Message {
        exchange: delivery.exchange.clone(),
        key: delivery.routing_key.clone(),
        body: std::mem::take(&mut delivery.body),
        properties,
        is_redelivered: delivery.redelivered,
    }
}

/// The error for a failure of amiquip's. Most pass; what the broker refuses by its rules does not. The message holds no URL.
fn failed(what: &str, cause: &amiquip::Error) -> Error {
    let mut reason = cause.to_string();
    let mut inner = std::error::Error::source(cause);
    while let Some(deeper) = inner {
        reason.push_str(&format!(": {deeper}"));
        inner = deeper.source();
    }
    let code = match cause {
        amiquip::Error::ServerClosedChannel { code, .. } | amiquip::Error::ServerClosedConnection { code, .. } => *code,
        _ => 0,
    };
    match code {
        403 => Error::new(ErrorKind::Permission, format!("{what}: {reason}"))
            .hint("rabbitmqctl list_permissions -p VHOST shows what the broker's user may do"),
        404 => Error::new(ErrorKind::NotFound, format!("{what}: {reason}")),
        406 => Error::new(ErrorKind::Settings, format!("{what}: {reason}"))
            .hint("it is there with other arguments: delete it when it is empty, or declare it alike everywhere"),
        _ => Error::new(ErrorKind::Busy, format!("{what}: {reason}")),
    }
}
