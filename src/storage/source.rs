//! What is kept: a file of this machine that is one, and stays as it is while it is read.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;

use crate::error::{Error, ErrorKind, Result, file_error};

/// A file that is open to be read.
pub(super) struct Source {
    pub(super) file: File,
    name: String,
    before: Metadata,
}

impl Source {
    /// Opens a regular file; a link leads to its file. Nothing else is waited for or read.
    ///
    /// # Errors
    /// Usage for a folder, a pipe, a device, a socket; not found, permission.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let what = || format!("keep {name}");
        // a pipe without a writer would be waited for
        let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path);
        let file = file.map_err(|cause| unopened(path, what(), cause))?;
        let before = file.metadata().map_err(|cause| file_error(what(), cause))?;
        if !before.is_file() {
            return Err(no_file(&before, what()));
        }
        Ok(Self { file, name, before })
    }

    /// How many bytes it has.
    pub(super) fn bytes(&self) -> u64 {
        self.before.len()
    }

    /// Looks whether it is still what it was, after so many bytes of it were read.
    ///
    /// # Errors
    /// Busy and temporary, when it has changed.
    pub(super) fn check_same(&self, read: u64) -> Result<()> {
        let what = || format!("keep {}", self.name);
        let after = self.file.metadata().map_err(|cause| file_error(what(), cause))?;
        let mark = |data: &Metadata| (data.len(), data.mtime(), data.mtime_nsec());
        if mark(&self.before) == mark(&after) && read == after.len() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Busy, format!("{}: it changed while it was read", what()))
            .hint("keep it when whoever writes it has finished"))
    }
}

fn unopened(path: &Path, what: String, cause: io::Error) -> Error {
    match (cause.kind(), path.symlink_metadata()) {
        (io::ErrorKind::NotFound, Ok(data)) if data.is_symlink() => {
            Error::new(ErrorKind::NotFound, format!("{what}: it is a link to a file that is not there"))
        }
        // a socket, or a pipe without a reader
        (_, Ok(data)) if cause.raw_os_error() == Some(nix::errno::Errno::ENXIO as i32) => no_file(&data, what),
        _ => file_error(what, cause),
    }
}

fn no_file(data: &Metadata, what: String) -> Error {
    let kind = data.file_type();
    let (is, hint) = match kind {
        _ if kind.is_dir() => ("a folder", Some("name its files, as in `dc files keep FOLDER/*`")),
        _ if kind.is_fifo() => ("a pipe", Some("read it on standard input: `dc files keep - --name NAME <PIPE`")),
        _ if kind.is_socket() => ("a socket", None),
        _ => ("a device", None),
    };
    let error = Error::new(ErrorKind::Usage, format!("{what}: it is {is}, and only files are kept"));
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// Fills a buffer as far as there is anything; less than all of it means the end.
///
/// # Errors
/// What reading says.
pub(super) fn read_some(name: &str, from: &mut dyn Read, buffer: &mut [u8]) -> Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match from.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(file_error(format!("read {name}"), cause)),
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_are_kept_and_only_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let error = |name: &str| Source::open(&at(name)).map(|_| ()).expect_err(name);
        nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).expect("a socket");
        std::os::unix::fs::symlink("nowhere", at("dangling")).expect("a link");
        std::fs::write(at("file"), "abc").expect("a file");
        std::os::unix::fs::symlink("file", at("link")).expect("a link");
        for (name, expected) in [("", "a folder"), ("pipe", "a pipe"), ("socket", "a socket"), ("dangling", "a link")] {
            assert!(error(name).message().contains(expected), "{name}: {}", error(name));
        }
        assert_eq!(error("absent").kind(), ErrorKind::NotFound);
        assert!(Source::open(Path::new("/dev/null")).map(|_| ()).expect_err("a device").message().contains("a device"));
        let source = Source::open(&at("link")).expect("a file");
        assert!(source.bytes() == 3 && source.check_same(3).is_ok());
        assert!(source.check_same(2).is_err());
        std::fs::write(at("file"), "abcd").expect("a file");
        assert_eq!(source.check_same(4).expect_err("it has changed").kind(), ErrorKind::Busy);
    }
}
