//! `dc run`

use clap_complete::engine::ArgValueCompleter;
use data_collector::context::Context;
use data_collector::error::Result;
use data_collector::ops::{self, Echo, PasswordSources, RunOptions, TapeOptions};

use crate::completions;
use crate::secrets::PasswordArgs;

const EXAMPLES: &str = "\
Examples:
  dc run demo/standards/countries            run an app; a unique tail of its name is enough
  dc run companies --args '{\"year\": 2026}'   the app finds this in DC_ARGS
  dc run --show 20 companies                 see records, types and what a merge would change
  dc run --record companies                  keep what its requests were answered
  dc run --replay RUN                        run it again, answered by what was kept, without a network
  dc run --list                              the registered apps, their last and next run
  */15 * * * * dc run companies              from cron: silent, unless it fails

The app is a program in any language under apps/<group>/<parent>/<name>/. It gets DC_APP, DC_APP_ID,
DC_RUNTIME, DC_ARGS, DC_BIN and DC_CONFIG. Its output is logged line by line; on a terminal, or with
-v, it passes through too. A line such as {\"level\":\"error\",\"msg\":\"..\"} becomes a structured record,
{\"dc\":\"progress\",\"task_size\":100,\"solved\":40,\"failed\":1} moves the dashboard, and
{\"dc\":\"next_run\",\"at\":\"2026-12-01T06:00:00Z\"} sets the next run.

With `[deploy] publish = true` in dc.toml an app whose folder is missing here is fetched from storage as
it was deployed, into .dc/fetched.

dc run ends with the app's own status; 75 when the app runs already, 124 when its time was up.";

/// Run an app, and record its run, its logs and the tables it touched
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, after_help = "`dc run --help` has examples")]
pub(crate) struct Args {
    /// App: group/parent/name, or an unambiguous tail of it
    #[arg(required_unless_present_any = ["list", "replay"], add = ArgValueCompleter::new(completions::apps))]
    app: Option<String>,
    /// Arguments of the app, found in DC_ARGS
    #[arg(long, value_name = "JSON", conflicts_with = "list")]
    args: Option<String>,
    /// Record its requests and responses as a cassette, without secrets
    #[arg(long, conflicts_with_all = ["list", "replay"])]
    record: bool,
    /// Show this many records and what merges would change; write nothing
    #[arg(long, value_name = "RECORDS", num_args = 0..=1, default_missing_value = "20", conflicts_with_all = ["list", "record"])]
    show: Option<usize>,
    /// Answer its requests from a recorded run or a folder; write nothing
    #[arg(long, value_name = "RUN", conflicts_with = "list")]
    replay: Option<String>,
    /// Let a replayed run write and be recorded
    #[arg(long, requires = "replay", conflicts_with = "show")]
    write: bool,
    /// The occurrence that a manager has claimed, and the number of the claim: ID:NUMBER
    #[arg(long, hide = true, value_name = "ID:NUMBER", value_parser = claim)]
    occurrence: Option<(i64, i64)>,
    /// Who or what starts it, in the table of runs
    #[arg(long, hide = true, value_name = "NAME")]
    started_by: Option<String>,
    /// Work a pipeline off for as long as it is in service
    #[arg(long, hide = true)]
    stay: bool,
    /// List the registered apps with their last and next run
    #[arg(long, conflicts_with = "app")]
    list: bool,
    #[command(flatten)]
    password: PasswordArgs,
}

impl Args {
    /// Whether the run counts.
    pub(crate) fn writes(&self) -> bool {
        self.show.is_none() && !self.list && (self.replay.is_none() || self.write)
    }

    pub(crate) fn password(&self) -> PasswordSources {
        self.password.sources()
    }
}

pub(crate) fn run(context: &Context, args: Args) -> Result<i32> {
    let shell = context.shell();
    if args.list {
        return ops::list_apps(context).and_then(|list| shell.print(&list)).map(|()| 0);
    }
    let echo = match (shell.is_watched() || shell.verbosity() > 0, shell.is_json()) {
        (false, _) => Echo::Silent,
        (true, false) => Echo::Through,
        (true, true) => Echo::ToStderr,
    };
    let Args { app, args, occurrence, started_by, record, replay, show, write, stay, .. } = args;
    let tape = match (record, replay) {
        (true, _) => TapeOptions::Record,
        (false, Some(run)) => TapeOptions::Replay(run),
        (false, None) => TapeOptions::None,
    };
    let app = app.unwrap_or_default();
    let tried = show.or_else(|| (tape.is_replay() && !write).then_some(0));
    let options = RunOptions { app, args, echo, occurrence, tape, started_by, serves: stay };
    if let Some(records) = tried {
        // somebody wants to see it
        let echo = if show.is_some() { Echo::ToStderr } else { echo };
        let report = ops::try_run(context, &RunOptions { echo, ..options }, records)?;
        shell.print(&report)?;
        return Ok(report.exit_status);
    }
    let report = ops::run(context, &options)?;
    if shell.is_json() {
        shell.print(&report)?;
    } else if report.exit_status != 0 {
        shell.tell(&report.to_string());
    }
    Ok(report.exit_status)
}

/// `12:3` as an occurrence and the number of its claim.
fn claim(text: &str) -> Result<(i64, i64), String> {
    let numbers = text.split_once(':').and_then(|(id, fence)| Some((id.parse().ok()?, fence.parse().ok()?)));
    numbers.ok_or_else(|| "it takes two numbers, ID:NUMBER".to_owned())
}
