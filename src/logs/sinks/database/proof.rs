//! Why the database does not take a record. diesel keeps most codes of a failure to itself, and the words of a server
//! are in its own language; so the record is sent once more, alone, by the drivers of the data, and taken back.

use crate::clock;
use crate::context::Context;
use crate::db;
use crate::error::{Error, Result};
use crate::record::Value;
use crate::tables::LogRow;

/// The columns, in the order of the values.
const COLUMNS: [&str; 7] = ["runtime", "app_id", "time", "level", "source", "message", "context"];

/// What the database says of the record, in words and with its code; `None` when it would take it now.
pub(super) fn reason(context: &Context, row: &LogRow) -> Option<Error> {
    send(context, row).err()
}

fn send(context: &Context, row: &LogRow) -> Result<()> {
    let mut database = db::open(context, &context.settings().framework()?)?;
    let text = |text: &str| Value::Text(text.replace('\0', "\u{2400}").into());
    let maybe = |value: Option<&str>| value.map_or(Value::Null, text);
    let values = [
        maybe(row.runtime.as_deref()),
        row.app_id.map_or(Value::Null, Value::Integer),
        text(&clock::text(row.time)),
        Value::Integer(row.level),
        text(&row.source),
        text(&row.message),
        maybe(row.context.as_deref()),
    ];
    database.begin(&[], context.cancellation())?;
    let sent = "logs".parse().and_then(|table| db::rows::insert(database.as_mut(), &table, &COLUMNS, &values));
    database.rollback();
    sent
}
