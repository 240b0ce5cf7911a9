//! The database's clock: what is due, held or over goes by it, since the machines of a house do not agree.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::Timestamp;

use super::connection::Link;
use crate::clock;

#[derive(QueryableByName)]
struct Moment {
    #[diesel(sql_type = Timestamp)]
    now: NaiveDateTime,
}

/// The database's clock, in UTC.
pub(super) fn database_now(connection: &mut Link) -> QueryResult<NaiveDateTime> {
    match connection {
        // a file has no clock of its own
        Link::Sqlite(_) => Ok(clock::now()),
        Link::Postgres(server) => {
            let now = diesel::sql_query("SELECT clock_timestamp() AT TIME ZONE 'UTC' AS now");
            Ok(now.get_result::<Moment>(server)?.now)
        }
        Link::Mysql(server) => {
            Ok(diesel::sql_query("SELECT UTC_TIMESTAMP(6) AS now").get_result::<Moment>(server)?.now)
        }
    }
}
