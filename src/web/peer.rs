//! Whose process is at the other end of a connection of this machine. Without a token the dashboard belongs to the user
//! who runs it; others of the same machine are told how to come in.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

/// The ends of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    /// The client's.
    pub(super) client: SocketAddr,
    /// Ours.
    pub(super) server: SocketAddr,
}

/// The most bytes of the kernel's list that are read.
const LIST_BYTES_MAX: usize = 64 << 20;

impl Peer {
    /// Whether the client is a process of our own user, or of root, on this machine; `None` where nobody can tell.
    pub(super) fn is_own_user(&self) -> Option<bool> {
        if !self.client.ip().to_canonical().is_loopback() {
            return Some(false);
        }
        let list = match self.client {
            SocketAddr::V4(_) => "/proc/net/tcp",
            SocketAddr::V6(_) => "/proc/net/tcp6",
        };
        let text = std::fs::read(list).ok().filter(|text| text.len() <= LIST_BYTES_MAX)?;
        let uid = uid(&String::from_utf8_lossy(&text), self)?;
        Some(uid == 0 || uid == nix::unistd::geteuid().as_raw())
    }
}

/// The user of the connection whose own end is the client's, in the kernel's list.
fn uid(list: &str, peer: &Peer) -> Option<u32> {
    let (client, server) = (written(peer.client), written(peer.server));
    let line = list.lines().skip(1).find(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        fields.next() == Some(&client) && fields.next() == Some(&server)
    })?;
    line.split_ascii_whitespace().nth(7)?.parse().ok()
}

/// An address as the kernel writes it: words of four bytes in the machine's order.
fn written(address: SocketAddr) -> String {
    let mut text = String::with_capacity(37);
    let mut words = |bytes: &[u8]| {
        for word in bytes.chunks_exact(4) {
            let word = u32::from_ne_bytes([word[0], word[1], word[2], word[3]]);
            // writing to a text cannot fail
            let _ = write!(text, "{word:08X}");
        }
    };
    match address.ip() {
        IpAddr::V4(ip) => words(&ip.octets()),
        IpAddr::V6(ip) => words(&ip.octets()),
    }
    let _ = write!(text, ":{:04X}", address.port());
    text
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn our_own_process_is_found() {
        for place in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(place) else { continue };
            let server = listener.local_addr().expect("an address");
            let client = TcpStream::connect(server).expect("a connection");
            let peer = Peer { client: client.local_addr().expect("an address"), server };
            assert_eq!(peer.is_own_user(), Some(true), "{place}");
        }
    }

    #[test]
    fn a_stranger_is_found_by_both_ends() {
        let list = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:23E3 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     7        0 1 1\n   \
            1: 0100007F:9C40 0100007F:23E3 01 00000000:00000000 00:00000000 00000000  1001        0 2 1\n";
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let peer = |client, server| Peer { client: at(client), server: at(server) };
        if cfg!(target_endian = "little") {
            assert_eq!(uid(list, &peer(0x9c40, 0x23e3)), Some(1001));
            assert_eq!(uid(list, &peer(0x9c41, 0x23e3)), None);
        }
    }
}
