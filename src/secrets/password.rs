//! Where the password comes from: a descriptor, a file, the environment, or a person who types it unseen. Never an
//! argument, which every user of the machine can read.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::descriptor;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::settings::Secret;

/// The variable that holds the password.
pub const PASSWORD_VARIABLE: &str = "DC_SECRET_PASSWORD";
/// The variable that holds a new password, for `rekey`.
pub const NEW_PASSWORD_VARIABLE: &str = "DC_SECRET_PASSWORD_NEW";
/// The longest password.
const PASSWORD_BYTES_MAX: usize = 4_096;
/// What of a file's mode lets others read it.
const OTHERS: u32 = 0o077;
/// What of it lets everybody.
const EVERYBODY: u32 = 0o007;

/// Marks that no person sees or types: of UTF-8 and of both orders of UTF-16.
const MARKS: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];

/// A password, wiped when it goes.
#[derive(Clone)]
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// A password out of what a file or a person gave: one line end at its end is not part of it.
    ///
    /// # Errors
    /// Permission (exit 4), when nothing is left, or it is more than one line.
    pub fn new(mut bytes: Zeroizing<Vec<u8>>, place: &str) -> Result<Self> {
        if bytes.ends_with(b"\n") {
            bytes.pop();
            if bytes.ends_with(b"\r") {
                bytes.pop();
            }
        }
        let refused = |reason: &str| Error::new(ErrorKind::Permission, format!("use the password {place}: {reason}"));
        if bytes.is_empty() {
            return Err(refused("it is empty"));
        }
        if bytes.contains(&b'\n') || bytes.contains(&0) || bytes.len() > PASSWORD_BYTES_MAX {
            return Err(refused("a password is one line of at most 4096 bytes"));
        }
        Ok(Self(bytes))
    }

    /// Its bytes, for the one call that derives the key.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// Where a password may come from besides a person, nearest first.
#[derive(Debug, Clone, Default)]
pub struct PasswordSources {
    /// The number of a descriptor: `--password-fd`.
    pub descriptor: Option<i32>,
    /// A file that a flag names: `--password-file`.
    pub file: Option<PathBuf>,
    /// What the environment says.
    pub variable: Option<Secret>,
    /// A file that the settings name: `[secrets] password_file`.
    pub settings_file: Option<PathBuf>,
    /// The folder in which systemd hands credentials to this service alone, by access lists that look like a group.
    pub credentials: Option<PathBuf>,
}

impl PasswordSources {
    /// Whether there is any.
    pub fn is_any(&self) -> bool {
        self.descriptor.is_some() || self.file.is_some() || self.variable.is_some() || self.settings_file.is_some()
    }

    /// The password of the nearest source; `None` where there is none.
    ///
    /// # Errors
    /// When the nearest source cannot be read, or others can read it too.
    pub fn read(&self) -> Result<Option<Password>> {
        if let Some(number) = self.descriptor {
            return Password::new(descriptor::read(number)?, &format!("behind descriptor {number}")).map(Some);
        }
        if let Some(file) = &self.file {
            return self.of_file(file).map(Some);
        }
        if let Some(text) = &self.variable {
            let bytes = Zeroizing::new(text.reveal().as_bytes().to_vec());
            return Password::new(bytes, "in the environment").map(Some);
        }
        self.settings_file.as_deref().map(|file| self.of_file(file)).transpose()
    }

    fn of_file(&self, path: &Path) -> Result<Password> {
        let is_credential = self.credentials.as_deref().is_some_and(|folder| path.starts_with(folder));
        from_file(path, if is_credential { EVERYBODY } else { OTHERS })
    }
}

/// The password in a file that has none of the bits `refused` in its mode.
fn from_file(path: &Path, refused: u32) -> Result<Password> {
    let place = format!("in {}", path.display());
    let failed = |cause| file_error(format!("read the password {place}"), cause);
    let file = File::open(path).map_err(failed)?;
    // of the file that is open: the name may stand for another one meanwhile
    let data = file.metadata().map_err(failed)?;
    if data.is_dir() {
        return Err(Error::new(ErrorKind::Usage, format!("read the password {place}: that is a folder")));
    }
    if data.mode() & refused != 0 {
        let message = format!("use the password {place}: others can read it (mode {:o})", data.mode() & 0o777);
        return Err(Error::new(ErrorKind::Permission, message).hint(format!("`chmod 600 {}`", path.display())));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(PASSWORD_BYTES_MAX + 3));
    file.take(PASSWORD_BYTES_MAX as u64 + 3).read_to_end(&mut bytes).map_err(failed)?;
    if MARKS.iter().any(|mark| bytes.starts_with(mark)) {
        let message = format!("use the password {place}: it begins with a byte order mark, as some editors write one");
        return Err(Error::new(ErrorKind::Permission, message).hint(format!(
            "save it as UTF-8 without one; a store that was made with it opens with `--password-fd 3 3<{}`",
            path.display()
        )));
    }
    Password::new(bytes, &place)
}
