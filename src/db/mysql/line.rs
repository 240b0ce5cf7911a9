//! What drives a connection: a small runtime of its own. The driver has no task in the background, so whoever ends a connection
//! says goodbye to the server on it; otherwise the server logs that it lost a client.

use std::ops::Deref;
use std::time::Duration;

use mysql_async::Conn;
use tokio::runtime::{Builder, Runtime};

use crate::error::{OrFail, Result};

/// How long the goodbye may take: it is not worth waiting for.
const GOODBYE: Duration = Duration::from_millis(200);

/// The runtime of one connection. What uses the connection goes before it.
pub(crate) struct Line(Runtime);

impl Line {
    /// One without a connection yet.
    ///
    /// # Errors
    /// When the system gives no runtime.
    pub(super) fn new() -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime.or_fail(|| "start what drives a MySQL connection".to_owned()).map(Self)
    }

    /// Tells the server that a connection ends.
    pub(crate) fn goodbye(&self, conn: Conn) {
        let _ = self.0.block_on(async { tokio::time::timeout(GOODBYE, conn.disconnect()).await });
    }
}

impl Deref for Line {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        &self.0
    }
}
