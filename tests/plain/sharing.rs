//! What processes know together: how often a host may be asked, by how many at once, and what is against a proxy.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support;
use crate::support::unruly::Unruly;
use data_collector::context::Context;
use data_collector::http::{Politeness, Proxying, Request, RequestOptions, Retries};
use data_collector::settings::Secret;
use data_collector::tables::{Missing, Store, share_hosts};

#[test]
fn two_processes_keep_to_one_rate_and_to_one_number_together() {
    let server = Unruly::start();
    let began = Instant::now();
    let processes: Vec<_> = (0..2)
        .map(|_| {
            let mut process = support::ignored_test("sharing::ask_ten_times_at_twenty_a_second");
            process.env("DC_TEST_URL", &server.url).stdout(std::process::Stdio::piped()).spawn().expect("a process")
        })
        .collect();
    for process in processes {
        assert!(support::has_run(&process.wait_with_output().expect("an end")));
    }
    assert_eq!(server.seen().len(), 20);
    // each by itself would need half of it
    assert!(began.elapsed() >= Duration::from_millis(940), "{:?}", began.elapsed());

    let server = Unruly::start();
    let processes: Vec<_> = (0..3)
        .map(|_| {
            let mut process = support::ignored_test("sharing::ask_ten_times_two_at_once");
            process.env("DC_TEST_URL", &server.url).stdout(std::process::Stdio::piped()).spawn().expect("a process")
        })
        .collect();
    for process in processes {
        assert!(support::has_run(&process.wait_with_output().expect("an end")));
    }
    assert_eq!((server.seen().len(), server.active_max()), (30, 2));
}

fn ask_ten_times(politeness: Politeness, path: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let context = support::context(folder.path(), &[]);
    let options = RequestOptions { politeness, ..RequestOptions::default() };
    let request = Request::with(&context, options).expect("a session");
    let url = format!("{}{path}", std::env::var("DC_TEST_URL").expect("a server"));
    let answers = request.fetch_all(vec![url; 10], 10).expect("answers");
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

#[test]
#[ignore = "a process of another test"]
fn ask_ten_times_at_twenty_a_second() {
    ask_ten_times(Politeness { rate: Some(20.0), concurrency: None }, "/echo");
}

#[test]
#[ignore = "a process of another test"]
fn ask_ten_times_two_at_once() {
    ask_ten_times(Politeness { rate: None, concurrency: Some(2) }, "/slow/20");
}

/// A proxy that answers everything alike, and how often it was asked.
fn proxy(answer: &'static str) -> (String, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let count: Arc<Mutex<usize>> = Arc::default();
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut reader = BufReader::new(client.try_clone().expect("a stream"));
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).is_ok_and(|count| count > 0) {}
            *counted.lock().expect("a count") += 1;
            let _ = client
                .write_all(format!("HTTP/1.1 {answer}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").as_bytes());
        }
    });
    (address, count)
}

/// A project whose database is there, as one app of it sees it.
fn project() -> (tempfile::TempDir, Context) {
    share_hosts();
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("main.db").display());
    let context = support::context(folder.path(), &[("DC_DB_MAIN_URL", &url)]);
    Store::open(&context, Missing::Create).expect("a store").migrate().expect("tables");
    (folder, context)
}

fn request(context: &Context, proxies: &[&str], rest: Duration) -> Request {
    let proxies = proxies.iter().map(|url| Secret::new(*url)).collect();
    let proxying = Proxying { proxies, rest, ..Proxying::default() };
    let retries = Retries { pause: Duration::from_millis(5), ..Retries::default() };
    Request::with(context, RequestOptions { proxying, retries, ..RequestOptions::default() }).expect("a session")
}

#[test]
fn what_one_app_learns_of_a_proxy_another_one_knows() {
    let (_folder, context) = project();
    let (strict, asked_strict) = proxy("403 Forbidden");
    let (good, _) = proxy("200 OK");
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let closed = format!("http://{closed}");
    let get = |request: &Request, url: &str| request.get(url).send().expect("an answer").status();
    let first = request(&context, &[&strict, &closed, &good], Duration::ZERO);
    for _ in 0..3 {
        assert_eq!(get(&first, "http://data.example.test/"), 200);
    }
    assert_eq!(*asked_strict.lock().expect("a count"), 1);
    // a session that begins later asks neither the one that is banned nor the one that is closed
    let second = request(&context, &[&strict, &closed, &good], Duration::ZERO);
    for _ in 0..3 {
        let answer = second.get("http://data.example.test/").send().expect("an answer");
        assert_eq!((answer.status(), answer.attempts()), (200, 1));
    }
    assert_eq!(*asked_strict.lock().expect("a count"), 1);
    // the ban is that of one host
    let statuses: Vec<u16> = (0..2).map(|_| get(&second, "http://other.example.test/")).collect();
    assert_eq!((statuses, *asked_strict.lock().expect("a count")), (vec![200, 200], 2));
}

#[test]
fn a_proxy_rests_from_a_site_whichever_app_has_asked_it() {
    let (_folder, context) = project();
    let (one, _) = proxy("200 OK");
    let rest = Duration::from_millis(400);
    let requests = [request(&context, &[&one], rest), request(&context, &[&one], rest)];
    let began = Instant::now();
    for (app, host) in [(0, "a.example.co.uk"), (1, "b.example.co.uk"), (0, "a.example.co.uk")] {
        assert_eq!(requests[app].get(&format!("http://{host}/")).send().expect("an answer").status(), 200);
    }
    assert!(began.elapsed() >= 2 * rest, "{:?}", began.elapsed());
    let began = Instant::now();
    assert_eq!(requests[1].get("http://other.co.uk/").send().expect("an answer").status(), 200);
    assert!(began.elapsed() < rest, "{:?}", began.elapsed());
}
