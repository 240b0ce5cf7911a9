//! Who is trusted, and what is checked of a server's certificate: the words of libpq, for every backend.

use std::path::PathBuf;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::error::{Error, ErrorKind, Result};

/// The modes in the words of a hint.
pub(crate) const MODES: &str = "sslmode is disable, prefer, require, verify-ca or verify-full";

/// Who is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Root {
    /// `sslrootcert` was not given.
    Unset,
    /// The certificates of the operating system.
    System,
    /// The certificates in this PEM file.
    File(PathBuf),
}

impl Root {
    /// What the option `sslrootcert` means.
    pub(crate) fn of(option: Option<&str>) -> Self {
        match option {
            None => Self::Unset,
            Some("system") => Self::System,
            Some(path) => Self::File(PathBuf::from(path)),
        }
    }

    /// As in libpq, a given root certificate turns `prefer` and `require` into a check of the chain.
    fn check_when_optional(&self) -> Check {
        match self {
            Self::Unset => Check::Nothing,
            Self::System | Self::File(_) => Check::Chain,
        }
    }

    /// The trusted certificates.
    ///
    /// # Errors
    /// Settings: a file that cannot be read or holds none, a system without any.
    pub(crate) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>> {
        if let Self::File(path) = self {
            return read_certificates(path);
        }
        let found = rustls_native_certs::load_native_certs().certs;
        if found.is_empty() {
            let error = Error::new(ErrorKind::Settings, "find the system's root certificates");
            return Err(error.hint("install ca-certificates, or name a PEM file with sslrootcert"));
        }
        Ok(found)
    }
}

/// What is checked of the server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// Nothing: the line is encrypted, whoever answers.
    Nothing,
    /// That a trusted authority signed it.
    Chain,
    /// That, and that it belongs to the host.
    ChainAndName,
}

/// Whether a line is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// Never.
    Disabled,
    /// Where the server can.
    Preferred,
    /// Always.
    Required,
}

/// What a mode means, beside the roots that are trusted; `None` for one that is not known.
pub(crate) fn mode(word: &str, root: &Root) -> Option<(Encryption, Check)> {
    Some(match word {
        "disable" => (Encryption::Disabled, Check::Nothing),
        "prefer" | "allow" => (Encryption::Preferred, root.check_when_optional()),
        "require" => (Encryption::Required, root.check_when_optional()),
        "verify-ca" => (Encryption::Required, Check::Chain),
        "verify-full" => (Encryption::Required, Check::ChainAndName),
        _ => return None,
    })
}

fn read_certificates(path: &PathBuf) -> Result<Vec<CertificateDer<'static>>> {
    let wrong = |reason: String| {
        Error::new(ErrorKind::Settings, format!("read the root certificate {}", path.display()))
            .because(reason)
            .hint("sslrootcert takes a PEM file, or `system`")
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|cause: rustls::pki_types::pem::Error| wrong(cause.to_string()))?;
    if certificates.is_empty() {
        return Err(wrong("it holds no certificate".to_owned()));
    }
    Ok(certificates)
}
