//! Sealing and opening: AES-256-GCM over the text, with the header as associated data.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Key as CipherKey, Nonce};
use zeroize::Zeroizing;

use super::flaw::Flaw;
use super::header::{HEADER_BYTES, Header, NONCE_BYTES};
use super::key::{CHECK_BYTES, Key};
use super::parameters::{Parameters, SALT_BYTES};
use crate::die;

/// The bytes of the tag at the end.
pub const TAG_BYTES: usize = 16;
/// The most bytes of text in a store.
pub const TEXT_BYTES_MAX: usize = 16 << 20;

/// The text of a store, wiped when it goes.
pub type Plain = Zeroizing<Vec<u8>>;

/// A key for a new password, with the header that goes with it. The nonce is set by [`seal`].
///
/// # Errors
/// As [`Parameters::derive`]; `NoRandomness`.
pub fn new_key(password: &[u8], parameters: Parameters, now: u64) -> Result<(Key, Header), Flaw> {
    let mut salt = [0; SALT_BYTES];
    die::fill(&mut salt).map_err(|_| Flaw::NoRandomness)?;
    let key = parameters.derive(password, &salt)?;
    let mut check = [0; CHECK_BYTES];
    check.copy_from_slice(key.check());
    let nonce = [0; NONCE_BYTES];
    Ok((key, Header { holds_settings: false, parameters, password_set: now, salt, nonce, check }))
}

/// The bytes of the store: header, ciphertext and tag. The header gets a nonce that was never used before.
///
/// # Errors
/// `TooLarge`, `NoRandomness`.
pub fn seal(key: &Key, header: &mut Header, text: &[u8]) -> Result<Vec<u8>, Flaw> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(Flaw::TooLarge);
    }
    die::fill(&mut header.nonce).map_err(|_| Flaw::NoRandomness)?;
    let mut bytes = Vec::with_capacity(HEADER_BYTES + text.len() + TAG_BYTES);
    bytes.extend_from_slice(&header.to_bytes());
    bytes.extend_from_slice(text);
    let (head, body) = bytes.split_at_mut(HEADER_BYTES);
    let sealed = cipher(key)?.encrypt_inout_detached(&Nonce::from(header.nonce), head, body.into());
    let tag = sealed.map_err(|_| Flaw::TooLarge)?;
    bytes.extend_from_slice(&tag);
    Ok(bytes)
}

/// The text of a store. Nothing of it is given away before the tag was found right.
///
/// # Errors
/// `WrongPassword` when the key does not fit, `Tampered` when it does and the tag does not; `Damaged`.
pub fn open(key: &Key, header: &Header, bytes: &[u8]) -> Result<Plain, Flaw> {
    if !header.fits(key) {
        return Err(Flaw::WrongPassword);
    }
    let (head, rest) = bytes.split_at_checked(HEADER_BYTES).ok_or(Flaw::Damaged("it ends in its header"))?;
    let (body, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(Flaw::Damaged("it ends after its header"))?;
    let mut text = Zeroizing::new(body.to_vec());
    let opened =
        cipher(key)?.decrypt_inout_detached(&Nonce::from(header.nonce), head, text.as_mut_slice().into(), tag.into());
    opened.map_err(|_| Flaw::Tampered).map(|()| text)
}

fn cipher(key: &Key) -> Result<Aes256Gcm, Flaw> {
    let key: &CipherKey<Aes256Gcm> = key.cipher().try_into().map_err(|_| Flaw::Damaged("its key has another size"))?;
    Ok(Aes256Gcm::new(key))
}
