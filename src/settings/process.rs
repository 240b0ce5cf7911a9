//! What the variables of a run say of this process: the run that it is part of, and the cassette of its requests.

use std::path::PathBuf;

use super::environment::Environment;
use super::failure::settings_error;
use crate::error::Result;
use crate::ident::RuntimeId;

/// A cassette of requests, from `DC_CASSETTE` and `DC_CASSETTE_MODE`.
#[derive(Debug, Clone)]
pub struct CassetteSettings {
    /// Its folder.
    pub folder: PathBuf,
    /// Whether it is written or served.
    pub mode: CassetteMode,
}

/// What a cassette is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CassetteMode {
    /// Requests are made, and written down.
    Record,
    /// Answers come from it, and nothing goes over the network.
    Replay,
}

/// The run around this process, from `DC_RUNTIME` and `DC_APP_ID`.
#[derive(Debug, Clone)]
pub struct Inside {
    /// The run.
    pub runtime: RuntimeId,
    /// The row of the app in `apps`.
    pub app_id: i64,
}

pub(super) fn cassette(environment: &Environment) -> Result<Option<CassetteSettings>> {
    let Some(folder) = environment.get("DC_CASSETTE").map(PathBuf::from) else { return Ok(None) };
    let mode = match environment.get("DC_CASSETTE_MODE") {
        Some("record") => CassetteMode::Record,
        Some("replay") => CassetteMode::Replay,
        other => {
            let other = other.unwrap_or_default();
            let message = format!("read the variable DC_CASSETTE_MODE: it takes record or replay, and is `{other}`");
            return Err(settings_error(message));
        }
    };
    Ok(Some(CassetteSettings { folder, mode }))
}

pub(super) fn inside(environment: &Environment) -> Result<Option<Inside>> {
    let (Some(runtime), Some(app_id)) = (environment.get("DC_RUNTIME"), environment.get("DC_APP_ID")) else {
        return Ok(None);
    };
    let runtime =
        runtime.parse().map_err(|_| settings_error(format!("read the variable DC_RUNTIME: `{runtime}` is no run")))?;
    let app_id =
        app_id.parse().map_err(|_| settings_error(format!("read the variable DC_APP_ID: `{app_id}` is no number")))?;
    Ok(Some(Inside { runtime, app_id }))
}
