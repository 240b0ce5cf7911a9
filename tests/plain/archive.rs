//! Saved answers are the archive: every byte is the one that was sent, whatever it looks like, and no credential of the session
//! stands in any file. `DC_TEST_BODIES=10000 cargo test --test plain archive` takes a minute.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use crate::support;
use data_collector::hash::hash_bytes;
use data_collector::http::{Auth, Request, RequestOptions, Retries, SaveAnswers};
use data_collector::settings::Secret;

/// Bodies in a test that everybody runs.
const BODIES: usize = 400;
const TOKEN: &str = "tok3n-0f-the-s3ssion";
const PASSWORD: &str = "Pa55-in-the-f0rm";
const KEY: &str = "k3y-in-the-qu3ry";
const COOKIE: &str = "c00kie-0f-the-server";

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn word(&mut self) -> String {
        let letters: Vec<char> = "abcdefghijklmnopqrstuvwxyzčćžšđ0123456789-_".chars().collect();
        let length = self.below(14) + 1;
        (0..length).map(|_| letters[self.below(letters.len() as u64) as usize]).collect()
    }
}

/// A body of some kind: its `Content-Type`, and its bytes.
fn body(number: usize) -> (&'static str, Vec<u8>) {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (number as u64 + 1).wrapping_mul(0x2545_f491_4f6c_dd1d));
    let length = match dice.below(10) {
        0 => 0,
        1 => dice.below(200_000),
        _ => dice.below(3_000),
    } as usize;
    let bytes = |dice: &mut Dice| -> Vec<u8> { (0..length).map(|_| dice.next() as u8).collect() };
    let words = |dice: &mut Dice, between: &str| -> String { (0..length / 8).map(|_| dice.word() + between).collect() };
    match dice.below(8) {
        0 => ("application/octet-stream", bytes(&mut dice)),
        1 => ("text/html; charset=utf-8", format!("<p>{}</p>", words(&mut dice, "<b>x</b> ")).into_bytes()),
        // no charset, and no text at all
        2 => ("text/plain", bytes(&mut dice)),
        3 => ("text/csv; charset=windows-1250", words(&mut dice, ";\"a;b\"\r\n").into_bytes()),
        4 => {
            let fields = (0..length / 20).map(|_| {
                let (name, number) = (dice.word(), dice.next());
                format!("\"{name}\" : {number}{number}.10, \"{name}\":\t\"\\u010d\\/\"")
            });
            let fields: Vec<String> = fields.collect();
            ("application/json", format!("{{ {}\n}}", fields.join(" ,")).into_bytes())
        }
        // said to be JSON, and none
        5 => ("application/json", bytes(&mut dice)),
        6 => {
            ("text/xml", format!("<?xml version='1.0'?><r>{}</r>", words(&mut dice, "<i a='1'/>&amp;\n")).into_bytes())
        }
        _ => ("application/x-www-form-urlencoded", words(&mut dice, "=1&").into_bytes()),
    }
}

fn serve(client: TcpStream) {
    let mut reader = BufReader::new(client.try_clone().expect("a stream"));
    let mut client = client;
    loop {
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or_default() == 0 {
                return;
            }
            if let Some(told) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                length = told.trim().parse().expect("a length");
            }
            head.push_str(&line);
        }
        let mut sent = vec![0; length];
        std::io::Read::read_exact(&mut reader, &mut sent).expect("a body");
        let number = head.split(['/', '?']).nth(1).and_then(|text| text.parse().ok()).expect("a number");
        let (kind, body) = body(number);
        let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nSet-Cookie: session={COOKIE}; Path=/\r\n");
        let packed = (number % 3 == 0).then(|| {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packer.write_all(&body).and_then(|()| packer.finish()).expect("packed")
        });
        if packed.is_some() {
            answer.push_str("Content-Encoding: gzip\r\n");
        }
        let bytes = packed.unwrap_or(body);
        answer.push_str(&format!("Content-Length: {}\r\n\r\n", bytes.len()));
        if client.write_all(&[answer.as_bytes(), &bytes].concat()).is_err() {
            return;
        }
    }
}

#[test]
fn every_byte_of_saved_answers_is_the_one_that_was_sent_and_no_credential_is_there() {
    let count = std::env::var("DC_TEST_BODIES").ok().and_then(|text| text.parse().ok()).unwrap_or(BODIES);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            std::thread::spawn(move || serve(client));
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let context = support::context(folder.path(), &[]);
    let answers = folder.path().join("answers");
    let options = RequestOptions {
        auth: Some(Auth::Bearer(Secret::new(TOKEN))),
        save: Some(SaveAnswers::Folder(answers.clone())),
        retries: Retries::none(),
        ..RequestOptions::default()
    };
    let request = Arc::new(Request::with(&context, options).expect("a session"));
    let calls = (0..count).map(|number| {
        let url = format!("http://{address}/{number}?api_key={KEY}");
        match number % 2 {
            0 => request.get(&url),
            _ => request.post(&url).form([("user", "me"), ("password", PASSWORD)]),
        }
    });
    let mut got = 0;
    for (number, answer) in request.fetch_calls(calls, 8).expect("answers") {
        assert_eq!(answer.expect("an answer").bytes(), body(number).1, "{number}");
        got += 1;
    }
    assert_eq!(got, count);

    let mut saved: HashMap<usize, String> = HashMap::new();
    let files = walk(&answers);
    for path in files.iter().filter(|path| path.to_string_lossy().ends_with(".meta.json")) {
        let meta: serde_json::Value = serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON");
        let url = url::Url::parse(meta["url"].as_str().expect("a URL")).expect("a URL");
        let number = url.path()[1..].parse().expect("a number");
        let bytes = std::fs::read(path.with_file_name(meta["body"].as_str().expect("a name"))).expect("a body");
        saved.insert(number, hash_bytes(&bytes).to_string());
    }
    assert_eq!(saved.len(), count);
    for (number, hash) in &saved {
        assert_eq!(*hash, hash_bytes(&body(*number).1).to_string(), "{number}: {}", body(*number).0);
    }
    for path in files {
        let bytes = std::fs::read(&path).expect("a file");
        for secret in [TOKEN, PASSWORD, KEY, COOKIE] {
            assert!(memchr::memmem::find(&bytes, secret.as_bytes()).is_none(), "{secret} in {}", path.display());
        }
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
