//! The encrypted store of secrets. It is decrypted in memory only, authenticated to its last bit, and replaced safely.
//!
//! A store is a ZIP archive with the one member `secrets.env.enc`: [`header`], then AES-256-GCM ciphertext and tag of a
//! dotenv file. Its key is derived by Argon2id, once in a process.

pub mod archive;
mod caution;
mod descriptor;
pub mod flaw;
mod handover;
pub mod header;
mod keeper;
mod key;
mod memory;
mod older;
pub mod parameters;
mod password;
mod resolve;
pub mod seal;
mod sealed;
mod weakness;
mod writer;

pub use crate::dotenv::{BadLine, Document, Hide, SETTING_PREFIX, is_name};
pub use flaw::Flaw;
pub use handover::KEY_VARIABLE;
pub use header::Header;
pub use keeper::{Secrets, Unlocked, ask_twice};
pub use key::Key;
pub use memory::guard;
pub use parameters::{LANES_MAX, MEMORY_KIB_MAX, PASSES_MAX, Parameters};
pub use password::{NEW_PASSWORD_VARIABLE, PASSWORD_VARIABLE, Password, PasswordSources};
pub use resolve::{GIVEN_VARIABLE, WITHHELD_VARIABLE};
pub use sealed::{Form, MAGICS, Sealed, document_of};
pub use weakness::{is_password, weakness};
pub use writer::Writer;
