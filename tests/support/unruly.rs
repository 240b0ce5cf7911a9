//! A server on loopback that answers as no server should: slow, cut, of the wrong length, badly chunked, in circles.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What was asked.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// With its query.
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// The server; it ends with the process.
pub(crate) struct Unruly {
    pub(crate) url: String,
    pub(crate) address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    seen: Mutex<Vec<Seen>>,
    counts: Mutex<HashMap<String, usize>>,
    active: AtomicUsize,
    active_max: AtomicUsize,
}

/// The file that is served in parts: 300,000 bytes.
pub(crate) fn file() -> Vec<u8> {
    (0..300_000_u32).map(|place| (place * 31 % 251) as u8).collect()
}

impl Unruly {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let state = Arc::new(State::default());
        std::thread::spawn({
            let state = Arc::clone(&state);
            move || {
                for stream in listener.incoming().flatten() {
                    let state = Arc::clone(&state);
                    std::thread::spawn(move || {
                        let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
                        while serve(&stream, &mut reader, &state).is_some() {}
                    });
                }
            }
        });
        Self { url: format!("http://{address}"), address, state }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().expect("the requests").clone()
    }

    /// How often a path was asked for.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.seen().iter().filter(|seen| seen.path.split('?').next() == Some(path)).count()
    }

    /// The most requests that were under way at once.
    pub(crate) fn active_max(&self) -> usize {
        self.state.active_max.load(Ordering::SeqCst)
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
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
    Some(Seen { method, path, headers, body })
}

fn serve(mut stream: &TcpStream, reader: &mut BufReader<TcpStream>, state: &State) -> Option<()> {
    let seen = read(reader)?;
    let active = state.active.fetch_add(1, Ordering::SeqCst) + 1;
    state.active_max.fetch_max(active, Ordering::SeqCst);
    state.seen.lock().expect("the requests").push(seen.clone());
    let path = seen.path.split('?').next().unwrap_or_default().to_owned();
    let query = seen.path.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default();
    let count = {
        let mut counts = state.counts.lock().expect("the counts");
        let count = counts.entry(path.clone()).or_default();
        *count += 1;
        *count
    };
    let answer = answer(&seen, &path, &query, count);
    // a client that has the answer may ask again before we know that it has
    state.active.fetch_sub(1, Ordering::SeqCst);
    answer.and_then(|(bytes, goes_on)| {
        stream.write_all(&bytes).ok()?;
        if !goes_on {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        goes_on.then_some(())
    })
}

fn plain(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status} x\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn packed(encoding: &str, body: &[u8]) -> Vec<u8> {
    plain(200, &format!("Content-Type: text/plain\r\nContent-Encoding: {encoding}\r\n"), body)
}

/// What is answered, and whether the connection goes on; `None` when it ends without a word.
fn answer(seen: &Seen, path: &str, query: &str, count: usize) -> Option<(Vec<u8>, bool)> {
    let number = |text: &str| text.parse::<u64>().unwrap_or_default();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    Some(match parts.as_slice() {
        ["echo"] => {
            let value = serde_json::json!({
                "method": seen.method, "path": seen.path, "headers": seen.headers,
                "body": String::from_utf8_lossy(&seen.body),
            });
            (plain(200, "Content-Type: application/json\r\n", value.to_string().as_bytes()), true)
        }
        ["slow", ms] => {
            std::thread::sleep(Duration::from_millis(number(ms)));
            (plain(200, "", b"late"), true)
        }
        ["status", status] => (plain(number(status) as u16, "", b"{\"token\":\"s3cr3t-token\",\"why\":\"no\"}"), true),
        // fails so many times first
        ["flaky", times, status] => {
            let is_bad = count as u64 <= number(times);
            (plain(if is_bad { number(status) as u16 } else { 200 }, "", b"there"), true)
        }
        ["busy", seconds] => {
            let after = format!("Retry-After: {seconds}\r\n");
            if count == 1 { (plain(429, &after, b""), true) } else { (plain(200, "", b"there"), true) }
        }
        ["cut", times] if count as u64 <= number(times) => {
            (b"HTTP/1.1 200 x\r\nContent-Length: 100\r\n\r\nhalf of it".to_vec(), false)
        }
        ["gone", times] if count as u64 <= number(times) => return None,
        ["cut" | "gone", _] => (plain(200, "", b"whole"), true),
        ["longer"] => (b"HTTP/1.1 200 x\r\nContent-Length: 4\r\n\r\nfourHTTP/1.1 200 x\r\n".to_vec(), false),
        ["chunks"] => {
            (b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n3\r\nsix\r\n0\r\n\r\n".to_vec(), true)
        }
        ["badchunks"] => {
            (b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nnonsense\r\n0\r\n\r\n".to_vec(), false)
        }
        ["cutchunks"] => (b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n40\r\nnot that much".to_vec(), false),
        ["nonsense"] => (b"\x00\x01\x02 this is no HTTP at all\r\n\r\n".to_vec(), false),
        ["endless"] => {
            let line = format!("X-Long: {}\r\n", "x".repeat(8_000));
            (format!("HTTP/1.1 200 x\r\n{}\r\n", line.repeat(200)).into_bytes(), false)
        }
        ["loop"] => (plain(302, "Location: /loop\r\n", b""), true),
        ["to"] => {
            let to: String = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "url")?.1.into();
            let status = if query.contains("status=307") { 307 } else { 302 };
            (plain(status, &format!("Location: {to}\r\n"), b"moved"), true)
        }
        ["cookies"] => {
            let headers = "Set-Cookie: session=abcdef123; Path=/; HttpOnly\r\n\
                Set-Cookie: lasting=yes; Max-Age=3600\r\n\
                Set-Cookie: deep=1; Path=/deep\r\n\
                Set-Cookie: secure=1; Secure; Path=/\r\n\
                Set-Cookie: foreign=1; Domain=example.com\r\n\
                Set-Cookie: old=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT\r\n\
                Set-Cookie: broken\r\n\
                Set-Cookie: =\r\n";
            (plain(200, headers, b"set"), true)
        }
        ["gzip"] => {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packer.write_all("packed: čćž".as_bytes()).ok()?;
            (packed("gzip", &packer.finish().ok()?), true)
        }
        ["deflate"] => {
            let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
            packer.write_all(b"packed").ok()?;
            (packed("deflate", &packer.finish().ok()?), true)
        }
        // `packed` as one piece that is not compressed
        ["br"] => (packed("br", b"\x8b\x02\x80packed\x03"), true),
        ["badgzip"] => (packed("gzip", b"this is no gzip"), true),
        ["bomb"] => {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            (0..256).try_for_each(|_| packer.write_all(&[0; 1 << 20])).ok()?;
            (packed("gzip", &packer.finish().ok()?), true)
        }
        ["latin"] => (plain(200, "Content-Type: text/html; charset=windows-1250\r\n", b"\x8eupanija"), true),
        // breaks off every time, and goes on where it is asked to
        ["file", every] => {
            let file = file();
            let start = seen
                .headers
                .get("range")
                .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
            let is_same = seen.headers.get("if-range").is_none_or(|tag| tag == "\"v1\"");
            let every = number(every) as usize;
            match start.filter(|_| is_same) {
                Some(start) => {
                    let head = format!(
                        "HTTP/1.1 206 x\r\nETag: \"v1\"\r\nContent-Range: bytes {start}-{}/{}\r\nContent-Length: {}\r\n\r\n",
                        file.len() - 1,
                        file.len(),
                        file.len() - start
                    );
                    let end = file.len().min(start + every);
                    ([head.as_bytes(), &file[start..end]].concat(), end == file.len())
                }
                None => {
                    let head = format!("HTTP/1.1 200 x\r\nETag: \"v1\"\r\nContent-Length: {}\r\n\r\n", file.len());
                    ([head.as_bytes(), &file[..every.min(file.len())]].concat(), every >= file.len())
                }
            }
        }
        // an ETag that changes each time, and the file breaks off once
        ["changing"] => {
            let file = file();
            let head = format!("HTTP/1.1 200 x\r\nETag: \"v{count}\"\r\nContent-Length: {}\r\n\r\n", file.len());
            let end = if count == 1 { 1_000 } else { file.len() };
            ([head.as_bytes(), &file[..end]].concat(), count > 1)
        }
        ["login"] => (
            plain(
                200,
                "Content-Type: application/json\r\n",
                b"{\"access_token\":\"t0k3n-of-the-server\",\"rows\":[1,2]}",
            ),
            true,
        ),
        _ => (plain(404, "", b""), true),
    })
}
