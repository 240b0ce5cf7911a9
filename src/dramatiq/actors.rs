//! Actors by their names.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::call::{Call, Failure};
use super::json::Json;
use super::program::{Program, ProgramOptions};
use super::rules::ActorOptions;

type Work = Arc<dyn Fn(&Call<'_>) -> Result<Json, Failure> + Send + Sync>;

/// What a worker can do.
///
/// ```
/// use data_collector::dramatiq::{ActorOptions, Actors, Call, Failure};
///
/// let actors = Actors::new()
///     // positional arguments are a tuple; arguments by name are a structure that can be deserialised
///     .actor("find_names", |(text,): (String,)| Ok::<_, Failure>(text.split(' ').count()))
///     .actor_with(
///         "load",
///         ActorOptions { max_retries: Some(3), ..ActorOptions::on("ner") },
///         |call: &Call<'_>, (path,): (String,)| {
///             // whoever works for long looks at call.cancellation from time to time
///             if call.cancellation.is_cancelled() {
///                 return Err(Failure::passing("stopped"));
///             }
///             Ok(std::fs::read_to_string(path)?.len())
///         },
///     );
/// assert_eq!(actors.queues(), ["default", "ner"]);
/// ```
#[derive(Clone, Default)]
pub struct Actors {
    named: BTreeMap<String, (ActorOptions, Work)>,
    /// The queues of actors that work elsewhere.
    elsewhere: BTreeMap<String, String>,
    program: Option<(ActorOptions, ProgramOptions)>,
}

impl Actors {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// An actor on the queue `default`, with Dramatiq's own options.
    #[must_use]
    pub fn actor<A, R, E, F>(self, name: &str, work: F) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
        E: Into<Failure>,
        F: Fn(A) -> Result<R, E> + Send + Sync + 'static,
    {
        self.actor_with(name, ActorOptions::default(), move |_: &Call<'_>, arguments| {
            work(arguments).map_err(Into::into)
        })
    }

    /// An actor with options of its own, that is also given what it is called with: the message, the time that is left.
    #[must_use]
    pub fn actor_with<A, R, F>(mut self, name: &str, options: ActorOptions, work: F) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
        F: Fn(&Call<'_>, A) -> Result<R, Failure> + Send + Sync + 'static,
    {
        let work = move |call: &Call<'_>| {
            let result = work(call, call.arguments()?)?;
            Json::of(&result).map_err(|error| Failure::permanent(error.to_string()))
        };
        self.named.insert(name.to_owned(), (options, Arc::new(work)));
        self
    }

    /// An actor that takes and gives JSON as it is written: nothing is lost of `NaN`, of large numbers and of lone
    /// surrogates.
    #[must_use]
    pub fn plain_actor<F>(mut self, name: &str, options: ActorOptions, work: F) -> Self
    where
        F: Fn(&Call<'_>) -> Result<Json, Failure> + Send + Sync + 'static,
    {
        self.named.insert(name.to_owned(), (options, Arc::new(work)));
        self
    }

    /// An actor that works elsewhere, and the queue that it is asked through. Callbacks find it; one that nobody names is
    /// asked through the queue of the message.
    #[must_use]
    pub fn elsewhere(mut self, name: &str, queue: &str) -> Self {
        self.elsewhere.insert(name.to_owned(), queue.to_owned());
        self
    }

    /// A program that does whatever no other actor does, with options for all of that.
    #[must_use]
    pub fn program(mut self, options: ActorOptions, program: ProgramOptions) -> Self {
        self.program = Some((options, program));
        self
    }

    /// The queues of the actors, each once.
    pub fn queues(&self) -> Vec<String> {
        let named = self.named.values().map(|(options, _)| options.queue.clone());
        named.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// What holds for an actor; `None` for one that nobody knows.
    pub(super) fn options(&self, name: &str) -> Option<&ActorOptions> {
        let named = self.named.get(name).map(|(options, _)| options);
        named.or(self.program.as_ref().map(|(options, _)| options))
    }

    /// The queue that an actor is asked through, where that is known.
    pub(super) fn queue_of(&self, name: &str) -> Option<&str> {
        let named = self.named.get(name).map(|(options, _)| options.queue.as_str());
        named.or(self.elsewhere.get(name).map(String::as_str))
    }

    /// A pair of hands: it does one message after the other.
    pub(super) fn hand(&self) -> Hand {
        Hand { actors: self.clone(), program: None }
    }
}

/// What one thread works with.
pub(super) struct Hand {
    actors: Actors,
    /// Started when it is first needed.
    program: Option<Program>,
}

impl Hand {
    /// Does what a message asks for. A panic is a failure that may pass.
    pub(super) fn work(&mut self, call: &Call<'_>) -> Result<Json, Failure> {
        let name = &call.message.actor_name;
        let work = match (self.actors.named.get(name), &self.actors.program) {
            (Some((_, work)), _) => work,
            (None, Some((_, options))) => {
                return self.program.get_or_insert_with(|| Program::new(options.clone())).ask(call);
            }
            (None, None) => return Err(Failure::permanent(format!("no actor `{name}`")).named("ActorNotFound")),
        };
        catch_unwind(AssertUnwindSafe(|| work(call))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(Failure::passing(text.unwrap_or_else(|| "it panicked".to_owned())).named("Panic"))
        })
    }
}
