//! The header of a store: 76 bytes that say how the rest was made, and that the rest vouches for.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 8 | `DCSECRET` |
//! | 8 | 1 | the format's version, 1 |
//! | 9 | 1 | flags; bit 0: among the names are settings of dc itself (`DC_*`) |
//! | 10 | 1 | 1: Argon2id, version 1.3 |
//! | 11 | 1 | 1: AES-256-GCM |
//! | 12 | 4 | Argon2id's memory in KiB |
//! | 16 | 4 | its passes |
//! | 20 | 4 | its lanes |
//! | 24 | 8 | when the password was set, in Unix seconds |
//! | 32 | 16 | the salt |
//! | 48 | 12 | the nonce, another one for each write |
//! | 60 | 16 | the last 16 of the 48 bytes that are derived: whether the password fits |
//!
//! Numbers are little-endian. The ciphertext and its tag of 16 bytes follow; the header is the associated data.

use super::flaw::Flaw;
use super::key::{CHECK_BYTES, Key};
use super::parameters::{Parameters, SALT_BYTES};

/// What a store begins with.
pub const MAGIC: &[u8; 8] = b"DCSECRET";
/// The bytes of a nonce.
pub const NONCE_BYTES: usize = 12;
/// The bytes of the header.
pub const HEADER_BYTES: usize = 76;
/// The format that is written.
pub const VERSION: u8 = 1;
const ARGON2ID: u8 = 1;
const AES_256_GCM: u8 = 1;
const HOLDS_SETTINGS: u8 = 1;

/// A header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Whether some of the names are settings of dc itself: then dc opens the store for them.
    pub holds_settings: bool,
    /// What the derivation of the key costs.
    pub parameters: Parameters,
    /// When the password was set, in Unix seconds.
    pub password_set: u64,
    /// The salt.
    pub salt: [u8; SALT_BYTES],
    /// The nonce.
    pub nonce: [u8; NONCE_BYTES],
    /// What the derived check must be.
    pub check: [u8; CHECK_BYTES],
}

impl Header {
    /// Its bytes.
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8] = VERSION;
        bytes[9] = if self.holds_settings { HOLDS_SETTINGS } else { 0 };
        bytes[10] = ARGON2ID;
        bytes[11] = AES_256_GCM;
        bytes[12..16].copy_from_slice(&self.parameters.memory_kib.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.parameters.passes.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.parameters.lanes.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.password_set.to_le_bytes());
        bytes[32..48].copy_from_slice(&self.salt);
        bytes[48..60].copy_from_slice(&self.nonce);
        bytes[60..76].copy_from_slice(&self.check);
        bytes
    }

    /// Reads the header at the start of `bytes`.
    ///
    /// # Errors
    /// `Foreign` without the magic, `Newer` for a later format, `Damaged` for what dc never writes, `Greedy` for
    /// parameters out of bounds.
    pub fn read(bytes: &[u8]) -> Result<Self, Flaw> {
        if !bytes.starts_with(MAGIC) {
            return Err(Flaw::Foreign);
        }
        let bytes: &[u8; HEADER_BYTES] = bytes.first_chunk().ok_or(Flaw::Damaged("it ends in its header"))?;
        match bytes[8] {
            VERSION => {}
            0 => return Err(Flaw::Damaged("there is no format 0")),
            newer => return Err(Flaw::Newer(newer)),
        }
        if bytes[9] & !HOLDS_SETTINGS != 0 || bytes[10] != ARGON2ID || bytes[11] != AES_256_GCM {
            return Err(Flaw::Damaged("its header names what format 1 does not have"));
        }
        let number = |at: usize| u32::from_le_bytes(part(bytes, at));
        let parameters = Parameters { memory_kib: number(12), passes: number(16), lanes: number(20) }.check()?;
        Ok(Self {
            holds_settings: bytes[9] & HOLDS_SETTINGS != 0,
            parameters,
            password_set: u64::from_le_bytes(part(bytes, 24)),
            salt: part(bytes, 32),
            nonce: part(bytes, 48),
            check: part(bytes, 60),
        })
    }

    /// Whether this key is the one of the password that was set.
    pub fn fits(&self, key: &Key) -> bool {
        // no early end: the time must not tell how much of it was right
        key.check().iter().zip(&self.check).fold(0, |differs, (one, other)| differs | (one ^ other)) == 0
    }

    /// Whether a key that fits one header fits the other one.
    pub fn shares_key(&self, other: &Self) -> bool {
        self.parameters == other.parameters && self.salt == other.salt && self.check == other.check
    }
}

fn part<const N: usize>(bytes: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[at..at + N]);
    part
}
