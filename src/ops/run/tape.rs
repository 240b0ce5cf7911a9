//! The cassette of a run: what `--record` makes and `--replay` serves.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::clock;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Cassette, Door, Recorded, Refusals};
use crate::ident::run_prefix;
use crate::redact::Redactor;

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
    Record(PathBuf),
    Replay(PathBuf, Door),
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
                Ok(Self::Record(cassette.folder().to_owned()))
            }
            (_, Some(cassette)) => Self::replay(&cassette),
            (_, None) => Ok(Self::None),
        }
    }

    /// One that is played back.
    ///
    /// # Errors
    /// As [`Door::open`].
    pub(super) fn replay(cassette: &Cassette) -> Result<Self> {
        Ok(Self::Replay(cassette.folder().to_owned(), Door::open()?))
    }

    /// The requests that went past a cassette that is played back, and were refused; `None` where none is.
    pub(super) fn refused(&self) -> Option<Refusals> {
        match self {
            Self::Replay(_, door) => Some(door.refused()),
            Self::None | Self::Record(_) => None,
        }
    }

    /// What the app finds in its environment.
    pub(super) fn environment(&self) -> Vec<(String, OsString)> {
        let pairs = |folder: &Path, mode: &str| {
            let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
            vec![("DC_CASSETTE".to_owned(), folder.into()), ("DC_CASSETTE_MODE".to_owned(), mode.into())]
        };
        match self {
            Self::None => Vec::new(),
            Self::Record(folder) => pairs(folder, "record"),
            Self::Replay(folder, door) => [pairs(folder, "replay"), door.environment()].concat(),
        }
    }

    /// The cassette that was made.
    pub(super) fn made(&self) -> Option<&Path> {
        match self {
            Self::Record(folder) => Some(folder),
            Self::None | Self::Replay(..) => None,
        }
    }
}

/// How far a cassette went that was played back, in words.
pub(super) fn replay_words(answered: i64, missing: i64, refused: &Refusals) -> String {
    let s = |count: i64| if count == 1 { "" } else { "s" };
    let past = match refused.count {
        0 => String::new(),
        count => {
            let places = refused.places.join(", ");
            format!(
                "; {count} request{} went past it and were refused ({places}): use dcollect, or http::Request",
                s(count)
            )
        }
    };
    format!("the cassette answered {answered} request{} and did not have {missing}{past}", s(answered))
}

/// When a run began, as a cassette has it.
pub(super) fn moment(started_at: chrono::NaiveDateTime) -> String {
    clock::text(started_at).replace(' ', "T") + "Z"
}
