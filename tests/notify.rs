//! Messages to people: by stand-ins of the services and a real mail server, through kills, storms and outages.

#[path = "support/services.rs"]
mod services;
mod support;
#[path = "support/manager.rs"]
mod work;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use data_collector::tables::{LogLevel, MessageKind, NewMessage, Store};
use serde_json::Value;
use services::Services;
use support::{Backend, dc, stderr, stdout};
use work::{Manager, wait_for};

const TOKEN: &str = "7:AAtelegram-t0ken";

fn settings(backend: &Backend, text: &str) {
    std::fs::write(backend.folder.path().join("dc.toml"), text).expect("settings");
}

fn on(backend: &Backend, arguments: &[&str]) -> Output {
    let mut command = dc(backend.folder.path());
    command.args(arguments).env("DC_DB_MAIN_URL", &backend.url).output().expect("dc starts")
}

fn deploy(backend: &Backend) {
    let output = on(backend, &["deploy"]);
    assert!(output.status.success(), "{}", stderr(&output));
}

fn tell(backend: &Backend, subject: &str, severity: &str) {
    let output = on(backend, &["manager", "notify", subject, "--severity", severity, "--body", "the rest"]);
    assert!(output.status.success(), "{}", stderr(&output));
}

fn state(backend: &Backend) -> Value {
    let output = on(backend, &["manager", "notify", "--json"]);
    serde_json::from_str(&stdout(&output)).unwrap_or_else(|_| panic!("{}", stderr(&output)))
}

fn channel<'a>(state: &'a Value, name: &str) -> &'a Value {
    let channels = state["channels"].as_array().expect("channels");
    channels.iter().find(|channel| channel["channel"] == name).expect(name)
}

#[test]
fn a_test_goes_by_every_channel_and_says_what_is_wrong() {
    let services = Services::start(Duration::ZERO);
    let backend = Backend::sqlite();
    let url = &services.url;
    settings(
        &backend,
        &format!(
            "[notify.telegram]\ntype = \"telegram\"\ntoken = \"{TOKEN}\"\nchat = \"-100\"\napi = \"{url}\"\n\
             [notify.bad]\nurl = \"tgram://7:AAother-t0ken/1\"\napi = \"{url}\"\n\
             [notify.slack]\ntype = \"slack\"\ntoken = \"xoxb-slack-t0ken\"\nchannel = \"#ops\"\napi = \"{url}/api\"\n\
             [notify.slackhook]\ntype = \"slack\"\nwebhook = \"{url}/services/T1/B2/s3cr3tPath\"\n\
             [notify.discord]\ntype = \"discord\"\nwebhook = \"{url}/discord/12/d1sc0rdT0ken\"\n\
             [notify.teams]\ntype = \"teams\"\nwebhook = \"{url}/workflows/1?sig=t34msS1gnature\"\n\
             [notify.hook]\nurl = \"{url}/hook\"\nsecret = \"hm4c-s3cret\"\nheaders = [\"X-Own: h34der-value\"]\nsubject = \"[{{severity}}] {{subject}}\"\n\
             [notify.gone]\nurl = \"http://127.0.0.1:9/hook/0penS3same\"\n\
             [notify.broken]\ntype = \"pigeon\"\n"
        ),
    );
    deploy(&backend);
    let output = on(&backend, &["manager", "notify", "--test", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    for name in ["telegram", "slack", "slackhook", "discord", "teams", "hook"] {
        assert!(channel(&report, name)["wrong"].is_null(), "{}", channel(&report, name));
    }
    for (name, expected) in [("bad", "401"), ("gone", "cannot be reached"), ("broken", "there is no kind `pigeon`")] {
        assert!(channel(&report, name)["wrong"].as_str().expect(name).contains(expected), "{}", channel(&report, name));
    }
    let doctor = on(&backend, &["doctor"]);
    let everything = [stdout(&output), stderr(&output), stdout(&doctor), stderr(&doctor)].concat();
    for secret in ["AAother", "AAtelegram", "xoxb", "s3cr3tPath", "d1sc0rd", "t34ms", "hm4c", "h34der", "0penS3same"] {
        assert!(!everything.contains(secret), "{secret} in {everything}");
    }
    let post = |path: &str| services.taken(path).pop().expect(path);
    assert_eq!(post("/bot")["chat_id"], "-100");
    assert_eq!(post("/api/chat")["blocks"][0]["type"], "header");
    assert_eq!(post("/workflows")["attachments"][0]["content"]["type"], "AdaptiveCard");
    assert_eq!(post("/discord")["allowed_mentions"]["parse"], serde_json::json!([]));
    let hook = post("/hook");
    assert!(hook["subject"].as_str().expect("a subject").to_lowercase().starts_with("[info] test from dc"));
    assert_eq!(hook.headers["x-own"], "h34der-value");
    assert_eq!(hook.headers["x-dc-message-id"], hook["id"].as_str().expect("an id"));
    let signed = format!("{}.{}", hook.headers["x-dc-timestamp"], hook.raw);
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", "hm4c-s3cret", "-r"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl");
    openssl.stdin.take().expect("its input").write_all(signed.as_bytes()).expect("written");
    let sum = stdout(&openssl.wait_with_output().expect("its end"));
    assert_eq!(hook.headers["x-dc-signature"], format!("v1={}", sum.split(' ').next().expect("a sum")));
}

impl std::ops::Index<&str> for services::Post {
    type Output = Value;

    fn index(&self, key: &str) -> &Value {
        &self.body[key]
    }
}

#[test]
fn a_message_is_delivered_once_filtered_and_a_channel_that_is_away_delays_only_itself() {
    for backend in Backend::all() {
        let services = Services::start(Duration::ZERO);
        let url = &services.url;
        services.set_away(true);
        settings(
            &backend,
            &format!(
                "[notify.telegram]\ntype = \"telegram\"\ntoken = \"{TOKEN}\"\nchat = \"7\"\napi = \"{url}\"\n\
                 [notify.hook]\nurl = \"{url}/hook\"\nseverity = \"error\"\n\
                 [notify.refuses]\nurl = \"{url}/refuses\"\n\
                 [notify.night]\nurl = \"{url}/hook/night\"\nquiet = \"00:00-23:59\"\ntimezone = \"UTC\"\n"
            ),
        );
        deploy(&backend);
        tell(&backend, "not for the hook", "info");
        tell(&backend, "it broke", "error");
        let manager = Manager::start(backend.folder.path(), &backend.url, &[]);
        wait_for("the hook has it", 15, || services.taken("/hook").iter().any(|post| post.path == "/hook"));
        wait_for("the refusal is noted", 15, || {
            on(&backend, &["manager", "notify", "--json"]).status.success()
                && channel(&state(&backend), "refuses")["refused"] == 0
        });
        let hook = services.taken("/hook").into_iter().find(|post| post.path == "/hook").expect("a post");
        assert_eq!(
            (&hook["subject"], &hook["body"], &hook["severity"]),
            (&"it broke".into(), &"the rest".into(), &"error".into())
        );
        let told = state(&backend);
        assert!(channel(&told, "telegram")["wrong"].as_str().expect("away").contains("503"), "{told}");
        let doctor = on(&backend, &["doctor"]);
        assert!(stdout(&doctor).contains("telegram: away"), "{}", stdout(&doctor));
        services.set_away(false);
        wait_for("telegram has both", 25, || services.taken("/bot").len() == 2);
        let texts: Vec<String> = services.taken("/bot").iter().map(|post| post["text"].to_string()).collect();
        assert!(texts[0].contains("not for the hook") && texts[1].contains("it broke"), "{texts:?}");
        tell(&backend, "wake up", "critical");
        wait_for("what is critical is told at night", 15, || !services.taken("/hook/night").is_empty());
        let of_hook = || services.taken("/hook").iter().filter(|post| post.path == "/hook").count();
        wait_for("the hook has it too", 15, || of_hook() == 2);
        wait_for("telegram too", 15, || services.taken("/bot").len() == 3);
        manager.end();
        assert_eq!(of_hook(), 2, "each once");
        assert_eq!(services.taken("/hook/night").len(), 1, "the others wait for the morning");
        assert_eq!(channel(&state(&backend), "night")["waiting"], 2);
    }
}

#[test]
fn a_storm_becomes_one_digest_and_nothing_is_lost_over_kills() {
    let count = 10_000;
    let backend = Backend::sqlite();
    let services = Services::start(Duration::from_secs(1));
    settings(
        &backend,
        &format!(
            "[notify.telegram]\ntype = \"telegram\"\ntoken = \"{TOKEN}\"\nchat = \"7\"\napi = \"{}\"\n",
            services.url
        ),
    );
    deploy(&backend);
    let write = |numbers: std::ops::Range<usize>| {
        let mut store = Store::ready(&backend.context()).expect("a store");
        for number in numbers {
            let message = NewMessage {
                kind: MessageKind::Told,
                severity: LogLevel::Warning,
                app_id: None,
                subject: format!("message {number}"),
                body: String::new(),
            };
            store.outbox().tell(&message).expect("written");
        }
    };
    write(0..count);
    let mut kills = 0;
    for round in 0..10_u64 {
        let manager = Manager::start(backend.folder.path(), &backend.url, &[]);
        std::thread::sleep(Duration::from_millis(250 + round * 350));
        manager.kill();
        kills += 1;
    }
    let manager = Manager::start(backend.folder.path(), &backend.url, &[]);
    wait_for("all are sent", 60, || channel(&state(&backend), "telegram")["sent"] == count);
    manager.end();
    assert_eq!(kills, 10);
    let taken = services.taken("/bot");
    let texts: Vec<&str> = taken.iter().filter_map(|post| post.body["text"].as_str()).collect();
    let mut distinct = texts.clone();
    distinct.dedup();
    assert_eq!(distinct.len(), 1, "one digest, though it may come again after a kill: {texts:?}");
    assert!(distinct[0].starts_with("10000 messages at once") && distinct[0].contains("message 0"), "{distinct:?}");
    assert!(taken.len() <= 3, "{}", taken.len());
    assert!(services.posts().len() <= 15, "hardly anything was sent against the limit: {}", services.posts().len());
    for pair in taken.windows(2) {
        assert!(pair[1].at - pair[0].at >= Duration::from_secs(1));
    }
}

/// aiosmtpd on loopback, with STARTTLS or TLS, a login, and a certificate of its own.
struct MailServer {
    process: Child,
    port: u16,
    folder: tempfile::TempDir,
}

const MAIL: &str = r#"
import asyncio, ssl, sys, json
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
mode, certificate, key = sys.argv[1:4]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(certificate, key)
class Handler:
    async def handle_DATA(self, server, session, envelope):
        print(json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None or mode == "tls",
                          "login": session.authenticated, "text": envelope.content.decode()}), flush=True)
        return "250 OK"
def authenticate(server, session, envelope, mechanism, data):
    good = mechanism in ("LOGIN", "PLAIN") and data.login == b"me" and data.password == b"m4il-passw0rd"
    return AuthResult(success=good, handled=False)
options = dict(authenticator=authenticate, auth_required=True, auth_require_tls=mode != "tls")
async def main():
    loop = asyncio.get_running_loop()
    if mode == "tls":
        make = lambda: SMTP(Handler(), loop=loop, **options)
        server = await loop.create_server(make, "127.0.0.1", 0, ssl=context)
    else:
        make = lambda: SMTP(Handler(), loop=loop, tls_context=context, require_starttls=True, **options)
        server = await loop.create_server(make, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"#;

impl MailServer {
    fn start(mode: &str) -> Option<(Self, BufReader<std::process::ChildStdout>)> {
        let python = std::env::var("DC_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let has = Command::new(&python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
        if !has.is_ok_and(|status| status.success()) {
            let is_required = std::env::var("DC_TEST_REQUIRE").is_ok_and(|required| required.contains("mail"));
            assert!(!is_required, "aiosmtpd is required and {python} has not got it");
            let _ = writeln!(std::io::stderr(), "skipped: {python} has no aiosmtpd; DC_TEST_PYTHON names one that has");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let (key, certificate) = (folder.path().join("key.pem"), folder.path().join("cert.pem"));
        make_certificate(&key, &certificate);
        let mut process = Command::new(&python)
            .args(["-c", MAIL, mode])
            .args([&certificate, &key])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a mail server");
        let mut said = BufReader::new(process.stdout.take().expect("its output"));
        let mut port = String::new();
        said.read_line(&mut port).expect("a port");
        Some((Self { process, port: port.trim().parse().expect("a port"), folder }, said))
    }
}

fn make_certificate(key: &Path, certificate: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .arg("-keyout")
        .arg(key)
        .arg("-out")
        .arg(certificate)
        .output()
        .expect("openssl");
    assert!(made.status.success(), "{}", stderr(&made));
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn mail_goes_encrypted_and_to_a_server_that_is_who_it_says() {
    for mode in ["starttls", "tls"] {
        let Some((server, mut said)) = MailServer::start(mode) else { return };
        let backend = Backend::sqlite();
        let certificate = server.folder.path().join("cert.pem");
        let common = format!(
            "host = \"localhost\"\nport = {}\nsecurity = \"{mode}\"\nusername = \"me\"\nfrom = \"DC <dc@example.com>\"\nto = [\"a@example.com\", \"B <b@example.com>\"]\n",
            server.port
        );
        settings(
            &backend,
            &format!(
                "[notify.mail]\ntype = \"email\"\n{common}password = \"m4il-passw0rd\"\ncertificates = \"{}\"\n\
                 [notify.stranger]\ntype = \"email\"\n{common}password = \"m4il-passw0rd\"\n\
                 [notify.wrong]\ntype = \"email\"\n{common}password = \"wr0ng-passw0rd\"\ncertificates = \"{0}\"\n\
                 [notify.open]\ntype = \"email\"\nhost = \"mail.example.com\"\nsecurity = \"none\"\nusername = \"me\"\npassword = \"0pen-passw0rd\"\nfrom = \"a@b.c\"\nto = \"a@b.c\"\n",
                certificate.display()
            ),
        );
        deploy(&backend);
        let output = on(&backend, &["manager", "notify", "--test", "--json"]);
        let report: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
        assert!(channel(&report, "mail")["wrong"].is_null(), "{report}");
        let wrong = |name: &str| channel(&report, name)["wrong"].as_str().expect(name).to_owned();
        assert!(wrong("stranger").to_lowercase().contains("certificate"), "{report}");
        assert!(wrong("wrong").contains("535"), "{report}");
        assert!(wrong("open").contains("in the open"), "{report}");
        assert!(!report.to_string().contains("passw0rd"), "{report}");
        let mut line = String::new();
        said.read_line(&mut line).expect("a mail");
        let mail: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(
            (&mail["tls"], &mail["login"], &mail["from"]),
            (&true.into(), &true.into(), &"dc@example.com".into())
        );
        assert_eq!(mail["to"], serde_json::json!(["a@example.com", "b@example.com"]));
        let text = mail["text"].as_str().expect("a text");
        for expected in
            ["Subject: [dc] Test from dc", "Message-ID: <", "@example.com>", "Auto-Submitted: auto-generated"]
        {
            assert!(text.contains(expected), "{expected} in {text}");
        }
    }
}
