//! Argon2id: how much work it costs to turn a password into a key, and the bounds of what a file may ask for.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use serde::Serialize;
use zeroize::Zeroize;

use super::flaw::Flaw;
use super::key::{KEY_BYTES, Key};

/// The bytes of the salt.
pub const SALT_BYTES: usize = 16;
/// The most memory that a file may ask for: 1 GiB.
pub const MEMORY_KIB_MAX: u32 = 1 << 20;
/// The least that Argon2 itself takes, for one lane.
const MEMORY_KIB_MIN: u32 = 8;
/// The most passes.
pub const PASSES_MAX: u32 = 64;
/// The most lanes.
pub const LANES_MAX: u32 = 16;
/// The most memory times passes, in KiB: some 20 seconds of work.
pub(super) const WORK_KIB_MAX: u64 = 16 << 20;

/// The parameters of Argon2id, version 1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Parameters {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for Parameters {
    /// 64 MiB, 3 passes, 1 lane: RFC 9106's second recommendation, with one lane, since a single thread fills them all.
    fn default() -> Self {
        Self { memory_kib: 64 << 10, passes: 3, lanes: 1 }
    }
}

impl Parameters {
    /// Whether they are within the bounds.
    ///
    /// # Errors
    /// `Greedy` above them, `Damaged` below what Argon2 takes.
    pub fn check(self) -> Result<Self, Flaw> {
        let Self { memory_kib, passes, lanes } = self;
        let work_kib = u64::from(memory_kib) * u64::from(passes);
        if memory_kib > MEMORY_KIB_MAX || passes > PASSES_MAX || lanes > LANES_MAX || work_kib > WORK_KIB_MAX {
            return Err(Flaw::Greedy { memory_kib, passes, lanes });
        }
        if passes == 0 || lanes == 0 || memory_kib < MEMORY_KIB_MIN * lanes {
            return Err(Flaw::Damaged("its parameters are none"));
        }
        Ok(self)
    }

    /// Whether an attacker has less work than with the default.
    pub fn is_weak(self) -> bool {
        let default = Self::default();
        self.memory_kib < default.memory_kib || self.passes < default.passes
    }

    /// The key for a password. Takes its memory and about 50 ms a 64 MiB and pass.
    ///
    /// # Errors
    /// `NoMemory`; what [`Parameters::check`] says.
    pub fn derive(self, password: &[u8], salt: &[u8; SALT_BYTES]) -> Result<Key, Flaw> {
        let Self { memory_kib, passes, lanes } = self.check()?;
        let refused = |_| Flaw::Damaged("its parameters are none");
        let params = Params::new(memory_kib, passes, lanes, Some(KEY_BYTES)).map_err(refused)?;
        let mut blocks: Vec<Block> = Vec::new();
        let count = params.block_count();
        blocks.try_reserve_exact(count).map_err(|_| Flaw::NoMemory(memory_kib))?;
        blocks.resize(count, Block::new());
        let mut key = Key::empty();
        let began = std::time::Instant::now();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let derived = argon2.hash_password_into_with_memory(password, salt, key.bytes_mut(), &mut blocks[..]);
        blocks.iter_mut().for_each(Zeroize::zeroize);
        log::debug!("a key was derived within {} ms", began.elapsed().as_millis());
        derived.map_err(refused).map(|()| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_cannot_ask_for_the_whole_machine() {
        let ask = |memory_kib, passes, lanes| Parameters { memory_kib, passes, lanes }.check();
        assert!(ask(64 << 10, 3, 1).is_ok() && ask(1 << 20, 4, 16).is_ok());
        for (memory_kib, passes, lanes) in [(100 << 20, 3, 1), (u32::MAX, 1, 1), (8, 65, 1), (1 << 10, 1, 17)] {
            assert!(matches!(ask(memory_kib, passes, lanes), Err(Flaw::Greedy { .. })), "{memory_kib} {passes}");
        }
        assert!(matches!(ask(1 << 20, 64, 1), Err(Flaw::Greedy { .. })), "each in bounds, the product is not");
        for (memory_kib, passes, lanes) in [(0, 3, 1), (64, 0, 1), (64, 1, 0), (8, 1, 2)] {
            assert!(matches!(ask(memory_kib, passes, lanes), Err(Flaw::Damaged(_))), "{memory_kib} {passes}");
        }
    }

    #[test]
    fn the_key_is_that_of_other_implementations() {
        // argon2-cffi: hash_secret_raw(b"password", bytes(range(16)), 3, 64, 2, 48, Type.ID)
        let salt: [u8; SALT_BYTES] = std::array::from_fn(|at| u8::try_from(at).expect("a byte"));
        let key = Parameters { memory_kib: 64, passes: 3, lanes: 2 }.derive(b"password", &salt).expect("a key");
        let hex: String = key.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "9dd7d49572bf77aa207f6d6c573d8419be8dd1bd71d3326115f10082b3c0b090e71d68ea6db1bd019f021df709929cea"
        );
    }
}
