//! Files of documents that have come to their end: those that are done go, the others are put aside.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::take::{Taker, move_to};
use super::{ASIDE, WORK};
use crate::error::Result;
use crate::ident::new_identity;
use crate::storage::original;
use crate::tables::{TaskRow, TaskState};

/// So many are put away in one look.
const FILES_MAX: i64 = 1_000;
/// So often a free name is looked for.
const NAMES_MAX: usize = 1_000;

impl Taker {
    /// Puts the files of documents away that have come to their end.
    ///
    /// # Errors
    /// What the database says.
    pub(super) fn put_away(&mut self) -> Result<()> {
        loop {
            let ended = self.storage.tables().tasks().ended_at_work(self.app_id, &self.host, FILES_MAX)?;
            let is_last = (ended.len() as i64) < FILES_MAX;
            let mut away = Vec::with_capacity(ended.len());
            for task in &ended {
                let Some(path) = task.work_path.as_deref().map(original) else { continue };
                match put_away(task, Path::new(&path)) {
                    Ok(()) => away.push(task.id),
                    Err(cause) => log::warn!(task = task.id; "its file stays: {}: {cause}", Path::new(&path).display()),
                }
            }
            if !away.is_empty() {
                self.storage.tables().tasks().forget_work(&away)?;
            }
            if is_last || away.is_empty() {
                return Ok(());
            }
        }
    }
}

fn put_away(task: &TaskRow, path: &Path) -> std::io::Result<()> {
    let gone = |cause: std::io::Error| match cause.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(cause),
    };
    if task.state == TaskState::Done {
        // its bytes are stored, and what was made of them is written down
        return fs::remove_file(path).or_else(gone);
    }
    let Some(folder) = path.parent().filter(|folder| folder.ends_with(WORK)).and_then(Path::parent) else {
        return Ok(());
    };
    let aside = folder.join(ASIDE);
    fs::create_dir_all(&aside)?;
    let is_shared = match fs::symlink_metadata(path) {
        Ok(data) => data.nlink() > 1,
        Err(cause) => return gone(cause),
    };
    if !is_shared {
        return move_aside(path, &aside, &task.name).or_else(gone);
    }
    // the stored original has the same bytes: whoever mends the file there must not change it
    let own = aside.join(format!(".{}.part", new_identity()));
    copy(path, &own)
        .and_then(|()| move_aside(&own, &aside, &task.name))
        .inspect_err(|_| drop(fs::remove_file(&own)))?;
    fs::remove_file(path)
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let (mut from, mut to) = (File::open(from)?, File::create_new(to)?);
    std::io::copy(&mut from, &mut to)?;
    let data = from.metadata()?;
    // whoever could not read it before cannot read it now
    to.set_permissions(fs::Permissions::from_mode(data.mode() & 0o440 | 0o200))?;
    to.set_modified(data.modified()?)?;
    to.sync_all()
}

fn move_aside(path: &Path, aside: &Path, name: &str) -> std::io::Result<()> {
    for number in 0..NAMES_MAX {
        match move_to(path, &free_name(aside, name, number)) {
            Err(nix::errno::Errno::EEXIST) => {}
            moved => return moved.map_err(Into::into),
        }
    }
    Err(std::io::Error::other(format!("{NAMES_MAX} files of this name are in {ASIDE}/ already")))
}

/// `invoice.pdf`, `invoice-1.pdf`, ..
fn free_name(aside: &Path, name: &str, number: usize) -> PathBuf {
    let name = original(name);
    if number == 0 {
        return aside.join(name);
    }
    let path = Path::new(&name);
    let mut numbered = path.file_stem().unwrap_or_default().to_owned();
    numbered.push(format!("-{number}"));
    if let Some(end) = path.extension() {
        numbered.push(".");
        numbered.push(end);
    }
    aside.join(numbered)
}
