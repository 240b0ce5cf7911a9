//! The folder of a project in which the ends of runs wait: `RUN.room` is the room of a run that goes on, `RUN.end` an end
//! that its database does not have yet.

use std::fs;
use std::path::{Path, PathBuf};

use super::kept::{KEPT, KeptEnd, ROOM};
use super::room::Room;
use crate::error::Result;
use crate::ident::RuntimeId;
use crate::settings::Settings;
use crate::tables::{Ending, RunFilter, Store};

/// Where it is in a project.
const FOLDER: &str = ".dc/ends";
/// The ends of a project's runs that wait on this machine.
#[derive(Debug, Clone)]
pub struct Ends {
    folder: PathBuf,
}

impl Ends {
    /// Those of the project. The folder is made when the first run takes its room.
    pub fn of(settings: &Settings) -> Self {
        Self { folder: settings.project.root.join(FOLDER) }
    }

    /// Takes the room for the end of a run.
    ///
    /// # Errors
    /// The file system's own failures: the disk is full, or the folder not ours to write.
    pub fn take_room(&self, run: &RuntimeId) -> Result<Room> {
        Room::take(&self.folder, run.as_str())
    }

    /// Records the ends that wait for this database, and gives their room back; how many it were. One that cannot be read
    /// stays, with a warning.
    ///
    /// # Errors
    /// What the database says; the rest waits on.
    pub fn deliver(&self, store: &mut Store) -> Result<usize> {
        let mut count = 0;
        for path in self.files(KEPT) {
            count += usize::from(deliver(&path, store)?);
        }
        Ok(count)
    }

    /// Records the end of one run, if it waits here: also one that its `dc run` had written when it was killed.
    ///
    /// # Errors
    /// What the database says.
    pub fn deliver_one(&self, run: &str, store: &mut Store) -> Result<bool> {
        let mut is_delivered = false;
        for end in [KEPT, ROOM] {
            is_delivered |= deliver(&self.folder.join(format!("{run}{end}")), store)?;
        }
        Ok(is_delivered)
    }

    /// Gives back the room of runs that are closed: their `dc run` was killed.
    ///
    /// # Errors
    /// What the database says.
    pub fn sweep(&self, store: &mut Store) -> Result<()> {
        for path in self.files(ROOM) {
            let Some(run) = path.file_stem().and_then(|name| name.to_str()) else { continue };
            let filter = RunFilter { app_ids: None, runtime: Some(run.to_owned()), limit: 1 };
            // one that this database does not know may be a run of another
            if store.runs().list(&filter)?.first().is_some_and(|run| run.ended_at.is_some()) {
                let _ = fs::remove_file(&path);
            }
        }
        Ok(())
    }

    /// The files of one kind, the oldest run first.
    fn files(&self, end: &str) -> Vec<PathBuf> {
        // a folder that is not there holds nothing
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let is_ours = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(end));
            name.is_some_and(|name| name.parse::<RuntimeId>().is_ok())
        };
        let mut files: Vec<PathBuf> = entries.filter(is_ours).collect();
        files.sort();
        files
    }
}

fn deliver(path: &Path, store: &mut Store) -> Result<bool> {
    let kept = match KeptEnd::read(path) {
        Ok(Some(kept)) => kept,
        Ok(None) => return Ok(false),
        Err(error) => {
            log::warn!("the end of a run waits on: {error}");
            return Ok(false);
        }
    };
    match kept.record(store)? {
        Ending::Closed | Ending::Corrected => log::info!("the end of run {} was delivered late", kept.runtime),
        Ending::Known => {}
        Ending::Missing if kept.database == store.label() => {
            log::warn!("the end of run {} is dropped: {} has no such run", kept.runtime, kept.database);
        }
        // a run of another database of this project
        Ending::Missing => return Ok(false),
    }
    let _ = fs::remove_file(path);
    Ok(true)
}

#[cfg(test)]
mod tests;
