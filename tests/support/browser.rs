//! A real browser: Chromium without a window, told by WebDriver what to do.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::clean;
use crate::support::needs::need;

/// The key under which WebDriver names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser, with one page.
pub(crate) struct Browser {
    driver: Child,
    session: String,
    _profile: tempfile::TempDir,
}

/// How it is opened.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) script: bool,
}

impl Browser {
    /// `None`, said aloud, where there is no Chromium.
    pub(crate) fn open(shape: Shape) -> Option<Self> {
        need("chromium", || {
            let runs = |name: &str| {
                let found = clean(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
                found
                    .is_ok_and(|status| status.success())
                    .then_some(())
                    .ok_or_else(|| format!("`{name} --version` fails"))
            };
            runs("chromium")?;
            runs("chromedriver")
        })?;
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let profile = tempfile::tempdir().expect("a folder");
        let driver = clean("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "chromedriver does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        let size = format!("--window-size={},{}", shape.width, shape.height);
        let folder = format!("--user-data-dir={}", profile.path().display());
        let arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", &size, &folder];
        let javascript = if shape.script { 1 } else { 2 };
        let options = json!({"capabilities": {"alwaysMatch": {
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {
                "args": arguments,
                "prefs": {"profile.managed_default_content_settings.javascript": javascript},
            },
        }}});
        let mut browser = Self { driver, session: format!("http://127.0.0.1:{port}/session"), _profile: profile };
        let opened = browser.ask("POST", "", &options);
        let id = opened["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {opened}")).to_owned();
        browser.session = format!("{}/{id}", browser.session);
        // a window has a frame of its own; the page has exactly this size
        let metrics = json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": {
            "width": shape.width, "height": shape.height, "deviceScaleFactor": 1, "mobile": shape.width < 600}});
        browser.ask("POST", "/goog/cdp/execute", &metrics);
        Some(browser)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.session);
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(120)))
            .build()
            .into();
        let answer = match method {
            "GET" => agent.get(&url).call(),
            "DELETE" => agent.delete(&url).call(),
            _ => agent.post(&url).header("Content-Type", "application/json").send(&body.to_string()),
        };
        let text = answer.and_then(|mut answer| answer.body_mut().read_to_string());
        let text = text.unwrap_or_else(|cause| panic!("{method} {path}: {cause}"));
        let mut answer: Value = serde_json::from_str(&text).unwrap_or_else(|cause| panic!("{path}: {cause}: {text}"));
        answer["value"].take()
    }

    /// Opens a page.
    pub(crate) fn go(&self, url: &str) {
        let answer = self.ask("POST", "/url", &json!({ "url": url }));
        assert!(answer.is_null(), "{url}: {answer}");
    }

    /// Where it is.
    pub(crate) fn address(&self) -> String {
        self.ask("GET", "/url", &Value::Null).as_str().unwrap_or_default().to_owned()
    }

    /// The page as it was read.
    pub(crate) fn source(&self) -> String {
        self.ask("GET", "/source", &Value::Null).as_str().unwrap_or_default().to_owned()
    }

    /// What a script gives.
    pub(crate) fn script(&self, script: &str) -> Value {
        self.ask("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Shows pages as to somebody who prefers dark ones.
    pub(crate) fn darken(&self) {
        let media = json!({"cmd": "Emulation.setEmulatedMedia", "params": {
            "features": [{"name": "prefers-color-scheme", "value": "dark"}]}});
        self.ask("POST", "/goog/cdp/execute", &media);
    }

    fn element(&self, selector: &str) -> String {
        let found = self.ask("POST", "/element", &json!({ "using": "css selector", "value": selector }));
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("{selector}: {found} at {}", self.address())).to_owned()
    }

    /// Presses what a selector names.
    pub(crate) fn click(&self, selector: &str) {
        let element = self.element(selector);
        let answer = self.ask("POST", &format!("/element/{element}/click"), &json!({}));
        assert!(answer.is_null(), "{selector}: {answer}");
    }

    /// Types into what a selector names.
    pub(crate) fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        let answer = self.ask("POST", &format!("/element/{element}/value"), &json!({ "text": text }));
        assert!(answer.is_null(), "{selector}: {answer}");
    }

    /// Types into what a selector names, in the place of what is there.
    pub(crate) fn retype(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        let answer = self.ask("POST", &format!("/element/{element}/clear"), &json!({}));
        assert!(answer.is_null(), "{selector}: {answer}");
        self.type_into(selector, text);
    }

    /// Presses keys, wherever they go.
    pub(crate) fn keys(&self, keys: &str) {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key.to_string()})))
            .collect();
        let actions = json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]});
        self.ask("POST", "/actions", &actions);
    }

    /// What the browser complains of: errors of scripts, and what the policy of a page refused.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.ask("POST", "/se/log", &json!({"type": "browser"}));
        let lines = log.as_array().cloned().unwrap_or_default().into_iter();
        let grave = lines.filter(|line| line["level"] != "INFO" && line["level"] != "DEBUG");
        grave.map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Keeps a picture of the page.
    pub(crate) fn picture(&self, file: &Path) {
        use base64::Engine as _;
        let png = self.ask("GET", "/screenshot", &Value::Null);
        let png =
            base64::engine::general_purpose::STANDARD.decode(png.as_str().unwrap_or_default()).expect("a picture");
        std::fs::write(file, png).expect("a file");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.ask("DELETE", "", &Value::Null)));
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
