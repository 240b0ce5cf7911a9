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

/// Keep the schedules of all apps, and tell apps to start and stop
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
    /// Keep the schedules until told to stop
    Start(start::Args),
    /// Serve the dashboard without scheduling, or write it as files
    Web(web::Args),
    /// Show all apps: state, progress, last and next run
    Status(StatusArgs),
    /// End the managers of this machine; apps that run go on
    Stop(StopArgs),
    /// Tell an app, or several, to start, stop, restart, reset, enable or disable
    Send(SendArgs),
    /// Start nothing more, on no machine; what runs goes on to its end
    Pause(PauseArgs),
    /// Start apps again
    Resume,
    /// Say in one line whether all is well: exit status 0, 1 for a warning, 2 if critical
    Check,
    /// List what apps were told, and take back what nobody has carried out
    Commands(CommandsArgs),
    /// Tell the story of an app's last decisions
    Why(WhyArgs),
    /// Show the schedule to come, without running anything
    Simulate(SimulateArgs),
    /// Write an app for each entry of a crontab, of supervisord or PM2
    Import(ImportArgs),
    /// Print a systemd unit for this project, user and machine
    Service,
    /// Show the channels by which people are told, test them, or tell people something
    Notify(NotifyArgs),
    /// Delete old runs, occurrences, commands and messages, a few at a time
    Prune(PruneArgs),
}

#[derive(Debug, clap::Args)]
struct StatusArgs {
    /// Watch it and operate apps by keys, until `q`; `?` shows the keys
    #[arg(short, long)]
    watch: bool,
}

#[derive(Debug, clap::Args)]
struct StopArgs {
    /// The managers of all machines
    #[arg(long)]
    everywhere: bool,
    /// End the apps too
    #[arg(long)]
    stop_apps: bool,
    /// How long to wait for them
    #[arg(long, value_name = "SECONDS", default_value_t = 150)]
    wait: u64,
}

/// What an app can be told.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Told {
    /// Run it now
    Start,
    /// End its run
    Stop,
    /// End its run, and run it again
    Restart,
    /// Forget its failures; back into service if they took it out
    Reset,
    /// Let its schedule start it again
    Enable,
    /// Do not start it by its schedule any more
    Disable,
}

#[derive(Debug, clap::Args)]
struct SendArgs {
    /// What it is told
    command: Told,
    /// The app: group/parent/name, or a tail that no other app has; `*` stands for anything, and for several apps
    #[arg(add = ArgValueCompleter::new(completions::apps), required_unless_present_any = ["all", "group"])]
    app: Option<String>,
    /// All apps
    #[arg(long, conflicts_with_all = ["app", "group"])]
    all: bool,
    /// The apps of a group
    #[arg(long, value_name = "GROUP", conflicts_with = "app")]
    group: Option<String>,
    /// What a start finds in DC_ARGS
    #[arg(long, value_name = "JSON")]
    args: Option<String>,
    /// Wait until it is done: 60 seconds where no number is given
    #[arg(short, long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "60")]
    wait: Option<u64>,
    /// Close the run now, even if its machine is gone (`stop` only)
    #[arg(long, conflicts_with = "wait")]
    force: bool,
    /// Take it back if no manager takes it in so long [default: 1h for start, stop and restart]
    #[arg(long, value_name = "DURATION")]
    expires: Option<String>,
}

/// What a file is of.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kept {
    /// A crontab of a user, as `crontab -l` prints it
    Crontab,
    /// /etc/crontab and files of /etc/cron.d, whose sixth field is a user
    SystemCrontab,
    /// A configuration of supervisord
    Supervisord,
    /// An ecosystem file of PM2 in JSON, or ~/.pm2/dump.pm2
    Pm2,
}

#[derive(Debug, clap::Args)]
struct ImportArgs {
    /// What the file is of
    source: Kept,
    /// The file
    file: PathBuf,
    /// The first folder under apps/
    #[arg(long, value_name = "GROUP", default_value = "imported")]
    group: String,
    /// Show what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
struct PauseArgs {
    /// Why, for whoever wonders
    reason: Option<String>,
}

#[derive(Debug, clap::Args)]
struct CommandsArgs {
    /// Take this one back, if no manager has taken it
    #[arg(long, value_name = "NUMBER")]
    cancel: Option<i64>,
    /// So many of the last commands
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..))]
    last: i64,
}

#[derive(Debug, clap::Args)]
struct WhyArgs {
    /// The app: group/parent/name, or a tail that no other app has
    #[arg(add = ArgValueCompleter::new(completions::apps))]
    app: String,
    /// So many of the last decisions
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..))]
    last: i64,
}

#[derive(Debug, clap::Args)]
struct SimulateArgs {
    /// How many days to look ahead
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3_660))]
    days: u32,
    /// Show when a cron pattern is due instead, to compare it with a crontab
    #[arg(long, value_name = "PATTERN", conflicts_with = "days")]
    cron: Option<String>,
    /// Time zone of the pattern
    #[arg(long, value_name = "ZONE", default_value = "UTC", requires = "cron")]
    timezone: String,
    /// Number of moments to show
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 10, requires = "cron")]
    count: usize,
}

#[derive(Debug, clap::Args)]
struct NotifyArgs {
    /// What to tell; without it the state of the channels is shown
    #[arg(conflicts_with = "test")]
    subject: Option<String>,
    /// The rest of it
    #[arg(long, value_name = "TEXT", requires = "subject")]
    body: Option<String>,
    /// How grave it is: debug, info, warning, error, critical
    #[arg(long, value_name = "LEVEL", requires = "subject")]
    severity: Option<String>,
    /// Send a test by each channel right now, and say what came of it
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
    /// Only say how many it would be
    #[arg(long)]
    dry_run: bool,
    /// Rewrite an SQLite file that an older dc made, so that it shrinks; others wait
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
