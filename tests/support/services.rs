//! Stand-ins on loopback for the services that take messages: they note what they are sent, and answer as their
//! documentation says.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A request, and what was answered.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) at: Instant,
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) raw: String,
    pub(crate) body: Value,
    pub(crate) status: u16,
}

/// The stand-ins; they end with the process.
pub(crate) struct Services {
    pub(crate) url: String,
    pub(crate) port: u16,
    state: Arc<State>,
}

struct State {
    posts: Mutex<Vec<Post>>,
    is_away: AtomicBool,
    /// The least time between two messages of Telegram.
    every: Duration,
    taken: Mutex<Option<Instant>>,
}

impl Services {
    pub(crate) fn start(every: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(State {
            posts: Mutex::default(),
            is_away: AtomicBool::new(false),
            every,
            taken: Mutex::default(),
        });
        std::thread::spawn({
            let state = Arc::clone(&state);
            move || {
                for stream in listener.incoming().flatten() {
                    let state = Arc::clone(&state);
                    std::thread::spawn(move || while serve(&stream, &state).is_some() {});
                }
            }
        });
        Self { url: format!("http://127.0.0.1:{port}"), port, state }
    }

    /// Telegram is away, the others are not.
    pub(crate) fn set_away(&self, is_away: bool) {
        self.state.is_away.store(is_away, Ordering::SeqCst);
    }

    pub(crate) fn posts(&self) -> Vec<Post> {
        self.state.posts.lock().expect("the posts").clone()
    }

    /// What was taken at a path.
    pub(crate) fn taken(&self, path: &str) -> Vec<Post> {
        self.posts().into_iter().filter(|post| post.path.contains(path) && post.status < 300).collect()
    }
}

fn serve(stream: &TcpStream, state: &State) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = HashMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let raw = String::from_utf8_lossy(&body).into_owned();
    let body: Value = serde_json::from_str(&raw).unwrap_or_default();
    let at = Instant::now();
    let (status, answer) = answer(&path, &headers, &body, state, at);
    state.posts.lock().ok()?.push(Post { at, path, headers, raw, body, status });
    let answer = answer.to_string();
    let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\n\r\n", answer.len());
    { stream }.write_all(format!("{head}{answer}").as_bytes()).ok()
}

fn answer(path: &str, headers: &HashMap<String, String>, body: &Value, state: &State, at: Instant) -> (u16, Value) {
    if state.is_away.load(Ordering::SeqCst) && path.starts_with("/bot") {
        return (503, json!({"ok": false, "description": "away"}));
    }
    if path.starts_with("/bot") {
        if path != "/bot7:AAtelegram-t0ken/sendMessage" {
            return (401, json!({"ok": false, "error_code": 401, "description": "Unauthorized"}));
        }
        let mut taken = state.taken.lock().expect("the time");
        if taken.is_some_and(|taken| at - taken < state.every) {
            let after = json!({"retry_after": 1});
            return (
                429,
                json!({"ok": false, "error_code": 429, "description": "Too Many Requests", "parameters": after}),
            );
        }
        let text = |description: &str| json!({"ok": false, "error_code": 400, "description": description});
        match body["chat_id"].as_str().unwrap_or_default() {
            "-200" => {
                let mut moved = text("Bad Request: group chat was upgraded to a supergroup chat");
                moved["parameters"] = json!({"migrate_to_chat_id": -100_200});
                return (400, moved);
            }
            "-300" if body["message_thread_id"] == 3 => return (400, text("Bad Request: TOPIC_CLOSED")),
            "-400" => return (400, text("Bad Request: not enough rights to send text messages to the chat")),
            "403" => {
                return (
                    403,
                    json!({"ok": false, "error_code": 403, "description": "Forbidden: bot was blocked by the user"}),
                );
            }
            _ => {}
        }
        *taken = Some(at);
        return (200, json!({"ok": true, "result": {"message_id": 1, "text": body["text"]}}));
    }
    match path.split('?').next().unwrap_or_default() {
        "/api/chat.postMessage" if headers.get("authorization").is_some_and(|it| it == "Bearer xoxb-slack-t0ken") => {
            (200, json!({"ok": body["channel"] == "#ops", "error": "channel_not_found"}))
        }
        "/api/chat.postMessage" => (200, json!({"ok": false, "error": "invalid_auth"})),
        "/refuses" => (400, json!({"message": "invalid"})),
        "/forbidden" => (403, json!({"message": "no"})),
        "/discord/slow" => {
            (429, json!({"message": "You are being rate limited.", "retry_after": 0.3, "global": false}))
        }
        _ => (200, json!({})),
    }
}
