//! The port of an instance, by the browser service of its host.

use std::io;
use std::time::Duration;

use tokio::net::UdpSocket;

/// The port of the service.
const PORT: u16 = 1434;
/// "Where is the instance of this name?"
const ASK: u8 = 4;
/// Bytes of an answer before its words.
const HEADER_BYTES: usize = 3;
/// How long one question waits, and how often it is put: datagrams get lost.
const WAIT: Duration = Duration::from_secs(1);
const QUESTIONS: u32 = 3;

/// The port of an instance of a host.
///
/// # Errors
/// What the network says, `TimedOut` where nobody answers, `NotFound` for an instance that is not there or takes no TCP.
pub(super) async fn port_of(host: &str, instance: &str) -> io::Result<u16> {
    let socket = UdpSocket::bind(if host.contains(':') { "[::]:0" } else { "0.0.0.0:0" }).await?;
    socket.connect((host, PORT)).await?;
    let question = [&[ASK], instance.as_bytes(), &[0]].concat();
    let mut answer = [0; 4096];
    for _ in 0..QUESTIONS {
        socket.send(&question).await?;
        if let Ok(count) = tokio::time::timeout(WAIT, socket.recv(&mut answer)).await {
            let words = String::from_utf8_lossy(answer.get(HEADER_BYTES..count?).unwrap_or_default()).into_owned();
            let missing =
                || io::Error::new(io::ErrorKind::NotFound, format!("no instance `{instance}` takes TCP there"));
            return read(&words).ok_or_else(missing);
        }
    }
    let what = format!("no browser service answers that knows the instance `{instance}`");
    Err(io::Error::new(io::ErrorKind::TimedOut, what))
}

/// The port out of `ServerName;H;InstanceName;I;..;tcp;1433;np;..`.
fn read(words: &str) -> Option<u16> {
    let mut words = words.split(';');
    words.find(|word| word.eq_ignore_ascii_case("tcp"))?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_stands_behind_its_protocol() {
        let words = "ServerName;H;InstanceName;SQLEXPRESS;IsClustered;No;Version;16.0.1000.6;tcp;50123;;";
        assert_eq!(read(words), Some(50_123));
        assert_eq!(read("ServerName;H;InstanceName;X;np;\\\\H\\pipe;;"), None);
        assert_eq!(read(""), None);
    }
}
