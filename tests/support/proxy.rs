//! A connection to a server that can be cut: what is under way ends, and nothing new gets through until it is mended. Or it
//! falls silent: connections stay open and nothing comes through them any more, as behind a firewall that drops packets. Or
//! it is cut between a commit and the answer to it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// A port that leads to another one; it ends with the process.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    is_cut: Arc<AtomicBool>,
    is_silent: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<Way>>>,
    losing: Losing,
    heard: Heard,
}

/// What the server was told, once somebody wants to know.
type Heard = Arc<Mutex<Option<String>>>;

/// The statement behind which the answer to the next commit is lost, once.
type Losing = Arc<Mutex<Option<&'static str>>>;

/// One direction of a connection.
struct Way {
    from: TcpStream,
    is_silent: Arc<AtomicBool>,
}

/// What a client says, and what the server is not to answer.
struct Request {
    is_deaf: Arc<AtomicBool>,
    losing: Losing,
    heard: Heard,
}

impl Proxy {
    pub(crate) fn to(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (is_cut, is_silent, losing) = (Arc::default(), Arc::default(), Losing::default());
        let heard = Heard::default();
        let (open, lose, hear) = (Arc::default(), Arc::clone(&losing), Arc::clone(&heard));
        let made = Self { port, is_cut, is_silent, open, losing: lose, heard: hear };
        let (cut, silent, open) = (Arc::clone(&made.is_cut), Arc::clone(&made.is_silent), Arc::clone(&made.open));
        let target = target.to_owned();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Some(server) = TcpStream::connect(&target).ok().filter(|_| !cut.load(Ordering::Relaxed)) else {
                    let _ = client.shutdown(Shutdown::Both);
                    continue;
                };
                let answers = Arc::new(AtomicBool::new(silent.load(Ordering::Relaxed)));
                let requests = Arc::new(AtomicBool::new(silent.load(Ordering::Relaxed)));
                let request =
                    Request { is_deaf: Arc::clone(&answers), losing: Arc::clone(&losing), heard: Arc::clone(&heard) };
                for (from, to, is_silent, request) in
                    [(&client, &server, requests, Some(request)), (&server, &client, answers, None)]
                {
                    let (from, to) = (from.try_clone().expect("a stream"), to.try_clone().expect("a stream"));
                    let way = Way { from: from.try_clone().expect("a stream"), is_silent: Arc::clone(&is_silent) };
                    open.lock().expect("the streams").push(way);
                    std::thread::spawn(move || pass(from, to, &is_silent, request.as_ref()));
                }
            }
        });
        made
    }

    pub(crate) fn cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
        for way in self.open.lock().expect("the streams").drain(..) {
            let _ = way.from.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn mend(&self) {
        self.is_cut.store(false, Ordering::Relaxed);
    }

    /// The server hears the next commit behind such a statement, and nobody hears its answer: the connection is cut.
    pub(crate) fn lose_answer_behind(&self, statement: &'static str) {
        *self.losing.lock().expect("the statement") = Some(statement);
    }

    /// Whether that has happened.
    pub(crate) fn has_lost(&self) -> bool {
        self.losing.lock().expect("the statement").is_none()
    }

    /// What the server is told while this goes on.
    pub(crate) fn hear(&self, what: impl FnOnce()) -> String {
        *self.heard.lock().expect("what was heard") = Some(String::new());
        what();
        self.heard.lock().expect("what was heard").take().unwrap_or_default()
    }

    /// From now on no byte comes through, on old connections for ever.
    pub(crate) fn fall_silent(&self) {
        self.is_silent.store(true, Ordering::Relaxed);
        let open = self.open.lock().expect("the streams");
        open.iter().for_each(|way| way.is_silent.store(true, Ordering::Relaxed));
    }

    /// New connections get through again.
    pub(crate) fn speak(&self) {
        self.is_silent.store(false, Ordering::Relaxed);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, is_silent: &AtomicBool, request: Option<&Request>) {
    let mut buffer = vec![0; 64 * 1024];
    let mut is_behind = false;
    while let Ok(count) = from.read(&mut buffer) {
        if is_silent.load(Ordering::Relaxed) && count > 0 {
            continue;
        }
        if let Some(Request { is_deaf, losing, heard }) = request {
            let mut losing = losing.lock().expect("the statement");
            let said = String::from_utf8_lossy(&buffer[..count]);
            if let Some(heard) = heard.lock().expect("what was heard").as_mut() {
                heard.push_str(&said);
            }
            is_behind |= losing.is_some_and(|statement| said.contains(statement));
            if is_behind && losing.is_some() && said.contains("COMMIT") {
                is_deaf.store(true, Ordering::Relaxed);
                let _ = to.write_all(&buffer[..count]);
                // the server has heard it before it hears of the end
                std::thread::sleep(std::time::Duration::from_millis(300));
                *losing = None;
                break;
            }
        }
        if count == 0 || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
