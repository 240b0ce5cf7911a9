//! The client: what a WSDL describes, and calls.

use std::sync::Arc;

use super::call::Call;
use super::load::{Loader, Place};
use super::operation::{Operation, describe};
use super::schema::{ElementDecl, TypeRef};
use super::security::Login;
use super::wsdl::{Binding, BoundOperation, Part, PartOf, Port, PortOperation, Service, Wsdl, read};
use super::xml::{Limits, Name};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Request;

/// How a client works.
#[derive(Debug, Clone, Default)]
pub struct ClientOptions {
    /// How large the documents and answers may be.
    pub limits: Limits,
    /// Who asks, by WS-Security.
    pub login: Option<Login>,
    /// The address of the service, where the WSDL says another one.
    pub address: Option<String>,
}

/// A client of a service.
///
/// ```no_run
/// use data_collector::http::Request;
/// use data_collector::soap::{Client, ClientOptions};
///
/// # fn example(context: &data_collector::context::Context) -> data_collector::error::Result<()> {
/// let request = Request::new(context)?;
/// let client = Client::open(&request, "https://example.com/rates?wsdl", ClientOptions::default())?;
/// for operation in client.operations() {
///     log::info!("{operation}");
/// }
/// let rate = client.call("GetRate")?.arguments(&serde_json::json!({"currency": "EUR"}))?.send()?;
/// # Ok(())
/// # }
/// ```
pub struct Client {
    pub(super) request: Request,
    pub(super) wsdl: Wsdl,
    pub(super) options: ClientOptions,
    missing: Vec<String>,
}

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

impl Client {
    /// Reads a WSDL 1.1 document, a file or a URL, with everything that it imports and includes.
    ///
    /// # Errors
    /// When it cannot be loaded or is none. What it imports and cannot be loaded is no error until it is needed:
    /// [`Client::missing`].
    pub fn open(request: &Request, place: &str, options: ClientOptions) -> Result<Self> {
        let mut loader = Loader::new(request, options.limits);
        let wsdl = read(&mut loader, &Place::of(place))?;
        let missing = std::mem::take(&mut loader.missing);
        Ok(Self { request: request.clone(), wsdl, options, missing })
    }

    /// Documents that could not be loaded, and why.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// All operations that SOAP can call, in the order of the document.
    pub fn operations(&self) -> Vec<Operation> {
        self.bound().iter().map(|bound| describe(&self.wsdl.schemas, bound)).collect()
    }

    /// A call of an operation: by its name, or `Port.Name` or `Service.Port.Name` where several have one of that name.
    /// Of several the first is taken.
    ///
    /// # Errors
    /// Not found, with the names that are known; refused, for what cannot be called.
    pub fn call(&self, operation: &str) -> Result<Call<'_>> {
        let all = self.bound();
        let is_meant = |bound: &Bound<'_>| {
            let (service, port, name) = (&bound.service.name, &bound.port.name, &bound.operation.name);
            name == operation
                || format!("{port}.{name}") == operation
                || format!("{service}.{port}.{name}") == operation
        };
        let Some(bound) = all.iter().copied().find(is_meant) else {
            let mut names: Vec<&str> = all.iter().map(|bound| bound.operation.name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            let message = format!("call {operation}: the service has no such operation");
            return Err(Error::new(ErrorKind::NotFound, message).hint(format!("it has {}", names.join(", "))));
        };
        match bound.refusal() {
            Some(why) => Err(Error::new(ErrorKind::Refused, format!("call {operation}: {why}"))),
            None => Ok(Call::new(self, bound)),
        }
    }

    fn bound(&self) -> Vec<Bound<'_>> {
        let wsdl = &self.wsdl;
        let mut all = Vec::new();
        for service in &wsdl.services {
            for port in &service.ports {
                let Some(binding) = wsdl.bindings.get(&port.binding) else { continue };
                let Some(port_type) = wsdl.port_types.get(&binding.port_type) else { continue };
                for operation in &binding.operations {
                    if let Some(port_operation) = port_type.iter().find(|it| it.name == operation.name) {
                        all.push(Bound { wsdl, service, port, binding, operation, port_operation });
                    }
                }
            }
        }
        all
    }
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
        if self.binding.wants_mtom {
            return Some("its policy asks for MTOM, which is not supported".to_owned());
        }
        let is_encoded = self.operation.input.is_encoded || self.operation.output.is_encoded;
        is_encoded.then(|| format!("its messages are {}, and only literal ones are supported", self.style()))
    }

    /// The parts of what is sent.
    pub(super) fn input(&self) -> Result<Parts> {
        self.parts(self.port_operation.input.as_ref(), &self.operation.input.parts, &self.operation.input.headers)
    }

    /// The parts of what comes back.
    pub(super) fn output(&self) -> Result<Parts> {
        self.parts(self.port_operation.output.as_ref(), &self.operation.output.parts, &self.operation.output.headers)
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

    fn parts(&self, message: Option<&Name>, only: &Option<Vec<String>>, headers: &[(Name, String)]) -> Result<Parts> {
        let Some(message) = message else { return Ok(Parts { list: Vec::new(), is_rpc: self.is_rpc() }) };
        let parts = self.wsdl.messages.get(message).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("find the message {message}: no document declares it"))
        })?;
        let is_in_body = |part: &&Part| match only {
            Some(only) => only.contains(&part.name),
            None => !headers.iter().any(|(header, name)| header == message && *name == part.name),
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
