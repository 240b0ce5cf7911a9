//! Who we are to a server that asks for a certificate.

use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, parse_pem};

use crate::error::{Error, ErrorKind, Result, file_error};
use crate::hash::hash_bytes;
use crate::settings::{Secret, Section, Settings};

/// Who we are to servers that ask for a certificate.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    /// A file of PEM with the certificate, and those of its authorities behind it.
    pub certificate: PathBuf,
    /// Its key; `None` where it stands in the same file.
    pub key: Option<ClientKey>,
}

/// The key of a certificate.
#[derive(Debug, Clone)]
pub enum ClientKey {
    /// In a file of PEM.
    File(PathBuf),
    /// PEM itself, as the store of secrets holds it.
    Pem(Secret),
}

/// A certificate and its key, read.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    client: ClientCert,
    /// What tells one from another.
    digest: String,
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Identity {}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

impl Identity {
    /// # Errors
    /// When a file cannot be read, or is not PEM without a password.
    pub(super) fn read(given: &ClientCertificate) -> Result<Self> {
        let place = &given.certificate;
        let what = format!("read the client certificate in {}", place.display());
        let pem = read(place, &what)?;
        let chain: Vec<Certificate<'static>> = parse_pem(&pem)
            .filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            })
            .collect();
        if chain.is_empty() {
            let error = Error::new(ErrorKind::Settings, format!("{what}: it has no certificate in PEM"));
            return Err(error.hint(of_pkcs12(place)));
        }
        let (key_place, key_pem) = match &given.key {
            None => (place.clone(), pem.clone()),
            Some(ClientKey::File(path)) => (path.clone(), read(path, "read the key of the client certificate")?),
            Some(ClientKey::Pem(text)) => (PathBuf::from("client_key_pem"), text.reveal().as_bytes().to_vec()),
        };
        let key = PrivateKey::from_pem(&key_pem).map_err(|_| {
            let shown = key_place.display();
            let is_locked = memchr::memmem::find(&key_pem, b"ENCRYPTED").is_some();
            let why = if is_locked { "is locked with a password" } else { "has no private key in PEM" };
            let error =
                Error::new(ErrorKind::Settings, format!("read the key of the client certificate: {shown} {why}"));
            match is_locked {
                true => error.hint(format!("openssl pkey -in {shown} -out client.key; chmod 600 client.key")),
                false => error.hint(of_pkcs12(&key_place)),
            }
        })?;
        let digest = hash_bytes(&[pem, key_pem].concat()).to_string();
        Ok(Self { client: ClientCert::new_with_certs(&chain, key), digest })
    }

    /// What a section says: `client_certificate`, and where its key is.
    ///
    /// # Errors
    /// Settings, for a key without a certificate, or two of them.
    pub(super) fn given(settings: &Settings, section: &Section<'_>) -> Result<Option<ClientCertificate>> {
        let in_project = |path: String| settings.project.root.join(path);
        let wrong = |what: &str| {
            Err(Error::new(ErrorKind::Settings, format!("read [{}]: {what}", section.name()))
                .hint("client_certificate = \"client.pem\"; its key: client_key = \"client.key\", or client_key_pem in the store of secrets"))
        };
        let key = match (section.text("client_key")?, section.secret("client_key_pem")?) {
            (Some(_), Some(_)) => return wrong("client_key and client_key_pem are two keys"),
            (Some(path), None) => Some(ClientKey::File(in_project(path))),
            (None, Some(pem)) => Some(ClientKey::Pem(pem)),
            (None, None) => None,
        };
        match (section.text("client_certificate")?, key) {
            (Some(path), key) => Ok(Some(ClientCertificate { certificate: in_project(path), key })),
            (None, Some(_)) => wrong("there is a key and no client_certificate"),
            (None, None) => Ok(None),
        }
    }

    pub(super) fn client(&self) -> ClientCert {
        self.client.clone()
    }
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|cause| file_error(format!("{what}: {}", path.display()), cause))
}

/// What makes PEM of a file that browsers and banks hand out.
fn of_pkcs12(path: &Path) -> String {
    let shown = path.display();
    format!("of a PKCS#12 file (.p12, .pfx): openssl pkcs12 -in {shown} -nodes -out client.pem; chmod 600 client.pem")
}
