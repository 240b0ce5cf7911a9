//! What an app in Rust begins with: settings, the log, its arguments; and what it hands in at its end.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::connect::connect;
use crate::captcha;
use crate::context::Context;
use crate::db::Connection;
use crate::error::{Error, ErrorKind, Result};
use crate::http;
use crate::logs::{LogGuard, init};
use crate::profile;
use crate::settings::{Environment, Settings, Source};
use crate::shell::{ColorChoice, Shell, ShellOptions};
use crate::storage::keep_answers;
use crate::tables::share_hosts;

/// An app at work, inside `dc run` or by itself.
///
/// ```no_run
/// use data_collector::ops::App;
///
/// # fn main() -> data_collector::error::Result<()> {
/// let app = App::start()?;
/// let arguments: serde_json::Value = app.arguments()?;
/// log::info!(year = arguments["year"].as_i64(); "starting");
/// app.progress(Some(100), Some(40), Some(1))?;
/// # Ok(())
/// # }
/// ```
pub struct App {
    context: Context,
    arguments: Option<String>,
    // goes last: what is handed in may be logged
    _log: LogGuard,
}

impl App {
    /// Reads the settings of the project and sets up the log.
    ///
    /// # Errors
    /// Settings, for what cannot be read.
    pub fn start() -> Result<Self> {
        let environment = Environment::process();
        let arguments = environment.get("DC_ARGS").map(str::to_owned);
        let settings = Settings::load(&Source::default(), environment)?;
        let shell = Shell::new(ShellOptions { color: ColorChoice::Never, ..ShellOptions::default() }, true);
        let context = Context::with_store(settings, shell)?;
        let log = init(context.settings())?;
        if context.settings().trial.is_none() {
            keep_answers();
            share_hosts();
        }
        Ok(Self { context, arguments, _log: log })
    }

    /// The context, for connections, merges and requests.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Opens a database by its name: `main`, or `warehouse` for `[db.warehouse]`. Inside a run, what is merged there is
    /// this run's, and what is touched is recorded in `app_db_objects`.
    ///
    /// # Errors
    /// When it is not configured, not there, not allowed or not reachable.
    pub fn connect(&self, name: &str) -> Result<Connection> {
        connect(&self.context, name)
    }

    /// What `dc run --args` gave.
    ///
    /// # Errors
    /// Usage, when it is not what is asked for.
    pub fn arguments<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(self.arguments.as_deref().unwrap_or("{}"))
            .map_err(|cause| Error::new(ErrorKind::Usage, "read the arguments in DC_ARGS").because(cause))
    }

    /// Tells how far the work has come; what is `None` stays as it was.
    ///
    /// # Errors
    /// When standard output does not take it.
    pub fn progress(&self, task_size: Option<u64>, solved: Option<u64>, failed: Option<u64>) -> Result<()> {
        self.tell(&json!({"dc": "progress", "task_size": task_size, "solved": solved, "failed": failed}))
    }

    /// Tells when the app wishes to run next: RFC 3339, such as `2026-12-01T06:00:00Z`.
    ///
    /// # Errors
    /// As [`App::progress`].
    pub fn next_run(&self, at: &str) -> Result<()> {
        self.tell(&json!({"dc": "next_run", "at": at}))
    }

    /// A message to the `dc run` around us; by itself an app has nobody to tell.
    fn tell(&self, message: &Value) -> Result<()> {
        match &self.context.settings().inside {
            Some(_) => self.context.shell().json_line(&message.to_string()),
            None => Ok(()),
        }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        let requests = http::report();
        if requests.count > 0
            && let Ok(Value::Object(mut message)) = serde_json::to_value(&requests)
        {
            message.insert("dc".to_owned(), "requests".into());
            if let Err(error) = self.tell(&Value::Object(message)) {
                log::warn!("the times of requests were not handed in: {error}");
            }
        }
        if let Some((answered, missing)) = http::replayed()
            && let Err(error) = self.tell(&json!({"dc": "replayed", "answered": answered, "missing": missing}))
        {
            log::warn!("what the cassette answered was not handed in: {error}");
        }
        let costs = captcha::report();
        if costs.solved > 0 {
            let message =
                json!({"dc": "captcha", "solved": costs.solved, "cost": costs.cost, "total_ms": costs.total_ms});
            if let Err(error) = self.tell(&message) {
                log::warn!("the cost of captchas was not handed in: {error}");
            }
        }
        let functions = profile::report();
        if !functions.is_empty()
            && let Err(error) = self.tell(&json!({"dc": "functions", "functions": functions}))
        {
            log::warn!("the times of functions were not handed in: {error}");
        }
    }
}
