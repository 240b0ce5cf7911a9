//! The envelope around a message, in both versions of SOAP.

use super::wsdl::Version;
use super::xml::{Element, Name};
use crate::error::{Error, Result};

impl Version {
    /// The namespace of its envelope.
    pub(super) fn namespace(self) -> &'static str {
        match self {
            Self::One1 => "http://schemas.xmlsoap.org/soap/envelope/",
            Self::One2 => "http://www.w3.org/2003/05/soap-envelope",
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::One1 => "1.1",
            Self::One2 => "1.2",
        }
    }

    /// What stands in `Content-Type`, with the action where it belongs there.
    pub(super) fn content_type(self, action: &str) -> String {
        match self {
            Self::One1 => "text/xml; charset=utf-8".to_owned(),
            Self::One2 if action.is_empty() => "application/soap+xml; charset=utf-8".to_owned(),
            Self::One2 => format!("application/soap+xml; charset=utf-8; action=\"{}\"", action.replace('"', "")),
        }
    }

    pub(super) fn element(self, local: &str) -> Name {
        Name::new(self.namespace(), local)
    }
}

/// The parts of an envelope that came back.
pub(super) struct Opened<'a> {
    pub(super) header: Option<&'a Element>,
    pub(super) body: &'a Element,
}

/// Opens an envelope of either version.
///
/// # Errors
/// Failed, for what is none.
pub(super) fn open(root: &Element) -> Result<Opened<'_>> {
    let versions = [Version::One1, Version::One2];
    let version = versions.into_iter().find(|version| root.name == version.element("Envelope"));
    let Some(version) = version else {
        return Err(Error::failed(format!("read the answer: it is no envelope of SOAP, but {}", root.name)));
    };
    let body = root.child(version.namespace(), "Body");
    let body = body.ok_or_else(|| Error::failed("read the answer: the envelope has no body"))?;
    Ok(Opened { header: root.child(version.namespace(), "Header"), body })
}
