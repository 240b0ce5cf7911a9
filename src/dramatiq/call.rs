//! What an actor is given, and how it says that it could not do it.

use std::fmt;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use super::arguments;
use super::message::Message;
use crate::context::Cancellation;
use crate::error::Error;

/// One execution of a message.
pub struct Call<'a> {
    /// The message.
    pub message: &'a Message,
    /// Set when the time is over: whatever the actor brings after that is not looked at.
    pub cancellation: &'a Cancellation,
    /// When the time is over.
    pub deadline: Option<Instant>,
}

impl Call<'_> {
    /// The arguments: a tuple takes them in their order, a structure in the order of its fields and by name.
    ///
    /// # Errors
    /// Permanent, with the argument that does not fit. What Rust's JSON has no form for (`NaN`, `Infinity`, a lone
    /// surrogate) stands in `message.args` as it was written.
    pub fn arguments<A: DeserializeOwned>(&self) -> Result<A, Failure> {
        arguments::of(&self.message.args, &self.message.kwargs)
            .map_err(|cause| Failure::permanent(format!("the arguments do not fit: {cause}")).named("TypeError"))
    }
}

/// Whether it makes sense to try it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// It may pass: it is tried again until the retries are used up.
    Passing,
    /// It never will: the message goes to the dead letters.
    Permanent,
    /// The process died of it. The second death makes it a dead letter.
    Death,
    /// Nothing was done: the message goes back into its queue.
    NotBegun,
}

/// Why an actor could not do what it was asked for. Every error becomes one that may pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Whether it is tried again.
    pub kind: FailureKind,
    /// The name of its type, as Python has it: `KeyError`.
    pub class: String,
    /// What is wrong.
    pub message: String,
    /// After how long it is tried again, where the actor says so.
    pub delay: Option<Duration>,
}

impl Failure {
    /// One that may pass.
    pub fn passing(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Passing, class: "Error".to_owned(), message: message.into(), delay: None }
    }

    /// One that never passes.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Permanent, ..Self::passing(message) }
    }

    /// To be tried again after so long.
    pub fn retry_after(message: impl Into<String>, delay: Duration) -> Self {
        Self { class: "Retry".to_owned(), delay: Some(delay), ..Self::passing(message) }
    }

    /// With the name of its type.
    #[must_use]
    pub fn named(mut self, class: &str) -> Self {
        class.clone_into(&mut self.class);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.class, self.message)
    }
}

impl<E: std::error::Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let name = std::any::type_name::<E>();
        let name = name.split('<').next().unwrap_or(name);
        let class = name.rsplit("::").next().unwrap_or(name);
        let any: &dyn std::error::Error = &error;
        // ours tells its causes itself
        let message = match any.downcast_ref::<Error>() {
            Some(error) => error.to_string(),
            None => with_causes(any),
        };
        Self::passing(message).named(class)
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}
