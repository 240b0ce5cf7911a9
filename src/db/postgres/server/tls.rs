//! The TLS side of a connection to PostgreSQL.

use rustls::DEFAULT_VERSIONS;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::db::tls::{Check, Root};
use crate::db::verifier::client_config;
use crate::error::Result;

/// The protocol's name in a handshake that starts without asking (`sslnegotiation=direct`).
const PROTOCOL: &[u8] = b"postgresql";

/// The TLS side of a connection.
pub(super) fn connector(check: Check, root: &Root, direct: bool) -> Result<MakeRustlsConnect> {
    let mut config = client_config(check, root, DEFAULT_VERSIONS)?;
    if direct {
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
    }
    Ok(MakeRustlsConnect::new(config))
}
