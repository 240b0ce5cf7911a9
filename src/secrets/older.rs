//! The older form, read and never written: what `openssl enc -aes-256-cbc -pbkdf2 -iter 100000 -md sha256` makes.
//!
//! It is not authenticated. What opens it must look like a dotenv file, so that a wrong password is found out.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use zeroize::Zeroizing;

use super::flaw::Flaw;
use super::seal::{Plain, TEXT_BYTES_MAX};
use crate::dotenv::Document;

/// What such a file begins with.
pub(super) const MAGIC: &[u8; 8] = b"Salted__";
const SALT_BYTES: usize = 8;
const ITERATIONS: u32 = 100_000;
const KEY_BYTES: usize = 32;
const BLOCK_BYTES: usize = 16;

/// The text of a file in the older form.
///
/// # Errors
/// `Damaged` when no password can open it, `WrongOrDamaged` when this one does not.
pub(super) fn open(password: &[u8], bytes: &[u8]) -> Result<Plain, Flaw> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(Flaw::Foreign)?;
    let (salt, body) = rest.split_at_checked(SALT_BYTES).ok_or(Flaw::Damaged("it ends in its header"))?;
    if body.len() > TEXT_BYTES_MAX {
        return Err(Flaw::TooLarge);
    }
    if body.is_empty() || !body.len().is_multiple_of(BLOCK_BYTES) {
        return Err(Flaw::Damaged("its length is no number of whole blocks"));
    }
    let mut derived = Zeroizing::new([0_u8; KEY_BYTES + BLOCK_BYTES]);
    pbkdf2::pbkdf2_hmac::<sha2::Sha256>(password, salt, ITERATIONS, derived.as_mut_slice());
    let (key, start) = derived.split_at(KEY_BYTES);
    let cipher = cbc::Decryptor::<aes::Aes256>::new_from_slices(key, start).map_err(|_| Flaw::WrongOrDamaged)?;
    let mut text = Zeroizing::new(body.to_vec());
    let length = cipher.decrypt_padded::<Pkcs7>(&mut text).map_err(|_| Flaw::WrongOrDamaged)?.len();
    text.truncate(length);
    // by chance one of 256 wrong passwords leaves a good padding
    let is_plausible = std::str::from_utf8(&text).is_ok_and(|text| Document::parse(text).is_ok());
    if is_plausible { Ok(text) } else { Err(Flaw::WrongOrDamaged) }
}
