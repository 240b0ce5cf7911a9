//! What waits to start when its app goes out of service, or leaves `apps/`: it is left out, so that nothing starts which
//! somebody has just forbidden, and nothing old when the app comes back.

use diesel::prelude::*;

use super::connection::Link;
use super::schema::occurrences;
use super::time::database_now;

/// Leaves out the occurrences of an app that wait, also for another try.
pub(super) fn leave_out(connection: &mut Link, app_id: i64, reason: &str) -> QueryResult<()> {
    let row = (
        occurrences::state.eq("skipped"),
        occurrences::reason.eq(reason),
        occurrences::ended_at.eq(database_now(connection)?),
    );
    let waiting = occurrences::table.filter(occurrences::app_id.eq(app_id).and(occurrences::state.eq("queued")));
    diesel::update(waiting).set(row).execute(connection).map(drop)
}
