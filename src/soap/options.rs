//! How a client works.

use super::security::Login;
use super::xml::Limits;

/// How a client works: limits, and who asks for what where.
#[derive(Debug, Clone, Default)]
pub struct ClientOptions {
    /// How large the documents and answers may be.
    pub limits: Limits,
    /// Who asks, by WS-Security.
    pub login: Option<Login>,
    /// The address of the service, where the WSDL says another one.
    pub address: Option<String>,
}
