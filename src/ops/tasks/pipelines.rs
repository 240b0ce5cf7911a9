//! The pipelines that are registered, and those that have left `apps/`: their names, and their stages in order.

use crate::apps::{AppDefinition, PipelineDefinition, choose};
use crate::error::{Error, ErrorKind, Result};
use crate::tables::{AppRow, Store};

/// A pipeline.
pub(super) struct Pipeline {
    pub(super) app: AppRow,
    pub(super) definition: PipelineDefinition,
}

/// All of them.
pub(super) struct Pipelines(Vec<Pipeline>);

impl Pipelines {
    /// Reads them.
    ///
    /// # Errors
    /// What the database says.
    pub(super) fn read(store: &mut Store) -> Result<Self> {
        let mut apps = store.apps().all()?;
        apps.extend(store.apps().archived()?);
        let pipeline = |app: AppRow| {
            // most apps are none, and are not read
            let definition = app.is_pipeline().then(|| AppDefinition::from_json(&app.definition).ok())??;
            definition.pipeline.map(|definition| Pipeline { app, definition })
        };
        Ok(Self(apps.into_iter().filter_map(pipeline).collect()))
    }

    /// Those that are registered now.
    pub(super) fn active(&self) -> impl Iterator<Item = &Pipeline> {
        self.0.iter().filter(|pipeline| pipeline.app.archive.is_none())
    }

    pub(super) fn of(&self, app_id: i64) -> Option<&Pipeline> {
        self.0.iter().find(|pipeline| pipeline.app.id == app_id)
    }

    /// The name of a pipeline; its number where it is known no more.
    pub(super) fn name(&self, app_id: i64) -> String {
        self.of(app_id).map_or_else(|| format!("pipeline {app_id}"), |pipeline| pipeline.app.name.to_string())
    }

    /// The numbers that these names have now, or had before.
    ///
    /// # Errors
    /// Usage for a name of several; not found.
    pub(super) fn ids(&self, typed: &[String]) -> Result<Vec<i64>> {
        let mut ids = Vec::new();
        for typed in typed {
            let name = choose(self.0.iter().map(|pipeline| &pipeline.app.name), typed).map_err(no_pipeline)?;
            ids.extend(self.0.iter().filter(|pipeline| pipeline.app.name == *name).map(|pipeline| pipeline.app.id));
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// The registered pipeline of this name.
    ///
    /// # Errors
    /// Usage for a name of several; not found.
    pub(super) fn one(&self, typed: &str) -> Result<&Pipeline> {
        let name = choose(self.active().map(|pipeline| &pipeline.app.name), typed).map_err(no_pipeline)?;
        self.active().find(|pipeline| pipeline.app.name == *name).ok_or_else(|| unknown(typed))
    }

    /// The pipeline of a task, which must be registered.
    ///
    /// # Errors
    /// Refused for one that has left `apps/`.
    pub(super) fn registered(&self, app_id: i64) -> Result<&Pipeline> {
        let active = self.of(app_id).filter(|pipeline| pipeline.app.archive.is_none());
        active.ok_or_else(|| {
            let message = format!("work on tasks of {}: it is not registered", self.name(app_id));
            Error::new(ErrorKind::Refused, message).hint("dc deploy")
        })
    }
}

impl Pipeline {
    /// The names of its stages, in their order.
    pub(super) fn stages(&self) -> Vec<&str> {
        self.definition.stages.iter().map(|stage| stage.name.as_str()).collect()
    }

    /// The place of a stage; `None` for one that app.toml no longer has.
    pub(super) fn place(&self, stage: &str) -> Option<usize> {
        self.definition.stages.iter().position(|known| known.name == stage)
    }
}

fn no_pipeline(error: Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => {
            let message = error.message().replacen("find the app", "find the pipeline", 1);
            Error::new(ErrorKind::NotFound, message).hint("`dc tasks` lists the pipelines, `dc deploy` registers them")
        }
        _ => error,
    }
}

fn unknown(typed: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("find the pipeline `{typed}`")).hint("`dc tasks` lists the pipelines")
}
