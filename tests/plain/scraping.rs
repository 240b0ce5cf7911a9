//! What people need who live by scraping: cookies in the hand, any call among many, streams, proofs instead of passwords, what has
//! not changed, and the proxies of the environment and of a host.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use crate::support;
use crate::support::unruly::Unruly;
use data_collector::context::Context;
use data_collector::http::{Auth, Cookies, Method, Request, RequestOptions, Retries};
use data_collector::settings::Secret;
use tempfile::TempDir;

fn context(pairs: &[(&str, &str)]) -> (TempDir, Context) {
    let folder = tempfile::tempdir().expect("a folder");
    let context = support::context(folder.path(), pairs);
    (folder, context)
}

fn options() -> RequestOptions {
    RequestOptions { retries: Retries::none(), ..RequestOptions::default() }
}

fn request(options: RequestOptions) -> Request {
    Request::with(&context(&[]).1, options).expect("a session")
}

/// A server that answers each request, on a connection of its own, with what `answer` makes of its head; its address.
fn server(answer: impl Fn(&str) -> String + Send + 'static) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let heads: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&heads);
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut reader = BufReader::new(client.try_clone().expect("a stream"));
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).is_ok_and(|count| count > 0) {}
            noted.lock().expect("heads").push(head.clone());
            let _ = client.write_all(answer(&head).as_bytes());
        }
    });
    (address, heads)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines()
        .find_map(|line| line.split_once(": ").filter(|(known, _)| known.eq_ignore_ascii_case(name)))
        .map(|it| it.1)
}

#[test]
fn cookies_can_be_read_and_set() {
    let server = Unruly::start();
    let request = request(options());
    let url = format!("{}/echo", server.url);
    request.get(&format!("{}/cookies", server.url)).send().expect("an answer");
    assert_eq!(request.cookie(&url, "session").expect("cookies").as_deref(), Some("abcdef123"));
    assert_eq!(request.cookie(&url, "deep").expect("cookies"), None);
    request.set_cookie(&url, "lang=hr; Path=/").expect("a cookie");
    let seen: serde_json::Value = request.get(&url).send().expect("sent").json().expect("JSON");
    assert!(seen["headers"]["cookie"].as_str().expect("cookies").contains("lang=hr"), "{seen}");
    assert!(request.set_cookie(&url, "a=1; Domain=example.com").expect_err("foreign").to_string().contains('a'));
    assert!(request.set_cookie("no url", "a=1").is_err());
    request.clear_cookies().expect("forgotten");
    assert_eq!(request.cookies(&url).expect("none"), []);
    let kept = tempfile::tempdir().expect("a folder");
    let options = RequestOptions { cookies: Cookies::Kept(kept.path().join("jar")), ..options() };
    let kept = self::request(options.clone());
    kept.set_cookie(&url, "lasting=1; Path=/").expect("a cookie");
    assert_eq!(self::request(options).cookie(&url, "lasting").expect("cookies").as_deref(), Some("1"));
    kept.clear_cookies().expect("forgotten");
    assert_eq!(kept.cookies(&url).expect("none"), []);
}

#[test]
fn a_call_says_how_many_redirects_and_how_often_a_header() {
    let server = Unruly::start();
    let request = request(options());
    let to = format!("{}/to?url=/echo", server.url);
    assert_eq!(request.get(&to).redirects(0).send().expect("the redirect").status(), 302);
    assert_eq!(request.get(&to).redirects(1).send().expect("followed").status(), 200);
    assert!(request.get(&format!("{}/loop", server.url)).redirects(3).send().is_err());
    let (address, heads) = self::server(|_| answer("200 OK", "X-A: 1\r\nX-A: 2\r\n", ""));
    let call = request.get(&format!("http://{address}/")).header("X-B", "0").header("x-b", "1").add_header("X-B", "2");
    let got = call.send().expect("an answer");
    assert_eq!(got.header_all("x-a").collect::<Vec<_>>(), ["1", "2"]);
    let head = heads.lock().expect("heads")[0].to_ascii_lowercase();
    assert!(head.contains("x-b: 1\r\n") && head.contains("x-b: 2\r\n") && !head.contains("x-b: 0"), "{head}");
}

#[test]
fn calls_of_any_method_are_made_at_once() {
    let server = Unruly::start();
    let request = request(options());
    let url = format!("{}/echo", server.url);
    let calls = (0..30).map(|number| match number % 3 {
        0 => request.get(&url).query("n", number),
        1 => request.post(&url).form([("n", number.to_string())]),
        _ => request.call(Method::from_bytes(b"REPORT").expect("a method"), &url).header("X-N", number.to_string()),
    });
    let answers = request.fetch_all_calls(calls, 8).expect("answers");
    assert_eq!(answers.len(), 30);
    for (number, answer) in answers.into_iter().enumerate() {
        let seen: serde_json::Value = answer.expect("an answer").json().expect("JSON");
        let (method, place) =
            [("GET", &seen["path"]), ("POST", &seen["body"]), ("REPORT", &seen["headers"]["x-n"])][number % 3];
        assert_eq!(seen["method"], method);
        assert!(place.as_str().expect("text").ends_with(&number.to_string()), "{seen}");
    }
}

#[test]
fn an_answer_is_read_as_it_comes_and_unpacked() {
    let server = Unruly::start();
    let request = request(options());
    let mut reading = request.get(&format!("{}/bomb", server.url)).stream().expect("an answer");
    assert_eq!((reading.status(), reading.header("content-encoding")), (200, Some("gzip")));
    assert!(reading.url().ends_with("/bomb"));
    // more than is kept in memory
    assert_eq!(std::io::copy(&mut reading, &mut std::io::sink()).expect("all of it"), 256 << 20);
    let mut missing = request.get(&format!("{}/status/404", server.url)).stream().expect("an answer of any status");
    let mut text = String::new();
    missing.read_to_string(&mut text).expect("a text");
    assert_eq!((missing.status(), text.contains("why")), (404, true));
}

/// The proof that a server computes for itself: RFC 7616 with MD5, of one that asks for nothing else.
fn is_proved(head: &str) -> bool {
    let Some(text) = header(head, "authorization").and_then(|text| text.strip_prefix("Digest ")) else { return false };
    let get = |name: &str| {
        let part = text.split(", ").find_map(|part| part.strip_prefix(&format!("{name}=")))?;
        Some(part.trim_matches('"').to_owned())
    };
    get("username").as_deref() == Some("me")
        && get("nonce").is_some_and(|it| it == "n1" || it == "n2")
        && get("response").is_some_and(|it| it.len() == 32)
}

#[test]
fn a_password_is_proved_and_not_sent() {
    let (address, heads) = server(|head| match is_proved(head) && !head.contains("/again") {
        true => answer("200 OK", "", "in"),
        false => answer(
            "401 Who",
            "WWW-Authenticate: Basic realm=\"b\"\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\"\r\n",
            "",
        ),
    });
    let auth = Auth::Digest("me".to_owned(), Secret::new("hunter22-long"));
    let request = request(RequestOptions { auth: Some(auth), ..options() });
    for _ in 0..2 {
        assert_eq!(
            request.post(&format!("http://{address}/x?y=1")).form([("a", "b")]).send().expect("sent").text(),
            "in"
        );
    }
    // one question more than calls: the second call has answered at once
    let seen = heads.lock().expect("heads").clone();
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert!(seen[2].contains("nc=00000002") && seen[1].contains("uri=\"/x?y=1\""), "{seen:?}");
    assert!(seen.iter().all(|head| !head.contains("hunter22")));
    // a proof that is refused is not given for ever
    assert_eq!(request.get(&format!("http://{address}/again")).send().expect("an answer").status(), 401);
    assert_eq!(heads.lock().expect("heads").len(), 5);
}

#[test]
fn what_has_not_changed_is_told_and_comes_from_the_folder() {
    let (address, heads) = server(|head| {
        let is_known = header(head, "if-none-match") == Some("\"v1\"");
        match head {
            _ if head.starts_with("GET /none") => answer("200 OK", "", "nothing to ask by"),
            _ if head.starts_with("GET /moment") => match header(head, "if-modified-since") {
                Some("Mon, 30 Nov 2026 10:00:00 GMT") => answer("304 Not Modified", "", ""),
                _ => answer("200 OK", "Last-Modified: Mon, 30 Nov 2026 10:00:00 GMT\r\n", "by time"),
            },
            _ if is_known => answer("304 Not Modified", "ETag: \"v1\"\r\nX-New: 1\r\n", ""),
            _ => {
                answer("200 OK", "ETag: \"v1\"\r\nContent-Type: text/csv\r\nSet-Cookie: s=secret-session-1\r\n", "a;b")
            }
        }
    });
    let (folder, context) = context(&[("DC_HTTP_CACHE", "answers")]);
    let get = |path: &str| {
        let request = Request::new(&context).expect("a session of a later run");
        request
            .get(&format!("http://{address}{path}"))
            .auth(Auth::Bearer(Secret::new("t0ken-of-mine-99")))
            .send()
            .expect("an answer")
    };
    let first = get("/data");
    assert_eq!((first.status(), first.text().as_str(), first.is_unchanged()), (200, "a;b", false));
    let second = get("/data");
    assert_eq!((second.status(), second.text().as_str(), second.is_unchanged()), (200, "a;b", true));
    assert_eq!((second.header("content-type"), second.header("x-new")), (Some("text/csv"), Some("1")));
    assert_eq!((get("/moment").is_unchanged(), get("/moment").is_unchanged()), (false, true));
    assert_eq!((get("/none").is_unchanged(), get("/none").is_unchanged()), (false, false));
    // what is not whole is asked for anew
    let kept =
        || std::fs::read_dir(folder.path().join("answers")).expect("a folder").map(|it| it.expect("an entry").path());
    for path in kept() {
        let text = String::from_utf8(std::fs::read(&path).expect("a file")).expect("text");
        assert!(!text.contains("t0ken") && !text.contains("secret-session"), "{text}");
        if path.extension().is_some_and(|end| end == "body") {
            std::fs::write(&path, "damaged").expect("written");
        }
    }
    let third = get("/data");
    assert_eq!((third.text().as_str(), third.is_unchanged()), ("a;b", false));
    assert!(!heads.lock().expect("heads").last().expect("one").to_ascii_lowercase().contains("if-none-match"));
}

#[test]
fn proxies_of_the_environment_and_of_a_host_are_used() {
    let (by_environment, heads) = server(|_| answer("200 OK", "", "environment"));
    let (by_host, _) = server(|_| answer("200 OK", "", "host"));
    let direct = Unruly::start();
    let pairs = [
        ("http_proxy", by_environment.as_str()),
        ("NO_PROXY", ".inside.test"),
        ("DC_HOST_OWN_TEST_PROXIES", &format!("http://{by_host}")),
        ("DC_HOST_DIRECT_TEST_PROXIES", "none"),
    ];
    let (_folder, context) = context(&pairs);
    let request = Request::with(&context, options()).expect("a session");
    let get = |url: &str| request.get(url).send().map(|answer| answer.text());
    assert_eq!(get("http://data.test/a").expect("an answer"), "environment");
    assert!(heads.lock().expect("heads")[0].starts_with("GET http://data.test/a "));
    assert_eq!(get("http://own.test/").expect("an answer"), "host");
    assert!(get(&format!("{}/echo", direct.url)).expect("an answer").contains("GET"));
    for unreached in ["http://direct.test/", "http://a.inside.test/"] {
        assert!(get(unreached).is_err(), "{unreached}");
    }
    // what the settings name counts first
    let own = [("http_proxy", "http://127.0.0.1:1"), ("DC_HTTP_PROXIES", &format!("http://{by_host}"))];
    let request =
        Request::with(&self::context(&own).1, RequestOptions::of(self::context(&own).1.settings()).expect("options"));
    assert_eq!(request.expect("a session").get("http://data.test/").send().expect("an answer").text(), "host");
}
