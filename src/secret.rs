//! A text that must not be seen: it prints as `***` wherever it is shown.

use std::fmt;
#[cfg(not(test))]
use std::sync::LazyLock;
use std::sync::{PoisonError, RwLock};

use zeroize::Zeroizing;

/// A password, a key, or a connection string that holds one. It is wiped when it goes; what hides it in texts keeps a copy.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Hides `text`, and makes it known to whoever hides secrets in texts.
    pub fn new(text: impl Into<String>) -> Self {
        Self::from(Zeroizing::new(text.into()))
    }

    /// The text itself, for the one call that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<Zeroizing<String>> for Secret {
    fn from(text: Zeroizing<String>) -> Self {
        known_secrets().add(&text);
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// A shorter one is not looked for in texts.
const KNOWN_BYTES_MIN: usize = 4;
/// So many are remembered.
const KNOWN_MAX: usize = 4_096;

/// Every secret that this process has held: what it writes of others must not have them.
#[cfg(not(test))]
static KNOWN: LazyLock<KnownSecrets> = LazyLock::new(KnownSecrets::default);

#[cfg(test)]
thread_local! {
    /// Tests are strangers to each other: what is a secret in one is a word in another.
    static KNOWN: &'static KnownSecrets = Box::leak(Box::default());
}

/// The secrets that a process has held.
#[derive(Default)]
pub(crate) struct KnownSecrets(RwLock<Vec<Zeroizing<String>>>);

#[cfg(not(test))]
pub(crate) fn known_secrets() -> &'static KnownSecrets {
    &KNOWN
}

#[cfg(test)]
pub(crate) fn known_secrets() -> &'static KnownSecrets {
    KNOWN.with(|known| *known)
}

impl KnownSecrets {
    fn add(&self, text: &Zeroizing<String>) {
        let is_known = |known: &[Zeroizing<String>]| known.len() >= KNOWN_MAX || known.contains(text);
        if text.len() < KNOWN_BYTES_MIN || is_known(&self.0.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(text.clone());
    }

    /// How many there are: more than before are news.
    pub(crate) fn count(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().map(|text| text.to_string()).collect()
    }
}

/// The password inside a URL, as it stands there.
pub(crate) fn password_in(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (login, _) = rest.rsplit_once('@')?;
    login.split_once(':').map(|(_, password)| password).filter(|password| !password.is_empty())
}
