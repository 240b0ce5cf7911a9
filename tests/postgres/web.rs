//! What a manager serves over HTTP, whatever its clients do.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use crate::manager::told;
use crate::support::manager::{Manager, wait_for};
use crate::support::{Backend, app, dc};

/// A manager that listens at a place of its own.
pub(crate) fn listening(backend: &Backend) -> (Manager, String) {
    let place = free_place();
    let manager = Manager::start(backend.folder.path(), &backend.url, &["--listen", &place]);
    wait_for("an open door", 30, || TcpStream::connect(&place).is_ok());
    (manager, place)
}

/// A port that nobody has just now.
pub(crate) fn free_place() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

/// The answer to a request as it is written; empty when there is none.
pub(crate) fn answer(place: &str, request: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(place) else { return String::new() };
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a bound");
    let _ = stream.write_all(request.as_bytes());
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

pub(crate) fn get(place: &str, path: &str) -> String {
    answer(place, &format!("GET {path} HTTP/1.1\r\nHost: {place}\r\n\r\n"))
}

#[test]
fn figures_and_health_are_served() {
    for backend in Backend::all() {
        let project = backend.folder.path();
        app(project, "a/b/long", "exec sleep 60", "schedule = \"* * * * * *\"");
        app(project, "a/b/short", "echo '{\"level\":\"error\",\"msg\":\"x\"}'; exit 3", "");
        let loads = "i=$(cat n 2>/dev/null || echo 0); echo $((i + 1)) > n; \
                     seq -f '{\"n\":%g}' $i $((i + 2)) | \"$DC_BIN\" merge numbers --create --max-gone 100";
        app(project, "a/b/loads", loads, "");
        told(&backend, &["deploy"]);
        told(&backend, &["run", "loads"]);
        told(&backend, &["run", "loads"]);
        let failed =
            dc(project).args(["run", "short"]).env("DC_DB_MAIN_URL", &backend.url).output().expect("dc starts");
        assert_eq!(failed.status.code(), Some(3));
        let (mut manager, place) = listening(&backend);
        wait_for("a run in the figures", 30, || get(&place, "/metrics").contains("dc_running 1\n"));
        let figures = get(&place, "/metrics");
        for line in [
            "HTTP/1.1 200 OK",
            "content-type: text/plain; version=0.0.4; charset=utf-8",
            "dc_database_up 1",
            "dc_app_failures{app=\"a/b/short\"} 1",
            "dc_app_last_run_ok{app=\"a/b/short\"} 0",
            "dc_app_last_run_errors{app=\"a/b/short\"} 2",
            "# TYPE dc_app_last_run_seconds gauge",
            "# TYPE dc_app_rows_total counter",
            "dc_app_rows_total{app=\"a/b/loads\",database=\"main\",table=\"numbers\",change=\"new\"} 4",
            "dc_app_rows_total{app=\"a/b/loads\",database=\"main\",table=\"numbers\",change=\"gone\"} 1",
        ] {
            assert!(figures.lines().any(|said| said.trim_end() == line), "{line} in {figures}");
        }
        // a run that goes on has no duration
        assert!(!figures.contains("dc_app_last_run_seconds{app=\"a/b/long\"}"), "{figures}");
        for (path, status) in [("/health", "200"), ("/live", "200"), ("/", "200"), ("/nothing", "404")] {
            let said = get(&place, path);
            assert!(said.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {said}");
        }
        let head = answer(&place, "HEAD /health HTTP/1.1\r\nHost: here\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
        let post = answer(&place, "POST /health HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n");
        assert!(post.starts_with("HTTP/1.1 405"), "{post}");
        told(&backend, &["manager", "stop", "--stop-apps"]);
        wait_for("the manager's end", 20, || !manager.is_running());
    }
}

#[test]
fn no_client_keeps_others_out() {
    let backend = Backend::sqlite();
    told(&backend, &["deploy"]);
    let (_manager, place) = listening(&backend);
    let connect = || TcpStream::connect(&place).expect("a connection");
    // more than are served at once: some say nothing, some a byte now and then, some begin and never end
    let mut silent: Vec<TcpStream> = (0..1_000).map(|_| connect()).collect();
    for (at, stream) in silent.iter_mut().enumerate() {
        let part: &[u8] = [&b""[..], b"G", b"GET /metrics HTTP/1.1\r\nX: "][at % 3];
        // those who came first have been shown out by now
        let _ = stream.write_all(part);
    }
    // one writes a head without an end
    let mut endless = connect();
    let wrote = (0..1024).map_while(|_| endless.write_all(&[b'x'; 64 * 1024]).ok()).count();
    assert!(wrote < 1024, "64 MiB of a head were taken");
    // one asks for a great deal and reads nothing
    let mut deaf = connect();
    let _ = deaf.write_all("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n".repeat(100).as_bytes());
    let asked = std::time::Instant::now();
    for path in ["/health", "/live", "/metrics", "/", "/apps"] {
        assert!(get(&place, path).starts_with("HTTP/1.1 200"), "{path}");
    }
    assert!(asked.elapsed() < Duration::from_secs(9), "an answer took as long as a client may say nothing");
    // who says nothing is shown out
    let last = silent.last_mut().expect("a client");
    last.set_read_timeout(Some(Duration::from_secs(60))).expect("a bound");
    let mut rest = Vec::new();
    let _ = last.read_to_end(&mut rest);
    assert!(asked.elapsed() < Duration::from_secs(50), "it may stay for ever");
}
