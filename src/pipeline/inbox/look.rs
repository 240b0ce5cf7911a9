//! A look into a watched folder: which files are complete, which are not and why, and how many are none of its business.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::candidate::{Judgement, Known, Stamp, judge};
use super::{ASIDE, WORK};
use crate::apps::{Complete, PipelineDefinition};

/// So many files that wait are told by name.
const TOLD_MAX: usize = 20;
/// Folders in folders are followed so deep.
const DEPTH_MAX: usize = 32;
/// So many complete files are taken before the folder is looked at again.
const TAKEN_MAX: usize = 1_000;
/// A file that could not be taken is tried again after so long.
const REFUSED_REST: Duration = Duration::from_secs(60);

/// A watched folder.
pub(super) struct Look {
    pub(super) folder: PathBuf,
    known: BTreeMap<PathBuf, Known>,
    /// Files that stay and were taken, as they were then.
    pub(super) copied: BTreeMap<PathBuf, Stamp>,
    /// Files that could not be taken: as they were, when that was, and why.
    refused: BTreeMap<PathBuf, (Stamp, Instant, String)>,
    number: u64,
}

/// What a look has seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Files that are complete.
    pub(super) complete: Vec<PathBuf>,
    /// How many are not.
    pub(super) waiting_count: usize,
    /// Some of those, with the reason.
    pub(super) waiting: Vec<(String, String)>,
    /// Files that the pipeline does not take.
    pub(super) ignored: usize,
    /// When the next one may be complete.
    pub(super) next: Option<Duration>,
    /// Why the folder could not be looked at.
    pub(super) error: Option<String>,
    /// Whether there may be more: so many are complete that the look ended early.
    pub(super) is_cut: bool,
}

impl Look {
    pub(super) fn into(folder: PathBuf) -> Self {
        Self { folder, known: BTreeMap::new(), copied: BTreeMap::new(), refused: BTreeMap::new(), number: 0 }
    }

    pub(super) fn pass(&mut self, definition: &PipelineDefinition) -> Seen {
        self.number += 1;
        let mut seen = Seen::default();
        let depth = if definition.recursive { DEPTH_MAX } else { 0 };
        let folder = self.folder.clone();
        if let Err(cause) = self.walk(&folder, depth, definition, &mut seen) {
            seen.error = Some(format!("{}: {cause}", folder.display()));
        }
        let number = self.number;
        self.known.retain(|_, known| known.look == number);
        self.refused.retain(|_, (_, since, _)| since.elapsed() < REFUSED_REST * 2);
        if seen.complete.len() >= TAKEN_MAX {
            (seen.is_cut, seen.next) = (true, Some(Duration::ZERO));
        }
        seen
    }

    fn walk(
        &mut self,
        folder: &Path,
        depth: usize,
        definition: &PipelineDefinition,
        seen: &mut Seen,
    ) -> std::io::Result<()> {
        for entry in fs::read_dir(folder)? {
            if seen.complete.len() >= TAKEN_MAX {
                return Ok(());
            }
            let Ok(entry) = entry else { continue };
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let is_own = folder == self.folder && (name == WORK || name == ASIDE);
            if name.starts_with('.') || is_own {
                continue;
            }
            // what is gone by now is nobody's business
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                if depth > 0 {
                    // a folder that cannot be read hides its files, and is told as one that waits
                    if let Err(cause) = self.walk(&path, depth - 1, definition, seen) {
                        self.wait(seen, &path, &format!("it cannot be read: {cause}"), None);
                    }
                }
                continue;
            }
            if !wanted(definition, &name) {
                seen.ignored += usize::from(!is_marker(definition, &name));
                continue;
            }
            if !kind.is_file() {
                let what = if kind.is_symlink() { "it is a link" } else { "it is no file" };
                seen.ignored += 1;
                if seen.waiting.len() < TOLD_MAX {
                    seen.waiting.push((path.to_string_lossy().into_owned(), format!("{what}, and is not taken")));
                }
                continue;
            }
            let Ok(data) = entry.metadata() else { continue };
            let stamp = Stamp::of(&data);
            if self.copied.get(&path) == Some(&stamp) {
                continue;
            }
            if let Some((reason, rest)) = self.refusal(&path, stamp) {
                self.wait(seen, &path, &reason, Some(rest));
                continue;
            }
            let same_for = self.remember(&path, stamp);
            match judge(&definition.complete, &path, &data, same_for) {
                Judgement::Take => seen.complete.push(path),
                Judgement::Wait(reason, due) => self.wait(seen, &path, &reason, due),
            }
        }
        Ok(())
    }

    /// Notes that a file could not be taken: it is not tried again for a while, so that it does not hold up the others.
    pub(super) fn refuse(&mut self, path: &Path, reason: String) {
        if let Ok(data) = fs::symlink_metadata(path) {
            self.refused.insert(path.to_owned(), (Stamp::of(&data), Instant::now(), reason));
        }
    }

    /// Why a file is not tried yet, and for how long.
    fn refusal(&mut self, path: &Path, stamp: Stamp) -> Option<(String, Duration)> {
        let (known, since, reason) = self.refused.get(path)?;
        match REFUSED_REST.checked_sub(since.elapsed()).filter(|rest| *known == stamp && !rest.is_zero()) {
            Some(rest) => Some((format!("it cannot be taken: {reason}"), rest)),
            None => {
                self.refused.remove(path);
                None
            }
        }
    }

    fn wait(&self, seen: &mut Seen, path: &Path, reason: &str, due: Option<Duration>) {
        seen.waiting_count += 1;
        if seen.waiting.len() < TOLD_MAX {
            seen.waiting.push((path.to_string_lossy().into_owned(), reason.to_owned()));
        }
        seen.next = seen.next.into_iter().chain(due).min();
    }

    /// How long a file is as it is, as far as was seen.
    fn remember(&mut self, path: &Path, stamp: Stamp) -> Duration {
        let now = Instant::now();
        match self.known.get_mut(path) {
            Some(known) => {
                known.look = self.number;
                if known.stamp != stamp {
                    (known.stamp, known.same_since) = (stamp, now);
                }
                known.same_since.elapsed()
            }
            None => {
                let known = Known { stamp, same_since: now, look: self.number };
                self.known.insert(path.to_owned(), known);
                Duration::ZERO
            }
        }
    }
}

/// Whether the pipeline takes files of this name.
fn wanted(definition: &PipelineDefinition, name: &str) -> bool {
    if is_marker(definition, name) {
        return false;
    }
    let name = name.to_lowercase();
    let has = |end: &String| {
        name.len() > end.len() + 1 && name.ends_with(end) && name[..name.len() - end.len()].ends_with('.')
    };
    definition.extensions.is_empty() || definition.extensions.iter().any(has)
}

fn is_marker(definition: &PipelineDefinition, name: &str) -> bool {
    matches!(&definition.complete, Complete::Marker(end) if name.ends_with(end.as_str()))
}
