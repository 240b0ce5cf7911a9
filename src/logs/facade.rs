//! The door for `log` records: whatever the process logs by the `log` crate is written as a line, with what is bound
//! and without secrets, and handed to the pipelines.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use log::kv::{Key, Value, VisitSource};

use super::line::{Draft, Head};
use super::own::{OWN, is_in_pipeline};
use super::pipeline::Pipeline;
use super::queue::Queue;
use super::sinks::console::Console;
use crate::bound;
use crate::clock;
use crate::context::Context;
use crate::db::MISTAKEN_LOGGERS;
use crate::error::{Error, OrFail, Result};
use crate::hash::write_text;
use crate::redact::{MASK, Redactor, is_secret_name};
use crate::settings::{LogFormat, Settings};
use crate::shell::{Shell, ShellOptions};
use crate::tables::LogLevel;

/// The key that makes a record of the level ERROR a critical one.
const CRITICAL: &str = "critical";
/// How long a panic waits for its record to be delivered.
const PANIC_FLUSH: Duration = Duration::from_secs(1);

/// The logger of this process.
struct Facade {
    filter: env_logger::Logger,
    redactor: Redactor,
    /// Where lines go: the process's own pipeline, and those that are attached.
    outlets: RwLock<Vec<Arc<Queue>>>,
    pipeline: Pipeline,
    flush: Duration,
}

static FACADE: OnceLock<Facade> = OnceLock::new();

thread_local! {
    /// Room for a message and its line.
    static ROOM: RefCell<(String, Vec<u8>)> = const { RefCell::new((String::new(), Vec::new())) };
}

/// How the log of a process is set up.
///
/// ```no_run
/// # use data_collector::settings::{Environment, Settings, Source};
/// # fn main() -> data_collector::error::Result<()> {
/// let settings = Settings::load(&Source::default(), Environment::process())?;
/// let _log = data_collector::logs::init(&settings)?;
/// log::info!(page = 7, items = 40; "read a page");
/// # Ok(())
/// # }
/// ```
pub struct LogSetup<'a> {
    settings: &'a Settings,
    filter: String,
    format: LogFormat,
    sinks: Vec<String>,
    has_console: bool,
    ends_on_term: bool,
}

/// Sets up the log of an app: records go to the console and to the sinks of the settings. Inside `dc run` they go to
/// the console alone, as JSON, and `dc run` hands them on; so each is stored once.
///
/// # Errors
/// As [`LogSetup::start`].
pub fn init(settings: &Settings) -> Result<LogGuard> {
    LogSetup::of(settings).start()
}

impl<'a> LogSetup<'a> {
    /// What the settings say, for an app.
    pub fn of(settings: &'a Settings) -> Self {
        let is_inside = settings.inside.is_some();
        Self {
            settings,
            filter: settings.log.level.clone().unwrap_or_else(|| "info".to_owned()),
            format: if is_inside { LogFormat::Json } else { settings.log.format },
            sinks: if is_inside { Vec::new() } else { settings.log.sinks.clone() },
            has_console: true,
            ends_on_term: true,
        }
    }

    /// Only these records, as `RUST_LOG` says it, instead of the settings' level.
    #[must_use]
    pub fn filter(mut self, filter: &str) -> Self {
        filter.clone_into(&mut self.filter);
        self
    }

    /// Only the console, in the settings' form, and the signals are somebody else's business.
    #[must_use]
    pub fn console_only(mut self) -> Self {
        self.sinks.clear();
        self.format = self.settings.log.format;
        self.ends_on_term = false;
        self
    }

    /// Without the console.
    #[must_use]
    pub fn without_console(mut self) -> Self {
        self.has_console = false;
        self
    }

    /// Leaves SIGTERM alone, for a program that has a handler of its own. Otherwise it delivers what is queued, and
    /// ends the process as it would have without.
    #[must_use]
    pub fn without_signals(mut self) -> Self {
        self.ends_on_term = false;
        self
    }

    /// Installs the log. Records are delivered as long as the guard lives, and what is left when it goes.
    ///
    /// # Errors
    /// Settings, for an unknown sink; failed, when the process has a log already.
    pub fn start(self) -> Result<LogGuard> {
        let Self { settings, filter, format, sinks, has_console, ends_on_term } = self;
        let mut builder = env_logger::Builder::new();
        MISTAKEN_LOGGERS.iter().for_each(|logger| {
            builder.filter_module(logger, log::LevelFilter::Error);
        });
        // who asks for them by name has them
        let filter = builder.parse_filters(&filter).build();
        let level = filter.filter();
        let pipeline = Pipeline::start(&settings.log)?;
        if has_console {
            pipeline.append_sink("console", Box::new(Console::new(format, settings.no_color)))?;
        }
        let context = Context::new(settings.clone(), Shell::new(ShellOptions::default(), true));
        pipeline.open_sinks(&context, sinks.iter().map(String::as_str).filter(|name| *name != "console"))?;
        let facade = Facade {
            filter,
            redactor: Redactor::of(settings),
            outlets: RwLock::new(vec![pipeline.queue()]),
            pipeline,
            flush: settings.log.flush,
        };
        let facade = FACADE.get_or_init(|| facade);
        log::set_logger(facade).or_fail(|| "start the log: the process has one already".to_owned())?;
        log::set_max_level(level);
        flush_on_panic();
        if ends_on_term {
            flush_on_term(settings.log.flush)?;
        }
        settings.notes.iter().for_each(|note| log::warn!("{note}"));
        Ok(LogGuard(()))
    }
}

/// Ends the log of the process when it goes: in at most the time that `[log] flush` says.
#[must_use = "records are delivered as long as this lives"]
#[derive(Debug)]
pub struct LogGuard(());

impl Drop for LogGuard {
    fn drop(&mut self) {
        if let Some(facade) = FACADE.get() {
            facade.pipeline.finish(facade.flush);
        }
    }
}

/// Delivers what was logged so far, for at most `limit`; true when all is delivered or on disk.
pub fn flush(limit: Duration) -> bool {
    FACADE.get().is_none_or(|facade| facade.pipeline.flush(limit))
}

/// Adds a sink to the log of this process.
///
/// # Errors
/// Usage, when there is no log yet, or a sink of this name.
pub fn append_sink(name: &str, sink: Box<dyn super::Sink>) -> Result<()> {
    match FACADE.get() {
        Some(facade) => facade.pipeline.append_sink(name, sink),
        None => {
            Err(Error::failed(format!("add the log sink `{name}`: there is no log yet"))
                .hint("call `logs::init` before"))
        }
    }
}

/// Has the process's records go to a pipeline too, until the guard goes.
pub(super) fn attach(pipeline: &Pipeline) -> Attached {
    let queue = pipeline.queue();
    if let Some(facade) = FACADE.get() {
        facade.outlets.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&queue));
    }
    Attached(queue)
}

/// Ends what [`attach`] began.
pub(super) struct Attached(Arc<Queue>);

impl Drop for Attached {
    fn drop(&mut self) {
        if let Some(facade) = FACADE.get() {
            let mut outlets = facade.outlets.write().unwrap_or_else(PoisonError::into_inner);
            outlets.retain(|outlet| !Arc::ptr_eq(outlet, &self.0));
        }
    }
}

impl log::Log for Facade {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        self.filter.enabled(metadata)
    }

    fn log(&self, record: &log::Record<'_>) {
        let is_own = is_in_pipeline();
        // what the libraries under a sink say would come back to it, and so on for ever
        if !self.filter.matches(record) || (is_own && record.target() != OWN) {
            return;
        }
        ROOM.with(|room| match room.try_borrow_mut() {
            Ok(mut room) => {
                let (message, line) = &mut *room;
                self.write(record, is_own, message, line);
            }
            // the message's own Display logs something
            Err(_) => self.write(record, is_own, &mut String::new(), &mut Vec::new()),
        });
    }

    fn flush(&self) {
        self.pipeline.flush(self.flush);
    }
}

impl Facade {
    fn write(&self, record: &log::Record<'_>, is_own: bool, room: &mut String, line: &mut Vec<u8>) {
        line.clear();
        let text = match record.args().as_str() {
            Some(text) => text,
            None => {
                room.clear();
                // a Display that fails has written what it could
                let _ = std::fmt::Write::write_fmt(room, *record.args());
                room
            }
        };
        let is_critical = record.level() == log::Level::Error
            && record.key_values().get(Key::from(CRITICAL)).and_then(|value| value.to_bool()) == Some(true);
        let level = match record.level() {
            log::Level::Error if is_critical => LogLevel::Critical,
            log::Level::Error => LogLevel::Error,
            log::Level::Warn => LogLevel::Warning,
            log::Level::Info => LogLevel::Info,
            log::Level::Debug | log::Level::Trace => LogLevel::Debug,
        };
        let head = Head { time: clock::now(), level, source: record.target(), message: &self.redactor.text(text) };
        let bound = bound::current();
        let mut draft = Draft::begin(line, head, &bound).here(&bound);
        let mut keys = Keys { draft: &mut draft, redactor: &self.redactor };
        // what cannot be visited is left out; a log line is no place to fail
        let _ = record.key_values().visit(&mut keys);
        draft.finish();
        for outlet in self.outlets.read().unwrap_or_else(PoisonError::into_inner).iter() {
            if is_own {
                outlet.push_or_drop(line);
            } else {
                outlet.push(line);
            }
        }
    }
}

/// Writes key-values as the context of a record.
struct Keys<'a, 'b> {
    draft: &'a mut Draft<'b>,
    redactor: &'a Redactor,
}

impl<'kvs> VisitSource<'kvs> for Keys<'_, '_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> std::result::Result<(), log::kv::Error> {
        if key.as_str() == CRITICAL {
            return Ok(());
        }
        let out = self.draft.key(key.as_str());
        if let Some(text) = value.to_borrowed_str() {
            let shown = if is_secret_name(key.as_str()) { MASK.into() } else { self.redactor.text(text) };
            write_text(&shown, true, out);
        } else if let Some(number) = value.to_i64().filter(|_| !self.redactor.hides_numbers()) {
            out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        } else if let Some(flag) = value.to_bool() {
            out.extend_from_slice(if flag { b"true" } else { b"false" });
        } else {
            // floats, large numbers, structures, errors; NaN has no JSON
            let json =
                serde_json::to_string(&value).unwrap_or_else(|_| format!("\"{}\"", value.to_string().escape_default()));
            self.redactor.json(key.as_str(), &json, out);
        }
        Ok(())
    }
}

/// A panic is logged and delivered before the process goes on to end.
fn flush_on_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        before(panic);
        if !is_in_pipeline() {
            log::error!(critical = true; "{panic}");
            flush(PANIC_FLUSH);
        }
    }));
}

/// TERM delivers what is queued and then does what it does without a handler.
fn flush_on_term(limit: Duration) -> Result<()> {
    let term = signal_hook::consts::SIGTERM;
    let mut arriving = signal_hook::iterator::Signals::new([term]).or_fail(|| "watch for SIGTERM".to_owned())?;
    let thread = std::thread::Builder::new().name("log signals".to_owned());
    let watching = thread.spawn(move || {
        if arriving.forever().next().is_some() {
            if let Some(facade) = FACADE.get() {
                facade.pipeline.finish(limit);
            }
            let _ = signal_hook::low_level::emulate_default_handler(term);
        }
    });
    watching.map(drop).or_fail(|| "start a thread for signals".to_owned())
}
