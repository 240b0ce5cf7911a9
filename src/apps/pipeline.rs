//! What an app.toml says about a pipeline: where its documents come from, and the stages that they go through.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::clock::length_text;

/// A pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PipelineDefinition {
    /// The folders that are watched, as written: relative to the app's folder.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub watch: Vec<String>,
    /// The ends of names that are taken, in small letters and without a dot; all where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
    /// When a file is complete.
    #[serde(serialize_with = "complete")]
    pub complete: Complete,
    /// Whether files stay where they are: for folders that others keep in order, or that nobody may write to.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub copy: bool,
    /// Whether folders in the folders are watched, too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub recursive: bool,
    /// How long originals are kept; `None` leaves it to the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<String>,
    /// How many documents each machine works on at once; `None` for one a processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<u32>,
    /// The stages, in their order; at least one. They are written beside the section.
    #[serde(skip)]
    pub stages: Vec<StageDefinition>,
}

impl PipelineDefinition {
    /// The queues that actors of its stages are asked through.
    pub fn queues(&self) -> impl Iterator<Item = &str> {
        self.stages.iter().filter_map(|stage| match &stage.work {
            StageWork::Actor { queue, .. } => Some(queue.as_str()),
            _ => None,
        })
    }
}

/// When a file is complete. One that a process of this machine has open for writing never is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Complete {
    /// When it has not changed for so long.
    Quiet(Duration),
    /// As soon as it is there: whoever writes files moves them in.
    Rename,
    /// When a file of the same name with this end stands beside it.
    Marker(String),
    /// When nobody on this machine has it open for writing any more.
    Lease,
}

impl Complete {
    /// As app.toml has it.
    pub fn text(&self) -> String {
        match self {
            Self::Quiet(length) => format!("quiet {}", length_text(*length)),
            Self::Rename => "rename".to_owned(),
            Self::Marker(end) => format!("marker {end}"),
            Self::Lease => "lease".to_owned(),
        }
    }
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageDefinition {
    /// Its name.
    pub name: String,
    /// What does its work.
    pub work: StageWork,
    /// The labels of machines on which it may work, one of which they must have; any where there are none.
    pub on: Vec<String>,
    /// How long an attempt may take; of an actor from when it is asked, with the time in its queue and its retries.
    pub timeout: Duration,
    /// How often it is tried.
    pub attempts: u32,
    /// How long it is waited before the second attempt; it doubles with each.
    pub retry_after: Duration,
    /// How many documents it works on at once on each machine; `None` for as many as the pipeline has workers. Of an actor:
    /// how many are with it at once, over all machines; `None` for 16.
    pub workers: Option<u32>,
}

/// What does the work of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageWork {
    /// A program: one process for each document, or one that serves many.
    Command {
        /// The program and its arguments.
        command: Vec<String>,
        /// Whether the process stays.
        serve: bool,
    },
    /// Something that dc has built in.
    BuiltIn {
        /// Its name in the registry.
        name: String,
        /// What it is told.
        options: Map<String, Value>,
    },
    /// A worker in Rust, of the program that embeds the library.
    Worker(String),
    /// An actor of Dramatiq.
    Actor {
        /// The actor.
        actor: String,
        /// Its queue.
        queue: String,
    },
}

impl StageDefinition {
    /// As app.toml has it.
    pub(super) fn to_json(&self) -> Value {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| {
            fields.insert(name.to_owned(), value);
        };
        put("name", self.name.as_str().into());
        match &self.work {
            StageWork::Command { command, serve } => {
                put("command", command.clone().into());
                if *serve {
                    put("serve", true.into());
                }
            }
            StageWork::BuiltIn { name, options } => {
                put("use", name.as_str().into());
                options.iter().for_each(|(name, value)| put(name, value.clone()));
            }
            StageWork::Worker(name) => put("worker", name.as_str().into()),
            StageWork::Actor { actor, queue } => {
                put("actor", actor.as_str().into());
                put("queue", queue.as_str().into());
            }
        }
        if !self.on.is_empty() {
            put("on", self.on.clone().into());
        }
        put("timeout", length_text(self.timeout).into());
        put("attempts", self.attempts.into());
        put("retry_after", length_text(self.retry_after).into());
        if let Some(workers) = self.workers {
            put("workers", workers.into());
        }
        Value::Object(fields)
    }
}

fn complete<S: serde::Serializer>(complete: &Complete, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&complete.text())
}
