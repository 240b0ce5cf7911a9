//! WSDL 1.1: services, ports, bindings and messages, and the schemas of all documents together.

mod read;

use std::collections::HashMap;

use super::schema::Schemas;
use super::xml::Name;

pub(super) use read::read;

/// The versions of SOAP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One1,
    One2,
}

#[derive(Debug, Default)]
pub(super) struct Wsdl {
    pub(super) services: Vec<Service>,
    pub(super) bindings: HashMap<Name, Binding>,
    pub(super) port_types: HashMap<Name, Vec<PortOperation>>,
    pub(super) messages: HashMap<Name, Vec<Part>>,
    pub(super) schemas: Schemas,
}

#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) ports: Vec<Port>,
}

#[derive(Debug)]
pub(super) struct Port {
    pub(super) name: String,
    pub(super) binding: Name,
    pub(super) address: String,
}

#[derive(Debug)]
pub(super) struct Binding {
    pub(super) port_type: Name,
    pub(super) version: Version,
    /// How it is reached, as a URI.
    pub(super) transport: String,
    pub(super) is_rpc: bool,
    /// It asks for MTOM by its policy: requests are sent so.
    pub(super) wants_mtom: bool,
    pub(super) operations: Vec<BoundOperation>,
}

/// An operation as a binding has it.
#[derive(Debug)]
pub(super) struct BoundOperation {
    pub(super) name: String,
    pub(super) action: String,
    pub(super) is_rpc: Option<bool>,
    pub(super) input: BoundMessage,
    pub(super) output: BoundMessage,
}

/// How a message is written.
#[derive(Debug, Default, Clone)]
pub(super) struct BoundMessage {
    pub(super) is_encoded: bool,
    pub(super) namespace: String,
    /// The parts that stand in the body, where not all do.
    pub(super) parts: Option<Vec<String>>,
    /// The parts that stand beside the envelope.
    pub(super) attached: Vec<String>,
    /// Message and part of each header.
    pub(super) headers: Vec<(Name, String)>,
}

/// An operation as a port type has it.
#[derive(Debug)]
pub(super) struct PortOperation {
    pub(super) name: String,
    pub(super) documentation: String,
    pub(super) input: Option<Name>,
    pub(super) output: Option<Name>,
    /// The action by which WS-Addressing names what is sent.
    pub(super) addressing: Option<String>,
}

/// A part of a message.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) of: PartOf,
}

#[derive(Debug, Clone)]
pub(super) enum PartOf {
    Element(Name),
    Type(Name),
}
