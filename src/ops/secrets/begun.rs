//! What a change of the secrets begins with: the store that is there, or a new one with a new password.

use super::encrypt::{unix_seconds, weak_note};
use super::key_of;
use crate::error::Result;
use crate::secrets::seal::new_key;
use crate::secrets::{Document, Header, Key, Parameters, Sealed, Secrets};

/// What is there before the change.
pub(super) struct Begun {
    /// The secrets.
    pub(super) document: Document,
    /// What the store is written with.
    pub(super) header: Header,
    pub(super) key: Key,
    /// What a person should know of the new password.
    pub(super) note: Option<String>,
}

impl Begun {
    /// Opens the store, or asks for the password of a new one.
    ///
    /// # Errors
    /// As for every use of the store; refused for one in the older form, which is only read.
    pub(super) fn of(secrets: &Secrets) -> Result<Self> {
        let path = secrets.path();
        match Sealed::read(path)? {
            Some(sealed) => {
                let unlocked = secrets.unlock(&sealed, path)?;
                let (header, key) = key_of(&unlocked, path)?;
                Ok(Self { document: unlocked.document, header, key, note: None })
            }
            None => {
                let password = secrets.new_password()?;
                let made = new_key(password.reveal(), Parameters::default(), unix_seconds());
                let (key, header) = made.map_err(|flaw| flaw.at(path))?;
                Ok(Self { document: Document::empty(), header, key, note: weak_note(&password) })
            }
        }
    }
}
