//! HTTP, for everything in the framework that speaks it: ureq underneath, certificates always verified.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls_native_certs::load_native_certs;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig, parse_pem};

use crate::error::{Error, ErrorKind, Result, file_error};

/// The most bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 10 << 20;

/// How requests are made.
#[derive(Debug, Clone, Default)]
pub struct ClientOptions {
    /// How long a request may take, from the first byte of the connection to the last of the answer.
    pub timeout: Option<Duration>,
    /// A file with certificates (PEM) to trust instead of the system's.
    pub certificates: Option<PathBuf>,
}

/// Makes requests. Connections are kept and used again.
pub struct Client {
    agent: Agent,
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status: 200, 404, 503.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// When the server asks to come back.
    pub retry_after: Option<Duration>,
}

impl Client {
    /// A client for `url` and others of its scheme.
    ///
    /// # Errors
    /// When the certificates cannot be read.
    pub fn new(url: &str, options: &ClientOptions) -> Result<Self> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(options.timeout)
            .user_agent(concat!("data-collector/", env!("CARGO_PKG_VERSION")));
        if url.starts_with("https:") {
            let roots = match &options.certificates {
                Some(path) => certificates_in(path)?,
                None => load_native_certs().certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect(),
            };
            let roots = RootCerts::Specific(Arc::new(roots));
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        Ok(Self { agent: config.build().into() })
    }

    /// Sends `body` with these headers.
    ///
    /// # Errors
    /// Timeout, or failed and temporary: the server was not reached, or the connection broke. An answer of any status
    /// is none.
    pub fn post(&self, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
        let mut request = self.agent.post(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send(body).map_err(|cause| failed(url, cause))?;
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()).and_then(seconds);
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        Ok(Answer { status, body: body.map_err(|cause| failed(url, cause))?, retry_after })
    }
}

fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(Duration::from_secs)
}

fn certificates_in(path: &PathBuf) -> Result<Vec<Certificate<'static>>> {
    let what = format!("read the certificates in {}", path.display());
    let text = std::fs::read(path).map_err(|cause| file_error(what.clone(), cause))?;
    let found = parse_pem(&text).filter_map(|item| match item {
        Ok(ureq::tls::PemItem::Certificate(certificate)) => Some(Ok(certificate)),
        Ok(_) => None,
        Err(cause) => Some(Err(Error::new(ErrorKind::Settings, what.clone()).because(cause))),
    });
    let found: Vec<Certificate<'static>> = found.collect::<Result<_>>()?;
    if found.is_empty() {
        return Err(Error::new(ErrorKind::Settings, format!("{what}: there is none")).hint("it takes PEM"));
    }
    Ok(found)
}

/// What went wrong, without the query of the URL, which may hold a credential.
fn failed(url: &str, cause: ureq::Error) -> Error {
    let place = url.split(['?', '#']).next().unwrap_or_default();
    let kind = if matches!(cause, ureq::Error::Timeout(_)) { ErrorKind::Timeout } else { ErrorKind::Failed };
    Error::new(kind, format!("reach {place}")).because(cause).temporary(true)
}
