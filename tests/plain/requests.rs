//! Requests against a server that misbehaves: what is tried again and what is not, where credentials go, what is kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support;
use crate::support::unruly::{self, Unruly};
use data_collector::context::Context;
use data_collector::error::ErrorKind;
use data_collector::http::{
    Auth, Body, Cookies, DownloadOptions, Form, Politeness, Proxying, Request, RequestOptions, Retries, Timeouts,
};
use data_collector::settings::Secret;
use tempfile::TempDir;

fn context(pairs: &[(&str, &str)]) -> (TempDir, Context) {
    let folder = tempfile::tempdir().expect("a folder");
    let context = support::context(folder.path(), pairs);
    (folder, context)
}

fn quick() -> Retries {
    Retries { pause: Duration::from_millis(5), ..Retries::default() }
}

fn options() -> RequestOptions {
    RequestOptions { retries: quick(), ..RequestOptions::default() }
}

fn request(options: RequestOptions) -> Request {
    Request::with(&context(&[]).1, options).expect("a session")
}

#[test]
fn what_is_asked_arrives_as_it_was_meant() {
    let server = Unruly::start();
    let request = request(RequestOptions {
        headers: vec![("X-Default".to_owned(), "a".to_owned()), ("Accept".to_owned(), "text/x".to_owned())],
        ..options()
    });
    let call = request.post(&format!("{}/echo?a=1", server.url)).query("b", "č &").header("x-own", "2");
    let seen: serde_json::Value =
        call.form([("k", "v w"), ("š", "ž")]).send().expect("an answer").json().expect("JSON");
    assert_eq!(seen["method"], "POST");
    assert_eq!(seen["path"], "/echo?a=1&b=%C4%8D+%26");
    assert_eq!(seen["body"], "k=v+w&%C5%A1=%C5%BE");
    assert_eq!(seen["headers"]["content-type"], "application/x-www-form-urlencoded");
    assert_eq!((&seen["headers"]["x-default"], &seen["headers"]["accept"]), (&"a".into(), &"text/x".into()));
    assert!(seen["headers"]["user-agent"].as_str().expect("one").starts_with("data-collector/"));

    let json = request.put(&format!("{}/echo", server.url)).json(&serde_json::json!({"a": [1]})).expect("JSON");
    let seen: serde_json::Value =
        json.auth(Auth::Bearer(Secret::new("abc"))).send().expect("sent").json().expect("JSON");
    assert_eq!((&seen["body"], &seen["headers"]["authorization"]), (&"{\"a\":[1]}".into(), &"Bearer abc".into()));

    let broken = request.get(&format!("{}/echo", server.url)).auth(Auth::Bearer(Secret::new("abc\n")));
    let error = broken.send().expect_err("no header holds it");
    assert!(error.to_string().contains("log in") && !format!("{error:?}").contains("abc"), "{error:?}");

    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "of the disk").expect("written");
    let form = Form::new().text("name", "value").file("upload", file.path());
    let seen: serde_json::Value =
        request.post(&format!("{}/echo", server.url)).multipart(form).send().expect("sent").json().expect("JSON");
    assert!(seen["body"].as_str().expect("a body").contains("of the disk"));
    let login = server.url.replace("http://", "http://me:p%40ss@");
    let seen: serde_json::Value = request.get(&format!("{login}/echo")).send().expect("sent").json().expect("JSON");
    assert_eq!(seen["headers"]["authorization"], "Basic bWU6cEBzcw==");
    let seen: serde_json::Value = request
        .delete(&format!("{}/echo", server.url))
        .body(Body::bytes("x"))
        .send()
        .expect("sent")
        .json()
        .expect("JSON");
    assert_eq!((&seen["method"], &seen["body"]), (&"DELETE".into(), &"x".into()));
}

#[test]
fn a_part_of_a_file_is_sent_and_an_answer_is_read_as_it_comes() {
    let server = Unruly::start();
    let request = request(options());
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "0123456789").expect("written");
    for (offset, length, expected) in [(0, 10, "0123456789"), (3, 4, "3456"), (10, 0, "")] {
        let call = request.put(&format!("{}/echo", server.url)).body(Body::part(file.path(), offset, length));
        let mut reading = call.open().expect("an answer");
        let said = reading.length();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut reading, &mut text).expect("all of it");
        assert_eq!(said, Some(text.len() as u64));
        let seen: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!((&seen["body"], &seen["headers"]["content-length"]), (&expected.into(), &length.to_string().into()));
        assert_eq!(seen["headers"]["accept-encoding"], "identity");
    }
    let error = request.get(&format!("{}/status/404", server.url)).open().map(|_| ()).expect_err("no success");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn only_what_may_be_repeated_is_tried_again() {
    let server = Unruly::start();
    let request = request(options());
    let get = |path: &str| request.get(&format!("{}{path}", server.url)).send();
    for (path, attempts) in [("/flaky/2/503", 3), ("/cut/2", 3), ("/gone/1", 2), ("/flaky/3/500", 4)] {
        let answer = get(path).expect(path);
        assert_eq!((answer.status(), answer.attempts()), (200, attempts), "{path}");
    }
    let answer = get("/flaky/9/502").expect("an answer");
    assert_eq!((answer.status(), answer.attempts()), (502, 4));
    assert_eq!(get("/flaky/9/404").expect("an answer").attempts(), 1);
    let error = get("/cut/8").expect_err("cut");
    assert!(error.is_temporary() && error.to_string().contains("4 attempts"), "{error}");

    let post = |path: &str| request.post(&format!("{}{path}", server.url)).body(Body::bytes("x"));
    assert_eq!(post("/flaky/1/501").send().expect("an answer").attempts(), 1);
    assert_eq!(post("/flaky/1/503").send().expect("an answer").status(), 503, "POST is not repeated");
    assert!(post("/gone/2").send().is_err(), "POST is not repeated");
    let every = Retries { every_method: true, ..quick() };
    assert_eq!(post("/gone/3").retries(every).send().expect("an answer").status(), 200);
    // nothing was sent: that may be repeated, and is in vain
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let error = request.post(&format!("http://{closed}/")).send().expect_err("refused");
    assert!(error.to_string().contains("4 attempts") && error.to_string().contains("connect to"), "{error}");
}

#[test]
fn retry_after_is_kept_and_all_threads_wait() {
    let server = Unruly::start();
    let request = request(options());
    let began = Instant::now();
    let urls: Vec<String> = (0..4).map(|_| format!("{}/busy/1", server.url)).collect();
    let answers = request.fetch_all(urls, 1).expect("answers");
    assert!(answers.iter().all(|answer| answer.as_ref().expect("an answer").status() == 200));
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(server.count("/busy/1"), 5);
    // longer than the call may take: the answer is handed back, and nobody waits for an hour
    let began = Instant::now();
    let answer = request.get(&format!("{}/busy/3600", server.url)).send().expect("an answer");
    assert_eq!(answer.status(), 429);
    let error = answer.ok().expect_err("busy");
    assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Busy, true));
    assert!(began.elapsed() < Duration::from_secs(60));
    let call = request.get(&format!("{}/echo", server.url)).timeout(Duration::from_millis(200));
    let error = call.send().expect_err("left alone");
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
}

#[test]
fn nothing_hangs() {
    let server = Unruly::start();
    let timeouts = Timeouts { read: Duration::from_millis(200), ..Timeouts::default() };
    let request = request(RequestOptions { timeouts, retries: Retries::none(), ..RequestOptions::default() });
    let began = Instant::now();
    let error = request.get(&format!("{}/slow/90000", server.url)).send().expect_err("slow");
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    let total = Timeouts { total: Some(Duration::from_millis(300)), ..Timeouts::default() };
    let call = request.get(&format!("{}/slow/90000", server.url)).timeouts(total).retries(quick());
    assert_eq!(call.send().expect_err("slow").kind(), ErrorKind::Timeout);
    // an address that answers nothing
    let connect = Timeouts { connect: Duration::from_millis(300), ..Timeouts::default() };
    let error = request.get("http://192.0.2.1:9/").timeouts(connect).send().expect_err("nobody");
    assert!(matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Failed), "{error}");
    // any of the usual limits alone is longer: 10 s for the connection, 30 s for the answer
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
}

#[test]
fn what_is_no_http_is_told_and_harms_nothing() {
    let server = Unruly::start();
    let request = request(RequestOptions { retries: Retries::none(), ..RequestOptions::default() });
    let get = |path: &str| request.get(&format!("{}{path}", server.url)).send();
    for path in ["/badchunks", "/cutchunks", "/nonsense", "/endless", "/badgzip", "/cut/9", "/gone/9"] {
        let error = get(path).expect_err(path);
        assert!(error.to_string().contains(path), "{path}: {error}");
    }
    assert_eq!(get("/longer").expect("an answer").bytes(), b"four");
    assert_eq!(get("/chunks").expect("an answer").bytes(), b"foursix");
    assert_eq!(get("/gzip").expect("an answer").text(), "packed: čćž");
    assert_eq!(get("/deflate").expect("an answer").text(), "packed");
    assert_eq!(get("/br").expect("an answer").text(), "packed");
    assert_eq!(get("/latin").expect("an answer").text(), "Županija");
    let error = request.get(&format!("{}/bomb", server.url)).send().expect_err("256 MiB");
    assert!(error.to_string().contains("body_max"), "{error}");
    for (url, expected) in [("ftp://h/x", "http://"), ("/x", "use the URL"), ("http://", "use the URL")] {
        let error = request.get(url).send().expect_err(url);
        assert!(error.kind() == ErrorKind::Usage && error.to_string().contains(expected), "{error}");
    }
    let error = request.get(&server.url).header("X-A", "a\r\nEvil: 1").send().expect_err("two lines");
    assert_eq!(error.kind(), ErrorKind::Usage);
}

#[test]
fn credentials_stay_with_the_server_that_they_are_for() {
    let (one, other) = (Unruly::start(), Unruly::start());
    let request = request(RequestOptions {
        auth: Some(Auth::Basic("me".to_owned(), Secret::new("pw"))),
        headers: vec![("X-Api-Key".to_owned(), "k3y".to_owned())],
        ..options()
    });
    let to = |status: &str, place: &str| format!("{}/to?{status}&url={place}", one.url);
    let away = to("status=302", &format!("{}/echo", other.url));
    let seen: serde_json::Value = request.get(&away).send().expect("an answer").json().expect("JSON");
    assert!(seen["headers"]["authorization"].is_null() && seen["headers"]["x-api-key"].is_null(), "{seen}");
    let seen: serde_json::Value = request.get(&to("", "/echo")).send().expect("an answer").json().expect("JSON");
    assert_eq!(
        (&seen["headers"]["authorization"], &seen["headers"]["x-api-key"]),
        (&"Basic bWU6cHc=".into(), &"k3y".into())
    );
    let seen: serde_json::Value =
        request.post(&to("", "/echo")).body(Body::bytes("x")).send().expect("an answer").json().expect("JSON");
    assert_eq!((&seen["method"], &seen["body"]), (&"GET".into(), &"".into()));
    let seen: serde_json::Value =
        request.post(&to("status=307", "/echo")).body(Body::bytes("x")).send().expect("sent").json().expect("JSON");
    assert_eq!((&seen["method"], &seen["body"]), (&"POST".into(), &"x".into()));
    let error = request.get(&format!("{}/loop", one.url)).send().expect_err("in circles");
    assert!(error.to_string().contains("more than 10 times"), "{error}");
    let error = request.get(&to("", "file:///etc/passwd")).send().expect_err("no server");
    assert!(error.to_string().contains("no server of HTTP"), "{error}");
}

#[test]
fn cookies_of_every_kind_are_kept_where_they_belong() {
    let server = Unruly::start();
    let folder = tempfile::tempdir().expect("a folder");
    let kept = folder.path().join("cookies/session.json");
    let with = || request(RequestOptions { cookies: Cookies::Kept(kept.clone()), ..options() });
    let cookie = |request: &Request, path: &str| {
        let _ = request.get(&format!("{}{path}", server.url)).send().expect("an answer");
        server.seen().last().expect("a request").headers.get("cookie").cloned().unwrap_or_default()
    };
    let first = with();
    assert_eq!(cookie(&first, "/cookies"), "");
    assert_eq!(cookie(&first, "/echo"), KEPT);
    let deep: Vec<String> = cookie(&first, "/deep/er").split("; ").map(str::to_owned).collect();
    assert!(deep.len() == 4 && deep[0] == "deep=1", "{deep:?}");
    drop(first);
    assert_eq!(cookie(&with(), "/echo"), KEPT, "kept for the next run");
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&kept).expect("a file").permissions().mode() & 0o077, 0, "for the user alone");
    std::fs::write(&kept, "no cookies").expect("written");
    let error = Request::with(&context(&[]).1, RequestOptions { cookies: Cookies::Kept(kept), ..options() });
    assert!(error.err().expect("an error").hint_text().expect("a hint").contains("rm "));
    assert_eq!(cookie(&request(RequestOptions { cookies: Cookies::None, ..options() }), "/echo"), "");
}

#[test]
fn a_download_goes_on_where_it_broke_off() {
    let server = Unruly::start();
    let request = request(options());
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep/file.bin");
    let done = request.get(&format!("{}/file/40000", server.url)).download(&path, &DownloadOptions::default());
    let done = done.expect("a download");
    assert_eq!((done.bytes, std::fs::read(&path).expect("a file")), (300_000, unruly::file()));
    assert_eq!(server.count("/file/40000"), 8);
    assert_eq!(std::fs::read_dir(folder.path().join("deep")).expect("a folder").count(), 1, "nothing is left");

    // what an earlier process has left
    let path = folder.path().join("other.bin");
    let url = format!("{}/file/400000", server.url);
    std::fs::write(folder.path().join("other.bin.part"), &unruly::file()[..100_000]).expect("a part");
    std::fs::write(
        folder.path().join("other.bin.part.json"),
        format!("{{\"url\":\"{url}\",\"validator\":\"\\\"v1\\\"\"}}"),
    )
    .expect("a mark");
    let done = request.get(&url).download(&path, &DownloadOptions::default()).expect("a download");
    assert_eq!((done.resumed_from, std::fs::read(&path).expect("a file")), (100_000, unruly::file()));

    let path = folder.path().join("changing.bin");
    request.get(&format!("{}/changing", server.url)).download(&path, &DownloadOptions::default()).expect("a download");
    assert_eq!(std::fs::read(&path).expect("a file"), unruly::file(), "nothing of the older edition");
    let error = request.get(&format!("{}/status/403", server.url)).download(&path, &DownloadOptions::default());
    assert_eq!(error.expect_err("forbidden").kind(), ErrorKind::Permission);
    assert_eq!(std::fs::read(&path).expect("a file"), unruly::file(), "what was there stays");
}

#[test]
fn a_host_is_treated_as_gently_as_it_is_said() {
    let server = Unruly::start();
    let (_folder, context) =
        context(&[(&format!("DC_HOST_{}_CONCURRENCY", server.address.replace(['.', ':'], "_")), "2")]);
    let politeness = Politeness { rate: Some(100.0), concurrency: None };
    let request = Request::with(&context, RequestOptions { politeness, ..options() }).expect("a session");
    let began = Instant::now();
    let urls: Vec<String> = (0..20).map(|_| format!("{}/slow/20", server.url)).collect();
    let answers = request.fetch_all(urls, 20).expect("answers");
    assert!(answers.iter().all(Result::is_ok));
    assert!(server.active_max() <= 2, "{}", server.active_max());
    assert!(began.elapsed() >= Duration::from_millis(190), "{:?}", began.elapsed());
}

#[test]
fn many_are_fetched_in_order_and_as_they_come() {
    let server = Unruly::start();
    let request = request(options());
    let urls: Vec<String> = (0..30).map(|place| format!("{}/slow/{}", server.url, (30 - place) * 5)).collect();
    let answers = request.fetch_all(urls.clone(), 30).expect("answers");
    let paths: Vec<String> = answers.iter().map(|answer| answer.as_ref().expect("one").url().to_owned()).collect();
    assert_eq!(paths, urls);
    let come: Vec<usize> = request.fetch(urls.clone(), 30).expect("answers").map(|(place, _)| place).collect();
    assert!(come[0] > come[29], "{come:?}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let began = Instant::now();
    let found = runtime.block_on(async {
        let calls = (0..50).map(|_| tokio::spawn(request.get(&format!("{}/slow/200", server.url)).send_async()));
        let calls: Vec<_> = calls.collect();
        let mut found = 0;
        for call in calls {
            found += usize::from(call.await.expect("an end").expect("an answer").status() == 200);
        }
        found + request.fetch_all_async(urls, 10).await.expect("answers").len()
    });
    assert_eq!(found, 80);
    assert!(began.elapsed() < Duration::from_secs(5), "they overlap: {:?}", began.elapsed());
}

#[test]
fn proxies_take_turns_and_those_that_fail_cool_down() {
    let server = Unruly::start();
    let (good, asked) = proxy();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let proxying = Proxying {
        proxies: vec![Secret::new(format!("http://{closed}")), Secret::new(format!("http://me:pr0xy-pass@{good}"))],
        ..Proxying::default()
    };
    let request = request(RequestOptions { proxying, ..options() });
    for _ in 0..4 {
        let answer = request.get(&format!("{}/echo", server.url)).send().expect("an answer");
        assert_eq!(answer.status(), 200);
    }
    let asked = asked.lock().expect("what was asked").clone();
    assert_eq!(asked.len(), 4, "{asked:?}");
    assert!(asked.iter().all(|line| line.starts_with(&format!("GET {}/echo HTTP/1.1", server.url))), "{asked:?}");
    assert!(asked.iter().all(|line| line.contains("proxy-authorization: Basic bWU6cHIweHktcGFzcw==")), "{asked:?}");
    let all_closed = Proxying { proxies: vec![Secret::new(format!("http://{closed}"))], ..Proxying::default() };
    let call = Request::with(&context(&[]).1, RequestOptions { proxying: all_closed, ..options() }).expect("a session");
    let error = call.get(&server.url).timeout(Duration::from_secs(2)).send().expect_err("no way");
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
}

/// To this machine also what is marked secure is sent.
const KEPT: &str = "lasting=yes; secure=1; session=abcdef123";

/// A proxy that passes plain HTTP on, with a connection for each request, and notes the heads of what it is asked.
fn proxy() -> (String, Arc<std::sync::Mutex<Vec<String>>>) {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let asked: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&asked);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let mut reader = BufReader::new(client.try_clone().expect("a stream"));
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).is_ok_and(|count| count > 0) {}
            noted.lock().expect("what was asked").push(head.clone());
            let rest = head.split_once("http://").map(|(_, rest)| rest.to_owned()).unwrap_or_default();
            let (host, rest) = rest.split_once('/').expect("a URL");
            let mut server = std::net::TcpStream::connect(host).expect("the server");
            write!(server, "GET /{}", rest.replacen("\r\n", "\r\nConnection: close\r\n", 1)).expect("sent");
            let _ = server.set_read_timeout(Some(Duration::from_millis(100)));
            let _ = std::io::copy(&mut server, &mut { &client });
            let _ = client.shutdown(std::net::Shutdown::Both);
        }
    });
    (address, asked)
}

#[test]
fn socks_proxies_are_gone_through_with_and_without_a_login() {
    let server = Unruly::start();
    for (login, scheme) in [("", "socks5"), ("", "socks5h"), ("me:s0cks-pass@", "socks5h")] {
        let (address, asked) = socks(!login.is_empty());
        let proxying =
            Proxying { proxies: vec![Secret::new(format!("{scheme}://{login}{address}"))], ..Proxying::default() };
        let request = request(RequestOptions { proxying, retries: Retries::none(), ..options() });
        // a name, which with socks5h is looked up by the proxy
        let url = server.url.replace("127.0.0.1", "localhost");
        assert_eq!(request.get(&format!("{url}/echo")).send().expect("an answer").status(), 200, "{scheme}");
        let asked = asked.lock().expect("what was asked").clone();
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].starts_with("localhost:"), scheme == "socks5h", "{asked:?}");
    }
}

/// A SOCKS5 proxy, and the places that it was asked for.
fn socks(wants_login: bool) -> (String, Arc<std::sync::Mutex<Vec<String>>>) {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let asked: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let read = |count: usize| {
                let mut bytes = vec![0; count];
                (&client).read_exact(&mut bytes).expect("bytes");
                bytes
            };
            let greeting = read(2);
            let _methods = read(usize::from(greeting[1]));
            (&client).write_all(&[5, if wants_login { 2 } else { 0 }]).expect("written");
            if wants_login {
                let name = usize::from(read(2)[1]);
                let name = read(name);
                let password = usize::from(read(1)[0]);
                let is_good = name == b"me" && read(password) == b"s0cks-pass";
                (&client).write_all(&[1, u8::from(!is_good)]).expect("written");
            }
            let kind = read(4)[3];
            let host = match kind {
                1 => read(4).iter().map(u8::to_string).collect::<Vec<_>>().join("."),
                4 => std::net::Ipv6Addr::from(<[u8; 16]>::try_from(read(16)).expect("16 bytes")).to_string(),
                _ => {
                    let length = usize::from(read(1)[0]);
                    String::from_utf8(read(length)).expect("a name")
                }
            };
            let port = read(2);
            let place = format!("{host}:{}", u16::from_be_bytes([port[0], port[1]]));
            let mut server = std::net::TcpStream::connect(&place).expect("the server");
            noted.lock().expect("what was asked").push(place);
            client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).expect("written");
            let (mut back, mut out) = (server.try_clone().expect("a stream"), client.try_clone().expect("a stream"));
            std::thread::spawn(move || std::io::copy(&mut back, &mut out));
            std::thread::spawn(move || std::io::copy(&mut client, &mut server));
        }
    });
    (address, asked)
}

#[test]
fn what_is_kept_and_told_holds_no_credential() {
    let server = Unruly::start();
    let (folder, context) = context(&[("DC_HTTP_SAVE", "answers"), ("DC_DB_X_PASSWORD", "hunter2hunter2")]);
    let auth = Some(Auth::Bearer(Secret::new("b34r3r-t0k3n")));
    let request =
        Request::with(&context, RequestOptions { auth, ..RequestOptions::of(context.settings()).expect("options") });
    let request = request.expect("a session");
    let url = format!("{}/login?api_key=k3y-of-the-url&page=2", server.url);
    let _ =
        request.post(&url).form([("password", "pw-of-the-form"), ("q", "hunter2hunter2")]).send().expect("an answer");
    let error =
        request.get(&format!("{}/status/401?token=t0k3n-of-the-url", server.url)).send().expect("an answer").ok();
    let error = format!("{0:?} {0}", error.expect_err("permission"));
    let mut kept = error.clone();
    for entry in walk(folder.path()) {
        kept.push_str(&entry.display().to_string());
        kept.push_str(&String::from_utf8_lossy(&std::fs::read(&entry).expect("a file")));
    }
    assert!(kept.contains("\"rows\":[1,2]") && kept.contains("page=2"), "{kept}");
    for secret in ["k3y-of-the-url", "pw-of-the-form", "hunter2", "b34r3r", "t0k3n-of-the", "s3cr3t"] {
        assert!(!kept.contains(secret), "{secret} in {kept}");
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
