//! XML, descriptions of services, and their answers.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::xml::{Element, Limits, Node, Writer, parse};
use super::{Client, ClientOptions};
use crate::fuzzing::context;
use crate::http::Request;

/// Any bytes as XML: what is read is the same when it is written and read again, and within the limits.
pub fn xml(data: &[u8]) {
    let limits = Limits { depth_max: 32, elements_max: 1_000, attributes_max: 16, ..Limits::default() };
    let Ok(root) = parse(data, &limits) else { return };
    let mut elements = 0;
    assert!(depth(&root, &mut elements) <= limits.depth_max && elements <= limits.elements_max);
    let mut writer = Writer::new(&[]);
    write(&root, &mut writer);
    let written = writer.finish();
    let again = parse(written.as_bytes(), &limits).unwrap_or_else(|error| panic!("{error}: {written}"));
    assert_eq!(shown(&again), shown(&root), "{written}");
}

fn depth(element: &Element, elements: &mut usize) -> usize {
    *elements += 1;
    1 + element.elements().map(|inner| depth(inner, elements)).max().unwrap_or_default()
}

fn write(element: &Element, writer: &mut Writer) {
    writer.start(&element.name);
    element.attributes.iter().for_each(|(name, value)| writer.attribute(name, value));
    for node in &element.children {
        match node {
            Node::Element(inner) => write(inner, writer),
            Node::Text(text) => writer.text(text),
        }
    }
    writer.end();
}

/// Everything but prefixes.
fn shown(element: &Element) -> String {
    let children: Vec<String> = element
        .children
        .iter()
        .map(|node| match node {
            Node::Element(inner) => shown(inner),
            Node::Text(text) => format!("{text:?}"),
        })
        .collect();
    format!("{}{:?}[{}]", element.name, element.attributes, children.join(","))
}

/// Any file as a WSDL: its operations are listed, and each is asked without arguments, or tells what is wrong.
pub fn wsdl(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("it.wsdl"), data).expect("a file");
    let Ok(client) = open(folder.path(), &folder.path().join("it.wsdl")) else { return };
    for operation in client.operations() {
        assert!(!operation.to_string().is_empty());
        let Ok(call) = client.call(&operation.name) else { continue };
        if let Ok(envelope) = call.envelope() {
            assert!(parse(envelope.as_bytes(), &Limits::default()).is_ok(), "{envelope}");
        }
    }
}

/// Any bytes as the answer of the service in fixtures/services: a value, a fault, or an error.
pub fn soap_answer(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let entry = json!({
        "at": "2026-01-01T00:00:00Z", "ms": 1,
        "request": {"method": "POST", "url": "http://127.0.0.1:1/rates", "headers": []},
        "response": {
            "status": 200, "headers": [["content-type", "text/xml"]], "body": {"base64": STANDARD.encode(data)},
        },
    });
    std::fs::write(folder.path().join("it.ndjson"), format!("{entry}\n")).expect("a file");
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/services/rates.wsdl");
    let client = open(folder.path(), &place).expect("a client");
    for operation in client.operations() {
        let arguments = json!({"currency": "EUR", "latest": true});
        if let Ok(call) = client.call(&operation.name).and_then(|call| call.arguments(&arguments)) {
            let _ = call.answer();
        }
    }
}

/// A client whose requests all go to the cassette in a folder, and none over the network.
fn open(cassette: &Path, place: &Path) -> crate::error::Result<Client> {
    let (_folder, context) =
        context(&[("DC_CASSETTE", &cassette.display().to_string()), ("DC_CASSETTE_MODE", "replay")]);
    let options = ClientOptions { address: Some("http://127.0.0.1:1/rates".to_owned()), ..ClientOptions::default() };
    Client::open(&Request::new(&context)?, &place.display().to_string(), options)
}
