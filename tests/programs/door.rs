//! Programs that know of no cassette: `dc run --record` keeps what they ask, over TLS too, and a replay answers them.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use crate::support::certificate::Certificate;
use crate::support::needs::{has_program, skipped};
use crate::support::{app, clean, dc, stderr, stdout};

/// Answers each request with its number, its path and what it brought; `/packed` in gzip, `/cut` with half of a body.
const SERVER: &str = r#"
import gzip, http.server, ssl, sys
count = 0
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def answer(self):
        global count
        count += 1
        brought = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        body = f"{count} {self.command} {self.path} {len(brought)} {brought[:20].decode()}\n".encode()
        self.send_response(418 if self.path == '/no' else 200)
        if self.path == '/packed':
            body = gzip.compress(body)
            self.send_header('Content-Encoding', 'gzip')
        self.send_header('Content-Length', str(len(body) * 2 if self.path == '/cut' else len(body)))
        self.send_header('X-Own', 'yes')
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)
        if self.path == '/cut':
            self.close_connection = True
        print('asked', flush=True)
    do_GET = do_POST = do_PUT = do_HEAD = answer
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
if len(sys.argv) > 1:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
"#;

/// As plain Python asks, which finds proxies and authorities in its environment.
const ASKS: &str = r#"
import http.client, sys, urllib.request, urllib.error
def ask(url, **more):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, **more), timeout=30) as answer:
            print(answer.status, answer.headers.get('X-Own'), answer.read().decode(), end='')
    except urllib.error.HTTPError as refused:
        print(refused.code, refused.read().decode(), end='')
    except (http.client.IncompleteRead, OSError) as cut:
        print(type(cut).__name__)
for base in sys.argv[1:]:
    for _ in range(3):
        ask(base + '/same')
    ask(base + '/post?token=topsecretvalue', data=b'name=value')
    ask(base + '/big', data=b'x' * 3_000_000, method='PUT')
    ask(base + '/no')
    ask(base + '/cut')
    ask(base + '/head', method='HEAD')
"#;

struct Server(Child, String);

impl Server {
    fn start(tls: Option<&Certificate>) -> Self {
        let mut command = clean("python3");
        command.args(["-c", SERVER]);
        if let Some(tls) = tls {
            command.arg(&tls.certificate).arg(&tls.key);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().expect("python3 starts");
        let mut said = BufReader::new(child.stdout.take().expect("its output"));
        let mut port = String::new();
        said.read_line(&mut port).expect("a port");
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        let scheme = if tls.is_some() { "https" } else { "http" };
        Self(child, format!("{scheme}://localhost:{}", port.trim()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(project: &Path, words: &[&str]) -> (String, String) {
    let output = dc(project).arg("run").args(words).output().expect("dc starts");
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    (stdout(&output), stderr(&output))
}

fn cassette(project: &Path) -> String {
    let mut all = std::fs::read_dir(project.join(".dc/cassettes")).expect("cassettes");
    all.next().expect("one").expect("an entry").file_name().into_string().expect("a name")
}

/// What an app wrote into a file, which goes.
fn written(project: &Path) -> String {
    let path = project.join("said");
    let text = std::fs::read_to_string(&path).expect("what it said");
    std::fs::remove_file(path).expect("a file");
    text
}

#[test]
fn what_knows_of_no_cassette_is_recorded_and_played_back() {
    let Some(own) = Certificate::make("DNS:localhost") else { return };
    if !has_program("python3", clean("python3").arg("--version")) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path();
    let (plain, tls) = (Server::start(None), Server::start(Some(&own)));
    let settings = format!("[http]\ncertificates = \"{}\"\n", own.certificate.display());
    std::fs::write(project.join("dc.toml"), settings).expect("settings");
    std::fs::write(project.join("asks.py"), ASKS).expect("a program");
    let (root, other) = (project.display(), format!("{}/never", tls.1));
    let asked = format!("{} {}", plain.1, tls.1);
    let asks = |last: &str| format!("python3 {root}/asks.py {asked} >{root}/said || exit 9\n{last}");
    app(project, "a/b/c", &asks(""), "");
    let (_, told) = start(project, &["--record", "c"]);
    assert!(told.contains("16 requests recorded in"), "{told}");
    let then = written(project);
    for expected in ["200 yes 1 GET /same", "200 yes 3 GET /same", "/post?token=topsecretvalue 10 name=value", "418 6"]
    {
        assert_eq!(then.matches(expected).count(), 2, "{expected}: {then}");
    }
    assert_eq!(then.matches("3000000").count(), 2, "{then}");
    assert_eq!(then.matches("IncompleteRead").count(), 2, "{then}");
    let run = cassette(project);
    for entry in std::fs::read_dir(project.join(".dc/cassettes").join(&run)).expect("a cassette") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("a text");
        let answers = text.matches("post?token=topsecretvalue 10 name").count();
        assert_eq!(text.matches("topsecretvalue").count(), answers, "a credential is hidden: {text}");
    }
    // nobody is there any more
    drop((plain, tls));
    let (shown, _) = start(project, &["--replay", &run]);
    assert!(shown.contains("the cassette answered 16 requests and did not have 0"), "{shown}");
    let now = written(project).replace("***", "topsecretvalue");
    assert_eq!(now, then);
    // what was never asked is told, to the program too
    app(project, "a/b/c", &asks(&format!("python3 {root}/asks.py {other} >{root}/said")), "");
    let (shown, told) = start(project, &["--replay", &run]);
    assert!(shown.contains("did not have 8 (localhost:"), "{shown}");
    assert!(told.contains("/never/same: the cassette has no such exchange"), "{told}");
    assert!(written(project).contains("504 "));
}

#[test]
fn who_has_not_the_password_of_a_run_gets_nothing_through_its_door() {
    if !has_program("python3", clean("python3").arg("--version")) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path();
    let plain = Server::start(None);
    let script = "import os, urllib.parse, urllib.request as r\ndoor = urllib.parse.urlsplit(os.environ['http_proxy'])\n\
        for login in ('', 'dc:guess@'):\n    opener = r.build_opener(r.ProxyHandler({'http': f'http://{login}127.0.0.1:{door.port}'}))\n    \
        try:\n        opener.open(URL)\n    except r.HTTPError as refused:\n        print(refused.code)\n";
    let script = script.replace("URL", &format!("'{}/x'", plain.1));
    std::fs::write(project.join("guess.py"), script).expect("a program");
    app(project, "a/b/c", &format!("python3 {0}/guess.py >{0}/said", project.display()), "");
    let (_, told) = start(project, &["--record", "c"]);
    assert!(told.contains("nothing was recorded"), "{told}");
    assert_eq!(written(project), "407\n407\n");
}

#[test]
fn what_trusts_nobody_and_what_is_no_http_are_told() {
    let Some(own) = Certificate::make("DNS:localhost") else { return };
    if !has_program("python3", clean("python3").arg("--version")) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path();
    let tls = Server::start(Some(&own));
    let script =
        format!("SSL_CERT_FILE=/dev/null python3 -c 'import urllib.request as r; r.urlopen(\"{}/x\")' || true", tls.1);
    app(project, "a/b/c", &script, "");
    let (_, told) = start(project, &["--record", "c"]);
    assert!(told.contains("nothing was recorded") && told.contains("what was said to localhost:"), "{told}");
    // of programs that are here besides, each finds the door and trusts it
    let asking = [
        ("curl", "curl -fsS"),
        ("wget", "wget -qO-"),
        (
            "node",
            "node -e 'fetch(process.argv[1]).then(answer => answer.text()).then(text => process.stdout.write(text))'",
        ),
    ];
    let settings = format!("[http]\ncertificates = \"{}\"\n", own.certificate.display());
    std::fs::write(project.join("dc.toml"), settings).expect("settings");
    for (program, line) in asking {
        let version = clean(program).arg("--version").output().map(|output| stdout(&output)).unwrap_or_default();
        // before 24 Node knows of no proxy
        let is_older = |major: &str| major.parse::<u32>().is_ok_and(|major| major < 24);
        if version.is_empty()
            || version.strip_prefix('v').is_some_and(|rest| is_older(rest.split('.').next().unwrap_or_default()))
        {
            skipped(program);
            continue;
        }
        std::fs::remove_dir_all(project.join(".dc/cassettes")).expect("cassettes");
        app(project, "a/b/c", &format!("{line} {}/{program} >{}/said", tls.1, project.display()), "");
        let (_, told) = start(project, &["--record", "c"]);
        assert!(told.contains("1 request recorded"), "{program}: {told}");
        let then = written(project);
        assert!(then.contains(&format!("GET /{program} ")), "{then}");
        let (shown, _) = start(project, &["--replay", &cassette(project)]);
        assert!(shown.contains("answered 1 request and did not have 0"), "{program}: {shown}");
        assert_eq!(written(project), then);
    }
}
