//! SOAP against services made with spyne, with the same results as zeep gives.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use crate::support::needs::python_with;
use crate::support::{clean, context};
use data_collector::error::ErrorKind;
use data_collector::http::Request;
use data_collector::soap::{Client, ClientOptions, Fault};
use serde_json::{Value, json};

fn request() -> Request {
    Request::new(&context(&std::env::temp_dir(), &[])).expect("a session")
}

/// The services; they end with the test.
struct Services {
    python: String,
    process: Child,
    url: String,
}

impl Services {
    fn start() -> Option<Self> {
        let python = python_with("soap", "import spyne, zeep")?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/soap_services.py");
        let mut process = clean(&python)
            .arg(script)
            .arg("serve")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the services");
        let mut port = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut port).expect("a port");
        Some(Self { python, process, url: format!("http://127.0.0.1:{}", port.trim()) })
    }

    fn wsdl(&self, name: &str) -> String {
        format!("{}/{name}?wsdl", self.url)
    }

    /// The same calls, made with zeep.
    fn zeep(&self, name: &str, calls: &Value) -> Vec<Value> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), calls.to_string()).expect("written");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/soap_services.py");
        let output = clean(&self.python).arg(script).args(["zeep", &self.wsdl(name)]).arg(file.path()).output();
        let output = output.expect("zeep");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn ours(client: &Client, calls: &Value) -> Vec<Value> {
    let made = calls.as_array().expect("calls").iter().map(|call| {
        let made = client.call(call["operation"].as_str().expect("a name")).expect("an operation");
        let made = made.arguments(&call["arguments"]).and_then(|made| made.headers(&call["headers"])).expect("JSON");
        match made.send() {
            Ok(value) => json!({ "value": value }),
            Err(error) => match Fault::of(&error) {
                Some(fault) => json!({"fault": fault.message, "code": fault.code}),
                None => panic!("{call}: {error}"),
            },
        }
    });
    made.collect()
}

#[test]
fn every_operation_gives_what_zeep_gives() {
    let Some(services) = Services::start() else { return };
    let user = json!({
        "user_name": "\u{17e}", "active": true, "born": "2000-01-02", "seen": "2026-01-02T03:04:05", "balance": "12.50",
        "score": 1.5, "color": "red", "aliases": ["x", "y"],
        "permissions": {"Permission": [{"application": "a", "operation": "r"}, {"application": "b", "operation": null}]},
    });
    let hello = json!([
        {"operation": "say_hello", "arguments": {"name": "Dave", "times": 3}},
        {"operation": "add", "arguments": {"a": 2, "b": -3}},
        {"operation": "moment"},
        {"operation": "twice", "arguments": {"value": "1.10"}},
        {"operation": "echo", "arguments": {"text": "<\u{10d}> & \"\u{17e}\"\r\n\t "}},
        {"operation": "echo", "arguments": {}},
        {"operation": "reverse", "arguments": {"data": "YWJj"}},
        {"operation": "nothing", "arguments": {"a": 1}},
        {"operation": "fail", "arguments": {"code": "missing"}},
        {"operation": "fail", "arguments": {"code": "x"}},
        {"operation": "both", "arguments": {"number": 1, "word": "a"}},
    ]);
    let users = json!([
        {"operation": "add_user", "arguments": {"user": user}},
        {"operation": "get_user", "arguments": {"user_id": 1}},
        {"operation": "get_user", "arguments": {"user_id": 9}},
        {"operation": "get_all_users"},
        {"operation": "echo_user", "arguments": {"user": {"user_name": "only"}}},
        {"operation": "echo_tagged", "arguments": {"tagged": {"_value_1": "text", "lang": "hr", "version": 3}}},
        {"operation": "matrix", "arguments": {"rows": {"integerArray": [{"integer": [1, 2]}, {"integer": [3]}]}}},
    ]);
    let secured = json!([
        {"operation": "who", "headers": {"RequestHeader": {"session_id": "s1", "user_name": "me"}}},
    ]);
    for (name, calls) in [("hello", &hello), ("hello12", &hello), ("users", &users), ("secured", &secured)] {
        let client = Client::open(&request(), &services.wsdl(name), ClientOptions::default()).expect(name);
        assert!(client.missing().is_empty());
        let (ours, theirs) = (ours(&client, calls), services.zeep(name, calls));
        for ((call, ours), theirs) in calls.as_array().expect("calls").iter().zip(ours).zip(theirs) {
            assert_eq!(ours, theirs, "{name}: {call}");
        }
    }
    let bare = Client::open(&request(), &services.wsdl("bare"), ClientOptions::default()).expect("bare");
    let call = |name: &str, arguments: Value| {
        bare.call(name).and_then(|call| call.arguments(&arguments)).and_then(|call| call.send()).expect(name)
    };
    assert_eq!(call("bare_name", json!({"user_name": "u"})), json!("u"));
    assert_eq!(call("bare_square", json!(7)), json!(49));
    assert_eq!(call("out_bare", json!({"number": 3}))["user_name"], json!("n3"));
    operations_are_listed(&services);
}

fn operations_are_listed(services: &Services) {
    let client = Client::open(&request(), &services.wsdl("users"), ClientOptions::default()).expect("users");
    let operations = client.operations();
    let shown = |name: &str| operations.iter().find(|it| it.name == name).expect(name).to_string();
    assert_eq!(shown("get_user"), "get_user(user_id?: integer) -> (get_userResult?: User)");
    let user = &operations.iter().find(|it| it.name == "add_user").expect("one").parameters[0];
    let color = user.fields.iter().find(|field| field.name == "color").expect("a color");
    assert_eq!(color.values, ["red", "green", "blue"]);
    let error = |name: &str, arguments: Value| {
        let sent = client.call(name).and_then(|call| call.arguments(&arguments)).and_then(|call| call.send());
        sent.expect_err("an error")
    };
    for (arguments, expected) in [
        (json!({"user": {"user_name": "x", "active": "maybe"}}), "`user.active`: it takes true or false"),
        (json!({"user": {"user_name": "x", "colour": "red"}}), "there is no `colour`"),
        (json!({"user": {"user_name": "x", "color": "pink"}}), "it takes one of red, green, blue"),
        (json!({"user": {}}), "`user.user_name`: it is missing"),
        (
            json!({"user": {"user_name": "x", "permissions": {"Permission": [{"operation": [1]}]}}}),
            "`user.permissions.Permission[0].operation`",
        ),
    ] {
        let error = error("add_user", arguments);
        assert!(error.kind() == ErrorKind::Usage && error.to_string().contains(expected), "{error}");
    }
    let error = client.call("get_usr").err().expect("unknown");
    assert!(error.hint_text().expect("a hint").contains("get_user"), "{error}");
}
