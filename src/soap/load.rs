//! Documents by their place: a file or a URL, each once. What comes from the network never leads to a file.

use std::collections::HashSet;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use url::Url;

use super::xml::{Element, Limits, parse};
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::http::{Request, Retries};

/// Documents that one WSDL may bring along.
const DOCUMENTS_MAX: usize = 500;

/// Whether a location is that of a schema of XML or SOAP themselves: what is needed of them is built in. What else W3C has
/// (addresses, signatures) is loaded: services take and give values of its types.
fn is_built_in(location: &str) -> bool {
    let of_soap = ["http://schemas.xmlsoap.org/soap/", "http://schemas.xmlsoap.org/wsdl/"];
    let of_xml = ["/xml.xsd", "/XMLSchema", "/XML/1998/namespace", "/soap-", "/wsdl"];
    of_soap.iter().any(|start| location.starts_with(start))
        || location.strip_prefix("http://www.w3.org").is_some_and(|rest| of_xml.iter().any(|part| rest.contains(part)))
}

/// Where a document is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Place {
    File(PathBuf),
    Url(Url),
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Url(url) => {
                let (scheme, host) = (url.scheme(), url.host_str().unwrap_or_default());
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                write!(formatter, "{scheme}://{host}{port}{}", url.path())
            }
        }
    }
}

impl Place {
    /// A place as a person writes it.
    pub(super) fn of(text: &str) -> Self {
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Self::Url(url),
            Ok(url) if url.scheme() == "file" => Self::File(url.to_file_path().unwrap_or_default()),
            _ => Self::File(PathBuf::from(text)),
        }
    }

    /// Where a document leads that is here.
    fn join(&self, location: &str) -> Result<Self> {
        let location = location.trim();
        match (self, Self::of(location)) {
            (_, place @ Self::Url(_)) => Ok(place),
            (Self::Url(base), _) => match base.join(location) {
                Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Self::Url(url)),
                _ => Err(Error::new(ErrorKind::Refused, format!("load `{location}`: {self} may not lead to a file"))),
            },
            (Self::File(base), Self::File(path)) => Ok(Self::File(base.parent().unwrap_or(Path::new("")).join(path))),
        }
    }
}

/// Loads documents, each once.
pub(super) struct Loader<'a> {
    pub(super) request: &'a Request,
    pub(super) limits: Limits,
    seen: HashSet<Place>,
    /// What could not be loaded.
    pub(super) missing: Vec<String>,
}

impl<'a> Loader<'a> {
    pub(super) fn new(request: &'a Request, limits: Limits) -> Self {
        Self { request, limits, seen: HashSet::new(), missing: Vec::new() }
    }

    /// The document at a place.
    ///
    /// # Errors
    /// When it is not there, or no XML.
    pub(super) fn load(&mut self, place: &Place) -> Result<Element> {
        self.seen.insert(place.clone());
        if self.seen.len() > DOCUMENTS_MAX {
            let message = format!("load {place}: there are more than {DOCUMENTS_MAX} documents");
            return Err(Error::new(ErrorKind::Refused, message));
        }
        let bytes = match place {
            Place::Url(url) => {
                let retries = Retries { max: 1, ..Retries::default() };
                let call = self.request.get(url.as_str()).retries(retries).body_bytes_max(self.limits.bytes_max);
                call.send()?.ok()?.into_bytes()
            }
            Place::File(path) => {
                let failed = |cause| file_error(format!("read {}", path.display()), cause);
                let file = std::fs::File::open(path).map_err(failed)?;
                let mut bytes = Vec::new();
                file.take(self.limits.bytes_max + 1).read_to_end(&mut bytes).map_err(failed)?;
                bytes
            }
        };
        parse(&bytes, &self.limits).map_err(|error| error.within(format!("load {place}")))
    }

    /// The document that one at `base` leads to; `None` when it was loaded before, or cannot be. That is noted, and told
    /// by whatever needs it.
    pub(super) fn follow(&mut self, base: &Place, location: &str) -> Option<(Place, Element)> {
        if is_built_in(location.trim()) {
            return None;
        }
        let place = match base.join(location) {
            Ok(place) if self.seen.contains(&place) => return None,
            Ok(place) => place,
            Err(error) => {
                self.missing.push(error.to_string());
                return None;
            }
        };
        match self.load(&place) {
            Ok(element) => Some((place, element)),
            Err(error) => {
                log::warn!("{error}; what it declares is missing");
                self.missing.push(error.to_string());
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_built_in;

    #[test]
    fn schemas_of_xml_itself_are_not_asked_for_and_others_of_w3c_are() {
        for location in [
            "http://www.w3.org/2001/xml.xsd",
            "http://www.w3.org/2009/01/xml.xsd",
            "http://www.w3.org/2001/XMLSchema.xsd",
            "http://www.w3.org/XML/1998/namespace",
            "http://www.w3.org/2003/05/soap-encoding",
            "http://schemas.xmlsoap.org/soap/encoding/",
        ] {
            assert!(is_built_in(location), "{location}");
        }
        for location in [
            "http://www.w3.org/2005/08/addressing/ws-addr.xsd",
            "http://www.w3.org/2005/05/xmlmime",
            "http://www.w3.org/TR/xmldsig-core/xmldsig-core-schema.xsd",
            "types.xsd",
        ] {
            assert!(!is_built_in(location), "{location}");
        }
    }
}
