//! An end as it is kept: a line of JSON, and a second one with what the run measured of its functions.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, file_error};
use crate::ident::RuntimeId;
use crate::tables::{Ending, FunctionTimes, RunEnd, Store};

/// The end of the name of a file that is the room of a run.
pub(super) const ROOM: &str = ".room";
/// The end of the name of a file that holds an end.
pub(super) const KEPT: &str = ".end";

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptEnd {
    /// The database that has the run, without any password.
    pub database: String,
    /// The run.
    pub runtime: String,
    /// Its app's row.
    pub app_id: i64,
    /// How it ended.
    pub end: RunEnd,
    /// What it measured of its functions. This may be cut off by a full disk; the end is not.
    #[serde(skip)]
    pub functions: Vec<FunctionTimes>,
}

impl KeptEnd {
    /// Records it in its database: the end, and the times of functions with it.
    ///
    /// # Errors
    /// What the database says.
    pub fn record(&self, store: &mut Store) -> Result<Ending> {
        let runtime: RuntimeId = self.runtime.parse()?;
        let ending = store.runs().end(&runtime, &self.end)?;
        if matches!(ending, Ending::Closed | Ending::Corrected) {
            store.functions().record(self.app_id, &self.runtime, &self.functions)?;
        }
        Ok(ending)
    }

    /// The lines of the file: the end, and the functions.
    pub(super) fn lines(&self) -> Result<(Vec<u8>, Vec<u8>)> {
        let line = |json: serde_json::Result<Vec<u8>>| {
            let mut line = json.map_err(|cause| Error::failed("write the end of a run as JSON").because(cause))?;
            line.push(b'\n');
            Ok::<_, Error>(line)
        };
        Ok((line(serde_json::to_vec(self))?, line(serde_json::to_vec(&self.functions))?))
    }

    /// Reads a file; `None` where no end was written into it, or there is none.
    ///
    /// # Errors
    /// When it cannot be read, or holds something else.
    pub(super) fn read(path: &Path) -> Result<Option<Self>> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(file_error(format!("read {}", path.display()), cause)),
        };
        // a line without its end was being written when the process died
        let Some(length) = bytes.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
        let kept: Self = serde_json::from_slice(&bytes[..length]).map_err(|cause| {
            Error::failed(format!("read the end of a run in {}", path.display()))
                .because(cause)
                .hint(format!("look at it, then delete it: rm {}", path.display()))
        })?;
        let functions = serde_json::from_slice(&bytes[length + 1..]).unwrap_or_default();
        Ok(Some(Self { functions, ..kept }))
    }
}
