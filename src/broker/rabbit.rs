//! RabbitMQ through amiquip: one connection, owned by one thread; success only on the broker's word, and a deadline on
//! everything that waits.

use std::path::Path;
use std::time::{Duration, Instant};

use amiquip::{
    AmqpProperties, AmqpValue, Auth, Channel, Confirm, Connection, ConnectionBlockedNotification, ConnectionOptions,
    ConnectionTuning, ConsumerMessage, ConsumerOptions, ExchangeDeclareOptions, ExchangeType, FieldTable, Publish,
    QueueDeclareOptions,
};
use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::address::Address;
use super::tls_stream::TlsStream;
use super::{Broker, CommandNote, Next, Notice};
use crate::error::{Error, ErrorKind, OrFail, Result};

/// The exchange that commands go through.
const EXCHANGE: &str = "dc_commands";
/// The key that reaches all managers; each has its own besides, its identity.
const BROADCAST: &str = "all";
/// Where messages go that cannot be understood.
const DEAD_LETTERS: &str = "dc_commands.dead";
/// A manager's queue goes when it was away for so long.
const QUEUE_EXPIRES_MS: i32 = 60_000;
/// Notes that are on their way to a manager at once.
const PREFETCH: u16 = 32;
/// How long the broker's welcome may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How often both sides say that they live.
const HEARTBEAT_S: u16 = 10;
/// How long a confirmation may take.
const CONFIRM_LIMIT: Duration = Duration::from_secs(2);
/// How often a consumer looks up.
const LOOK_UP_EVERY: Duration = Duration::from_millis(200);

/// An open connection.
pub(super) struct Rabbit {
    /// Taken when it is gone, for its last word.
    connection: Option<Connection>,
    blocked: Receiver<ConnectionBlockedNotification>,
}

impl Rabbit {
    /// Connects, with TLS where the address says so; `certificates` as for [`TlsStream::open`].
    ///
    /// # Errors
    /// Settings for a certificate that is not trusted, else temporary: it is away, or refuses the login.
    pub(super) fn connect(address: &Address, certificates: Option<&Path>) -> Result<Self> {
        let fail = |cause| away("connect to the broker", &cause);
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
        Ok(Self { connection: Some(connection), blocked })
    }

    /// A fresh channel with everything declared that notes need.
    fn channel(&mut self) -> Result<Channel> {
        let fail = |cause| away("prepare the broker", &cause);
        let gone = || Error::new(ErrorKind::Busy, "prepare the broker: the connection is gone");
        let channel = self.connection.as_mut().ok_or_else(gone)?.open_channel(None).map_err(fail)?;
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        channel.exchange_declare(ExchangeType::Direct, EXCHANGE, durable).map_err(fail)?;
        let kept = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(DEAD_LETTERS, kept).map_err(fail)?;
        Ok(channel)
    }

    /// The error for a connection that is gone: its own word, where it has one.
    fn gone(&mut self) -> Error {
        match self.connection.take().map(Connection::close) {
            Some(Err(cause)) => away("listen to the broker", &cause),
            _ => Error::new(ErrorKind::Busy, "listen to the broker: the connection was closed"),
        }
    }
}

impl Broker for Rabbit {
    fn publish(&mut self, note: &CommandNote) -> Result<()> {
        let fail = |cause| away("publish a note", &cause);
        // a broker that is short of memory takes nothing, and a publish would wait for it
        if let Some(ConnectionBlockedNotification::Blocked(reason)) = self.blocked.try_iter().last() {
            return Err(Error::new(ErrorKind::Busy, format!("publish a note: the broker takes none: {reason}")));
        }
        let channel = self.channel()?;
        channel.enable_publisher_confirms().map_err(fail)?;
        let confirms = channel.listen_for_publisher_confirms().map_err(fail)?;
        let body = note.to_json();
        let properties = AmqpProperties::default().with_content_type("application/json".to_owned());
        channel.basic_publish(EXCHANGE, Publish::with_properties(&body, BROADCAST, properties)).map_err(fail)?;
        match confirms.recv_timeout(CONFIRM_LIMIT) {
            Ok(Confirm::Ack(_)) => Ok(()),
            Ok(Confirm::Nack(_)) => Err(Error::new(ErrorKind::Busy, "publish a note: the broker did not keep it")),
            Err(_) => Err(Error::new(ErrorKind::Busy, "publish a note: the broker did not confirm it in time")),
        }
    }

    fn consume(&mut self, manager: &str, each: &mut dyn FnMut(Notice) -> Next) -> Result<()> {
        let fail = |cause| away("listen to the broker", &cause);
        let channel = self.channel()?;
        channel.qos(0, PREFETCH, false).map_err(fail)?;
        let mut arguments = FieldTable::new();
        arguments.insert("x-expires".to_owned(), AmqpValue::LongInt(QUEUE_EXPIRES_MS));
        arguments.insert("x-dead-letter-exchange".to_owned(), AmqpValue::LongString(String::new()));
        arguments.insert("x-dead-letter-routing-key".to_owned(), AmqpValue::LongString(DEAD_LETTERS.to_owned()));
        let options = QueueDeclareOptions { arguments, ..QueueDeclareOptions::default() };
        let queue = channel.queue_declare(format!("{EXCHANGE}.{manager}"), options).map_err(fail)?;
        for key in [BROADCAST, manager] {
            channel.queue_bind(queue.name(), EXCHANGE, key, FieldTable::new()).map_err(fail)?;
        }
        let consumer = queue.consume(ConsumerOptions::default()).map_err(fail)?;
        let mut next = each(Notice::Ready);
        let mut looked = Instant::now();
        while next == Next::On {
            next = match consumer.receiver().recv_timeout(LOOK_UP_EVERY) {
                Ok(ConsumerMessage::Delivery(delivery)) => match CommandNote::from_json(&delivery.body) {
                    Ok(note) => {
                        consumer.ack(delivery).map_err(fail)?;
                        each(Notice::Note(note))
                    }
                    Err(reason) => {
                        consumer.reject(delivery, false).map_err(fail)?;
                        each(Notice::Refused(reason))
                    }
                },
                Err(RecvTimeoutError::Timeout) => Next::On,
                Ok(_) | Err(RecvTimeoutError::Disconnected) => return Err(self.gone()),
            };
            if next == Next::On && looked.elapsed() >= LOOK_UP_EVERY {
                looked = Instant::now();
                next = each(Notice::Quiet);
            }
        }
        Ok(())
    }
}

/// The broker's failures are passing: commands travel by the database meanwhile. The message holds no URL.
fn away(what: &str, cause: &amiquip::Error) -> Error {
    let mut reason = cause.to_string();
    let mut inner = std::error::Error::source(cause);
    while let Some(deeper) = inner {
        reason.push_str(&format!(": {deeper}"));
        inner = deeper.source();
    }
    Error::new(ErrorKind::Busy, format!("{what}: {reason}"))
}
