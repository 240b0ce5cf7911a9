//! The door of a run that is played back: programs that know of no cassette are led here by `http_proxy`, refused, and counted.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::{OrFail, Result};

/// Variables by which programs find a proxy.
const LEADING: [&str; 6] = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
/// Variables that lead past it.
const SPARING: [&str; 2] = ["no_proxy", "NO_PROXY"];
/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest request line.
const LINE_BYTES_MAX: u64 = 8 * 1024;
/// So many places are told.
const PLACES_MAX: usize = 5;

/// What was refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusals {
    /// How many requests.
    pub count: i64,
    /// The first servers that they were for.
    pub places: Vec<String>,
}

/// A proxy that refuses everything. It is closed when this is dropped.
#[derive(Debug)]
pub struct Door {
    port: u16,
    seen: Arc<Mutex<Refusals>>,
    is_closed: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Door {
    /// Opens it on a free port of this machine alone.
    ///
    /// # Errors
    /// When the system has neither a port nor a thread.
    pub fn open() -> Result<Self> {
        let failed = || "open a port for requests that go past the cassette".to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).or_fail(failed)?;
        let port = listener.local_addr().or_fail(failed)?.port();
        let (seen, is_closed) = (Arc::<Mutex<Refusals>>::default(), Arc::<AtomicBool>::default());
        let (taken, closed) = (Arc::clone(&seen), Arc::clone(&is_closed));
        let work = move || {
            for client in listener.incoming().flatten() {
                if closed.load(Ordering::Relaxed) {
                    return;
                }
                refuse(client, &taken);
            }
        };
        let thread = std::thread::Builder::new().name("door".to_owned()).spawn(work).or_fail(failed)?;
        Ok(Self { port, seen, is_closed, thread: Some(thread) })
    }

    /// What leads programs here.
    pub fn environment(&self) -> Vec<(String, OsString)> {
        let url = format!("http://127.0.0.1:{}", self.port);
        let leading = LEADING.iter().map(|name| ((*name).to_owned(), OsString::from(&url)));
        leading.chain(SPARING.iter().map(|name| ((*name).to_owned(), OsString::new()))).collect()
    }

    /// What was refused so far.
    pub fn refused(&self) -> Refusals {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.is_closed.store(true, Ordering::Relaxed);
        // it waits for a client
        let woken = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

/// Reads what a client wants, and says no.
fn refuse(mut client: TcpStream, seen: &Mutex<Refusals>) {
    let _ = client.set_read_timeout(Some(PATIENCE));
    let _ = client.set_write_timeout(Some(PATIENCE));
    let mut line = String::new();
    let Ok(_) = BufReader::new(Read::by_ref(&mut client).take(LINE_BYTES_MAX)).read_line(&mut line) else { return };
    let mut words = line.split_whitespace();
    let (Some(_), Some(target)) = (words.next(), words.next()) else { return };
    let place = target.split_once("://").map_or(target, |(_, rest)| rest).split(['/', '?']).next().unwrap_or_default();
    // a login is nobody's business
    let place = place.rsplit('@').next().unwrap_or_default().to_owned();
    let mut told = seen.lock().unwrap_or_else(PoisonError::into_inner);
    told.count += 1;
    if told.places.len() < PLACES_MAX && !told.places.contains(&place) {
        told.places.push(place);
    }
    drop(told);
    let words = "this run is played back, and nothing goes over the network\n";
    let head = format!("HTTP/1.1 504 Played back\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", words.len());
    let _ = client.write_all((head + words).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_refused_and_counted() {
        let door = Door::open().expect("a door");
        for (request, place) in [
            ("CONNECT example.com:443 HTTP/1.1\r\n\r\n", "example.com:443"),
            ("GET http://me:pw@other.test/a?b=c HTTP/1.1\r\n\r\n", "other.test"),
        ] {
            let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, door.port)).expect("a door");
            client.write_all(request.as_bytes()).expect("it reads");
            let mut answer = String::new();
            client.read_to_string(&mut answer).expect("an answer");
            assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
            assert_eq!(door.refused().places.last().map(String::as_str), Some(place));
        }
        assert_eq!(door.refused().count, 2);
    }
}
