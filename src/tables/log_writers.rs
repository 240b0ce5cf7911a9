//! Who writes into the log now: whoever inserts a record shows itself before it takes a number, until what it did is seen.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::connection::Link;

diesel::table! {
    log_writers (slot) {
        slot -> BigInt,
        turn -> BigInt,
    }
}

/// The slots of `log_writers`: as many can write at once without waiting for each other.
const SLOTS: u8 = 64;

/// PostgreSQL: whoever inserts has locked the table.
const WRITERS: &str = "SELECT DISTINCT virtualtransaction AS name FROM pg_catalog.pg_locks \
    WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted \
    AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) \
    AND relation = 'logs'::pg_catalog.regclass AND pid IS DISTINCT FROM pg_catalog.pg_backend_pid()";
/// MariaDB and MySQL: the slots that nobody holds.
const FREE: &str = "SELECT slot FROM log_writers";

pub(super) type Writers = BTreeSet<String>;

#[derive(QueryableByName)]
struct Writer {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Slot {
    #[diesel(sql_type = BigInt)]
    slot: i64,
}

/// Shows the transaction that is open as one that writes. It has taken no number yet.
///
/// On MariaDB and MySQL nobody sees who has locked a table, but everybody can skip the rows that are locked: it takes one of a
/// few, and moves its turn on, so that the next one who takes it is known to be another.
pub(super) fn begin_writing(connection: &mut Link) -> QueryResult<()> {
    let Link::Mysql(server) = connection else { return Ok(()) };
    // one slot is enough, and with two it could wait for another crosswise
    if !server.is_shown_first() {
        return Ok(());
    }
    let slot = i64::from(uuid::Uuid::now_v7().as_bytes()[15] % SLOTS);
    let next = log_writers::turn.eq(log_writers::turn + 1);
    match diesel::update(log_writers::table.find(slot)).set(next).execute(server)? {
        0 => Err(diesel::result::Error::QueryBuilderError(
            format!("`log_writers` has no slot {slot}: somebody has deleted it").into(),
        )),
        _ => Ok(()),
    }
}

/// Who writes into the table now. On SQLite nobody whose records have numbers already.
pub(super) fn writers(connection: &mut Link) -> QueryResult<Writers> {
    match connection {
        Link::Sqlite(_) => Ok(Writers::new()),
        Link::Postgres(server) => {
            Ok(diesel::sql_query(WRITERS).load::<Writer>(server)?.into_iter().map(|writer| writer.name).collect())
        }
        Link::Mysql(server) => {
            // before it is looked which are held: one that is taken meanwhile was not held by who is looked for
            let all: Vec<(i64, i64)> = log_writers::table.load(server)?;
            let shared = if server.is_mariadb() { "LOCK IN SHARE MODE" } else { "FOR SHARE" };
            let free: Vec<Slot> = diesel::sql_query(format!("{FREE} {shared} SKIP LOCKED")).load(server)?;
            let free: BTreeSet<i64> = free.into_iter().map(|free| free.slot).collect();
            let held = all.into_iter().filter(|(slot, _)| !free.contains(slot));
            Ok(held.map(|(slot, turn)| format!("{slot}:{turn}")).collect())
        }
    }
}
