//! What must not leave a machine: files that hold secrets by their names, and private keys.

use std::fs;
use std::path::Path;

use crate::error::{Result, file_error};

/// A larger file is no key.
const KEY_BYTES_MAX: u64 = 64 << 10;
/// Names of files with passwords and keys.
const NAMES: &[&str] = &[
    ".env",
    ".netrc",
    ".pgpass",
    ".pypirc",
    ".npmrc",
    ".git-credentials",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
];
/// The ends of such names.
const ENDS: &[&str] = &[".env", ".p12", ".pfx", ".jks", ".keystore", ".kdbx"];

/// Why a file of this name stays here; `None` when it may go.
pub(super) fn by_name(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let is_private = NAMES.contains(&name.as_str())
        || name.starts_with(".env.")
        || ENDS.iter().any(|end| name.len() > end.len() && name.ends_with(end));
    is_private.then_some("files of this name hold secrets")
}

/// Why a file with this content stays here; `None` when it may go.
///
/// # Errors
/// What the file system says.
pub(super) fn by_content(path: &Path, bytes: u64) -> Result<Option<&'static str>> {
    if bytes > KEY_BYTES_MAX {
        return Ok(None);
    }
    let content = fs::read(path).map_err(|cause| file_error(format!("read {}", path.display()), cause))?;
    let is_key = |line: &[u8]| line.starts_with(b"-----BEGIN ") && memchr::memmem::find(line, b"PRIVATE KEY").is_some();
    Ok(content.split(|byte| *byte == b'\n').any(is_key).then_some("it holds a private key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_secrets_is_known_by_its_name_or_its_content() {
        for name in [".env", ".env.local", "prod.env", "ID_RSA", "server.p12"] {
            assert!(by_name(name).is_some(), "{name}");
        }
        for name in ["env", "main.py", "environment.toml", "id_rsa.pub", "ca.pem"] {
            assert_eq!(by_name(name), None, "{name}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let of = |content: &str| {
            let path = folder.path().join("file");
            fs::write(&path, content).expect("a file");
            by_content(&path, content.len() as u64).expect("its content")
        };
        assert!(of("-----BEGIN CERTIFICATE-----\nMII\n-----BEGIN EC PRIVATE KEY-----\nMHc\n").is_some());
        assert!(of("-----BEGIN PGP PRIVATE KEY BLOCK-----\n").is_some());
        assert_eq!(of("-----BEGIN CERTIFICATE-----\nMII\n"), None);
        assert_eq!(of("if line == '-----BEGIN PRIVATE KEY-----':\n"), None);
    }
}
