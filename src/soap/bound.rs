//! An operation with everything that it is made of, and the parts of its messages.

use std::sync::Arc;

use super::schema::{ElementDecl, TypeRef, near};
use super::wsdl::{Binding, BoundMessage, BoundOperation, Part, PartOf, Port, PortOperation, Service, Wsdl};
use super::xml::Name;
use crate::error::{Error, ErrorKind, Result};

/// The last part of a transport's URI, and the scheme of an address, where messages do not go over HTTP.
const OTHER_TRANSPORTS: [&str; 9] =
    ["jms", "soapjms", "smtp", "mailto", "tcp", "net.tcp", "named-pipe", "net.pipe", "net.msmq"];

/// An operation with everything that it is made of.
#[derive(Clone, Copy)]
pub(super) struct Bound<'a> {
    pub(super) wsdl: &'a Wsdl,
    pub(super) service: &'a Service,
    pub(super) port: &'a Port,
    pub(super) binding: &'a Binding,
    pub(super) operation: &'a BoundOperation,
    pub(super) port_operation: &'a PortOperation,
}

/// The parts of a message that stand in its body.
pub(super) struct Parts {
    pub(super) list: Vec<PartDecl>,
    pub(super) is_rpc: bool,
}

pub(super) struct PartDecl {
    /// The part's own name.
    pub(super) part: String,
    pub(super) name: Name,
    pub(super) of: TypeRef,
    pub(super) element: Option<Arc<ElementDecl>>,
}

impl<'a> Bound<'a> {
    pub(super) fn is_rpc(&self) -> bool {
        self.operation.is_rpc.unwrap_or(self.binding.is_rpc)
    }

    pub(super) fn style(&self) -> &'static str {
        match (self.is_rpc(), self.operation.input.is_encoded) {
            (true, true) => "rpc/encoded",
            (true, false) => "rpc/literal",
            (false, true) => "document/encoded",
            (false, false) => "document/literal",
        }
    }

    pub(super) fn version_name(&self) -> &'static str {
        self.binding.version.name()
    }

    /// Why it cannot be called.
    pub(super) fn refusal(&self) -> Option<String> {
        if let Some(other) = self.other_transport() {
            return Some(format!("its port is reached by {other}, and only HTTP is supported"));
        }
        let encoded = match (self.operation.input.is_encoded, self.operation.output.is_encoded) {
            (true, _) => "its messages are",
            (false, true) => "its answers are",
            (false, false) => return None,
        };
        let style = if self.is_rpc() { "rpc" } else { "document" };
        Some(format!("{encoded} {style}/encoded, and only literal ones are supported"))
    }

    /// How it is reached, where that is not HTTP: by its transport, or else by its address.
    fn other_transport(&self) -> Option<&str> {
        let transport = self.binding.transport.trim_end_matches('/');
        let last = transport.rsplit('/').next().unwrap_or_default();
        if OTHER_TRANSPORTS.iter().any(|other| last.eq_ignore_ascii_case(other)) {
            return Some(last);
        }
        // `localhost:8080/path` names no scheme
        let (scheme, rest) = self.port.address.split_once(':')?;
        let is_scheme = rest.starts_with("//") || OTHER_TRANSPORTS.iter().any(|it| scheme.eq_ignore_ascii_case(it));
        let is_http = ["http", "https"].iter().any(|it| scheme.eq_ignore_ascii_case(it));
        (is_scheme && !is_http && !scheme.contains(['$', '{', ' '])).then_some(scheme)
    }

    /// The parts of what is sent.
    pub(super) fn input(&self) -> Result<Parts> {
        self.parts(self.port_operation.input.as_ref(), &self.operation.input)
    }

    /// The parts of what comes back.
    pub(super) fn output(&self) -> Result<Parts> {
        self.parts(self.port_operation.output.as_ref(), &self.operation.output)
    }

    /// The parts that go into the header.
    pub(super) fn headers(&self) -> Result<Vec<PartDecl>> {
        self.header_parts(&self.operation.input.headers)
    }

    /// The parts that may come back in the header.
    pub(super) fn output_headers(&self) -> Result<Vec<PartDecl>> {
        self.header_parts(&self.operation.output.headers)
    }

    fn header_parts(&self, headers: &[(Name, String)]) -> Result<Vec<PartDecl>> {
        let found = headers.iter().filter_map(|(message, part)| {
            // spyne names the namespace of the type, not that of the message
            let messages = &self.wsdl.messages;
            let by_local = || messages.iter().find(|(name, _)| name.local == message.local).map(|(_, parts)| parts);
            messages.get(message).or_else(by_local)?.iter().find(|it| it.name == *part)
        });
        found.map(|part| self.part(part)).collect()
    }

    fn parts(&self, message: Option<&Name>, bound: &BoundMessage) -> Result<Parts> {
        let Some(message) = message else { return Ok(Parts { list: Vec::new(), is_rpc: self.is_rpc() }) };
        let parts = near(&self.wsdl.messages, message).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("find the message {message}: no document declares it"))
        })?;
        // a list that names nothing of the message is a slip, and no message without a body
        let names_some = |only: &&Vec<String>| parts.iter().any(|part| only.contains(&part.name));
        let only = bound.parts.as_ref().filter(|only| only.is_empty() || names_some(only));
        let is_header = |part: &Part| bound.headers.iter().any(|(of, name)| of == message && *name == part.name);
        let is_in_body = |part: &&Part| match only {
            Some(only) => only.contains(&part.name),
            None => !is_header(part) && !bound.attached.contains(&part.name),
        };
        let list = parts.iter().filter(is_in_body).map(|part| self.part(part)).collect::<Result<_>>()?;
        Ok(Parts { list, is_rpc: self.is_rpc() })
    }

    fn part(&self, part: &'a Part) -> Result<PartDecl> {
        let name = part.name.clone();
        Ok(match &part.of {
            PartOf::Element(element) => {
                let declared = self.wsdl.schemas.element(element)?;
                PartDecl { part: name, name: element.clone(), of: declared.of.clone(), element: Some(declared) }
            }
            PartOf::Type(of) => {
                PartDecl { name: Name::new("", &name), part: name, of: TypeRef::Named(of.clone()), element: None }
            }
        })
    }
}
