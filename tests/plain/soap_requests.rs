//! What is sent for WSDLs as they are found: `benches/soap` compares it with what zeep sends.

use crate::support::context;
use data_collector::error::ErrorKind;
use data_collector::http::Request;
use data_collector::soap::{Client, ClientOptions};
use serde_json::json;

/// A service of which the body and the header of the request, and the body of the answer, are given.
fn service(input: &str, output: &str) -> Client {
    const DOCUMENT: &str = r#"<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:t" xmlns:x="http://www.w3.org/2001/XMLSchema"
 xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" targetNamespace="urn:t">
 <types><x:schema targetNamespace="urn:t" elementFormDefault="qualified"><x:element name="Session" type="x:string"/>
  <x:element name="Ask"><x:complexType><x:sequence><x:element name="id" type="x:int"/></x:sequence></x:complexType></x:element>
 </x:schema></types>
 <message name="In"><part name="asked" element="t:Ask"/><part name="session" element="t:Session"/></message>
 <message name="Out"><part name="told" element="t:Ask"/></message>
 <portType name="P"><operation name="Ask"><input message="t:In"/><output message="t:Out"/></operation></portType>
 <binding name="B" type="t:P"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/><operation name="Ask">
  <soap:operation soapAction=""/><input>INPUT</input><output>OUTPUT</output></operation></binding>
 <service name="S"><port name="One" binding="t:B"><soap:address location="http://h/a"/></port></service></definitions>"#;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), DOCUMENT.replace("INPUT", input).replace("OUTPUT", output)).expect("written");
    let request = Request::new(&context(&std::env::temp_dir(), &[])).expect("a session");
    Client::open(&request, file.path().to_str().expect("a path"), ClientOptions::default()).expect("a client")
}

const LITERAL: &str = "<soap:body use='literal'/>";
const HEADER: &str = "<soap:header message='t:In' part='session' use='literal'/>";

#[test]
fn a_header_is_sent_where_there_is_something_in_it() {
    let client = service(&format!("{LITERAL}{HEADER}"), LITERAL);
    let call = || client.call("Ask").and_then(|call| call.arguments(&json!({"id": 1}))).expect("a call");
    let without = call().envelope().expect("an envelope");
    assert!(!without.contains("Header") && without.contains(":id>1<"), "{without}");
    let with = call().headers(&json!({"Session": "s1"})).and_then(|call| call.envelope()).expect("an envelope");
    assert!(with.contains("<soap:Header><") && with.contains(":Session>s1<"), "{with}");
    // one that no header is declared for is not dropped in silence
    let plain = service("<soap:body use='literal' parts='asked'/>", LITERAL);
    let call = plain.call("Ask").and_then(|call| call.arguments(&json!({"id": 1}))).expect("a call");
    let error = call.headers(&json!({"Session": "s1"})).and_then(|call| call.envelope()).expect_err("no header");
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    assert!(error.to_string().contains("`Session`"), "{error}");
}

#[test]
fn a_body_of_parts_that_are_none_has_those_of_the_message() {
    for (parts, is_sent) in [("asked", true), ("in", true), ("", false)] {
        let client = service(&format!("<soap:body use='literal' parts='{parts}'/>{HEADER}"), LITERAL);
        let arguments = if is_sent { json!({"id": 1}) } else { json!({}) };
        let sent = client.call("Ask").and_then(|call| call.arguments(&arguments)).and_then(|call| call.envelope());
        let sent = sent.expect("an envelope");
        assert_eq!(sent.contains(":id>1<"), is_sent, "parts={parts}: {sent}");
        assert!(!sent.contains("Session"), "parts={parts}: {sent}");
    }
}

#[test]
fn a_part_beside_the_envelope_is_none_of_the_body() {
    let multipart = format!(
        "<m:multipartRelated xmlns:m='http://schemas.xmlsoap.org/wsdl/mime/'><m:part>{LITERAL}</m:part>\
         <m:part><m:content part='session' type='text/plain'/></m:part></m:multipartRelated>"
    );
    let client = service(&multipart, LITERAL);
    let sent = |arguments| client.call("Ask").and_then(|it| it.arguments(&arguments)).and_then(|it| it.envelope());
    let envelope = sent(json!({"id": 1})).expect("an envelope");
    assert!(envelope.contains(":id>1<") && !envelope.contains("Session"), "{envelope}");
    let error = sent(json!({"id": 1, "session": "s1"})).expect_err("it cannot be sent");
    assert!(error.to_string().contains("`session`"), "{error}");
}

#[test]
fn what_is_refused_is_named() {
    let encoded = "<soap:body use='encoded'/>";
    for (input, output, said) in [
        (encoded, LITERAL, "its messages are document/encoded"),
        (LITERAL, encoded, "its answers are document/encoded"),
    ] {
        let error = service(input, output).call("Ask").err().expect("encoded");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().contains(said), "{error}");
    }
}
