//! Fetching that never damages data: two versions of a file are not mixed, a proxy is banned on evidence alone, every URL has an
//! answer, and what goes along with a redirect is meant for where it leads.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support;
use data_collector::error::ErrorKind;
use data_collector::http::{DownloadOptions, Proxying, Request, RequestOptions, Retries};
use data_collector::settings::Secret;

/// A server that answers each request on a connection of its own with what `answer` makes of its head and body.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = Arc::clone(&asked);
        std::thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                let mut reader = BufReader::new(client.try_clone().expect("a stream"));
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).is_ok_and(|count| count > 0) {}
                let length =
                    head.to_ascii_lowercase().split("content-length: ").nth(1).map(|rest| {
                        rest.lines().next().and_then(|length| length.trim().parse().ok()).expect("a length")
                    });
                let mut body = vec![0; length.unwrap_or_default()];
                let _ = reader.read_exact(&mut body);
                let request = head + &String::from_utf8_lossy(&body);
                noted.lock().expect("requests").push(request.clone());
                let _ = client.write_all(&answer(&request));
            }
        });
        Self { address, asked }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("requests").clone()
    }
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

fn request(proxies: &[&str]) -> Request {
    let (_, context) = support_context();
    let proxies = proxies.iter().map(|url| Secret::new(*url)).collect();
    let proxying = Proxying { proxies, cool_down: Duration::from_millis(5), ..Proxying::default() };
    let retries = Retries { pause: Duration::from_millis(5), ..Retries::default() };
    Request::with(&context, RequestOptions { retries, proxying, ..RequestOptions::default() }).expect("a session")
}

fn support_context() -> (tempfile::TempDir, data_collector::context::Context) {
    let folder = tempfile::tempdir().expect("a folder");
    let context = support::context(folder.path(), &[]);
    (folder, context)
}

#[test]
fn every_url_has_an_answer_also_behind_a_proxy_of_tls() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let request = request(&[&format!("https://{closed}")]);
    let urls = ["http://a.test/", "http://b.test/", "no url"];
    let answers = request.fetch_all(urls, 3).expect("answers");
    assert_eq!(answers.len(), 3);
    assert!(answers.iter().all(Result::is_err));
    assert_eq!(answers[2].as_ref().expect_err("no URL").kind(), ErrorKind::Usage);
}

#[test]
fn one_honest_refusal_bans_no_proxy() {
    let strict = Server::start(|_| answer("403 Forbidden", "", "not for you"));
    let request_by_one = request(&[&format!("http://{}", strict.address)]);
    for _ in 0..2 {
        let refused = request_by_one.get("http://data.test/").send().expect("an answer");
        assert_eq!((refused.status(), refused.text().as_str()), (403, "not for you"));
    }
    // where another proxy is served, this one is banned, for this host
    let good = Server::start(|_| answer("200 OK", "", "data"));
    let request = request(&[&format!("http://{}", strict.address), &format!("http://{}", good.address)]);
    let before = strict.asked().len();
    for _ in 0..4 {
        assert_eq!(request.get("http://data.test/").send().expect("an answer").text(), "data");
    }
    assert_eq!(strict.asked().len() - before, 1);
    // and asked for another host all the same
    for _ in 0..2 {
        assert_eq!(request.get("http://other.test/").send().expect("an answer").status(), 200);
    }
    assert_eq!(strict.asked().len() - before, 2);
}

#[test]
fn the_rest_of_another_version_is_not_taken_for_the_rest() {
    let versions = [("\"one\"", "aaaaaaaaaa"), ("\"two\"", "bbbbbbbbbbbb")];
    let server = Server::start(move |request| {
        let is_part = request.to_ascii_lowercase().contains("\r\nrange: bytes=5-");
        match is_part {
            // the second version, whatever If-Range says
            true => {
                let (tag, body) = versions[1];
                let range = format!("ETag: {tag}\r\nContent-Range: bytes 5-{}/{}\r\n", body.len() - 1, body.len());
                answer("206 Partial Content", &range, &body[5..])
            }
            false if request.starts_with("GET /cut") && !request.contains("x-again") => {
                let (tag, body) = versions[0];
                let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nETag: {tag}\r\nContent-Length: 10\r\n\r\n");
                (head + &body[..5]).into_bytes()
            }
            false => answer("200 OK", &format!("ETag: {}\r\n", versions[1].0), versions[1].1),
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    let request = request(&[]);
    let cut = request.get(&server.url("/cut")).retries(Retries::none()).download(&path, &DownloadOptions::default());
    assert!(cut.expect_err("it breaks off").is_temporary());
    let again = request.get(&server.url("/cut")).header("x-again", "1").download(&path, &DownloadOptions::default());
    again.expect("a download");
    assert_eq!(std::fs::read_to_string(&path).expect("a file"), versions[1].1);
}

#[test]
fn a_server_that_always_cuts_is_given_up() {
    let server = Server::start(|_| b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\nabc".to_vec());
    let folder = tempfile::tempdir().expect("a folder");
    let request = request(&[]);
    let options = DownloadOptions::default();
    let error = request.get(&server.url("/")).download(folder.path().join("f"), &options).expect_err("it never ends");
    assert!(error.is_temporary() && server.asked().len() <= 5, "{error}: {}", server.asked().len());
    // and so is one that gives a byte more each time, when the time is over
    let drip = Server::start(|request| {
        let from =
            request.to_ascii_lowercase().split("range: bytes=").nth(1).map_or(0, |rest| {
                rest.split('-').next().and_then(|from| from.parse::<usize>().ok()).expect("a number")
            });
        let head = match from {
            0 => "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n".to_owned(),
            from => format!(
                "HTTP/1.1 206 Partial Content\r\nETag: \"x\"\r\nConnection: close\r\nContent-Range: bytes {from}-99999/100000\r\n\
                 Content-Length: {}\r\n\r\n",
                100_000 - from
            ),
        };
        std::thread::sleep(Duration::from_millis(5));
        (head + "a").into_bytes()
    });
    let began = Instant::now();
    let call = request.get(&drip.url("/")).timeout(Duration::from_millis(700));
    let error = call.download(folder.path().join("g"), &options).expect_err("there is no time for it");
    assert!(error.kind() == ErrorKind::Timeout && began.elapsed() < Duration::from_secs(60), "{error}");
    assert!(folder.path().join("g.part").exists(), "it can be taken up");
}

#[test]
fn what_is_posted_for_is_downloaded_and_nothing_is_left_of_nothing() {
    let server = Server::start(|request| match request.starts_with("POST /report") && request.ends_with("year=2026") {
        true => answer("200 OK", "", "rows"),
        false => answer("404 Not Found", "", ""),
    });
    let folder = tempfile::tempdir().expect("a folder");
    let request = request(&[]);
    let options = DownloadOptions::default();
    let call = request.post(&server.url("/report")).form([("year", "2026")]);
    assert_eq!(call.download(folder.path().join("report"), &options).expect("a download").bytes, 4);
    let error = request.get(&server.url("/nothing")).download(folder.path().join("nothing"), &options);
    assert_eq!(error.expect_err("nothing").kind(), ErrorKind::NotFound);
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").flatten().map(|it| it.file_name()).collect();
    assert_eq!(left, ["report"]);
}

#[test]
fn a_redirect_takes_along_what_is_meant_for_where_it_leads() {
    let last = Server::start(|_| answer("200 OK", "Content-Disposition: attachment; filename=čšž.csv\r\n", "data"));
    let place = last.url("/there");
    let first = Server::start(move |_| answer("302 Found", &format!("Location: {place}\r\n"), ""));
    let request = request(&[]);
    let call = request.get(&first.url("/here#row-7")).header("Host", "of-the-first.test").header("X-Api-Key", "abc");
    let got = call.send().expect("an answer");
    let asked = last.asked().remove(0).to_ascii_lowercase();
    assert!(asked.contains(&format!("host: {}", last.address)) && !asked.contains("abc"), "{asked}");
    assert!(first.asked()[0].to_ascii_lowercase().contains("host: of-the-first.test"), "{:?}", first.asked());
    assert_eq!(got.url(), last.url("/there#row-7"));
    let history: Vec<(u16, String)> = got.history().map(|(status, url)| (status, url.to_owned())).collect();
    assert_eq!(history, [(302, first.url("/here#row-7"))]);
    assert_eq!(got.header("content-disposition"), Some("attachment; filename=čšž.csv"));
    assert_eq!(got.file_name().as_deref(), Some("čšž.csv"));
}
