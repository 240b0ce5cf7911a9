//! How an app is started, whether the run counts or is only tried: its program, its environment, its limits.

use std::ffi::OsString;

use super::given::Given;
use crate::apps::{FoundApp, Launch, RUNTIME_VARIABLE};
use crate::context::Context;
use crate::error::{OrFail, Result};
use crate::ident::AppName;

/// Python writes what it prints at once, and not when 8 KiB of it have come together: a log is read while the app runs.
const UNBUFFERED: (&str, &str) = ("PYTHONUNBUFFERED", "1");

/// What an app finds in its environment of the run itself.
///
/// # Errors
/// When the path of dc is not known.
pub(super) fn own_variables(
    context: &Context,
    (name, id): (&AppName, i64),
    runtime: &str,
    arguments: &str,
) -> Result<Vec<(String, OsString)>> {
    let dc = std::env::current_exe().or_fail(|| "find the path of dc itself".to_owned())?;
    Ok(vec![
        ("DC_APP".to_owned(), name.to_string().into()),
        ("DC_APP_ID".to_owned(), id.to_string().into()),
        ("DC_RUNTIME".to_owned(), runtime.into()),
        ("DC_ARGS".to_owned(), arguments.into()),
        ("DC_BIN".to_owned(), dc.into()),
        ("DC_CONFIG".to_owned(), context.settings().project.config.clone().into()),
    ])
}

/// An app's own program with `variables` in its environment.
pub(super) fn app_launch(
    context: &Context,
    app: &FoundApp,
    given: &Given,
    variables: Vec<(String, OsString)>,
) -> Launch {
    let (definition, settings) = (&app.definition, context.settings());
    let unbuffered = (UNBUFFERED.0.to_owned(), OsString::from(UNBUFFERED.1));
    let unbuffered = (!settings.has_variable(UNBUFFERED.0)).then_some(unbuffered);
    let set = definition.env.iter().map(|(name, value)| (name.clone(), value.clone().into()));
    let environment = unbuffered.into_iter().chain(set).chain(variables).chain(given.marks.clone());
    Launch {
        program: definition.program(&app.folder),
        arguments: definition.arguments().iter().map(OsString::from).collect(),
        folder: app.folder.clone(),
        environment: environment.collect(),
        environment_removed: given.removed.clone(),
        secrets: given.values.clone(),
        timeout: definition.timeout.or(settings.run.timeout),
        grace: definition.grace.unwrap_or(settings.run.grace),
        limits: definition.limits.clone(),
        alone: true,
        mark: RUNTIME_VARIABLE,
    }
}
