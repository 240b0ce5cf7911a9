//! A text in a person's editor, without a file that outlives us: the text is a file without a name in memory, which the
//! editor inherits, and finds behind a link in a private folder.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::libc;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, OrFail, Result, file_error};
use crate::settings::Settings;

/// What the name of a private folder begins with; the number of our process follows.
const FOLDER: &str = "dc-edit-";
/// The most bytes that are taken back.
const BYTES_MAX: u64 = 16 << 20;

/// What is edited.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edited {
    /// The name that the editor sees: it knows how to colour it.
    pub(super) name: &'static str,
    /// For messages.
    pub(super) what: &'static str,
    /// The command that edits it.
    pub(super) command: &'static str,
}

/// The editor of a person.
pub(super) struct Editor {
    line: String,
    edited: Edited,
    removed: [&'static str; 3],
}

impl Editor {
    /// `$VISUAL`, else `$EDITOR`, else vi.
    pub(super) fn of(settings: &Settings, edited: Edited) -> Self {
        let line = ["VISUAL", "EDITOR"].iter().find_map(|name| settings.variable(name)).unwrap_or("vi");
        let removed =
            [crate::secrets::PASSWORD_VARIABLE, crate::secrets::NEW_PASSWORD_VARIABLE, crate::secrets::KEY_VARIABLE];
        Self { line: line.to_owned(), edited, removed }
    }

    /// The text as the person has left it.
    pub(super) fn edit(&self, text: &str) -> Result<Zeroizing<String>> {
        let failed = || "make a file in memory for the editor".to_owned();
        // without close-on-exec: the editor inherits it
        let mut file: File = memfd_create("edited", MFdFlags::empty()).or_fail(failed)?.into();
        file.write_all(text.as_bytes()).or_fail(failed)?;
        let descriptor = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        let folder = private_folder();
        let path = match &folder {
            Some(folder) => folder.path().join(self.edited.name),
            None => descriptor.clone(),
        };
        if folder.is_some() {
            symlink(&descriptor, &path).or_fail(failed)?;
        }
        let status = self.command(&path).status().map_err(|cause| self.not_started(cause))?;
        if !status.success() {
            let (what, line) = (self.edited.what, &self.line);
            return Err(Error::failed(format!("edit {what}: `{line}` ended with {status}; nothing was changed")));
        }
        // an editor that saves by renaming has put a file of its own in place of the link
        let replaced = fs::symlink_metadata(&path).is_ok_and(|data| data.is_file());
        let edited = if replaced && folder.is_some() { take_away(&path) } else { from_start(file) };
        let edited = edited.map_err(|cause| file_error("read what was edited", cause))?;
        let text = std::str::from_utf8(&edited)
            .map_err(|_| Error::new(ErrorKind::Usage, "read what was edited: it is no UTF-8; nothing was changed"))?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// The editor's line is the shell's to read, as git does it; the path comes as an argument of its own.
    fn command(&self, path: &Path) -> Command {
        let line = &self.line;
        let mut command = Command::new("sh");
        let quiet = quiet_flags(line);
        command.arg("-c").arg(format!("{line} {quiet} \"$@\"")).arg("sh").arg(path);
        self.removed.iter().for_each(|name| {
            command.env_remove(name);
        });
        command
    }

    fn not_started(&self, cause: std::io::Error) -> Error {
        Error::new(ErrorKind::NotFound, format!("start the editor `{}`", self.line))
            .because(cause)
            .hint(format!("name one that is there: `EDITOR=nano {}`", self.edited.command))
    }
}

/// What keeps editors that we know from writing copies of the text elsewhere.
fn quiet_flags(line: &str) -> &'static str {
    let program = line.split_whitespace().next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    match program {
        "vi" | "vim" | "view" | "vim.basic" | "vim.tiny" | "nvim" | "gvim" => {
            "-n -i NONE --cmd 'set noswapfile nobackup nowritebackup noundofile'"
        }
        "nano" => "--ignorercfiles",
        "emacs" => "--eval '(setq make-backup-files nil auto-save-default nil create-lockfiles nil)'",
        _ => "",
    }
}

/// A folder that only we can enter, in memory; `None` where no file system is in memory.
fn private_folder() -> Option<TempDir> {
    let runtime = std::path::PathBuf::from(format!("/run/user/{}", nix::unistd::Uid::effective()));
    let parent = [runtime, PathBuf::from("/dev/shm")].into_iter().find(|parent| {
        statfs(parent).is_ok_and(|data| data.filesystem_type() == TMPFS_MAGIC)
            && nix::unistd::access(parent, nix::unistd::AccessFlags::W_OK).is_ok()
    })?;
    sweep(&parent);
    tempfile::Builder::new().prefix(&format!("{FOLDER}{}-", std::process::id())).tempdir_in(parent).ok()
}

/// Takes away what a dc that was killed has left: a link to nothing, or what an editor has put in its place.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(number) = name.strip_prefix(FOLDER).and_then(|rest| rest.split('-').next()) else { continue };
        let is_ours =
            entry.metadata().is_ok_and(|data| data.is_dir() && data.uid() == nix::unistd::Uid::effective().as_raw());
        let is_gone = number.parse::<u32>().is_ok_and(|number| !Path::new(&format!("/proc/{number}")).exists());
        if is_ours && is_gone {
            for left in fs::read_dir(entry.path()).into_iter().flatten().flatten() {
                let _ = take_away(&left.path());
            }
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn from_start(mut file: File) -> std::io::Result<Zeroizing<Vec<u8>>> {
    file.seek(SeekFrom::Start(0))?;
    read_limited(&file)
}

/// Reads a file, wipes it and removes it. Nothing is followed: a link of a dc that is gone names a descriptor by its
/// number, and what we have open under that number is ours.
fn take_away(path: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = fs::OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)?;
    let bytes = read_limited(&file);
    let length = usize::try_from(file.metadata()?.len().min(BYTES_MAX)).unwrap_or_default();
    (&file).seek(SeekFrom::Start(0))?;
    (&file).write_all(&vec![0; length])?;
    fs::remove_file(path)?;
    bytes
}

fn read_limited(file: &File) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let length = usize::try_from(file.metadata()?.len().min(BYTES_MAX)).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(length + 1));
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_dc_left_is_wiped_and_its_link_is_not_followed() {
        let parent = tempfile::tempdir().expect("a folder");
        let (ours, saved) = (parent.path().join("ours"), parent.path().join("saved"));
        fs::write(&ours, "the text of the one that lives").expect("a file");
        let open = fs::OpenOptions::new().read(true).write(true).open(&ours).expect("a file");
        // no process has this number
        let left = parent.path().join(format!("{FOLDER}{}-x", u32::MAX));
        fs::create_dir(&left).expect("a folder");
        symlink(format!("/proc/self/fd/{}", open.as_raw_fd()), left.join("secrets.env")).expect("a link");
        fs::write(left.join("task.json"), "an old text").expect("a file");
        fs::hard_link(left.join("task.json"), &saved).expect("a second name");
        sweep(parent.path());
        assert!(!left.exists());
        assert_eq!(fs::read_to_string(&ours).expect("a text"), "the text of the one that lives");
        assert_eq!(fs::read(&saved).expect("bytes"), [0; 11]);
    }
}
