//! Dramatiq, wire compatible: Python sends and Rust works, and the other way round, on one queue of RabbitMQ. Messages,
//! queues, delays, retries, dead letters, pipes and callbacks are those of the package `dramatiq` from PyPI. Beyond it,
//! messages are counted in the database before they are executed, so that one that kills its worker is a dead letter
//! after two deaths, and an effect that was made is not made again when the message comes twice.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use data_collector::context::Context;
//! use data_collector::dramatiq::{Actors, Failure, Message, Worker, WorkerOptions, send};
//!
//! # fn main() -> data_collector::error::Result<()> {
//! # let context: Context = unimplemented!();
//! // a worker of its own program; `dc run` of an app with a section [dramatiq] keeps one for actors in any language
//! let actors = Actors::new().actor("find_names", |(text,): (String,)| {
//!     if text.is_empty() {
//!         return Err(Failure::permanent("there is no text"));
//!     }
//!     Ok(text.split(' ').filter(|word| word.starts_with(char::is_uppercase)).count())
//! });
//! let worker = Worker::start(&context, actors, &WorkerOptions { threads: 4, ..WorkerOptions::default() })?;
//!
//! // from here or from Python: find_names.send_with_options(args=("Ana lives in Split",), delay=60_000)
//! let message = Message::new("default", "find_names").argument("Ana lives in Split")?;
//! send(&context, &[message.delay(Duration::from_secs(60))])?;
//! worker.stop();
//! # Ok(())
//! # }
//! ```
//!
//! **Time limits.** A thread cannot be killed: when the time of an actor in Rust is over, its message is settled as failed
//! and tried again, `Call::cancellation` is set, and another thread takes the place of its own. What it brings later is
//! not looked at. A program ([`ProgramOptions`]) is a process, and killed.
//!
//! **Delays.** A delayed message is held, without being acknowledged, for at most 20 minutes, since RabbitMQ closes the
//! channel of whoever holds one for 30; what waits for longer stands in the database.

mod actors;
mod after;
mod arguments;
mod call;
mod dead;
mod depth;
#[cfg(any(test, fuzzing))]
#[path = "../../fuzz/targets/dramatiq.rs"]
pub(crate) mod fuzzing;
mod json;
mod judge;
mod message;
mod program;
mod queues;
mod rules;
mod scan;
mod send;
mod worker;

pub use actors::Actors;
pub use call::{Call, Failure, FailureKind};
pub use dead::{DEAD_MAX, DeadLetter, Resent, dead, look_at_dead, resend};
pub use depth::{QueueDepth, depths};
pub use json::{Fields, Json};
pub use message::Message;
pub use program::ProgramOptions;
pub use queues::{check_queue, dead_letters_of, queue_topology};
pub use rules::ActorOptions;
pub use send::{Sender, send};
pub use worker::{Worker, WorkerOptions};
