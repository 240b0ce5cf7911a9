//! A transaction, and who else may merge meanwhile: locks of the server that go with the transaction.

use std::time::{Duration, Instant};

use tiberius::error::Error as Failure;

use super::client::Client;
use super::server::server_error;
use super::shape;
use super::sql::literal;
use crate::context::Cancellation;
use crate::db::{TableName, named, tell_wait};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::hash_bytes;

/// How long a merge waits for another one.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(600);
/// Milliseconds that one question for a lock waits, before we look around (cancelled? too long?).
const LOCK_STEP_MS: u32 = 1_000;
/// What the server answers of a lock that somebody else has.
const IS_HELD: &str = "-1";

pub(super) fn begin(client: &mut Client, tables: &[&TableName], cancellation: &Cancellation) -> Result<()> {
    let names: Result<Vec<TableName>> = tables.iter().map(|table| shape::canonical(client, table)).collect();
    let names = names?;
    client.begin().map_err(|cause| server_error("begin a transaction", cause))?;
    let (started, mut was_told) = (Instant::now(), false);
    for name in names {
        let name = lock_name(&format!("dc merge {name}"));
        let outcome = wait(client, &name, || {
            let waited = cancellation.check();
            tell_wait(tables, started.elapsed(), LOCK_WAIT_MAX, &mut was_told);
            waited.and_then(|()| match started.elapsed() > LOCK_WAIT_MAX {
                true => Err(still_locked(tables, &name)),
                false => Ok(()),
            })
        });
        if let Err(error) = outcome {
            rollback(client);
            return Err(error);
        }
    }
    Ok(())
}

/// Waits for a name, and holds it to the end of the transaction.
pub(super) fn lock(client: &mut Client, name: &str) -> Result<()> {
    let (started, name) = (Instant::now(), lock_name(&format!("dc {name}")));
    wait(client, &name, || match started.elapsed() > LOCK_WAIT_MAX {
        true => Err(still_locked(&[], &name)),
        false => Ok(()),
    })
}

fn wait(client: &mut Client, name: &str, mut goes_on: impl FnMut() -> Result<()>) -> Result<()> {
    // a lock of the session, where no transaction is open
    let sql = format!(
        "DECLARE @got INT; DECLARE @owner NVARCHAR(32) = CASE WHEN @@TRANCOUNT > 0 THEN N'Transaction' ELSE N'Session' END; \
         EXEC @got = sp_getapplock @Resource = {}, @LockMode = N'Exclusive', @LockOwner = @owner, \
         @LockTimeout = {LOCK_STEP_MS}; SELECT @got",
        literal(name)
    );
    loop {
        let got = client.words(&sql).map_err(|cause| server_error("lock the tables", cause))?;
        match got.into_iter().flatten().flatten().next().as_deref() {
            Some("0" | "1") => return Ok(()),
            Some(IS_HELD) => goes_on()?,
            other => {
                let what = format!("lock the tables: sp_getapplock says {}", other.unwrap_or("nothing"));
                return Err(Error::new(ErrorKind::Conflict, what).temporary(true));
            }
        }
    }
}

/// Makes what was done last.
pub(super) fn commit(client: &mut Client) -> Result<()> {
    client.commit().map_err(not_known)
}

pub(super) fn rollback(client: &mut Client) {
    // where the server has rolled it back, there is none
    if let Err(cause) = client.run("IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION") {
        log::debug!("the rollback failed, closing the connection will do it: {cause}");
    }
}

/// A name that a server takes for a lock: it keeps 32 letters of it.
fn lock_name(name: &str) -> String {
    let hash = hash_bytes(name.as_bytes()).to_string();
    format!("dc {}", &hash[..28])
}

fn still_locked(tables: &[&TableName], lock: &str) -> Error {
    let minutes = LOCK_WAIT_MAX.as_secs() / 60;
    let what = format!("lock {}: somebody else has held it for {minutes} minutes", named(tables));
    Error::new(ErrorKind::Busy, what).hint(format!(
        "SELECT request_session_id FROM sys.dm_tran_locks WHERE resource_description LIKE '%{lock}%' shows who"
    ))
}

/// The error of a commit of which no answer came.
fn not_known(cause: Failure) -> Error {
    let is_answered = matches!(cause, Failure::Server(_));
    let error = server_error("commit", cause);
    match is_answered {
        true => error,
        false => error.hint(
            "whether the server committed is not known: `dc merge history` tells, and the same merge again does no harm",
        ),
    }
}
