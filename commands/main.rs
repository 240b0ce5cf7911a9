//! `dc`: parses, calls one operation, prints its report.

mod actor_worker;
mod arguments;
mod completions;
mod deploy;
mod doctor;
mod exit;
mod files;
mod help;
mod html;
mod logs;
mod man;
mod manager;
mod memory;
mod merge;
mod new;
mod ocr;
mod query;
mod run;
mod schema;
mod secrets;
mod tasks;

use std::borrow::Cow;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};
use data_collector::context::Context;
use data_collector::error::{Error, OrFail, Result};
use data_collector::logs::{LogGuard, LogSetup};
use data_collector::ops;
use data_collector::ops::PasswordSources;
use data_collector::settings::{Environment, Settings};
use data_collector::shell::{self, Screen, Shell, ShellOptions};

use arguments::{Arguments, Command};

/// By how many edits a likely typing error differs.
const EDITS_MAX: usize = 2;

fn main() -> ExitCode {
    memory::LEAN.set_up();
    completions::answer();
    let arguments = parse().unwrap_or_else(|error| leave(suggest(error)));
    let environment = Environment::process();
    let no_color = environment.is_set("NO_COLOR");
    let shell = Shell::new(arguments.shell_options(), no_color);
    let settings = Settings::load(&arguments.source(), environment);
    let result = settings.and_then(|settings| {
        let context = context(settings, shell.clone(), &arguments.command)?;
        let _log = match &arguments.command {
            // what it says is told as any app's
            Command::PipelineWorker(_) => LogSetup::of(context.settings()).filter("info").start()?,
            _ => start_log(context.settings(), arguments.verbose)?,
        };
        dispatch(&context, arguments.command)
    });
    let status = match result {
        Ok(status) => status,
        Err(error) => {
            report(&shell, &error);
            exit::status(&error)
        }
    };
    // every status of ours, and of an app that is passed on, is a byte
    ExitCode::from(u8::try_from(status & 0xff).unwrap_or(1))
}

/// Most commands work with the settings that the encrypted store holds; those about the store or dc itself do not.
fn context(settings: Settings, shell: Shell, command: &Command) -> Result<Context> {
    let flags = match command {
        Command::Secrets(args) => return secrets::context(settings, shell, args),
        Command::Completions(_) | Command::Man(_) | Command::Schema(_) | Command::OcrWorker(_) => {
            return Ok(Context::new(settings, shell));
        }
        // it tells what is wrong with the store, and goes on without
        Command::Doctor(_) => {
            return Context::with_store(settings.clone(), shell.clone()).or_else(|_| Ok(Context::new(settings, shell)));
        }
        Command::Run(args) => args.password(),
        Command::Manager(args) => args.password(),
        _ => PasswordSources::default(),
    };
    let context = Context::new(settings.clone(), shell.clone());
    Context::with_store_of(settings, shell, context.secrets().with(None, flags))
}

fn dispatch(context: &Context, command: Command) -> Result<i32> {
    command.writes().map_or(Ok(()), |name| ops::refuse_in_trial(context, name))?;
    match command {
        Command::Deploy(args) => deploy::run(context, &args),
        Command::Run(args) => run::run(context, args),
        Command::Merge(args) => {
            watch_interrupts(context)?;
            merge::run(context, *args).map(|()| 0)
        }
        Command::New(args) => new::run(context, args).map(|()| 0),
        Command::Query(args) => {
            watch_interrupts(context)?;
            query::run(context, args).map(|()| 0)
        }
        Command::Logs(args) => {
            watch_interrupts(context)?;
            logs::run(context, args).map(|()| 0)
        }
        Command::Manager(args) => {
            watch_interrupts(context)?;
            manager::run(context, args)
        }
        Command::Secrets(args) => secrets::run(context, args),
        Command::Ocr(args) => {
            watch_interrupts(context)?;
            ocr::run(context, *args).map(|()| 0)
        }
        Command::OcrWorker(_) => ocr::worker().map(|()| 0),
        Command::PipelineWorker(args) => {
            watch_interrupts(context)?;
            tasks::worker(context, args).map(|()| 0)
        }
        Command::Files(args) => {
            watch_interrupts(context)?;
            files::run(context, *args)
        }
        // while an editor is open Ctrl-C is the editor's
        Command::Tasks(args) if args.is_edit() => tasks::run(context, *args),
        Command::Tasks(args) => {
            watch_interrupts(context)?;
            tasks::run(context, *args)
        }
        Command::ActorWorker(args) => {
            watch_interrupts(context)?;
            actor_worker::run(context, &args).map(|()| 0)
        }
        Command::Html(args) => {
            watch_interrupts(context)?;
            html::run(context, args).map(|()| 0)
        }
        Command::Doctor(args) => doctor::run(context, &args),
        Command::Completions(args) => completions::run(context, &args).map(|()| 0),
        Command::Schema(args) => schema::run(context, &args).map(|()| 0),
        Command::Man(args) => man::run(context, &args).map(|()| 0),
    }
}

/// The command line. Helps are made to fit the window only when one is shown, since apps start dc many times.
fn parse() -> Result<Arguments, clap::Error> {
    Arguments::try_parse().map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            help::fitted(Arguments::command()).try_get_matches().err().unwrap_or(error)
        }
        _ => error,
    })
}

/// Adds the subcommand that was likely meant, where clap itself finds none (`rnu`).
fn suggest(mut error: clap::Error) -> clap::Error {
    if error.kind() != ErrorKind::InvalidSubcommand || error.get(ContextKind::SuggestedSubcommand).is_some() {
        return error;
    }
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else { return error };
    let command = Arguments::command();
    let names = command.get_subcommands().filter(|known| !known.is_hide_set()).map(clap::Command::get_name);
    let near = names.map(|name| (strsim::osa_distance(name, typed), name)).min();
    if let Some((1..=EDITS_MAX, name)) = near {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(vec![name.to_owned()]));
    }
    error
}

/// What was typed may have come out of a file; what of it a terminal would act on is shown as a sign.
fn leave(error: clap::Error) -> ! {
    let text = error.render().to_string();
    if let Cow::Owned(shown) = shell::visible(&text) {
        Shell::new(ShellOptions::default(), true).tell(shown.trim_end());
        std::process::exit(error.exit_code());
    }
    error.exit()
}

fn report(shell: &Shell, error: &Error) {
    if exit::status(error) != 0 {
        shell.error(error);
    }
}

/// What dc says of its own work goes to stderr; `-v` says more.
fn start_log(settings: &Settings, verbose: u8) -> Result<LogGuard> {
    let filter = match verbose {
        0 => settings.log.level.as_deref().unwrap_or("warn"),
        1 => "info",
        _ => "data_collector=debug,dc=debug,info",
    };
    LogSetup::of(settings).console_only().filter(filter).start()
}

/// The first Ctrl-C asks to stop in order, the second ends at once, and gives the terminal back.
fn watch_interrupts(context: &Context) -> Result<()> {
    let mut arriving = signal_hook::iterator::Signals::new([signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM])
        .or_fail(|| "watch for Ctrl-C".to_owned())?;
    let cancellation = context.cancellation().clone();
    let watching = std::thread::Builder::new().name("interrupts".to_owned()).spawn(move || {
        for _ in arriving.forever() {
            if cancellation.is_cancelled() {
                Screen::restore();
                std::process::exit(130);
            }
            cancellation.cancel();
        }
    });
    watching.map(drop).or_fail(|| "start a thread for Ctrl-C".to_owned())
}
