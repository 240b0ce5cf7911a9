//! A connection to a server that can be cut: what is under way ends, and nothing new gets through until it is mended. Or it
//! falls silent: connections stay open and nothing comes through them any more, as behind a firewall that drops packets.

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
}

/// One direction of a connection.
struct Way {
    from: TcpStream,
    is_silent: Arc<AtomicBool>,
}

impl Proxy {
    pub(crate) fn to(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let made = Self { port, is_cut: Arc::default(), is_silent: Arc::default(), open: Arc::default() };
        let (cut, silent, open) = (Arc::clone(&made.is_cut), Arc::clone(&made.is_silent), Arc::clone(&made.open));
        let target = target.to_owned();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Some(server) = TcpStream::connect(&target).ok().filter(|_| !cut.load(Ordering::Relaxed)) else {
                    let _ = client.shutdown(Shutdown::Both);
                    continue;
                };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().expect("a stream"), to.try_clone().expect("a stream"));
                    let is_silent = Arc::new(AtomicBool::new(silent.load(Ordering::Relaxed)));
                    let way = Way { from: from.try_clone().expect("a stream"), is_silent: Arc::clone(&is_silent) };
                    open.lock().expect("the streams").push(way);
                    std::thread::spawn(move || pass(from, to, &is_silent));
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

fn pass(mut from: TcpStream, mut to: TcpStream, is_silent: &AtomicBool) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count) = from.read(&mut buffer) {
        if is_silent.load(Ordering::Relaxed) && count > 0 {
            continue;
        }
        if count == 0 || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
