//! A stand-in for Splunk's HTTP Event Collector on loopback: it answers as its documentation says, faults included.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// What is wrong with one request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// An answer with this status and the collector's own code.
    Answer(u16, i64),
    /// An answer with `Retry-After: 0`.
    Busy,
    /// The connection ends in the middle of the body.
    CutBody,
    /// The events are taken, and the connection ends before the answer.
    CutAnswer,
    /// The answer takes so long.
    Slow(Duration),
    /// The answer is no JSON.
    Garbage,
    /// A proxy answers 200 with a page of its own, and the collector sees nothing.
    Page,
    /// The events are taken, and there is no word of an acknowledgement.
    NoAcknowledgement,
    /// The batch is never acknowledged, and never indexed.
    NeverAcknowledged,
}

/// The collector; it ends with the process.
pub(crate) struct Collector {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    acknowledges: bool,
    faults: VecDeque<Fault>,
    indexed: Vec<Value>,
    /// Batches that wait for a question, and how often they were asked for; `None` for one that is lost.
    pending: HashMap<u64, (u32, Option<Vec<Value>>)>,
    next_acknowledgement: u64,
    wrong: Vec<String>,
    /// The events of all requests that were read, taken or not.
    sent: Vec<Value>,
    /// How many batches were acknowledged.
    acknowledged: u64,
}

impl Collector {
    pub(crate) fn start(acknowledges: bool, faults: impl IntoIterator<Item = Fault>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = State { acknowledges, faults: faults.into_iter().collect(), ..State::default() };
        let state = Arc::new(Mutex::new(state));
        std::thread::spawn({
            let state = Arc::clone(&state);
            move || {
                for stream in listener.incoming().flatten() {
                    let state = Arc::clone(&state);
                    std::thread::spawn(move || while serve(&stream, &state).is_some() {});
                }
            }
        });
        Self { url, state }
    }

    /// The events that are indexed, as they came.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.state.lock().expect("the state").indexed.clone()
    }

    /// The events that were sent, again and again where they were.
    pub(crate) fn sent(&self) -> Vec<Value> {
        self.state.lock().expect("the state").sent.clone()
    }

    /// How many batches were acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.state.lock().expect("the state").acknowledged
    }

    pub(crate) fn count(&self) -> u64 {
        self.state.lock().expect("the state").indexed.len() as u64
    }

    /// What no client should send.
    pub(crate) fn wrong(&self) -> Vec<String> {
        self.state.lock().expect("the state").wrong.clone()
    }

    pub(crate) fn faults_left(&self) -> usize {
        self.state.lock().expect("the state").faults.len()
    }
}

/// Serves one request; `None` when the connection is over.
fn serve(stream: &TcpStream, state: &Mutex<State>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (path, headers) = head(&mut reader)?;
    let is_event = path.starts_with("/services/collector/event");
    let fault = if is_event { state.lock().ok()?.faults.pop_front() } else { None };
    let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    if matches!(fault, Some(Fault::CutBody)) {
        let mut part = vec![0; length / 2];
        reader.read_exact(&mut part).ok()?;
        return None;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip") {
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(body.as_slice()).read_to_end(&mut unpacked).expect("gzip");
        body = unpacked;
    }
    let (status, answer) =
        if is_event { events(state, &headers, &body, fault)? } else { acknowledgements(state, &path, &body)? };
    if matches!(fault, Some(Fault::CutAnswer)) {
        return None;
    }
    let more = if matches!(fault, Some(Fault::Busy)) { "Retry-After: 0\r\n" } else { "" };
    let answer = if matches!(fault, Some(Fault::Garbage | Fault::Page)) {
        "<html>busy</html>".to_owned()
    } else {
        answer.to_string()
    };
    let text = format!("HTTP/1.1 {status} x\r\n{more}Content-Length: {}\r\n\r\n{answer}", answer.len());
    { stream }.write_all(text.as_bytes()).ok()
}

fn head(reader: &mut impl BufRead) -> Option<(String, HashMap<String, String>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = HashMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { return Some((path, headers)) };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
}

fn events(
    state: &Mutex<State>,
    headers: &HashMap<String, String>,
    body: &[u8],
    fault: Option<Fault>,
) -> Option<(u16, Value)> {
    let mut state = state.lock().ok()?;
    let batch: Vec<Value> =
        serde_json::Deserializer::from_slice(body).into_iter().collect::<Result<_, _>>().expect("events");
    state.sent.extend(batch.iter().cloned());
    match fault {
        Some(Fault::Answer(status, code)) => return Some((status, json!({"text": "no", "code": code}))),
        Some(Fault::Busy) => return Some((429, json!({"text": "Server is busy", "code": 9}))),
        Some(Fault::Garbage) => return Some((503, Value::Null)),
        Some(Fault::Page) => return Some((200, Value::Null)),
        Some(Fault::Slow(time)) => std::thread::sleep(time),
        _ => {}
    }
    if headers.get("authorization").map(String::as_str) != Some("Splunk t0ken-of-the-test") {
        return Some((403, json!({"text": "Invalid token", "code": 4})));
    }
    if !headers.contains_key("x-splunk-request-channel") {
        state.wrong.push("a request without a channel".to_owned());
    }
    if let Some(place) = batch.iter().position(|event| event["event"]["message"] == "poison") {
        return Some((400, json!({"text": "Invalid data format", "code": 6, "invalid-event-number": place})));
    }
    if !state.acknowledges || matches!(fault, Some(Fault::NoAcknowledgement)) {
        state.indexed.extend(batch);
        return Some((200, json!({"text": "Success", "code": 0})));
    }
    let id = state.next_acknowledgement;
    state.next_acknowledgement += 1;
    let is_lost = matches!(fault, Some(Fault::NeverAcknowledged | Fault::CutAnswer));
    state.pending.insert(id, (0, (!is_lost).then_some(batch)));
    Some((200, json!({"text": "Success", "code": 0, "ackId": id})))
}

/// The first question about a batch is answered with false.
fn acknowledgements(state: &Mutex<State>, path: &str, body: &[u8]) -> Option<(u16, Value)> {
    let mut state = state.lock().ok()?;
    if !path.contains("channel=") {
        return Some((400, json!({"text": "Data channel is missing", "code": 10})));
    }
    if !state.acknowledges {
        return Some((400, json!({"text": "ACK is disabled", "code": 14})));
    }
    let asked: Value = serde_json::from_slice(body).expect("a question");
    let mut answers = serde_json::Map::new();
    for id in asked["acks"].as_array()?.iter().filter_map(Value::as_u64) {
        let mut is_stored = false;
        if let Some((asked, batch)) = state.pending.get_mut(&id) {
            *asked += 1;
            let stored = if *asked > 1 { batch.take() } else { None };
            is_stored = stored.is_some();
            state.indexed.extend(stored.into_iter().flatten());
        }
        state.acknowledged += u64::from(is_stored);
        answers.insert(id.to_string(), is_stored.into());
    }
    Some((200, json!({ "acks": answers })))
}
