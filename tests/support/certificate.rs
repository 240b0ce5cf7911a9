//! A certificate that signs itself, by OpenSSL.

use crate::support::clean;
use std::path::PathBuf;

use tempfile::TempDir;

use super::needs::need;
use super::stderr;

/// Its files; they go with it.
pub(crate) struct Certificate {
    pub(crate) key: PathBuf,
    pub(crate) certificate: PathBuf,
    _folder: TempDir,
}

impl Certificate {
    /// For servers of these names, as in `DNS:localhost,IP:127.0.0.1`; `None` where there is no OpenSSL.
    pub(crate) fn make(names: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let (key, certificate) = (folder.path().join("key.pem"), folder.path().join("certificate.pem"));
        let mut command = clean("openssl");
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]);
        command.args(["-addext", "basicConstraints=critical,CA:FALSE", "-subj", "/CN=localhost"]);
        command.args(["-addext", &format!("subjectAltName={names}")]);
        command.arg("-keyout").arg(&key).arg("-out").arg(&certificate);
        let made = need("openssl", || command.output().map_err(|cause| cause.to_string()))?;
        assert!(made.status.success(), "{}", stderr(&made));
        Some(Self { key, certificate, _folder: folder })
    }
}
