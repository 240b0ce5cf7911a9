//! A pipeline as it will work: its stages opened by what app.toml says of them, or what is wrong with it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::stage::{Failure, Stage};
use super::stages::{BuiltIn, Command, Flaw, Open, STAGES, Serve};
use super::workers::Workers;
use crate::apps::{
    AppDefinition, DEFINITION_FILE, FoundApp, PipelineDefinition, StageDefinition, StageWork, stage_error,
};
use crate::broker;
use crate::context::Context;
use crate::dramatiq::check_queue;
use crate::error::{Error, ErrorKind, Result};
use crate::redact::Redactor;

/// A pipeline as it will work.
pub(super) struct Plan {
    /// Its full name.
    pub(super) name: String,
    /// Its folder.
    pub(super) folder: PathBuf,
    /// What app.toml says.
    pub(super) definition: PipelineDefinition,
    /// Its stages, in their order.
    pub(super) stages: Vec<PlannedStage>,
    /// Their names.
    pub(super) order: Vec<String>,
    /// The SHA-256 of its files, where they were fetched from storage.
    pub(super) fetched: Option<Vec<u8>>,
    /// Finds secrets in what programs say.
    redactor: Redactor,
}

/// A stage as it will work.
pub(super) struct PlannedStage {
    /// What app.toml says.
    pub(super) definition: StageDefinition,
    /// `None` for one whose work an actor does, somewhere else.
    open: Option<Open>,
}

impl PlannedStage {
    pub(super) fn open(&self) -> Result<Box<dyn Stage>> {
        let Some(open) = &self.open else {
            return Err(Error::failed(format!("work on `{}` here: an actor does", self.definition.name)));
        };
        open()
    }

    /// The actor that does its work, and the queue that it is asked through.
    pub(super) fn actor(&self) -> Option<(&str, &str)> {
        match &self.definition.work {
            StageWork::Actor { actor, queue } => Some((actor, queue)),
            _ => None,
        }
    }
}

impl Plan {
    /// Reads the plan of an app.
    ///
    /// # Errors
    /// Settings (exit 3) with file and line for a stage that cannot work as it is written; usage for an app that is no
    /// pipeline.
    pub(super) fn of(context: &Context, app: &FoundApp, workers: &Workers) -> Result<Self> {
        let AppDefinition { pipeline, grace, .. } = &app.definition;
        let Some(definition) = pipeline else {
            return Err(Error::new(ErrorKind::Usage, format!("work {} off: it is no pipeline", app.name))
                .hint("an app.toml with [pipeline] and [[stage]] makes one"));
        };
        let grace = grace.unwrap_or(context.settings().run.grace);
        let mut stages = Vec::with_capacity(definition.stages.len());
        for (place, stage) in definition.stages.iter().enumerate() {
            let command = |command: &[String]| {
                let definition = AppDefinition { command: command.to_vec(), ..app.definition.clone() };
                let arguments: Vec<OsString> = definition.arguments().iter().map(OsString::from).collect();
                (definition.program(&app.folder), arguments)
            };
            let open: std::result::Result<Option<Open>, Flaw> = match &stage.work {
                StageWork::Command { command: line, serve } => {
                    let ((program, arguments), is_served) = (command(line), *serve);
                    check_program(&program).map(|()| -> Option<Open> {
                        Some(Box::new(move || {
                            let (program, arguments) = (program.clone(), arguments.clone());
                            Ok(match is_served {
                                true => Box::new(Serve { program, arguments, running: None }),
                                false => Box::new(Command { program, arguments, grace }),
                            })
                        }))
                    })
                }
                StageWork::BuiltIn { name, options } => {
                    built_in(name, &BuiltIn { context, folder: &app.folder, options }).map(Some)
                }
                StageWork::Worker(name) => workers.open(name).map(Some),
                StageWork::Actor { queue, .. } => check_actor(context, queue).map(|()| None),
            };
            let open = open.map_err(|flaw| error_of(app, place, &flaw))?;
            stages.push(PlannedStage { definition: stage.clone(), open });
        }
        let order = definition.stages.iter().map(|stage| stage.name.clone()).collect();
        let (name, folder) = (app.name.to_string(), app.folder.clone());
        let redactor = Redactor::of_run(context.settings());
        Ok(Self { name, folder, definition: definition.clone(), stages, order, fetched: None, redactor })
    }

    /// Takes secrets out of what a stage says of its failure: it is stored, logged, and told to people.
    pub(super) fn redact(&self, failure: &mut Failure) {
        failure.message = self.redactor.text(&failure.message).into_owned();
    }

    /// The place of a stage.
    pub(super) fn place(&self, stage: &str) -> Option<usize> {
        self.order.iter().position(|known| known == stage)
    }

    /// The places of the stages whose work an actor does, with the actor and its queue.
    pub(super) fn actors(&self) -> impl Iterator<Item = (usize, &str, &str)> {
        let stages = self.stages.iter().enumerate();
        stages.filter_map(|(place, stage)| stage.actor().map(|(actor, queue)| (place, actor, queue)))
    }

    /// The folders that are watched, absolute. Those in the app's own folder are where that stands.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        let watched = self.definition.watch.iter().map(Path::new);
        let here = watched.filter(|folder| self.fetched.is_none() || folder.is_absolute());
        here.map(|folder| self.folder.join(folder)).collect()
    }
}

fn built_in(name: &str, given: &BuiltIn<'_>) -> std::result::Result<Open, Flaw> {
    match STAGES.iter().find(|entry| entry.name == name) {
        Some(entry) => (entry.plan)(given),
        None => {
            let known: Vec<&str> = STAGES.iter().map(|entry| entry.name).collect();
            Err(Flaw::at("use", format!("names `{name}`, which is not built in; known: {}", known.join(", "))))
        }
    }
}

/// That a program of the pipeline's folder is there; one that is found on PATH may stand there on the machine that works.
fn check_program(program: &Path) -> std::result::Result<(), Flaw> {
    if program.is_absolute() && !program.exists() {
        return Err(Flaw::at("command", format!("names {}, which is not there", program.display())));
    }
    Ok(())
}

/// That an actor can be asked from here.
fn check_actor(context: &Context, queue: &str) -> std::result::Result<(), Flaw> {
    check_queue(queue).map_err(|error| Flaw::of("queue", &error))?;
    match broker::is_configured(context).map_err(|error| Flaw::of("actor", &error))? {
        true => Ok(()),
        false => Err(Flaw::at(
            "actor",
            "needs a broker, and none is configured: [broker] url = \"amqp://..\" in dc.toml, or DC_BROKER_URL",
        )),
    }
}

fn error_of(app: &FoundApp, place: usize, flaw: &Flaw) -> Error {
    let file = app.folder.join(DEFINITION_FILE);
    // a file that is gone by now has no line
    let text = fs::read_to_string(&file).unwrap_or_default();
    stage_error(&file.display().to_string(), &text, place, flaw.field.as_deref(), &flaw.reason)
}

/// That a pipeline can work as it is written, as far as this machine can tell.
///
/// # Errors
/// Settings (exit 3) with file and line.
pub fn check(context: &Context, app: &FoundApp) -> Result<()> {
    match app.definition.pipeline {
        Some(_) => Plan::of(context, app, &Workers::default()).map(drop),
        None => Ok(()),
    }
}
