//! Answers as servers write them: before all of a request has come, and with heads of any kind.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::support;
use data_collector::http::{Body, Request, RequestOptions, Retries, Timeouts};

/// A server that does with each connection what it is told; its URL.
fn server(serve: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(client));
        }
    });
    url
}

/// Reads the head of a request; false when there is none.
fn read_head(client: &TcpStream) -> bool {
    let mut reader = BufReader::with_capacity(1, client);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).is_ok_and(|count| count == 0) {
            return false;
        }
    }
    true
}

fn request() -> Request {
    let folder = tempfile::tempdir().expect("a folder");
    let context = support::context(folder.path(), &[]);
    Request::with(&context, RequestOptions { retries: Retries::none(), ..RequestOptions::default() })
        .expect("a session")
}

/// A server that answers each request with the same.
fn says(answer: impl Into<Vec<u8>>) -> String {
    let answer = answer.into();
    server(move |mut client| while read_head(&client) && client.write_all(&answer).is_ok() {})
}

#[test]
fn heads_are_read_up_to_256_kib_and_1000_lines() {
    let request = request();
    let cookies: String = (0..990).map(|number| format!("Set-Cookie: c{number}={number}\r\n")).collect();
    let many = says(format!("HTTP/1.1 200 OK\r\n{cookies}X-Last: 1\r\nContent-Length: 4\r\n\r\nbody"));
    for _ in 0..2 {
        let answer = request.get(&many).send().expect("an answer");
        assert_eq!((answer.text().as_str(), answer.header("x-last")), ("body", Some("1")));
        let names = answer.headers().filter(|(name, _)| *name == "set-cookie").count();
        assert_eq!(names, 990);
    }
    let long = "x".repeat(250 << 10);
    let large =
        says(format!("HTTP/1.1 200 OK\r\nX-Long: {long}\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"));
    for _ in 0..2 {
        let answer = request.get(&large).send().expect("an answer");
        assert_eq!((answer.text().as_str(), answer.header("x-long").map(str::len)), ("body", Some(250 << 10)));
    }
    let folded = says("HTTP/1.1 200 OK\r\nX-Folded: one\r\n two\r\n\tthree\r\nContent-Length: 4\r\n\r\nbody");
    let answer = request.get(&folded).send().expect("an answer");
    assert_eq!((answer.text().as_str(), answer.header("x-folded")), ("body", Some("one two three")));
    // a word between, and then a head of such a kind
    let hints = says(format!(
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\n{cookies}X-F: a\r\n b\r\nContent-Length: 4\r\n\r\nbody"
    ));
    let answer = request.get(&hints).send().expect("an answer");
    assert_eq!((answer.text().as_str(), answer.header("x-f")), ("body", Some("a b")));
    for too_long in [
        format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "x".repeat(257 << 10)),
        format!("HTTP/1.1 200 OK\r\n{cookies}{cookies}\r\n"),
    ] {
        let error = request.get(&says(too_long)).send().expect_err("nobody writes that").to_string();
        assert!(error.contains("256 KiB or 1000 lines"), "{error}");
    }
}

#[test]
fn a_head_that_comes_in_pieces_is_one() {
    let url = server(|mut client| {
        let head: String = (0..300).map(|number| format!("X-{number}: {}\r\n", "y".repeat(100))).collect();
        let answer = format!("HTTP/1.1 200 OK\r\n{head}Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n");
        while read_head(&client) {
            for piece in answer.as_bytes().chunks(997) {
                if client.write_all(piece).and_then(|()| client.flush()).is_err() {
                    return;
                }
                std::thread::yield_now();
            }
        }
    });
    let request = request();
    for _ in 0..3 {
        let answer = request.get(&url).send().expect("an answer");
        assert_eq!((answer.text().as_str(), answer.header("x-299").map(str::len)), ("body", Some(100)));
    }
}

#[test]
fn an_answer_that_comes_before_the_end_of_an_upload_is_the_answer() {
    let request = request();
    let body = || Body::bytes(vec![b'x'; 64 << 20]);
    // it is closed with much of the request unread, which resets the connection
    let closes = server(|mut client| {
        read_head(&client);
        let _ = client.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig");
    });
    for _ in 0..3 {
        let answer = request.post(&closes).body(body()).send().expect("an answer");
        assert_eq!((answer.status(), answer.text().as_str()), (413, "big"));
    }
    // it is kept open, and nothing more is read
    let stalls = server(|mut client| {
        read_head(&client);
        let _ = client.write_all(b"HTTP/1.1 401 Who\r\nContent-Length: 3\r\n\r\nwho");
        std::thread::sleep(Duration::from_secs(60));
    });
    let began = Instant::now();
    let timeouts = Timeouts { read: Duration::from_secs(2), ..Timeouts::default() };
    let answer = request.post(&stalls).timeouts(timeouts).body(body()).send().expect("an answer");
    assert_eq!((answer.status(), answer.text().as_str()), (401, "who"));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    // it agrees early, and goes on reading
    let agrees = server(|mut client| {
        read_head(&client);
        let _ = client.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 8\r\n\r\n");
        std::thread::sleep(Duration::from_millis(300));
        let count = std::io::copy(&mut (&client).take(64 << 20), &mut std::io::sink()).unwrap_or_default();
        let _ = write!(client, "{count}");
    });
    assert_eq!(request.post(&agrees).body(body()).send().expect("an answer").text(), "67108864");
    // one that only breaks off is an error still
    let breaks = server(|client| {
        read_head(&client);
        let mut some = [0; 1_000];
        let _ = (&client).read(&mut some);
    });
    let error = request.post(&breaks).body(body()).send().expect_err("no answer");
    assert!(error.is_temporary(), "{error}");
    // and a whole upload arrives whole
    let counts = server(|mut client| {
        read_head(&client);
        let count = std::io::copy(&mut (&client).take(64 << 20), &mut std::io::sink()).unwrap_or_default();
        let answer = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 8\r\n\r\n{count}");
        let _ = client.write_all(answer.as_bytes());
    });
    assert_eq!(request.post(&counts).body(body()).send().expect("an answer").text(), "67108864");
}
