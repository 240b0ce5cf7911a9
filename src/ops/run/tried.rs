//! A run that is only tried: `--show`, and a replay. It is no run of the app: it has no row, no log and no secrets in a
//! database, its merges are dry runs, and nothing else that dc could write is written.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::NaiveDateTime;
use serde::Serialize;

use super::echo::Echo;
use super::given::Given;
use super::launch::{app_launch, own_variables};
use super::listener::{Heard, Listener};
use super::outcome::outcome_of;
use super::tape::{self, Tape, TapeOptions, replay_words};
use super::{RunOptions, arguments_of};
use crate::apps::{Ended, FoundApp, Signals, find_app, supervise};
use crate::clock;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Passed, RequestTimes};
use crate::ident::RuntimeId;
use crate::ops::trial::{Trial, TriedMerges};
use crate::shell::visible_line;
use crate::tables::{FunctionTimes, LogLevel, RunOutcome};
use crate::telemetry::CaptchaCosts;

/// The number of an app that is in no table.
const NO_APP: i64 = 0;

/// What a tried run would have done.
#[derive(Debug, Clone, Serialize)]
pub struct TriedRun {
    /// The app's full name.
    pub app: String,
    /// How it ended.
    pub code: RunOutcome,
    /// The status that `dc run` passes on.
    pub exit_status: i32,
    /// The outcome in words, when it was no success.
    pub reason: Option<String>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// What its merges would have changed.
    pub merges: TriedMerges,
    /// When it would run next, where it said so.
    pub next_run: Option<NaiveDateTime>,
    /// Requests that the cassette has answered; `None` where none is played back.
    pub answered: Option<i64>,
    /// Requests that the cassette does not have.
    pub missing: Option<i64>,
    /// How far the cassette went.
    #[serde(skip)]
    pub passed: Option<Passed>,
    /// The last lines of its output, where it was not shown and it failed.
    #[serde(skip)]
    pub last_lines: Vec<String>,
}

/// Runs an app to its end and writes nothing; of each merge so many records are shown.
///
/// # Errors
/// As [`super::run`]; usage for a pipeline, and for an app with queues.
pub fn try_run(context: &Context, options: &RunOptions, records: usize) -> Result<TriedRun> {
    let (options, replayed) = tape::prepare(context, options)?;
    let arguments = arguments_of(&options)?;
    let app = find_app(&context.settings().project.apps(), &options.app)?;
    check(&app)?;
    let given = Given::to(context, &app)?;
    let mut signals = Signals::forwarded()?;
    let redactor = given.redactor(context.settings());
    let runtime = RuntimeId::new();
    let tape = replayed.as_ref().map_or(Ok(Tape::None), |cassette| Tape::replay(context, cassette))?;
    let trial = Trial::start(records)?;
    let own = own_variables(context, (&app.name, NO_APP), runtime.as_str(), &arguments)?;
    let more = own.into_iter().chain(tape.environment()).chain(trial.environment());
    let launch = app_launch(context, &app, &given, more.collect());
    let heard = Tried::default();
    // stdout is for what is shown
    let echo = if options.echo == Echo::Through { Echo::ToStderr } else { options.echo };
    let listener = Listener::new(heard, echo.start(), &redactor);
    let ended = listener.during(|| supervise(&launch, &|event| listener.handle(event), &mut signals));
    let ended = ended.map_err(|error| error.within(format!("run {}", app.name)))?;
    let Ended { how, elapsed, .. } = ended;
    let (code, reason) = outcome_of(how, &app.definition);
    let passed = tape.replayed(listener.replayed());
    Ok(TriedRun {
        app: app.name.to_string(),
        code,
        exit_status: ended.exit_status(),
        reason,
        elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        merges: trial.merges()?,
        next_run: *listener.heard.next_run.lock().unwrap_or_else(PoisonError::into_inner),
        answered: passed.as_ref().map(|passed| passed.answered),
        missing: passed.as_ref().map(|passed| passed.missing),
        passed,
        last_lines: listener.echo.last_lines(),
    })
}

/// # Errors
/// Usage, for what works on what others have stored.
fn check(app: &FoundApp) -> Result<()> {
    let what = match (&app.definition.pipeline, &app.definition.dramatiq) {
        (Some(_), _) => "a pipeline works on documents that are stored",
        (_, Some(_)) => "it takes messages out of a queue",
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::Usage, format!("try {}: {what}", app.name)).hint("try one of its programs by itself"))
}

/// What a tried run says is shown, and kept nowhere.
#[derive(Default)]
struct Tried {
    next_run: Mutex<Option<NaiveDateTime>>,
}

impl Heard for Tried {
    fn record(&self, _: LogLevel, _: &str, _: &str, _: &[(String, String)]) {}
    fn part(&self, _: LogLevel, _: &str, _: &str, _: &mut u32, _: bool) {}
    fn progress(&self, _: Option<i64>, _: Option<i64>, _: Option<i64>) {}
    fn functions(&self, _: Vec<FunctionTimes>) {}
    fn requests(&self, _: &RequestTimes) {}
    fn captchas(&self, _: &CaptchaCosts) {}

    fn next_run(&self, at: NaiveDateTime) {
        *self.next_run.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }
}

impl fmt::Display for TriedRun {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.last_lines.iter().filter(|_| self.exit_status != 0) {
            writeln!(formatter, "  {}", visible_line(line))?;
        }
        if !self.merges.0.is_empty() {
            writeln!(formatter, "{}\n", self.merges)?;
        }
        if let Some(at) = self.next_run {
            writeln!(formatter, "it would run next at {}", clock::local(at))?;
        }
        if let Some(passed) = &self.passed {
            writeln!(formatter, "{}", replay_words(passed))?;
        }
        let reason = self.reason.as_deref().unwrap_or("done");
        let seconds = Duration::from_millis(self.elapsed_ms).as_secs_f64();
        let none = if self.merges.0.is_empty() { "no merge; " } else { "" };
        let what = if self.passed.is_some() { "; --write makes it count" } else { "" };
        write!(formatter, "{}: {reason} after {seconds:.1} s; {none}nothing was written{what}", self.app)
    }
}

impl TapeOptions {
    /// Whether a run is played back.
    pub fn is_replay(&self) -> bool {
        matches!(self, Self::Replay(_))
    }
}
