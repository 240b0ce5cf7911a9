//! `dc manager`

mod start;
mod web;

use std::path::PathBuf;
use std::time::Duration;

use clap_complete::engine::ArgValueCompleter;
use data_collector::board;
use data_collector::context::Context;
use data_collector::error::Result;
use data_collector::ops::{
    self, AppCommand, CommandsOptions, CronOptions, ForecastOptions, ImportOptions, ImportSource, Many, NotifyOptions,
    PasswordSources, PruneOptions, SendOptions, StopManagersOptions,
};

use crate::completions;

const EXAMPLES: &str = "\
Examples:
  dc manager start                          keep the schedules; a board on a terminal, lines elsewhere
  dc manager start --listen 9187            with the dashboard at http://127.0.0.1:9187/ and /metrics
  dc manager web                            the dashboard alone, without scheduling
  dc manager status --watch                 the same board alone: watch, start and stop apps by keys
  dc manager send start companies           run an app now, on whichever machine a manager works
  dc manager send stop companies --wait     end its run, and wait until it has ended
  dc manager send disable --group croatia   the schedules of a group out of force
  dc manager send stop companies --force    close its run although nobody can end it: its machine is gone
  dc manager import crontab FILE            an app for each line of a crontab, and what could not be carried over
  dc manager pause 'an upgrade'             start nothing more until `dc manager resume`
  dc manager check                          one line for Nagios or cron: is all well?
  dc manager commands --cancel 12           take a command back that no manager has carried out
  dc manager why companies                  why it ran, or did not
  dc manager simulate --days 30             the schedule to come, without running anything
  dc manager simulate --cron '0 2 * * 1' --timezone Europe/Zagreb     when a pattern is due next
  dc manager notify --test                  send a test by every channel of [notify.NAME]
  dc manager service                        a systemd unit for this project
  dc manager stop                           end the managers of this machine; apps that run go on

A manager only decides what is due, and starts `dc run` for it. It may be stopped, killed or upgraded at
any moment with no effect on apps that run, and several may share one database: nothing starts twice.";

/// Run apps on schedule, and start and stop them
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, after_help = "`dc manager --help` has examples")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

impl Args {
    pub(crate) fn password(&self) -> PasswordSources {
        match &self.command {
            Command::Start(args) => args.password.sources(),
            _ => PasswordSources::default(),
        }
    }
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Keep the schedules until stopped
    Start(start::Args),
    /// Serve the dashboard without scheduling, or write it as files
    Web(web::Args),
    /// Show all apps: state, progress, last and next run
    Status(StatusArgs),
    /// Stop the managers of this machine; running apps continue
    Stop(StopArgs),
    /// Start, stop, restart, reset, enable or disable apps
    Send(SendArgs),
    /// Start nothing more on any machine; running apps continue
    Pause(PauseArgs),
    /// End a pause
    Resume,
    /// Report health in one line: exit status 0, 1 for a warning, 2 if critical
    Check,
    /// List commands sent to apps, and withdraw pending ones
    Commands(CommandsArgs),
    /// Explain why an app ran, or did not
    Why(WhyArgs),
    /// Show the schedule to come without running anything
    Simulate(SimulateArgs),
    /// Create an app for each entry of a crontab, of supervisord or PM2
    Import(ImportArgs),
    /// Print a systemd unit for this project, user and machine
    Service,
    /// Show and test notification channels, or send a message
    Notify(NotifyArgs),
    /// Delete old runs, occurrences, commands and messages in small batches
    Prune(PruneArgs),
}

#[derive(Debug, clap::Args)]
struct StatusArgs {
    /// Watch and operate apps by keys until `q`; `?` shows the keys
    #[arg(short, long)]
    watch: bool,
}

#[derive(Debug, clap::Args)]
struct StopArgs {
    /// Stop the managers of all machines
    #[arg(long)]
    everywhere: bool,
    /// Stop the apps, too
    #[arg(long)]
    stop_apps: bool,
    /// Longest wait for them
    #[arg(long, value_name = "SECONDS", default_value_t = 150)]
    wait: u64,
}

/// What an app can be told.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Told {
    /// Start it now
    Start,
    /// Stop its run
    Stop,
    /// Stop its run and start it again
    Restart,
    /// Forget its failures, and re-enable it if they disabled it
    Reset,
    /// Start it on schedule again
    Enable,
    /// Stop starting it on schedule
    Disable,
}

#[derive(Debug, clap::Args)]
struct SendArgs {
    /// Command to send
    command: Told,
    /// App: group/parent/name, an unambiguous tail of it, or a pattern with `*`
    #[arg(add = ArgValueCompleter::new(completions::apps), required_unless_present_any = ["all", "group"])]
    app: Option<String>,
    /// All apps
    #[arg(long, conflicts_with_all = ["app", "group"])]
    all: bool,
    /// All apps of a group
    #[arg(long, value_name = "GROUP", conflicts_with = "app")]
    group: Option<String>,
    /// Arguments of a start, found in DC_ARGS
    #[arg(long, value_name = "JSON")]
    args: Option<String>,
    /// Wait until it is done, for 60 seconds unless a number is given
    #[arg(short, long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "60")]
    wait: Option<u64>,
    /// Close the run now, even if its machine is gone (`stop` only)
    #[arg(long, conflicts_with = "wait")]
    force: bool,
    /// Withdraw it if no manager takes it in time [default: 1h to start or stop]
    #[arg(long, value_name = "DURATION")]
    expires: Option<String>,
}

/// What a file is of.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kept {
    /// Crontab of a user, as `crontab -l` prints it
    Crontab,
    /// /etc/crontab and files of /etc/cron.d, whose sixth field is a user
    SystemCrontab,
    /// Configuration of supervisord
    Supervisord,
    /// Ecosystem file of PM2 in JSON, or ~/.pm2/dump.pm2
    Pm2,
}

#[derive(Debug, clap::Args)]
struct ImportArgs {
    /// Kind of the file
    source: Kept,
    /// File to import
    file: PathBuf,
    /// First folder under apps/
    #[arg(long, value_name = "GROUP", default_value = "imported")]
    group: String,
    /// Show what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
struct PauseArgs {
    /// Reason to show to others
    reason: Option<String>,
}

#[derive(Debug, clap::Args)]
struct CommandsArgs {
    /// Withdraw this command, if no manager has accepted it
    #[arg(long, value_name = "NUMBER")]
    cancel: Option<i64>,
    /// Number of commands to show
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..))]
    last: i64,
}

#[derive(Debug, clap::Args)]
struct WhyArgs {
    /// App: group/parent/name, or an unambiguous tail of it
    #[arg(add = ArgValueCompleter::new(completions::apps))]
    app: String,
    /// Number of decisions to show
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..))]
    last: i64,
}

#[derive(Debug, clap::Args)]
struct SimulateArgs {
    /// Number of days to look ahead
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3_660))]
    days: u32,
    /// Show when this cron pattern is due instead
    #[arg(long, value_name = "PATTERN", conflicts_with = "days")]
    cron: Option<String>,
    /// Time zone of the pattern
    #[arg(long, value_name = "ZONE", default_value = "UTC", requires = "cron")]
    timezone: String,
    /// Number of times to show
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 10, requires = "cron")]
    count: usize,
}

#[derive(Debug, clap::Args)]
struct NotifyArgs {
    /// Subject of a message [default: show the state of the channels]
    #[arg(conflicts_with = "test")]
    subject: Option<String>,
    /// Text of the message
    #[arg(long, value_name = "TEXT", requires = "subject")]
    body: Option<String>,
    /// Severity: debug, info, warning, error, critical
    #[arg(long, value_name = "LEVEL", requires = "subject")]
    severity: Option<String>,
    /// Send a test message through each channel and report the result
    #[arg(long)]
    test: bool,
    /// Only this channel
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// Show what each channel would be sent, and send nothing
    #[arg(long, conflicts_with = "test")]
    preview: bool,
}

#[derive(Debug, clap::Args)]
struct PruneArgs {
    /// Delete what ended before then: 365d, 2026-01-01
    #[arg(long, value_name = "TIME")]
    older_than: String,
    /// Only count them
    #[arg(long)]
    dry_run: bool,
    /// Rewrite an SQLite file made by an older dc so that it shrinks; blocks others
    #[arg(long, conflicts_with = "dry_run")]
    rewrite: bool,
}

pub(crate) fn run(context: &Context, args: Args) -> Result<i32> {
    let shell = context.shell();
    let done = match args.command {
        Command::Notify(NotifyArgs { subject, body, severity, test, channel, preview }) => {
            let report = ops::notify(context, &NotifyOptions { channel, test, preview, subject, body, severity })?;
            shell.print(&report)?;
            // a test that fails is a failure
            return Ok(i32::from(test && !report.is_well()));
        }
        Command::Start(args) => start::run(context, args),
        Command::Web(args) => web::run(context, &args),
        Command::Status(StatusArgs { watch: false }) => shell.print(&ops::board(context)?),
        Command::Status(StatusArgs { watch: true }) => board::watch(context),
        Command::Stop(StopArgs { everywhere, stop_apps, wait }) => {
            let options = StopManagersOptions { everywhere, stop_apps, wait: Duration::from_secs(wait) };
            shell.print(&ops::stop_managers(context, &options)?)
        }
        Command::Send(SendArgs { command, app, all, group, args, wait, force, expires }) => {
            let wait = wait.map(Duration::from_secs);
            let app = app.unwrap_or_default();
            let many = match group {
                _ if all => Some(Many::All),
                Some(group) => Some(Many::Group(group)),
                None => app.contains('*').then(|| Many::Pattern(app.clone())),
            };
            let options = SendOptions { command: told(command), app, args, wait, force, expires };
            let Some(many) = many else {
                return shell.print(&ops::send_command(context, &options)?).map(|()| 0);
            };
            let sent = ops::send_to_many(context, &many, &options)?;
            shell.print(&sent)?;
            return Ok(i32::from(!sent.is_well()));
        }
        Command::Import(ImportArgs { source, file, group, dry_run }) => {
            let source = match source {
                Kept::Crontab => ImportSource::Crontab,
                Kept::SystemCrontab => ImportSource::SystemCrontab,
                Kept::Supervisord => ImportSource::Supervisord,
                Kept::Pm2 => ImportSource::Pm2,
            };
            shell.print(&ops::import(context, &ImportOptions { source, file, group: Some(group), dry_run })?)
        }
        Command::Pause(PauseArgs { reason }) => shell.print(&ops::pause(context, reason.as_deref())?),
        Command::Resume => shell.print(&ops::resume(context)?),
        Command::Check => {
            let check = ops::check(context);
            shell.print(&check)?;
            return Ok(check.grade.exit_status());
        }
        Command::Commands(CommandsArgs { cancel, last }) => {
            shell.print(&ops::commands(context, &CommandsOptions { cancel, last })?)
        }
        Command::Why(WhyArgs { app, last }) => shell.print(&ops::why(context, &app, last)?),
        Command::Simulate(SimulateArgs { cron: Some(pattern), timezone, count, .. }) => {
            shell.print(&ops::cron_forecast(&CronOptions { pattern, timezone, count })?)
        }
        Command::Simulate(SimulateArgs { days, .. }) => {
            shell.print(&ops::forecast(context, &ForecastOptions { days })?)
        }
        Command::Service => shell.print(&ops::service_unit(context)?),
        Command::Prune(PruneArgs { older_than, dry_run, rewrite }) => {
            shell.print(&ops::prune_runs(context, &PruneOptions { older_than, dry_run, rewrite })?)
        }
    };
    done.map(|()| 0)
}

fn told(command: Told) -> AppCommand {
    match command {
        Told::Start => AppCommand::Start,
        Told::Stop => AppCommand::Stop,
        Told::Restart => AppCommand::Restart,
        Told::Reset => AppCommand::Reset,
        Told::Enable => AppCommand::Enable,
        Told::Disable => AppCommand::Disable,
    }
}
