//! What has to be there before anything is sent or received. Declared anew on each connection: a broker may have lost it.

/// Exchanges, queues and what leads from one to the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topology {
    /// The exchanges.
    pub exchanges: Vec<Exchange>,
    /// The queues.
    pub queues: Vec<Queue>,
    /// What leads from an exchange to a queue.
    pub bindings: Vec<Binding>,
}

/// An exchange, durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Its name.
    pub name: String,
    /// How it finds queues.
    pub kind: ExchangeKind,
}

/// How an exchange finds the queues for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExchangeKind {
    /// By the very key.
    Direct,
    /// By patterns of the key's words: `*` for one, `#` for any number.
    Topic,
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Whether it outlasts the broker's restart.
    pub is_durable: bool,
    /// Its arguments; a queue that is there with others is an error.
    pub arguments: Vec<(String, Argument)>,
}

/// The value of a queue's argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
}

/// What leads from an exchange to a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The exchange.
    pub exchange: String,
    /// The queue.
    pub queue: String,
    /// The key, or a pattern of keys.
    pub key: String,
}

impl Queue {
    /// A durable queue without arguments.
    pub fn durable(name: impl Into<String>) -> Self {
        Self { name: name.into(), is_durable: true, arguments: Vec::new() }
    }

    /// With one more argument.
    #[must_use]
    pub fn with(mut self, name: &str, value: Argument) -> Self {
        self.arguments.push((name.to_owned(), value));
        self
    }

    /// What is rejected goes into this queue.
    #[must_use]
    pub fn dead_letters(self, queue: &str) -> Self {
        self.with("x-dead-letter-exchange", Argument::Text(String::new()))
            .with("x-dead-letter-routing-key", Argument::Text(queue.to_owned()))
    }
}
