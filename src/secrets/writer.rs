//! Safe replacement: a new file that is synced, opened again for proof, and only then renamed over the old one.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::archive;
use super::header::Header;
use super::key::Key;
use super::seal::seal;
use super::sealed::{Sealed, check_link};
use crate::dotenv::Document;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::failpoint;

/// How long somebody else's change is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// What the name of a file that is being written ends in.
const NEW: &str = ".new";

/// The right to change a store: one process has it at a time.
pub struct Writer {
    path: PathBuf,
    folder: PathBuf,
    /// The folder, locked: a file that is renamed over cannot be locked itself.
    locked: Option<Flock<File>>,
}

impl Writer {
    /// Waits for the right to change the store at `path`.
    ///
    /// # Errors
    /// Busy (exit 75), when somebody else has it for longer than ten seconds; not found, when the folder is not there, or
    /// the path is a link to nothing.
    pub fn of(path: &Path) -> Result<Self> {
        check_link(path)?;
        // what a link stands for is replaced, not the link
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        let opened = File::open(&folder).map_err(|cause| file_error(format!("open {}", folder.display()), cause))?;
        let locked = lock(opened, &path)?;
        let writer = Self { path, folder, locked };
        writer.sweep();
        Ok(writer)
    }

    /// Seals the document, and puts it in place of what was there. When this returns, the new store is on disk; when it
    /// fails or is interrupted, the old one is as it was.
    ///
    /// # Errors
    /// What the disk says; failed, when what was written does not open again.
    pub fn write(&self, key: &Key, header: &Header, document: &Document) -> Result<()> {
        let mut header = Header { holds_settings: document.holds_settings(), ..*header };
        let sealed = seal(key, &mut header, document.text().as_bytes()).map_err(|flaw| flaw.at(&self.path))?;
        let bytes = archive::pack(&sealed);
        let failed = |cause| file_error(format!("write the secrets to {}", self.path.display()), cause);
        let prefix = self.prefix();
        // a temporary file is made with mode 0600, and goes when it is dropped
        let mut file =
            tempfile::Builder::new().prefix(&prefix).suffix(NEW).tempfile_in(&self.folder).map_err(failed)?;
        failpoint::point("secrets.made")?;
        file.write_all(&bytes).map_err(failed)?;
        failpoint::point("secrets.written")?;
        self.keep_owner(file.as_file());
        file.as_file().sync_all().map_err(failed)?;
        failpoint::point("secrets.synced")?;
        self.prove(file.path(), key, document)?;
        failpoint::point("secrets.proved")?;
        file.persist(&self.path).map_err(|error| failed(error.error))?;
        failpoint::point("secrets.renamed")?;
        let folder = File::open(&self.folder).and_then(|folder| folder.sync_all());
        folder.map_err(|cause| file_error(format!("sync {}", self.folder.display()), cause))
    }

    /// Opens what was written as anybody would.
    fn prove(&self, written: &Path, key: &Key, document: &Document) -> Result<()> {
        let unproved = |reason: &str| {
            Error::failed(format!("prove that the new file opens: {reason}; {} is as it was", self.path.display()))
        };
        let sealed = Sealed::read(written)?.ok_or_else(|| unproved("it is gone"))?;
        let text = sealed.open(key).map_err(|flaw| unproved(&flaw.to_string()))?;
        match text.as_slice() == document.text().as_bytes() {
            true => Ok(()),
            false => Err(unproved("it holds something else")),
        }
    }

    /// Root that changes somebody's store leaves it to him.
    fn keep_owner(&self, file: &File) {
        if let (Ok(old), Ok(new)) = (fs::metadata(&self.path), file.metadata())
            && (old.uid(), old.gid()) != (new.uid(), new.gid())
            && let Err(cause) = fchown(file, Some(old.uid()), Some(old.gid()))
        {
            log::debug!("the owner of {} could not be kept: {cause}", self.path.display());
        }
    }

    fn prefix(&self) -> String {
        format!(".{}.", self.path.file_name().unwrap_or_default().to_string_lossy())
    }

    /// Takes away what a kill has left: with the lock in hand nobody else is writing.
    fn sweep(&self) {
        if self.locked.is_none() {
            return;
        }
        let prefix = self.prefix();
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(&prefix) && name.ends_with(NEW) {
                // it will be tried again
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn lock(mut folder: File, path: &Path) -> Result<Option<Flock<File>>> {
    let began = Instant::now();
    loop {
        match Flock::lock(folder, FlockArg::LockExclusiveNonblock) {
            Ok(locked) => return Ok(Some(locked)),
            Err((back, Errno::EWOULDBLOCK)) if began.elapsed() < PATIENCE => {
                folder = back;
                thread::sleep(PAUSE);
            }
            Err((_, Errno::EWOULDBLOCK)) => {
                let message = format!("change the secrets in {}: somebody else is changing them", path.display());
                return Err(
                    Error::new(ErrorKind::Busy, message).hint("close the other `dc secrets edit`, and try again")
                );
            }
            Err((_, cause)) => {
                log::warn!("two changes at once would not be noticed: the folder cannot be locked: {cause}");
                return Ok(None);
            }
        }
    }
}
