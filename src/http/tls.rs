//! Whose certificates are trusted. Verification is always on, unless a setting for one host says otherwise.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use rustls_native_certs::load_native_certs;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::identity::Identity;
use crate::error::{Error, ErrorKind, Result, file_error};

/// Whose certificates are trusted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Trust {
    /// Those of the system's authorities.
    System,
    /// Those of the authorities in a file.
    File(PathBuf),
    /// Everybody's.
    Anybody,
}

/// Read once: it takes some milliseconds.
static SYSTEM: LazyLock<Arc<Vec<Certificate<'static>>>> = LazyLock::new(|| {
    Arc::new(load_native_certs().certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect())
});

impl Trust {
    /// As ureq takes it.
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub(super) fn config(&self, identity: Option<&Identity>) -> Result<TlsConfig> {
        let builder = TlsConfig::builder().client_cert(identity.map(Identity::client));
        Ok(match self {
            Self::System => builder.root_certs(RootCerts::Specific(Arc::clone(&SYSTEM))).build(),
            Self::File(path) => builder.root_certs(RootCerts::Specific(Arc::new(certificates_in(path)?))).build(),
            Self::Anybody => {
                builder.root_certs(RootCerts::Specific(Arc::new(Vec::new()))).disable_verification(true).build()
            }
        })
    }
}

fn certificates_in(path: &Path) -> Result<Vec<Certificate<'static>>> {
    let what = format!("read the certificates in {}", path.display());
    let text = std::fs::read(path).map_err(|cause| file_error(what.clone(), cause))?;
    let found = parse_pem(&text).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
        Ok(_) => None,
        Err(cause) => Some(Err(Error::new(ErrorKind::Settings, what.clone()).because(cause))),
    });
    let found: Vec<Certificate<'static>> = found.collect::<Result<_>>()?;
    if found.is_empty() {
        return Err(Error::new(ErrorKind::Settings, format!("{what}: there is none")).hint("it takes PEM"));
    }
    Ok(found)
}
