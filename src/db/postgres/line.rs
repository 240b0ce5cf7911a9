//! The task that carries the messages of a connection, on a small runtime of its own. It says goodbye to the server when the
//! connection ends: otherwise the server logs that it lost a client.

use std::ops::Deref;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::error::{OrFail, Result};

/// How long the goodbye may take: it is not worth waiting for.
const GOODBYE: Duration = Duration::from_millis(200);

/// The runtime of one connection, and the task on it that carries the messages. What uses the connection goes before it.
pub(crate) struct Line {
    runtime: Runtime,
    task: Option<JoinHandle<()>>,
}

impl Line {
    /// One without a connection yet.
    ///
    /// # Errors
    /// When the system gives no runtime.
    pub(super) fn new() -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Self { runtime: runtime.or_fail(|| "start what drives a PostgreSQL connection".to_owned())?, task: None })
    }

    /// Says which task on it carries the messages.
    pub(super) fn carries(&mut self, task: JoinHandle<()>) {
        self.task = Some(task);
    }
}

impl Deref for Line {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        &self.runtime
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            // with nobody left who could ask anything, its last word is the goodbye
            let _ = self.runtime.block_on(async { tokio::time::timeout(GOODBYE, task).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use crate::db::postgres::server::server_target;
    use crate::settings::Secret;

    /// "You are in" and "ready", as PostgreSQL says them.
    const WELCOME: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
    const GOODBYE: &[u8] = b"X\0\0\0\x04";

    #[test]
    fn the_server_is_told_that_a_connection_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().expect("a client");
            let mut length = [0; 4];
            client.read_exact(&mut length).expect("a length");
            let mut startup = vec![0; u32::from_be_bytes(length) as usize - length.len()];
            client.read_exact(&mut startup).expect("a startup message");
            client.write_all(WELCOME).expect("a welcome");
            let mut rest = Vec::new();
            client.read_to_end(&mut rest).expect("an end in order");
            rest
        });
        let url = format!("postgres://u@127.0.0.1:{port}/d?sslmode=disable");
        let target = server_target(&Secret::new(url)).expect("a target");
        drop(target.connect(async |client, _| Ok(client)).expect("a connection"));
        assert_eq!(server.join().expect("a server"), GOODBYE);
    }
}
