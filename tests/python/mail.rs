//! Mail, to a server in Python.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use crate::support::certificate::Certificate;
use crate::support::needs::python_with;
use crate::support::notify::{channel, deploy, on, settings};
use crate::support::{Backend, clean, stdout};
use serde_json::Value;

/// aiosmtpd on loopback, with STARTTLS or TLS, a login, and a certificate of its own.
struct MailServer {
    process: Child,
    port: u16,
    own: Certificate,
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
        let python = python_with("mail", "import aiosmtpd")?;
        let own = Certificate::make("DNS:localhost,IP:127.0.0.1")?;
        let mut process = clean(&python)
            .args(["-c", MAIL, mode])
            .args([&own.certificate, &own.key])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a mail server");
        let mut said = BufReader::new(process.stdout.take().expect("its output"));
        let mut port = String::new();
        said.read_line(&mut port).expect("a port");
        Some((Self { process, port: port.trim().parse().expect("a port"), own }, said))
    }
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
                server.own.certificate.display()
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
        let mut next = || -> Value {
            let mut line = String::new();
            said.read_line(&mut line).expect("a mail");
            serde_json::from_str(&line).expect("JSON")
        };
        // each is sent a mail of its own
        let mails = [next(), next()];
        for (mail, to) in mails.iter().zip(["a@example.com", "b@example.com"]) {
            assert_eq!(
                (&mail["tls"], &mail["login"], &mail["from"]),
                (&true.into(), &true.into(), &"dc@example.com".into())
            );
            assert_eq!(mail["to"], serde_json::json!([to]));
        }
        let mail = &mails[1];
        let text = mail["text"].as_str().expect("a text");
        for expected in
            ["Subject: [dc] Test from dc", "Message-ID: <", "@example.com>", "Auto-Submitted: auto-generated"]
        {
            assert!(text.contains(expected), "{expected} in {text}");
        }
    }
}
