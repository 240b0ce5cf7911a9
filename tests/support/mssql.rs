//! A server of SQL Server: a real one that `DC_TEST_MSSQL` names, or a peer in Python that speaks its protocol and keeps what it is
//! given in PostgreSQL.

use crate::support::clean;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::OnceLock;

use super::needs::{need, python_with};
use super::{POSTGRES, context};
use data_collector::ops;

/// What the peer is made of.
const MODULES: &str = "import sqlglot, psycopg";

/// A peer; it ends with its standard input, which ends with this process.
pub(crate) struct Peer {
    child: Child,
    pub(crate) port: u16,
}

impl Peer {
    /// Starts one with these options. `None`, said aloud, where it cannot be.
    pub(crate) fn start(options: &[&str]) -> Option<Self> {
        let python = python_with("mssql", MODULES)?;
        need("mssql", || {
            let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/mssql/peer.py");
            let postgres = std::env::var("DC_TEST_POSTGRES").unwrap_or_else(|_| POSTGRES.to_owned());
            let mut command = clean(python);
            command.args([program, &postgres]).args(options).env("PYTHONDONTWRITEBYTECODE", "1");
            let mut child =
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|cause| cause.to_string())?;
            let mut port = String::new();
            let mut said = BufReader::new(child.stdout.take().ok_or("no pipe")?);
            said.read_line(&mut port).map_err(|cause| cause.to_string())?;
            let port = port.trim().parse().map_err(|_| "the peer does not start".to_owned())?;
            Ok(Self { child, port })
        })
    }

    /// The URL of a database of it.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("mssql://sa:Peer-1@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The server of this process, by the URL of its database `master`.
pub(crate) fn server() -> Option<String> {
    static PEER: OnceLock<Option<Peer>> = OnceLock::new();
    if let Ok(server) = std::env::var("DC_TEST_MSSQL") {
        return Some(server);
    }
    Some(PEER.get_or_init(|| Peer::start(&[])).as_ref()?.url("master"))
}

/// Runs statements on a server; what it says is the error.
pub(crate) fn run(server: &str, statements: &[&str]) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|cause| cause.to_string())?;
    let context = context(folder.path(), &[("DC_DB_MASTER_URL", server)]);
    let mut connection = ops::connect(&context, "master").map_err(|error| format!("{error:?}"))?;
    statements.iter().try_for_each(|sql| connection.execute(sql, &[]).map(drop)).map_err(|error| format!("{error:?}"))
}
