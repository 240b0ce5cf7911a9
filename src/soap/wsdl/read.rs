//! Reads a WSDL document, and whatever it imports and includes.

use super::super::load::{Loader, Place};
use super::super::schema::{WSDL, XSD, read_schema};
use super::super::xml::{Element, Name};
use super::{Binding, BoundMessage, BoundOperation, Part, PartOf, Port, PortOperation, Service, Version, Wsdl};
use crate::error::{Error, Result};

const WSDL_2: &str = "http://www.w3.org/ns/wsdl";
const SOAP_11: &str = "http://schemas.xmlsoap.org/wsdl/soap/";
const SOAP_12: &str = "http://schemas.xmlsoap.org/wsdl/soap12/";
const MIME: &str = "http://schemas.xmlsoap.org/wsdl/mime/";
/// Where WS-Addressing puts the action of a message, by its versions.
const ADDRESSING: [&str; 3] = [
    "http://www.w3.org/2007/05/addressing/metadata",
    "http://www.w3.org/2006/05/addressing/wsdl",
    "http://www.w3.org/2006/02/addressing/wsdl",
];
/// The assertion of a policy by which everything is sent as MTOM.
const MTOM: &str = "OptimizedMimeSerialization";

/// Reads the document at a place.
///
/// # Errors
/// Failed, when it is no WSDL 1.1; as [`Loader::load`].
pub(in crate::soap) fn read(loader: &mut Loader<'_>, place: &Place) -> Result<Wsdl> {
    let root = loader.load(place)?;
    let mut wsdl = Wsdl::default();
    match (&*root.name.namespace, &*root.name.local) {
        (WSDL, "definitions") => definitions(loader, &mut wsdl, place, &root),
        (WSDL_2, _) => return Err(Error::failed(format!("read {place}: it is WSDL 2.0, and 1.1 is what can be read"))),
        _ => {
            let message = format!("read {place}: it is no WSDL 1.1: its root is {}", root.name);
            return Err(Error::failed(message).hint("many services show it at their address with ?wsdl behind"));
        }
    }
    wsdl.schemas.settle();
    Ok(wsdl)
}

fn definitions(loader: &mut Loader<'_>, wsdl: &mut Wsdl, place: &Place, root: &Element) {
    let target = root.attribute("targetNamespace").unwrap_or_default().to_owned();
    let named = |element: &Element| element.attribute("name").map(|local| Name::new(&target, local));
    for part in root.elements().filter(|it| &*it.name.namespace == WSDL) {
        match &*part.name.local {
            "import" => {
                let found = part.attribute("location").and_then(|location| loader.follow(place, location));
                match found {
                    Some((place, root)) if root.name.is(WSDL, "definitions") => {
                        definitions(loader, wsdl, &place, &root);
                    }
                    // some import their schemas this way
                    Some((place, root)) => schema(loader, wsdl, &place, &root, None),
                    None => {}
                }
            }
            "types" => part.elements().for_each(|it| schema(loader, wsdl, place, it, None)),
            "message" => {
                if let Some(name) = named(part) {
                    wsdl.messages.insert(name, part.elements().filter_map(message_part).collect());
                }
            }
            "portType" => {
                if let Some(name) = named(part) {
                    let operations = part.elements().filter(|it| it.name.is(WSDL, "operation"));
                    wsdl.port_types.insert(name, operations.filter_map(port_operation).collect());
                }
            }
            "binding" => {
                if let (Some(name), Some(read)) = (named(part), binding(root, part)) {
                    wsdl.bindings.insert(name, read);
                }
            }
            "service" => wsdl.services.push(Service {
                name: part.attribute("name").unwrap_or_default().to_owned(),
                ports: part.elements().filter(|it| it.name.is(WSDL, "port")).filter_map(port).collect(),
            }),
            _ => {}
        }
    }
}

fn schema(loader: &mut Loader<'_>, wsdl: &mut Wsdl, place: &Place, root: &Element, target: Option<&str>) {
    if !XSD.contains(&&*root.name.namespace) || &*root.name.local != "schema" {
        return;
    }
    let own = root.attribute("targetNamespace").or(target);
    // what is included comes first: a redefinition takes its place
    for part in root.elements().filter(|it| XSD.contains(&&*it.name.namespace)) {
        let is_part = match &*part.name.local {
            "include" | "redefine" | "override" => true,
            "import" => false,
            _ => continue,
        };
        let Some(location) = part.attribute("schemaLocation") else { continue };
        if let Some((place, root)) = loader.follow(place, location) {
            schema(loader, wsdl, &place, &root, if is_part { own } else { None });
        }
    }
    read_schema(&mut wsdl.schemas, root, target);
}

fn message_part(part: &Element) -> Option<Part> {
    let of = match (part.attribute("element"), part.attribute("type")) {
        (Some(element), _) => PartOf::Element(part.name_of(element)),
        (None, Some(of)) => PartOf::Type(part.name_of(of)),
        (None, None) => return None,
    };
    Some(Part { name: part.attribute("name")?.to_owned(), of })
}

fn port_operation(operation: &Element) -> Option<PortOperation> {
    let message = |local: &str| {
        let part = operation.child(WSDL, local)?;
        part.attribute("message").map(|name| part.name_of(name))
    };
    let documentation = operation.child(WSDL, "documentation").map(Element::text).unwrap_or_default();
    Some(PortOperation {
        name: operation.attribute("name")?.to_owned(),
        documentation: documentation.split_whitespace().collect::<Vec<_>>().join(" "),
        input: message("input"),
        output: message("output"),
        addressing: operation.child(WSDL, "input").and_then(addressing),
    })
}

/// The action by which a message is addressed, if it has one.
fn addressing(message: &Element) -> Option<String> {
    let is_action = |name: &Name| &*name.local == "Action" && ADDRESSING.contains(&&*name.namespace);
    message.attributes.iter().find(|(name, _)| is_action(name)).map(|(_, action)| action.trim().to_owned())
}

/// A binding to SOAP; others are of no use here.
fn binding(root: &Element, part: &Element) -> Option<Binding> {
    let soap =
        part.elements().find(|it| matches!(&*it.name.namespace, SOAP_11 | SOAP_12) && &*it.name.local == "binding")?;
    let version = if &*soap.name.namespace == SOAP_11 { Version::One1 } else { Version::One2 };
    let operations = part.elements().filter(|it| it.name.is(WSDL, "operation"));
    Some(Binding {
        port_type: part.name_of(part.attribute("type")?),
        version,
        transport: soap.attribute("transport").unwrap_or_default().trim().to_owned(),
        is_rpc: soap.attribute("style") == Some("rpc"),
        wants_mtom: wants_mtom(root, part),
        operations: operations.filter_map(bound_operation).collect(),
    })
}

/// Whether a policy of the binding asks for MTOM, and does not leave it open.
fn wants_mtom(root: &Element, binding: &Element) -> bool {
    fn asserts(element: &Element) -> bool {
        let is_optional = element.attributes.iter().any(|(name, value)| &*name.local == "Optional" && value == "true");
        (&*element.name.local == MTOM && !is_optional) || element.elements().any(asserts)
    }
    let own = binding.elements().filter(|it| &*it.name.local == "Policy").any(asserts);
    let references = binding.elements().filter(|it| &*it.name.local == "PolicyReference");
    let named: Vec<&str> =
        references.filter_map(|it| it.attribute("URI")).map(|uri| uri.trim_start_matches('#')).collect();
    let is_named = |policy: &Element| {
        policy
            .attributes
            .iter()
            .any(|(name, value)| matches!(&*name.local, "Id" | "id") && named.contains(&value.as_str()))
    };
    own || root.elements().filter(|it| &*it.name.local == "Policy" && is_named(it)).any(asserts)
}

fn bound_operation(operation: &Element) -> Option<BoundOperation> {
    let soap = operation
        .elements()
        .find(|it| matches!(&*it.name.namespace, SOAP_11 | SOAP_12) && &*it.name.local == "operation");
    let message = |local: &str| operation.child(WSDL, local).map(bound_message).unwrap_or_default();
    Some(BoundOperation {
        name: operation.attribute("name")?.to_owned(),
        action: soap.and_then(|it| it.attribute("soapAction")).unwrap_or_default().to_owned(),
        is_rpc: soap.and_then(|it| it.attribute("style")).map(|style| style == "rpc"),
        input: message("input"),
        output: message("output"),
    })
}

fn bound_message(message: &Element) -> BoundMessage {
    let mut bound = BoundMessage::default();
    // parts of a multipart message hold the same
    let inner = message.elements().flat_map(|it| std::iter::once(it).chain(it.elements().flat_map(Element::elements)));
    for part in inner {
        match (&*part.name.namespace, &*part.name.local) {
            (SOAP_11 | SOAP_12, "body") => {
                bound.is_encoded = part.attribute("use") == Some("encoded");
                bound.namespace = part.attribute("namespace").unwrap_or_default().to_owned();
                bound.parts =
                    part.attribute("parts").map(|parts| parts.split_whitespace().map(str::to_owned).collect());
            }
            (MIME, "content") => bound.attached.extend(part.attribute("part").map(str::to_owned)),
            (SOAP_11 | SOAP_12, "header") => {
                let header = part.attribute("message").zip(part.attribute("part"));
                bound.headers.extend(header.map(|(message, name)| (part.name_of(message), name.to_owned())));
            }
            _ => {}
        }
    }
    bound
}

fn port(part: &Element) -> Option<Port> {
    let address = part.elements().find(|it| matches!(&*it.name.namespace, SOAP_11 | SOAP_12))?;
    Some(Port {
        name: part.attribute("name").unwrap_or_default().to_owned(),
        binding: part.name_of(part.attribute("binding")?),
        address: address.attribute("location").unwrap_or_default().trim().to_owned(),
    })
}
