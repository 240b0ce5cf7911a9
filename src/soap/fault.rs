//! What a server answers when it does not do what it was asked.

use std::error::Error as StdError;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::decode::Decoder;
use super::xml::Element;
use crate::error::{Error, ErrorKind};

/// A fault of SOAP 1.1 or 1.2. It is the cause of the error that [`super::Call::send`] gives.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fault {
    /// Its code: `Client`, `Server`, `Sender`, `Receiver`, or one of the service's own.
    pub code: String,
    /// Narrower codes, as SOAP 1.2 has them.
    pub subcodes: Vec<String>,
    /// What went wrong, in the server's words.
    pub message: String,
    /// Who found it.
    pub actor: Option<String>,
    /// What the service says beside: by the names of its elements.
    pub detail: Value,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (code {}", self.message, self.code)?;
        for subcode in &self.subcodes {
            write!(formatter, ", {subcode}")?;
        }
        write!(formatter, ")")
    }
}

impl StdError for Fault {}

impl Fault {
    /// The fault that caused an error, if one did.
    pub fn of(error: &Error) -> Option<&Self> {
        let mut next = StdError::source(error);
        while let Some(cause) = next {
            if let Some(fault) = cause.downcast_ref::<Self>() {
                return Some(fault);
            }
            next = cause.source();
        }
        None
    }

    pub(super) fn read(fault: &Element, decoder: &Decoder<'_>) -> Self {
        let find = |element: &Element, local: &str| element.elements().find(|it| &*it.name.local == local).cloned();
        let text = |local: &str| find(fault, local).map(|it| it.text().trim().to_owned());
        let local = |code: String| code.rsplit(':').next().unwrap_or_default().to_owned();
        let detail = |element: Option<Element>| element.map_or(Value::Null, |it| decoder.anything(&it));
        // SOAP 1.2 writes its names with capitals
        if let Some(code) = find(fault, "Code") {
            let mut subcodes = Vec::new();
            let mut next = find(&code, "Subcode");
            while let Some(subcode) = next {
                subcodes.extend(find(&subcode, "Value").map(|it| local(it.text().trim().to_owned())));
                next = find(&subcode, "Subcode");
            }
            return Self {
                code: find(&code, "Value").map(|it| local(it.text().trim().to_owned())).unwrap_or_default(),
                subcodes,
                message: find(fault, "Reason")
                    .and_then(|it| find(&it, "Text"))
                    .map(|it| it.text().trim().to_owned())
                    .unwrap_or_default(),
                actor: text("Role").or_else(|| text("Node")),
                detail: detail(find(fault, "Detail")),
            };
        }
        Self {
            code: local(text("faultcode").unwrap_or_default()),
            subcodes: Vec::new(),
            message: text("faultstring").unwrap_or_default(),
            actor: text("faultactor"),
            detail: detail(find(fault, "detail")),
        }
    }

    /// As an error of a call; what lies with the server may pass.
    pub(super) fn into_error(self, operation: &str) -> Error {
        let is_temporary = self.code.starts_with("Server") || self.code.starts_with("Receiver");
        Error::new(ErrorKind::Failed, format!("call {operation}: the service answers with a fault"))
            .because(self)
            .temporary(is_temporary)
    }
}
