//! The key of a store: derived once in a process, shown nowhere, wiped when it goes.

use std::fmt;

use zeroize::Zeroizing;

/// The bytes that are derived: 32 for AES-256, 16 that tell whether a password fits.
pub(super) const KEY_BYTES: usize = CIPHER_BYTES + CHECK_BYTES;
/// The bytes of the cipher's key.
pub(super) const CIPHER_BYTES: usize = 32;
/// The bytes that tell whether a password fits.
pub(super) const CHECK_BYTES: usize = 16;

/// What a password becomes.
#[derive(Clone)]
pub struct Key(Box<Zeroizing<[u8; KEY_BYTES]>>);

impl Key {
    pub(super) fn empty() -> Self {
        Self(Box::new(Zeroizing::new([0; KEY_BYTES])))
    }

    pub(super) fn of(bytes: &[u8; KEY_BYTES]) -> Self {
        let mut key = Self::empty();
        key.0.copy_from_slice(bytes);
        key
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8; KEY_BYTES] {
        &mut self.0
    }

    pub(super) fn cipher(&self) -> &[u8] {
        &self.0[..CIPHER_BYTES]
    }

    pub(super) fn check(&self) -> &[u8] {
        &self.0[CIPHER_BYTES..]
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}
