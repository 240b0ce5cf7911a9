//! `dc actor-worker`: what `dc run` starts in place of an app that works for queues of Dramatiq. It takes messages and has
//! them done by the app's own program, so that output, limits and the end of such a run are those of any other.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::apps::AppDefinition;
use crate::clock;
use crate::context::Context;
use crate::dramatiq::{ActorOptions, Actors, ProgramOptions, Worker, WorkerOptions};
use crate::error::{Error, ErrorKind, OrFail, Result};

/// What an actor worker is told, as one argument of its command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorWorkerOptions {
    /// The queues that messages are taken from.
    pub queues: Vec<String>,
    /// How many programs work at once.
    pub workers: usize,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// How long what runs is waited for at the end, in milliseconds.
    pub grace_ms: u64,
    /// Lengths of time and numbers that differ from Dramatiq's own.
    pub more: BTreeMap<String, String>,
}

impl ActorWorkerOptions {
    /// Those of an app with a section `[dramatiq]`; `None` for any other.
    pub(super) fn of(definition: &AppDefinition, grace: Duration) -> Option<Self> {
        let section = definition.dramatiq.as_ref()?;
        let more = [
            ("max_retries", section.max_retries.map(|number| number.to_string())),
            ("time_limit", section.time_limit.clone()),
            ("min_backoff", section.min_backoff.clone()),
        ];
        let given = more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Some(Self {
            queues: section.queues.clone(),
            workers: usize::try_from(section.workers).unwrap_or(1),
            command: definition.command.clone(),
            // what is left of it is for the worker itself
            grace_ms: u64::try_from(grace.mul_f64(0.7).as_millis()).unwrap_or(u64::MAX),
            more: given.collect(),
        })
    }

    /// As one argument.
    pub(super) fn to_json(&self) -> String {
        // texts and numbers always serialise
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the argument.
    ///
    /// # Errors
    /// Usage, for what is none.
    pub fn from_json(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|cause| {
            Error::new(ErrorKind::Usage, "read what an actor worker is told")
                .because(cause)
                .hint("dc run APP starts it")
        })
    }

    fn actor(&self) -> Result<ActorOptions> {
        let mut actor = ActorOptions::default();
        for (name, value) in &self.more {
            match name.as_str() {
                "max_retries" => {
                    actor.max_retries = Some(value.parse().or_fail(|| format!("read `{value}` as a number"))?);
                }
                "time_limit" => actor.time_limit = Some(clock::duration(value)?),
                "min_backoff" => actor.min_backoff = clock::duration(value)?,
                _ => return Err(Error::new(ErrorKind::Usage, format!("set `{name}` of an actor: it is unknown"))),
            }
        }
        Ok(actor)
    }
}

/// Works in this folder until somebody asks to stop.
///
/// # Errors
/// What keeps a worker from starting.
pub fn work_for_queues(context: &Context, options: &ActorWorkerOptions) -> Result<()> {
    let shell = context.shell().clone();
    let program = ProgramOptions {
        command: options.command.clone(),
        folder: PathBuf::from("."),
        // `dc run` reads it as any output of an app; nobody is left to be told when that is gone
        on_line: Arc::new(move |line| {
            let _ = writeln!(shell.data(false), "{line}");
        }),
    };
    let actors = Actors::new().program(options.actor()?, program);
    let worker = WorkerOptions {
        threads: options.workers,
        queues: options.queues.clone(),
        grace: Duration::from_millis(options.grace_ms),
        ..WorkerOptions::default()
    };
    Worker::run(context, actors, &worker)
}
