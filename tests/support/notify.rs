//! Messages to people: the settings of channels, and what `dc manager notify` says of them.

use std::process::Output;

use serde_json::Value;

use super::{Backend, dc, stderr, stdout};

pub(crate) fn settings(backend: &Backend, text: &str) {
    std::fs::write(backend.folder.path().join("dc.toml"), text).expect("settings");
}

pub(crate) fn on(backend: &Backend, arguments: &[&str]) -> Output {
    let mut command = dc(backend.folder.path());
    command.args(arguments).env("DC_DB_MAIN_URL", &backend.url).output().expect("dc starts")
}

pub(crate) fn deploy(backend: &Backend) {
    let output = on(backend, &["deploy"]);
    assert!(output.status.success(), "{}", stderr(&output));
}

pub(crate) fn channel<'a>(state: &'a Value, name: &str) -> &'a Value {
    let channels = state["channels"].as_array().expect("channels");
    channels.iter().find(|channel| channel["channel"] == name).expect(name)
}

pub(crate) fn tell(backend: &Backend, subject: &str, severity: &str) {
    let output = on(backend, &["manager", "notify", subject, "--severity", severity, "--body", "the rest"]);
    assert!(output.status.success(), "{}", stderr(&output));
}

pub(crate) fn state(backend: &Backend) -> Value {
    let output = on(backend, &["manager", "notify", "--json"]);
    serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| panic!("{}", stderr(&output)))
}
