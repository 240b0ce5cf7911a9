//! Turns: what two processes must not do at once. On SQLite the write lock sees to it. On a server there are locks of names,
//! which last until the transaction ends.

use std::collections::BTreeSet;
use std::time::Duration;

use diesel::QueryResult;
use diesel::connection::SimpleConnection;

use super::connection::Link;

/// What only one at a time does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Turn {
    /// Changing the schema.
    Migrate = 730_419_101,
    /// Registering apps.
    Register = 730_419_102,
    /// Taking a place among the apps that run.
    Claim = 730_419_103,
}

/// Waits until nobody else is at it, and holds it until the transaction ends.
pub(super) fn take_turn(connection: &mut Link, turn: Turn) -> QueryResult<()> {
    // whoever starts runs does not wait longer than for any other answer
    let patience = Duration::from_secs(if matches!(turn, Turn::Claim) { 20 } else { 60 });
    match connection {
        Link::Sqlite(_) => Ok(()),
        Link::Postgres(server) => server.batch_execute(&format!(
            "SET LOCAL lock_timeout = '{}s'; SELECT pg_catalog.pg_advisory_xact_lock({})",
            patience.as_secs(),
            turn as i64
        )),
        Link::Mysql(server) => server.take_turns(&[(turn as i64).to_string()], patience),
    }
}

/// What only one at a time does with the same thing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Keyed {
    /// Saying where the bytes of a stored file are.
    File = 730_419_104,
    /// Telling people of something that lasts.
    Alarm = 730_419_105,
    /// Taking a document in, or noting that a stage cannot work.
    Document = 730_419_106,
    /// Publishing an app, or noting who has fetched it.
    Publication = 730_419_107,
}

/// As [`take_turn`], for one thing of many: its key is the start of `key`, so that others go on.
pub(super) fn take_keyed_turn(connection: &mut Link, turn: Keyed, key: &[u8]) -> QueryResult<()> {
    take_keyed_turns(connection, turn, [key])
}

/// As [`take_keyed_turn`], for many things, always in the same order, so that two who want the same ones never wait for each
/// other.
pub(super) fn take_keyed_turns<'k>(
    connection: &mut Link,
    turn: Keyed,
    keys: impl IntoIterator<Item = &'k [u8]>,
) -> QueryResult<()> {
    let start =
        |key: &[u8]| i32::from_be_bytes(std::array::from_fn(|place| key.get(place).copied().unwrap_or_default()));
    let turn = turn as i32;
    let keys = || keys.into_iter().map(start).collect::<BTreeSet<i32>>().into_iter();
    match connection {
        Link::Sqlite(_) => Ok(()),
        Link::Postgres(server) => {
            let locks: Vec<String> =
                keys().map(|key| format!("pg_catalog.pg_advisory_xact_lock({turn}, {key})")).collect();
            if locks.is_empty() {
                return Ok(());
            }
            // one row of many columns: they are taken from the left to the right
            let locks: Vec<String> =
                locks.chunks(COLUMNS_MAX).map(|some| format!("SELECT {}", some.join(", "))).collect();
            server.batch_execute(&format!("SET LOCAL lock_timeout = '20s'; {}", locks.join("; ")))
        }
        Link::Mysql(server) => {
            let names: Vec<String> = keys().map(|key| format!("{turn}:{key}")).collect();
            server.take_turns(&names, Duration::from_secs(20))
        }
    }
}

/// So many locks are taken by one statement of PostgreSQL.
const COLUMNS_MAX: usize = 500;
