//! An authority that lives as long as a run: it vouches for every server that the run's programs speak to.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::WGET_READS;
use crate::error::{OrFail, Result, file_error};
use crate::settings::Settings;

/// The certificates of the system's authorities, and ours.
const ALL: &str = "authorities.pem";
/// Ours alone.
const OWN: &str = "authority.pem";
/// What wget reads, and reads otherwise.
const WGETRC: &str = "wgetrc";
const SYSTEM_WGETRC: &str = "/etc/wgetrc";
/// Variables that name authorities of the user's own.
const NAMED: [&str; 3] = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"];
/// How long a line of PEM is.
const LINE_CHARS: usize = 64;

/// The files that programs read.
pub(super) struct Trusted {
    /// All authorities.
    pub(super) all: PathBuf,
    /// Ours alone.
    pub(super) own: PathBuf,
    /// The settings that tell wget of all.
    pub(super) wgetrc: PathBuf,
}

/// The authority, and the servers that it has vouched for. Its key is in memory alone.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    /// One for all servers: they are all this process.
    key: KeyPair,
    known: Mutex<HashMap<String, Arc<ServerConfig>>>,
}

impl Authority {
    /// # Errors
    /// When the system has no random bytes.
    pub(super) fn new() -> Result<Self> {
        let what = || "make a certificate for the run".to_owned();
        let (own, key) = (KeyPair::generate().or_fail(what)?, KeyPair::generate().or_fail(what)?);
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "one run of Data Collector");
        let certificate = params.self_signed(&own).or_fail(what)?.der().clone();
        Ok(Self { issuer: Issuer::new(params, own), certificate, key, known: Mutex::default() })
    }

    /// How TLS is spoken as this host.
    ///
    /// # Errors
    /// For what is no name of a host.
    pub(super) fn server(&self, host: &str) -> Result<Arc<ServerConfig>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = known.get(host) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(self.vouch(host)?);
        known.insert(host.to_owned(), Arc::clone(&config));
        Ok(config)
    }

    fn vouch(&self, host: &str) -> Result<ServerConfig> {
        let what = || format!("make a certificate for {host}");
        let mut params = CertificateParams::new([host.to_owned()]).or_fail(what)?;
        params.distinguished_name.push(DnType::CommonName, host);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let leaf = params.signed_by(&self.key, &self.issuer).or_fail(what)?;
        let chain = vec![leaf.der().clone(), self.certificate.clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.or_fail(what)?.with_no_client_auth().with_single_cert(chain, key);
        let mut config = config.or_fail(what)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// Writes the certificates that programs shall trust into a folder.
    ///
    /// # Errors
    /// What the file system says.
    pub(super) fn write(&self, folder: &Path, settings: &Settings) -> Result<Trusted> {
        let files = Trusted { all: folder.join(ALL), own: folder.join(OWN), wgetrc: folder.join(WGETRC) };
        let own = pem(&self.certificate);
        let mut all: Vec<u8> = rustls_native_certs::load_native_certs().certs.iter().flat_map(|it| pem(it)).collect();
        // whom the user trusts besides is trusted still
        for path in NAMED.iter().filter_map(|name| settings.variable(name)) {
            all.extend(std::fs::read(path).unwrap_or_default());
            all.push(b'\n');
        }
        all.extend(&own);
        let mut wgetrc = std::fs::read(settings.variable(WGET_READS).unwrap_or(SYSTEM_WGETRC)).unwrap_or_default();
        wgetrc.extend(format!("\nca_certificate = {}\n", files.all.display()).into_bytes());
        for (path, text) in [(&files.all, &all), (&files.own, &own), (&files.wgetrc, &wgetrc)] {
            std::fs::write(path, text).map_err(|cause| file_error(format!("write {}", path.display()), cause))?;
        }
        Ok(files)
    }
}

fn pem(certificate: &CertificateDer<'_>) -> Vec<u8> {
    let text = STANDARD.encode(certificate);
    let lines = text.as_bytes().chunks(LINE_CHARS).flat_map(|line| [line, b"\n"]);
    [b"-----BEGIN CERTIFICATE-----\n".as_slice()]
        .into_iter()
        .chain(lines)
        .chain([b"-----END CERTIFICATE-----\n".as_slice()])
        .flatten()
        .copied()
        .collect()
}
