//! What `[deploy]` says: whether folders of apps go into storage, and what of them does not.

use super::ignore::Pattern;
use crate::error::Result;
use crate::settings::Settings;

/// How many bytes an app's folder may have.
const BYTES_MAX: u64 = 256 << 20;

/// What `[deploy]` says.
#[derive(Debug, Clone)]
pub struct PublishOptions {
    /// Whether `dc deploy` puts the folders of apps into storage, and this machine fetches those that it does not have.
    pub is_on: bool,
    /// What stays out of storage.
    pub(super) ignore: Vec<Pattern>,
    /// How many bytes an app's folder may have.
    pub bytes_max: u64,
}

impl PublishOptions {
    /// Reads the section.
    ///
    /// # Errors
    /// Settings, for a field that is not what it takes.
    pub fn of(settings: &Settings) -> Result<Self> {
        let section = settings.section("deploy");
        Ok(Self {
            is_on: section.flag("publish")?.unwrap_or_default(),
            ignore: section.words("ignore")?.unwrap_or_default().iter().map(|word| Pattern::new(word)).collect(),
            bytes_max: section.bytes("size_max")?.unwrap_or(BYTES_MAX),
        })
    }
}
