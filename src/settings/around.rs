//! What the run around this process tells it: which run it is, its cassette, and whether it is only tried.

use std::path::PathBuf;

use super::environment::Environment;
use super::failure::settings_error;
use crate::error::Result;
use crate::ident::RuntimeId;

/// Names the folder for the reports of a run that is only tried.
pub(crate) const TRIAL_VARIABLE: &str = "DC_TRIAL";
/// Names the proxy before the cassette of the run around us, which a program that keeps its cassette itself passes by.
pub(crate) const DOOR_VARIABLE: &str = "DC_HTTP_PROXY";
/// What proxies there were before that one, and the variables that named them: for plain HTTP, for TLS, and for whom there
/// is none.
pub(crate) const BEYOND_VARIABLES: [(&str, &[&str]); 3] = [
    ("DC_BEYOND_HTTP", &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
    ("DC_BEYOND_HTTPS", &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
    ("DC_BEYOND_NONE", &["no_proxy", "NO_PROXY"]),
];
/// How many records each report shows.
pub(crate) const TRIAL_RECORDS_VARIABLE: &str = "DC_TRIAL_RECORDS";

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

/// A run that is only tried, from `DC_TRIAL` and `DC_TRIAL_RECORDS`: merges are dry runs, and nothing else is written.
#[derive(Debug, Clone)]
pub struct TrialSettings {
    /// Where merges leave their reports.
    pub folder: PathBuf,
    /// How many records each of them shows.
    pub records: usize,
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

pub(super) fn trial(environment: &Environment) -> Result<Option<TrialSettings>> {
    let Some(folder) = environment.path(TRIAL_VARIABLE) else { return Ok(None) };
    let records = environment.get(TRIAL_RECORDS_VARIABLE).unwrap_or("0");
    let records = records.parse().map_err(|_| {
        settings_error(format!("read the variable {TRIAL_RECORDS_VARIABLE}: `{records}` is no number of records"))
    })?;
    Ok(Some(TrialSettings { folder, records }))
}
