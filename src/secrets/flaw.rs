//! What can be wrong with a store or with the password for it, told apart as far as cryptography allows.

use std::path::Path;

use crate::error::{Error, ErrorKind};

/// What is wrong. None of it says anything about the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// No form that we know.
    #[error("it is no store of secrets")]
    Foreign,
    /// It ends too early, or its checksums or fixed bytes are not what dc writes.
    #[error("the file is damaged: {0}")]
    Damaged(&'static str),
    /// An archive that another tool has packed: its bytes are not those that dc would write.
    #[error("another tool than dc has packed the archive, so a change of it could not be seen")]
    Repacked,
    /// A later format.
    #[error("a newer dc has written it, in format {0}")]
    Newer(u8),
    /// More work than any honest file asks for.
    #[error("it asks for more memory or time than dc gives: {memory_kib} KiB, {passes} passes, {lanes} lanes")]
    Greedy {
        /// Argon2id's memory.
        memory_kib: u32,
        /// Argon2id's passes.
        passes: u32,
        /// Argon2id's lanes.
        lanes: u32,
    },
    /// The file is whole as far as its checksum tells, and the password does not fit.
    #[error("the password is wrong")]
    WrongPassword,
    /// Without a checksum the two cannot be told apart.
    #[error("the password is wrong, or the file is damaged")]
    WrongOrDamaged,
    /// The password fits, and the content is not what was sealed with it.
    #[error("the password is right, and the file was changed or damaged after it was written")]
    Tampered,
    /// It holds more than a store may.
    #[error("it is larger than a store may be")]
    TooLarge,
    /// The memory that the derivation of the key takes is not there.
    #[error("{0} KiB of memory for the derivation of the key are not free")]
    NoMemory(u32),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    NoRandomness,
}

impl Flaw {
    /// As an error about the file at `path` (exit 4).
    pub fn at(self, path: &Path) -> Error {
        let file = path.display();
        let kind = if matches!(self, Self::NoMemory(_)) { ErrorKind::Busy } else { ErrorKind::Permission };
        let error = Error::new(kind, format!("open the secrets in {file}")).because(self);
        match self {
            Self::Foreign => error.hint(format!("`dc secrets encrypt {file}` makes a store of a dotenv file")),
            Self::Damaged(_) | Self::Tampered => error.hint(format!("put a good copy back in place of {file}")),
            Self::Repacked => error.hint(format!(
                "`unzip -p {file} secrets.env.enc > secrets.env.enc`, then `dc secrets upgrade secrets.env.enc`"
            )),
            Self::Newer(_) => error.hint("bring dc up to date"),
            Self::WrongPassword | Self::WrongOrDamaged => {
                error.hint("check DC_SECRET_PASSWORD, --password-file or what you typed, and try again")
            }
            _ => error,
        }
    }
}
