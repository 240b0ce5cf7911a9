//! Cassettes: the exchanges of a run, kept as lines of JSON in the run's folder, and served back without a network. What
//! is secret is hidden before it is written. ARCHITECTURE.md and README.md tell the format, for other languages.

mod entry;
mod key;
mod listing;
mod record;
mod replay;

pub(super) use key::Key;
pub use listing::{Exchange, ExchangePage};
pub(super) use record::Record;
pub(super) use replay::Replay;

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result, file_error};
use crate::settings::{CassetteMode, Settings};

/// The file that tells which run it was.
const RUN: &str = "run.json";

/// The folder of a run's exchanges.
#[derive(Debug, Clone)]
pub struct Cassette {
    folder: PathBuf,
}

/// The run that a cassette is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// The run.
    pub runtime: String,
    /// The app's full name.
    pub app: String,
    /// What it was given, as JSON.
    pub args: String,
    /// When it began, RFC 3339 in UTC.
    pub started_at: String,
}

impl Cassette {
    /// A new one for a run.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(folder: &Path, recorded: &Recorded) -> Result<Self> {
        let failed = |cause| file_error(format!("make the cassette {}", folder.display()), cause);
        std::fs::create_dir_all(folder).map_err(failed)?;
        let text = serde_json::to_vec_pretty(recorded).unwrap_or_default();
        std::fs::write(folder.join(RUN), text).map_err(failed)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// One that is there: a run below `cassettes`, or any folder.
    ///
    /// # Errors
    /// Not found, when it is neither.
    pub fn find(cassettes: &Path, name: &str) -> Result<(Self, Recorded)> {
        let candidates = [cassettes.join(name), PathBuf::from(name)];
        let Some(folder) = candidates.iter().find(|folder| folder.join(RUN).is_file()) else {
            let known = std::fs::read_dir(cassettes).into_iter().flatten().flatten();
            let mut known: Vec<String> = known.filter_map(|entry| entry.file_name().into_string().ok()).collect();
            known.sort();
            let last = known.last().map(|name| format!("; the last one is {name}")).unwrap_or_default();
            let message = format!("find the cassette of `{name}` in {}", cassettes.display());
            return Err(Error::new(ErrorKind::NotFound, message).hint(format!(
                "`dc run --record APP` makes one, and a folder from another machine does as well{last}"
            )));
        };
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
        let what = || format!("read {}", folder.join(RUN).display());
        let text = std::fs::read(folder.join(RUN)).map_err(|cause| file_error(what(), cause))?;
        let recorded = serde_json::from_slice(&text).map_err(|cause| Error::failed(what()).because(cause))?;
        Ok((Self { folder }, recorded))
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// What a session writes to, or reads from.
pub(super) enum Tape {
    Record(Record),
    Replay(Replay),
}

/// One for the process: sessions share what was served already.
static TAPE: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

/// The tape that is open, and its folder.
type Known = Option<(PathBuf, Arc<Tape>)>;

/// How many requests of this process a cassette has answered, and how many it does not have; `None` where none is played back.
pub fn replayed() -> Option<(i64, i64)> {
    match TAPE.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.1.as_ref() {
        Tape::Replay(replay) => Some(replay.counts()),
        Tape::Record(_) => None,
    }
}

impl Tape {
    /// The one that the run around us asks for.
    ///
    /// # Errors
    /// When the cassette cannot be read or written.
    pub(super) fn of(settings: &Settings) -> Result<Option<Arc<Self>>> {
        let Some(cassette) = &settings.cassette else { return Ok(None) };
        let mut known = TAPE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((folder, tape)) = &*known
            && *folder == cassette.folder
        {
            return Ok(Some(Arc::clone(tape)));
        }
        let tape = Arc::new(match cassette.mode {
            CassetteMode::Record => Self::Record(Record::start(&cassette.folder)?),
            CassetteMode::Replay => Self::Replay(Replay::open(&cassette.folder)?),
        });
        *known = Some((cassette.folder.clone(), Arc::clone(&tape)));
        Ok(Some(tape))
    }
}
