//! SOAP by documents of every kind, attacks among them. `tests/python/soap.rs` compares with zeep.

use std::io::{BufRead, BufReader, Write};

use crate::support::{context, has_run, ignored_test, stderr, stdout};
use data_collector::error::ErrorKind;
use data_collector::http::Request;
use data_collector::settings::Secret;
use data_collector::soap::{Client, ClientOptions, Fault, Login};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde_json::{Value, json};

fn request() -> Request {
    Request::new(&context(&std::env::temp_dir(), &[])).expect("a session")
}

const RPC: &str = r#"<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:t" xmlns:x="http://www.w3.org/2001/XMLSchema"
 xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" targetNamespace="urn:t">
 <import namespace="urn:s" location="messages.wsdl"/>
 <portType name="P"><operation name="Join"><input message="t:JoinIn"/><output message="t:JoinOut"/></operation>
  <operation name="Old"><input message="t:JoinIn"/><output message="t:JoinOut"/></operation></portType>
 <binding name="B" type="t:P"><soap:binding style="rpc" transport="http://schemas.xmlsoap.org/soap/http"/>
  <operation name="Join"><soap:operation soapAction="urn:join"/>
   <input><soap:body use="literal" namespace="urn:body"/></input><output><soap:body use="literal" namespace="urn:body"/></output></operation>
  <operation name="Old"><soap:operation soapAction=""/>
   <input><soap:body use="encoded" namespace="urn:body"/></input><output><soap:body use="encoded" namespace="urn:body"/></output></operation>
 </binding>
 <service name="S"><port name="One" binding="t:B"><soap:address location="ADDRESS"/></port></service></definitions>"#;
const MESSAGES: &str = r#"<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:t" xmlns:s="urn:s"
 xmlns:x="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:t">
 <types><x:schema targetNamespace="urn:s"><x:include schemaLocation="types.xsd"/><x:import namespace="urn:gone" schemaLocation="gone.xsd"/></x:schema></types>
 <message name="JoinIn"><part name="words" type="s:Words"/><part name="how" type="s:How"/></message>
 <message name="JoinOut"><part name="result" type="s:Result"/></message></definitions>"#;
const TYPES: &str = r#"<x:schema xmlns:x="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified">
 <x:simpleType name="Upper"><x:restriction base="x:boolean"/></x:simpleType>
 <x:complexType name="Base"><x:sequence><x:element name="sep" type="x:string" minOccurs="0" nillable="true"/></x:sequence>
  <x:attribute name="upper" type="Upper"/></x:complexType>
 <x:complexType name="How"><x:complexContent><x:extension base="Base"><x:choice>
  <x:element name="times" type="x:int"/><x:element name="until" type="x:date"/></x:choice></x:extension></x:complexContent></x:complexType>
 <x:complexType name="Words"><x:sequence><x:element name="word" type="x:string" maxOccurs="unbounded"/></x:sequence></x:complexType>
 <x:complexType name="Result"><x:sequence><x:element name="text" type="x:string"/><x:element name="count" type="x:int"/>
  <x:any minOccurs="0"/></x:sequence></x:complexType></x:schema>"#;

/// A request: its head and its body.
fn read_request(stream: &std::net::TcpStream) -> String {
    use std::io::Read;
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).expect("a line") <= 2 {
            break;
        }
        let told = line.to_lowercase().strip_prefix("content-length:").map(|it| it.trim().parse().expect("a number"));
        length = told.unwrap_or(length);
        head.push_str(&line);
    }
    let mut sent = vec![0; length];
    reader.read_exact(&mut sent).expect("a body");
    format!("{head}\n{}", String::from_utf8_lossy(&sent))
}

/// Answers each request with the next of these; the requests are in the list.
fn server(answers: Vec<(&'static str, String)>) -> (String, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let seen: std::sync::Arc<std::sync::Mutex<Vec<String>>> = std::sync::Arc::default();
    let noted = std::sync::Arc::clone(&seen);
    std::thread::spawn(move || {
        for (stream, (kind, body)) in listener.incoming().flatten().zip(answers) {
            noted.lock().expect("the requests").push(read_request(&stream));
            let _ = write!(
                { &stream },
                "HTTP/1.1 200 x\r\nContent-Type: {kind}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
        }
    });
    (url, seen)
}

fn envelope(body: &str) -> String {
    format!("<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body>{body}</s:Body></s:Envelope>")
}

#[test]
fn rpc_imports_choices_and_faults() {
    let good = "<b:JoinResponse xmlns:b='urn:body'><result xmlns='urn:s'><text>a-b</text><count>2</count><extra k='1'>x</extra></result></b:JoinResponse>";
    let fault = "<s:Fault><faultcode>s:Server</faultcode><faultstring>busy</faultstring><detail><why><n>1</n><n>2</n></why></detail></s:Fault>";
    let attached = format!(
        "--b\r\nContent-Type: text/xml\r\n\r\n{}\r\n--b\r\nContent-ID: <one>\r\nContent-Type: text/csv\r\n\r\na;b\r\n--b--\r\n",
        envelope(good)
    );
    let (address, seen) = server(vec![
        ("text/xml", envelope(good)),
        ("text/xml", envelope(fault)),
        ("multipart/related; type=\"application/xop+xml\"", "--x".to_owned()),
        ("multipart/related; boundary=b", attached),
        ("text/html", "<html><br></html>".to_owned()),
    ]);
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in
        [("rpc.wsdl", &*RPC.replace("ADDRESS", &address)), ("messages.wsdl", MESSAGES), ("types.xsd", TYPES)]
    {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    let place = folder.path().join("rpc.wsdl").display().to_string();
    let client = Client::open(&request(), &place, ClientOptions::default()).expect("a client");
    assert!(client.missing().len() == 1 && client.missing()[0].contains("gone.xsd"), "{:?}", client.missing());
    let operations = client.operations();
    assert_eq!(operations[0].to_string(), "Join(words: Words, how: How) -> (result: Result)");
    assert!(operations[1].refused.as_ref().expect("encoded").contains("rpc/encoded"));
    assert_eq!(client.call("Old").err().expect("encoded").kind(), ErrorKind::Refused);

    let arguments = json!({"words": ["a", "b"], "how": {"sep": "-", "@upper": true, "times": 2}});
    let login = Login { username: "me".to_owned(), password: Secret::new("pw"), is_digest: true, has_timestamp: true };
    let call = client.call("Join").expect("join").arguments(&arguments).expect("JSON").login(login);
    let value = call.send().expect("an answer");
    assert_eq!(value, json!({"text": "a-b", "count": 2, "_value_1": {"extra": {"@k": "1", "_value_1": "x"}}}));
    let sent = seen.lock().expect("the requests")[0].clone();
    for expected in [
        "soapaction: \"urn:join\"",
        ":Join>",
        "<words><",
        "word>a</",
        " upper=\"true\"",
        "times>2</",
        "PasswordDigest",
        "Nonce",
        "mustUnderstand=\"1\"",
    ] {
        assert!(sent.contains(expected), "{expected} in {sent}");
    }
    let call = || client.call("Join").and_then(|call| call.arguments(&arguments)).expect("a call");
    let error = call().send().expect_err("a fault");
    let fault = Fault::of(&error).expect("a fault");
    assert_eq!((fault.code.as_str(), &fault.detail), ("Server", &json!({"why": {"n": ["1", "2"]}})));
    assert!(error.is_temporary() && error.to_string().contains("busy (code Server)"), "{error}");
    let error = call().send().expect_err("no parts");
    assert!(error.to_string().contains("attachments: it names no boundary"), "{error}");
    let answer = call().answer().expect("an answer with attachments");
    assert_eq!((&answer.value["count"], answer.attachments[0].id.as_deref()), (&json!(2), Some("one")));
    assert_eq!(answer.attachments[0].bytes, b"a;b");
    assert!(call().send().is_err(), "no XML");
    for (how, expected) in [
        (json!({"times": 1, "until": "2026-01-01"}), "of a choice only one"),
        (json!({}), "of a choice one must be there"),
        (json!({"times": 1, "sep": null}), ""),
    ] {
        let envelope = client
            .call("Join")
            .and_then(|call| call.arguments(&json!({"words": ["a"], "how": how})))
            .expect("a call")
            .envelope();
        match (envelope, expected) {
            (Ok(_), "") => {}
            (Ok(text), _) => panic!("{text}"),
            (Err(error), expected) => assert!(!expected.is_empty() && error.to_string().contains(expected), "{error}"),
        }
    }
}

const NOTICES: &str = r#"<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:t" xmlns:x="http://www.w3.org/2001/XMLSchema"
 xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" targetNamespace="urn:t">
 <types><x:schema targetNamespace="urn:t" elementFormDefault="qualified">
  <x:element name="Send"><x:complexType><x:sequence><x:element ref="t:Notice"/><x:element ref="t:Note" minOccurs="0" maxOccurs="unbounded"/></x:sequence></x:complexType></x:element>
  <x:element name="Sent"><x:complexType><x:group ref="t:Body"/></x:complexType></x:element>
  <x:group name="Body"><x:sequence><x:element ref="t:Notice" maxOccurs="unbounded"/></x:sequence></x:group>
  <x:element name="Urgent" substitutionGroup="t:Late"><x:complexType><x:complexContent><x:extension base="t:NoticeType">
   <x:sequence><x:element name="minutes" type="x:int"/></x:sequence></x:extension></x:complexContent></x:complexType></x:element>
  <x:element name="Notice" type="t:NoticeType" abstract="true"/>
  <x:element name="Late" substitutionGroup="t:Notice"/>
  <x:element name="Circle" type="t:NoticeType" substitutionGroup="t:Urgent"/>
  <x:element name="Late2" substitutionGroup="t:Circle" abstract="true"/>
  <x:element name="Note" type="x:string"/><x:element name="Number" type="x:int" substitutionGroup="t:Note"/>
  <x:complexType name="NoticeType"><x:sequence><x:element name="text" type="x:string"/></x:sequence></x:complexType>
 </x:schema></types>
 <message name="In"><part name="p" element="t:Send"/></message><message name="Out"><part name="p" element="t:Sent"/></message>
 <portType name="P"><operation name="Send"><input message="t:In"/><output message="t:Out"/></operation></portType>
 <binding name="B" type="t:P"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/><operation name="Send">
  <soap:operation soapAction=""/><input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation></binding>
 <service name="S"><port name="One" binding="t:B"><soap:address location="ADDRESS"/></port></service></definitions>"#;

#[test]
fn one_element_comes_in_the_place_of_another() {
    let sent =
        "<Sent xmlns='urn:t'><Late><text>a</text></Late><Urgent><text>b</text><minutes>5</minutes></Urgent></Sent>";
    let (address, seen) = server(vec![("text/xml", envelope(sent))]);
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), NOTICES.replace("ADDRESS", &address)).expect("written");
    let client =
        Client::open(&request(), file.path().to_str().expect("a path"), ClientOptions::default()).expect("a client");
    let shown = client.operations()[0].to_string();
    assert!(shown.starts_with("Send(Late?: NoticeType, Urgent?: object, Circle?: NoticeType, Note?: text"), "{shown}");
    let call = |arguments: &Value| client.call("Send").and_then(|call| call.arguments(arguments)).expect("a call");
    let arguments = json!({"Urgent": {"text": "x", "minutes": 3}, "_value_1": [{"Number": 1}, {"Note": "n"}]});
    let value = call(&arguments).send().expect("an answer");
    let item = |late: Value, urgent: Value| json!({"Late": late, "Urgent": urgent, "Circle": null});
    assert_eq!(
        value,
        json!([item(json!({"text": "a"}), Value::Null), item(Value::Null, json!({"text": "b", "minutes": 5}))])
    );
    let sent = seen.lock().expect("the requests")[0].clone();
    for expected in ["Urgent><", "minutes>3<", "Number>1<", "Note>n<"] {
        assert!(sent.contains(expected), "{expected} in {sent}");
    }
    // the element that never comes itself, none, and two in the place of one
    for arguments in [
        json!({"Notice": {"text": "x"}}),
        json!({"_value_1": []}),
        json!({"Late": {"text": "x"}, "Circle": {"text": "y"}}),
        json!({"Late": {"text": "x"}, "_value_1": [{"Number": "many"}]}),
    ] {
        assert_eq!(call(&arguments).envelope().expect_err("does not fit").kind(), ErrorKind::Usage, "{arguments}");
    }
}

/// A service with one operation, of which the schema is given: elements `Ask` and `Told`.
fn service(schema: &str, address: &str) -> Client {
    const FRAME: &str = r#"<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:t" xmlns:x="http://www.w3.org/2001/XMLSchema"
 xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" targetNamespace="urn:t">
 <types><x:schema targetNamespace="urn:t" elementFormDefault="qualified">SCHEMA</x:schema></types>
 <message name="In"><part name="p" element="t:Ask"/></message><message name="Out"><part name="p" element="t:Told"/></message>
 <portType name="P"><operation name="Ask"><input message="t:In"/><output message="t:Out"/></operation></portType>
 <binding name="J" type="t:P"><soap:binding transport="http://www.w3.org/2010/soapjms/"/><operation name="Ask">
  <soap:operation soapAction=""/><input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation></binding>
 <binding name="B" type="t:P"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/><operation name="Ask">
  <soap:operation soapAction=""/><input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation></binding>
 <service name="S"><port name="Queue" binding="t:J"><soap:address location="jms:jndi:dynamicQueues/a"/></port>
  <port name="Pipe" binding="t:B"><soap:address location="net.pipe://localhost/a"/></port>
  <port name="One" binding="t:B"><soap:address location="ADDRESS"/></port></service></definitions>"#;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), FRAME.replace("SCHEMA", schema).replace("ADDRESS", address)).expect("written");
    Client::open(&request(), file.path().to_str().expect("a path"), ClientOptions::default()).expect("a client")
}

#[test]
fn nothing_that_came_is_left_out() {
    const SCHEMA: &str = r#"<x:element name="Ask"><x:complexType/></x:element>
 <x:element name="Told"><x:complexType><x:sequence><x:element name="page" type="t:Page" minOccurs="0"/></x:sequence></x:complexType></x:element>
 <x:complexType name="Page"><x:sequence><x:element name="item" type="t:Item" minOccurs="0" maxOccurs="unbounded"/></x:sequence></x:complexType>
 <x:complexType name="Item"><x:sequence><x:element name="id" type="x:int"/></x:sequence></x:complexType>
 <x:complexType name="More"><x:complexContent><x:extension base="t:Page"><x:sequence><x:element name="total" type="x:int"/></x:sequence></x:extension></x:complexContent></x:complexType>
 <x:complexType name="Pairs"><x:complexContent><x:extension base="t:Page"><x:sequence>
  <x:element name="key" type="x:int"/><x:element name="value" type="x:int"/><x:element name="key" type="x:int"/><x:element name="value" type="x:int" maxOccurs="2"/>
  <x:choice><x:element name="a" type="x:int"/><x:element name="a" type="x:int" maxOccurs="3"/></x:choice><x:any minOccurs="0"/><x:any minOccurs="0"/></x:sequence>
  <x:attribute name="key" type="x:int"/></x:extension></x:complexContent></x:complexType>"#;
    let page = |inner: &str| {
        envelope(&format!(
            "<Told xmlns='urn:t' xmlns:t='urn:t' xmlns:i='http://www.w3.org/2001/XMLSchema-instance'>{inner}</Told>"
        ))
    };
    let item = json!([{"id": 1}, {"id": 2}]);
    let items = "<item><id>1</id></item><item><id>2</id></item>";
    let cases = [
        (format!("<page>{items}</page>"), item.clone()),
        ("<page/>".to_owned(), json!([])),
        (String::new(), Value::Null),
        // what a derived type adds, and what a newer server adds
        (format!("<page i:type='t:More'>{items}<total>9</total></page>"), json!({"item": item, "total": 9})),
        (format!("<page>{items}<nextPage>2</nextPage></page>"), json!({"item": item, "nextPage": "2"})),
        (format!("<page>{items}</page><nextPage>2</nextPage>"), json!({"page": {"item": item}, "nextPage": "2"})),
        (format!("<page next='2'>{items}</page>"), json!({"item": item, "@next": "2"})),
        (format!("<page>more{items}</page>"), json!({"item": item, "_value_1": "more"})),
        ("<page i:nil='true' why='busy'/>".to_owned(), json!({"item": [], "@why": "busy"})),
        // twice where it is declared once, and elements and attributes within a number
        ("<page><item><id>1</id><id>2</id></item></page>".to_owned(), json!([{"id": [1, 2]}])),
        (
            "<page><item><x/><id>1</id><y>1</y><id>2</id></item></page>".to_owned(),
            json!([{"id": [1, 2], "x": "", "y": "1"}]),
        ),
        (
            "<page><item><id unit='m'>1</id></item><item><id>2<b>3</b></id></item></page>".to_owned(),
            json!([{"id": {"_value_1": 1, "@unit": "m"}}, {"id": {"_value_1": 2, "b": "3"}}]),
        ),
        (
            "<page i:type='t:Pairs' key='7'><key>1</key><value>2</value><key>3</key><value>4</value><value>5</value>\
             <a>6</a><b>8</b><c>9</c></page>"
                .to_owned(),
            json!({"item": [], "key": 1, "value": 2, "key__1": 3, "value__1": [4, 5], "@key": 7, "a": 6,
                "_value_1": {"b": "8"}, "_value_2": {"c": "9"}}),
        ),
        // a second element of the body's, and one that is declared nowhere
        (
            "<page/><any><b>1</b><b>2</b><b i:nil='1'/><c k='1'/></any>".to_owned(),
            json!({"page": {"item": []}, "any": {"b": ["1", "2", null], "c": {"@k": "1"}}}),
        ),
    ];
    let (address, _) = server(cases.iter().map(|(inner, _)| ("text/xml", page(inner))).collect());
    let client = service(SCHEMA, &address);
    for (inner, expected) in cases {
        assert_eq!(client.call("Ask").and_then(|call| call.send()).expect("an answer"), expected, "{inner}");
    }
}

#[test]
fn attributes_are_not_taken_for_elements_of_their_name() {
    const SCHEMA: &str = r#"<x:element name="Ask"><x:complexType><x:sequence><x:element name="id" type="x:int"/>
  <x:element name="note" type="x:string"/><x:element name="id" type="x:int"/></x:sequence><x:attribute name="id" type="x:int"/></x:complexType></x:element>
 <x:element name="Told"><x:complexType/></x:element>"#;
    let client = service(SCHEMA, "http://127.0.0.1:9");
    let sent =
        |arguments: Value| client.call("Ask").and_then(|call| call.arguments(&arguments)).expect("JSON").envelope();
    let both = sent(json!({"id": 1, "note": "n", "id__1": 2, "@id": 3})).expect("an envelope");
    assert!(both.contains(" id=\"3\">") && both.contains("id>1<") && both.contains("id>2<"), "{both}");
    let without = sent(json!({"id": 1, "note": "n", "id__1": 2})).expect("an envelope");
    assert!(!without.contains(" id="), "{without}");
}

#[test]
fn defaults_addressing_and_names_without_a_prefix() {
    const DOCUMENT: &str = r#"<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:t" xmlns:x="http://www.w3.org/2001/XMLSchema"
 xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:wsam="http://www.w3.org/2007/05/addressing/metadata" targetNamespace="urn:t">
 <types><x:schema targetNamespace="urn:t" elementFormDefault="qualified">
  <x:element name="Ask" type="AskType"/><x:element name="Told" type="string"/>
  <x:complexType name="AskType"><x:sequence><x:element name="id" type="int"/></x:sequence>
   <x:attribute name="version" default="1.0"/><x:attribute name="kind" default="a"/></x:complexType></x:schema></types>
 <message name="In"><part name="p" element="Ask"/></message><message name="Out"><part name="p" element="t:Told"/></message>
 <portType name="P"><operation name="Ask"><input message="In" wsam:Action="urn:ask"/><output message="Out"/></operation></portType>
 <binding name="B" type="P"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/><operation name="Ask">
  <soap:operation soapAction="urn:other"/><input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation></binding>
 <service name="S"><port name="One" binding="B"><soap:address location="http://h/a"/></port></service></definitions>"#;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), DOCUMENT).expect("written");
    let client =
        Client::open(&request(), file.path().to_str().expect("a path"), ClientOptions::default()).expect("a client");
    let sent = client.call("Ask").and_then(|call| call.arguments(&json!({"id": 1, "@kind": "b"}))).expect("JSON");
    let sent = sent.envelope().expect("an envelope");
    for expected in
        [" version=\"1.0\"", " kind=\"b\"", ":Action>urn:ask<", ":MessageID>urn:uuid:", ":To>http://h/a<", ":id>1<"]
    {
        assert!(sent.contains(expected), "{expected} in {sent}");
    }
}

#[test]
fn ports_that_are_not_reached_over_http_are_no_callable_ones() {
    let client =
        service("<x:element name='Ask' type='x:int'/><x:element name='Told' type='x:int'/>", "localhost:8080/a");
    let refused: Vec<Option<String>> = client.operations().into_iter().map(|it| it.refused).collect();
    let [Some(queue), Some(pipe), None] = refused.as_slice() else { panic!("{refused:?}") };
    assert!(queue.contains("soapjms") && pipe.contains("net.pipe"), "{queue}, {pipe}");
    assert_eq!(client.call("Queue.Ask").err().expect("JMS").kind(), ErrorKind::Refused);
    // by its name alone the one that can be called
    assert!(client.call("Ask").is_ok());
}

#[test]
fn a_dataset_is_records_by_tables() {
    const SCHEMA: &str = r#"<x:element name="Ask"><x:complexType><x:sequence><x:element name="rows" minOccurs="0"><x:complexType>
   <x:sequence><x:element ref="x:schema"/><x:any/></x:sequence></x:complexType></x:element></x:sequence></x:complexType></x:element>
 <x:element name="Told"><x:complexType><x:sequence><x:element name="AskResult" minOccurs="0"><x:complexType>
   <x:sequence><x:element ref="x:schema"/><x:any/></x:sequence></x:complexType></x:element></x:sequence></x:complexType></x:element>"#;
    const INLINE: &str = r#"<xs:schema id="Set" xmlns="" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:m="urn:schemas-microsoft-com:xml-msdata">
 <xs:element name="Set" m:IsDataSet="true"><xs:complexType><xs:choice minOccurs="0" maxOccurs="unbounded">
  <xs:element name="Order_x0020_Lines"><xs:complexType><xs:sequence><xs:element name="id" type="xs:int" minOccurs="0"/>
   <xs:element name="Unit_x0020_Price" type="xs:decimal" minOccurs="0"/><xs:element name="paid" type="xs:boolean" minOccurs="0"/></xs:sequence>
   <xs:attribute name="kind" type="xs:int"/></xs:complexType></xs:element>
  <xs:element name="Empty"><xs:complexType/></xs:element></xs:choice></xs:complexType></xs:element></xs:schema>"#;
    const GRAM: &str = r#"<d:diffgram xmlns:d="urn:schemas-microsoft-com:xml-diffgram-v1" xmlns:m="urn:schemas-microsoft-com:xml-msdata">ROWS</d:diffgram>"#;
    let rows = "<Set xmlns=''><Order_x0020_Lines d:id='L1' m:rowOrder='0' kind='4' m:hiddensecret='x'><id>1</id><Unit_x0020_Price>1.10</Unit_x0020_Price><paid>true</paid></Order_x0020_Lines>\
        <Order_x0020_Lines d:id='L2' m:rowOrder='1' d:hasChanges='modified'><id>2</id></Order_x0020_Lines></Set>";
    let before = "<d:before><Order_x0020_Lines d:id='L2' m:rowOrder='1'><id>3</id></Order_x0020_Lines></d:before>";
    let told = |schema: &str, rows: &str| {
        let inner = format!("{schema}{}", GRAM.replace("ROWS", rows));
        envelope(&format!("<Told xmlns='urn:t'><AskResult>{inner}</AskResult></Told>"))
    };
    let (address, seen) = server(vec![
        ("text/xml", told(INLINE, rows)),
        ("text/xml", told(INLINE, "")),
        ("text/xml", told(INLINE, &format!("{rows}{before}"))),
        ("text/xml", told("", rows)),
        ("text/xml", envelope("<Told xmlns='urn:t'/>")),
    ]);
    let client = service(SCHEMA, &address);
    assert_eq!(client.operations()[0].to_string(), "Ask(rows?: DataSet) -> (AskResult?: DataSet)");
    let call = |arguments: Value| client.call("Ask").and_then(|call| call.arguments(&arguments)).expect("JSON");
    let first = json!({"id": 1, "Unit Price": "1.10", "paid": true, "kind": 4, "secret": "x"});
    let second = json!({"id": 2, "Unit Price": null, "paid": null, "kind": null});
    let all = json!({"Order Lines": [first, second], "Empty": []});
    let given =
        json!({"rows": {"Order Lines": [{"id": 1, "Unit Price": 1.5, "note": null}, {"id": 2.5, "note": "a&b"}]}});
    assert_eq!(call(given).send().expect("an answer"), all);
    assert_eq!(call(json!({})).send().expect("an answer"), json!({"Order Lines": [], "Empty": []}));
    let changed = call(json!({})).send().expect("an answer");
    assert_eq!(changed["@before"]["Order Lines"][0]["id"], json!(3));
    assert_eq!(changed["Order Lines"], all["Order Lines"]);
    // without a schema: as it came
    let plain = call(json!({})).send().expect("an answer");
    assert_eq!(plain["Order Lines"][1], json!({"id": "2"}));
    assert_eq!(call(json!({})).send().expect("an answer"), Value::Null);
    let sent = seen.lock().expect("the requests")[0].clone();
    for expected in [
        "xsd:schema id=\"NewDataSet\"",
        "name=\"Order_x0020_Lines\"",
        "name=\"id\" type=\"xsd:double\"",
        "name=\"note\" type=\"xsd:string\"",
        "hasChanges=\"inserted\"><id>1</id><Unit_x0020_Price>1.5</Unit_x0020_Price></Order",
        "<note>a&amp;b</note>",
    ] {
        assert!(sent.contains(expected), "{expected} in {sent}");
    }
    for (rows, why) in [
        (json!({"T": [{"a": [1]}]}), "`rows.T[0].a`: a column takes a single value"),
        (json!({"T": {"a": 1}}), "`rows.T`: it takes a list"),
        (json!(7), "it takes a DataSet"),
    ] {
        let error = call(json!({"rows": rows})).envelope().expect_err("no DataSet");
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn a_document_from_the_network_leads_to_no_file_and_attacks_are_refused() {
    let leads = RPC.replace("messages.wsdl", "file:///etc/passwd");
    let (url, _) = server(vec![
        ("text/xml", leads),
        ("text/xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>".to_owned()),
        ("text/xml", "<a>".repeat(6_000_000)),
        ("text/xml", format!("<a>{}</a>", " ".repeat(30 << 20))),
    ]);
    let client = Client::open(&request(), &url, ClientOptions::default()).expect("a client");
    assert!(client.missing()[0].contains("may not lead to a file"), "{:?}", client.missing());
    for _ in 0..3 {
        let began = std::time::Instant::now();
        let error = Client::open(&request(), &url, ClientOptions::default()).err().expect("refused");
        assert!(began.elapsed() < std::time::Duration::from_secs(2), "{error}");
    }
    let error = Client::open(&request(), "/nowhere.wsdl", ClientOptions::default()).err().expect("not there");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

/// What a client may be sent: without end, or small and huge once it is unpacked.
const BOMBS: [&str; 5] = ["nested", "packed", "laughs", "external", "wide"];
const GIGABYTE: usize = 1 << 30;
/// The parts in which it is sent.
const PARTS: usize = 1024;

/// Sends what is named in its path: entities, or a gigabyte, of which `packed` is small on its way.
fn bombs() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let laughs: String = (1..10).map(|n| format!("<!ENTITY l{n} '{}'>", format!("&l{};", n - 1).repeat(10))).collect();
    let laughs = format!("<!DOCTYPE l [<!ENTITY l0 'ha'>{laughs}]><l>&l9;</l>");
    let nested = "<a>".repeat(GIGABYTE / 3 / PARTS);
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    (0..PARTS).for_each(|_| packer.write_all(nested.as_bytes()).expect("packed"));
    let packed = packer.finish().expect("packed");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let request = read_request(&stream);
            let (part, parts, encoding) = match request.split([' ', '/']).nth(2).expect("a path") {
                "nested" => (nested.clone().into_bytes(), PARTS, ""),
                "wide" => (format!("<a>{}", " ".repeat(GIGABYTE / PARTS)).into_bytes(), PARTS, ""),
                "packed" => (packed.clone(), 1, "Content-Encoding: gzip\r\n"),
                "laughs" => (laughs.clone().into_bytes(), 1, ""),
                _ => (b"<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>".to_vec(), 1, ""),
            };
            let _ = write!(stream, "HTTP/1.1 200 x\r\nContent-Type: text/xml\r\n{encoding}Connection: close\r\n\r\n");
            // it hangs up when it has had enough
            let _ = (0..parts).try_for_each(|_| stream.write_all(&part));
        }
    });
    url
}

#[test]
fn bombs_are_refused_in_a_second_and_little_memory() {
    let url = bombs();
    for bomb in BOMBS {
        let mut process = ignored_test("soap::be_sent_a_bomb");
        let output = process.env("BOMB", format!("{url}/{bomb}")).output().expect("a process");
        assert!(has_run(&output), "{bomb}: {}{}", stdout(&output), stderr(&output));
    }
}

#[test]
#[ignore = "a process of another test"]
fn be_sent_a_bomb() {
    let url = std::env::var("BOMB").expect("a bomb");
    let error = Client::open(&request(), &url, ClientOptions::default()).err().expect("refused");
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    let peak_kib: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("the use of the processor");
    let used_ms = usage.user_time().num_milliseconds() + usage.system_time().num_milliseconds();
    assert!(peak_kib < 50 << 10, "{url}: {error}: {peak_kib} KiB");
    // of the processor: other work on the machine does not count
    assert!(used_ms < 1_000, "{url}: {error}: {used_ms} ms");
}
