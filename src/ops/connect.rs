//! A configured database, opened so that what a run touches in it is mapped.

use crate::context::Context;
use crate::db::Connection;
use crate::error::Result;
use crate::tables::ObjectMap;

/// Opens a database by its name. Inside a run, what is touched in it goes into `app_db_objects`.
///
/// # Errors
/// Settings where it is not configured; not found, permission, or busy as the database says.
pub fn connect(context: &Context, name: &str) -> Result<Connection> {
    let mut connection = Connection::open(context, name)?;
    if context.settings().trial.is_none()
        && let Some(map) = ObjectMap::of(context)
    {
        connection.observe(Box::new(map));
    }
    Ok(connection)
}
