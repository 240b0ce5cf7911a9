//! The cassette of a run: what `--record` makes and `--replay` serves.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::clock;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Cassette, Door, Passed, Recorded};
use crate::ident::run_prefix;
use crate::redact::Redactor;
use crate::settings::{CassetteMode, CassetteSettings};
use crate::shell::counted;

use super::super::which::one_of;
use super::RunOptions;

/// Where the cassettes of a project are, each a folder with the name of its run.
const FOLDER: &str = ".dc/cassettes";

/// What becomes of the requests of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TapeOptions {
    /// They are made.
    #[default]
    None,
    /// They are made, and kept as a cassette.
    Record,
    /// They are answered from the cassette of this run, or in this folder.
    Replay(String),
}

/// A run that is recorded or replayed.
pub(super) enum Tape {
    None,
    Record(Cassette, Door),
    Replay(Cassette, Door),
}

/// Completes the options of a replay by what was recorded.
pub(super) fn prepare(context: &Context, options: &RunOptions) -> Result<(RunOptions, Option<Cassette>)> {
    let mut options = options.clone();
    let TapeOptions::Replay(name) = &options.tape else { return Ok((options, None)) };
    let name = &whole_name(&folder(context), name)?;
    let (cassette, recorded) = Cassette::find(&folder(context), name)?;
    if options.app.is_empty() {
        options.app = recorded.app;
    } else if !is_named(&recorded.app, &options.app) {
        let message = format!("replay `{name}` with {}: it is a cassette of {}", options.app, recorded.app);
        return Err(Error::new(ErrorKind::Usage, message).hint(format!("dc run --replay {name}")));
    }
    options.args.get_or_insert(recorded.args);
    Ok((options, Some(cassette)))
}

/// The run of the cassette that begins so; what is no beginning of a run is left as it is.
fn whole_name(folder: &Path, typed: &str) -> Result<String> {
    let Some(prefix) = run_prefix(typed).filter(|_| !Path::new(typed).exists()) else { return Ok(typed.to_owned()) };
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let mut found: Vec<String> = names.filter(|name| name.starts_with(&prefix)).collect();
    found.sort();
    if found.is_empty() { Ok(typed.to_owned()) } else { one_of(typed, found) }
}

/// Whether `name` is a tail of the full name.
fn is_named(full: &str, name: &str) -> bool {
    full == name || full.strip_suffix(name).is_some_and(|rest| rest.ends_with('/'))
}

/// The folder with the cassettes of a project.
pub(in crate::ops) fn folder(context: &Context) -> PathBuf {
    context.settings().project.root.join(FOLDER)
}

impl Tape {
    /// Makes the cassette of a run that is recorded.
    pub(super) fn start(
        context: &Context,
        options: &RunOptions,
        replayed: Option<Cassette>,
        run: &Recorded,
    ) -> Result<Self> {
        match (&options.tape, replayed) {
            (TapeOptions::Record, _) => {
                let redactor = Redactor::of(context.settings());
                let run = Recorded { args: redactor.text(&run.args).into_owned(), ..run.clone() };
                let cassette = Cassette::create(&folder(context).join(&run.runtime), &run)?;
                let door = Door::open(context, settings_of(&cassette, CassetteMode::Record))?;
                Ok(Self::Record(cassette, door))
            }
            (_, Some(cassette)) => Self::replay(context, &cassette),
            (_, None) => Ok(Self::None),
        }
    }

    /// One that is played back.
    ///
    /// # Errors
    /// As [`Door::open`].
    pub(super) fn replay(context: &Context, cassette: &Cassette) -> Result<Self> {
        Ok(Self::Replay(cassette.clone(), Door::open(context, settings_of(cassette, CassetteMode::Replay))?))
    }

    /// How far a cassette went that is played back, with what the app has told of it itself; `None` where none is.
    pub(super) fn replayed(&self, told: Option<(i64, i64)>) -> Option<Passed> {
        let Self::Replay(_, door) = self else { return None };
        door.close();
        let (answered, missing) = told.unwrap_or_default();
        let passed = door.passed();
        let (answered, missing) = (passed.answered.saturating_add(answered), passed.missing.saturating_add(missing));
        Some(Passed { answered, missing, ..passed })
    }

    /// What the app finds in its environment.
    pub(super) fn environment(&self) -> Vec<(String, OsString)> {
        let (cassette, mode, door) = match self {
            Self::None => return Vec::new(),
            Self::Record(cassette, door) => (cassette, "record", door),
            Self::Replay(cassette, door) => (cassette, "replay", door),
        };
        let folder = absolute(cassette.folder());
        let own = [("DC_CASSETTE".to_owned(), folder.into()), ("DC_CASSETTE_MODE".to_owned(), mode.into())];
        own.into_iter().chain(door.environment()).collect()
    }

    /// The cassette that was made.
    pub(super) fn made(&self) -> Option<&Path> {
        match self {
            Self::Record(cassette, _) => Some(cassette.folder()),
            Self::None | Self::Replay(..) => None,
        }
    }

    /// What was recorded, in words; `None` where nothing had to be.
    pub(super) fn made_words(&self, runtime: &str) -> Option<String> {
        let Self::Record(cassette, door) = self else { return None };
        door.close();
        let unseen = unseen_words(&door.passed().unseen);
        // what cannot be read of it is not there
        Some(match cassette.count().map_or(0, |(count, _)| count) {
            0 => format!("nothing was recorded: dc saw no request of the app{unseen}"),
            count => {
                let (requests, folder) = (requests(count), cassette.folder().display());
                format!("{requests} recorded in {folder}; `dc run --replay {runtime}` plays them back{unseen}")
            }
        })
    }
}

fn absolute(folder: &Path) -> PathBuf {
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}

fn settings_of(cassette: &Cassette, mode: CassetteMode) -> CassetteSettings {
    CassetteSettings { folder: absolute(cassette.folder()), mode }
}

fn requests(count: impl TryInto<usize>) -> String {
    counted(count.try_into().unwrap_or(usize::MAX), "request", "requests")
}

/// What programs said that could not be looked into.
fn unseen_words(places: &[String]) -> String {
    match places {
        [] => String::new(),
        places => format!(
            "; what was said to {} was not seen: the program trusts no certificate of SSL_CERT_FILE, or speaks no HTTP",
            places.join(", ")
        ),
    }
}

/// How far a cassette went that was played back, in words.
pub(super) fn replay_words(passed: &Passed) -> String {
    let Passed { answered, missing, places, unseen } = passed;
    let places = if places.is_empty() { String::new() } else { format!(" ({})", places.join(", ")) };
    let answered = requests(*answered);
    format!("the cassette answered {answered} and did not have {missing}{places}{}", unseen_words(unseen))
}

/// When a run began, as a cassette has it.
pub(super) fn moment(started_at: chrono::NaiveDateTime) -> String {
    clock::text(started_at).replace(' ', "T") + "Z"
}
