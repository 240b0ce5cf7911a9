//! `dc ocr --engines`: what is on this machine.

use std::fmt;

use serde::Serialize;

use crate::context::Context;
use crate::error::Result;
use crate::ocr::{ENGINES, EngineOptions, Presence};
use crate::shell::{Cell, table};

/// Languages that are named before they are counted.
const LANGUAGES_SHOWN: usize = 8;

/// The engines.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EngineList {
    /// What is there, and what is missing.
    pub engines: Vec<Presence>,
}

/// Looks for all engines.
///
/// # Errors
/// Settings.
pub fn engines(context: &Context) -> Result<EngineList> {
    let options = EngineOptions::of(context.settings())?;
    Ok(EngineList { engines: ENGINES.iter().map(|entry| (entry.find)(&options)).collect() })
}

impl fmt::Display for EngineList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = table(["engine", "version", "languages", "where"]);
        for engine in &self.engines {
            let version = match engine.usable {
                true => engine.version.clone().unwrap_or_default(),
                false => "missing".to_owned(),
            };
            let mut languages = engine.languages.iter().take(LANGUAGES_SHOWN).cloned().collect::<Vec<_>>().join(", ");
            if engine.languages.len() > LANGUAGES_SHOWN {
                languages.push_str(&format!(" and {} more", engine.languages.len() - LANGUAGES_SHOWN));
            }
            rows.add_row([
                Cell::from(engine.name.clone()),
                version.into(),
                languages.into(),
                engine.ways.clone().into(),
            ]);
        }
        write!(formatter, "{rows}")?;
        for engine in &self.engines {
            if let Some(missing) = &engine.missing {
                write!(formatter, "\n{}: {missing}", engine.name)?;
            }
            if let Some(command) = &engine.install {
                write!(formatter, "\n  to install it: {command}")?;
            }
            for model in &engine.models {
                write!(formatter, "\n{}: model {model}", engine.name)?;
            }
        }
        Ok(())
    }
}
