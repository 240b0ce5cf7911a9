//! AntiCaptcha's client against a stand-in on loopback that answers as its documentation says.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::support::context;
use data_collector::captcha::{self, Challenge, ImageRules, Solver, Visitor, VisitorProxy, open_solver};
use data_collector::error::ErrorKind;
use data_collector::settings::Secret;
use serde_json::{Value, json};

const KEY: &str = "k3y0fTheAccount";

type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// Answers each request with the next of these.
fn service(answers: Vec<Value>) -> (Box<dyn Solver>, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let asked: Asked = Arc::default();
    let noted = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut answers = VecDeque::from(answers);
        for stream in listener.incoming().flatten() {
            while serve(&stream, &mut answers, &noted).is_some() {}
        }
    });
    let pairs =
        [("DC_CAPTCHA_KEY", KEY), ("DC_CAPTCHA_API", &url), ("DC_CAPTCHA_POLL", "20ms"), ("DC_CAPTCHA_TIMEOUT", "3s")];
    (open_solver(&context(&std::env::temp_dir(), &pairs)).expect("a solver"), asked)
}

fn serve(stream: &TcpStream, answers: &mut VecDeque<Value>, asked: &Asked) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut body: Value = serde_json::from_slice(&body).ok()?;
    assert_eq!(body["clientKey"], KEY);
    body.as_object_mut()?.remove("clientKey");
    asked.lock().ok()?.push((path, body));
    let answer = answers.pop_front().unwrap_or_else(|| json!({"errorId": 0, "status": "processing"})).to_string();
    let text = format!("HTTP/1.1 200 x\r\nContent-Length: {}\r\n\r\n{answer}", answer.len());
    { stream }.write_all(text.as_bytes()).ok()
}

fn task(id: u64) -> Value {
    json!({"errorId": 0, "taskId": id})
}

fn failed(code: &str) -> Value {
    json!({"errorId": 1, "errorCode": code, "errorDescription": "in words"})
}

fn ready(solution: Value) -> Value {
    json!({"errorId": 0, "status": "ready", "solution": solution, "cost": "0.000700"})
}

fn image() -> Challenge {
    let rules = ImageRules {
        is_case_sensitive: true,
        digits: Some(true),
        comment: Some("red".to_owned()),
        ..ImageRules::default()
    };
    Challenge::Image { bytes: vec![1, 2, 3], rules }
}

#[test]
fn every_kind_is_asked_for_and_its_cost_is_counted() {
    let processing = json!({"errorId": 0, "status": "processing"});
    let token = json!({"token": "t0k3n", "userAgent": "Browser/1"});
    let recaptcha = json!({"gRecaptchaResponse": "g0", "cookies": {"a": "1"}});
    let (solver, asked) = service(vec![
        task(1),
        processing,
        ready(json!({"text": "42"})),
        task(2),
        ready(recaptcha.clone()),
        task(3),
        ready(recaptcha),
        task(4),
        ready(token),
        json!({"errorId": 0, "balance": 12.5}),
        json!({"errorId": 0, "status": "success"}),
    ]);
    let before = captcha::report();
    let solved = solver.solve(&image()).expect("a text");
    assert_eq!((solved.text.as_str(), &solved.task, solved.cost), ("42", &json!(1), 0.0007));
    let (url, key) = ("https://h/p".to_owned(), "site".to_owned());
    let proxy = VisitorProxy {
        kind: "socks5".to_owned(),
        host: "192.0.2.1".to_owned(),
        port: 1080,
        login: Some(("me".to_owned(), Secret::new("pw"))),
    };
    let visitor = Visitor { proxy, user_agent: "Browser/1".to_owned(), cookies: None };
    let v2 = Challenge::RecaptchaV2 {
        url: url.clone(),
        key: key.clone(),
        is_invisible: true,
        is_enterprise: false,
        data_s: None,
        visitor: Some(visitor),
    };
    let answer = solver.solve(&v2).expect("a token");
    assert_eq!((answer.text.as_str(), answer.cookies.as_slice()), ("g0", &[("a".to_owned(), "1".to_owned())][..]));
    let v3 = Challenge::RecaptchaV3 {
        url: url.clone(),
        key: key.clone(),
        score_min: 0.7,
        action: Some("login".to_owned()),
        is_enterprise: false,
    };
    assert_eq!(solver.solve(&v3).expect("a token").text, "g0");
    let turnstile = Challenge::Turnstile { url, key, action: None, data: Some("d".to_owned()), visitor: None };
    assert_eq!(solver.solve(&turnstile).expect("a token").user_agent.as_deref(), Some("Browser/1"));
    assert_eq!(solver.balance().expect("a balance"), 12.5);
    solver.report_wrong(&solved).expect("reported");
    let after = captcha::report();
    assert!(after.solved - before.solved >= 4 && after.cost - before.cost >= 0.0027);

    let asked = asked.lock().expect("what was asked").clone();
    let tasks: Vec<&Value> =
        asked.iter().filter(|(path, _)| path == "/createTask").map(|(_, body)| &body["task"]).collect();
    assert_eq!(
        *tasks[0],
        json!({"type": "ImageToTextTask", "body": "AQID", "phrase": false, "case": true, "numeric": 1, "math": false, "minLength": 0, "maxLength": 0, "comment": "red"})
    );
    assert_eq!(
        *tasks[1],
        json!({"type": "RecaptchaV2Task", "websiteURL": "https://h/p", "websiteKey": "site", "isInvisible": true, "proxyType": "socks5", "proxyAddress": "192.0.2.1", "proxyPort": 1080, "proxyLogin": "me", "proxyPassword": "pw", "userAgent": "Browser/1"})
    );
    assert_eq!(
        *tasks[2],
        json!({"type": "RecaptchaV3TaskProxyless", "websiteURL": "https://h/p", "websiteKey": "site", "minScore": 0.7, "pageAction": "login", "isEnterprise": false})
    );
    assert_eq!(
        *tasks[3],
        json!({"type": "TurnstileTaskProxyless", "websiteURL": "https://h/p", "websiteKey": "site", "cData": "d"})
    );
    assert_eq!(asked.last().expect("one"), &("/reportIncorrectImageCaptcha".to_owned(), json!({"taskId": 1})));
}

#[test]
fn a_task_may_have_a_text_for_its_number() {
    let id = "61138bb6-19fb-11ec-a9c8-0242ac110006";
    let (solver, asked) = service(vec![json!({"errorId": 0, "taskId": id}), ready(json!({"text": "42"}))]);
    assert_eq!(solver.solve(&image()).expect("a text").task, json!(id));
    assert_eq!(asked.lock().expect("what was asked").last().expect("one").1, json!({"taskId": id}));
    let (solver, _) = service(vec![json!({"errorId": 0, "taskId": null})]);
    assert!(solver.solve(&image()).expect_err("no task").to_string().contains("names no task"));
}

#[test]
fn errors_are_temporary_or_final() {
    let solve = |answers: Vec<Value>| {
        let (solver, asked) = service(answers);
        let outcome = solver.solve(&image());
        let tasks = asked.lock().expect("what was asked").iter().filter(|(path, _)| path == "/createTask").count();
        (outcome, tasks)
    };
    let (outcome, tasks) = solve(vec![failed("ERROR_NO_SLOT_AVAILABLE"), task(1), ready(json!({"text": "x"}))]);
    assert_eq!((outcome.expect("solved").text.as_str(), tasks), ("x", 2));
    let (outcome, tasks) =
        solve(vec![task(1), failed("ERROR_CAPTCHA_UNSOLVABLE"), task(2), ready(json!({"text": "y"}))]);
    assert_eq!((outcome.expect("solved").text.as_str(), tasks), ("y", 2));
    let unsolvable = || [task(1), failed("ERROR_CAPTCHA_UNSOLVABLE")];
    let (outcome, tasks) = solve([unsolvable(), unsolvable(), unsolvable()].concat());
    let error = outcome.expect_err("nobody can");
    assert!(error.is_temporary() && tasks == 3, "{error} after {tasks}");
    for (code, kind) in [
        ("ERROR_KEY_DOES_NOT_EXIST", ErrorKind::Permission),
        ("ERROR_ZERO_BALANCE", ErrorKind::Refused),
        ("ERROR_RECAPTCHA_INVALID_SITEKEY", ErrorKind::Usage),
        ("ERROR_OF_THE_FUTURE", ErrorKind::Failed),
    ] {
        let (outcome, tasks) = solve(vec![failed(code)]);
        let error = outcome.expect_err(code);
        assert!(error.kind() == kind && !error.is_temporary() && tasks == 1, "{error}");
        assert!(error.to_string().contains(code) && !format!("{error:?}").contains(KEY), "{error:?}");
    }
    let (outcome, _) = solve(vec![task(1)]);
    let error = outcome.expect_err("never ready");
    assert_eq!((error.kind(), error.is_temporary()), (ErrorKind::Timeout, true));
}

#[test]
fn what_is_missing_in_the_settings_is_told() {
    let open = |pairs: &[(&str, &str)]| open_solver(&context(&std::env::temp_dir(), pairs)).err().expect("an error");
    assert!(open(&[]).hint_text().expect("a hint").contains("DC_CAPTCHA_KEY"));
    assert!(open(&[("DC_CAPTCHA_SOLVER", "magic")]).hint_text().expect("a hint").contains("anticaptcha"));
}
