//! Values as queries give them: with their types, exactly as they are stored.

use chrono::{NaiveDate, NaiveTime};
use mysql_async::consts::{ColumnFlags, ColumnType};
use mysql_async::{Column, Row, Value as Stored};

use super::client::Client;
use super::sql::bind;
use crate::db::{Named, shown};
use crate::error::Result;
use crate::record::{Value, parse_json};

/// The number of the character set of bytes.
const BINARY: u16 = 63;
/// What the driver says of the decimals of a type that has none.
const NO_DECIMALS: u8 = 31;

/// Gives the names of the columns to `named`, and each row to `each`.
pub(super) fn each_row(
    client: &mut Client,
    sql: &str,
    values: &[Value<'_>],
    named: Named<'_>,
    each: &mut dyn FnMut(Vec<Value<'static>>) -> Result<()>,
) -> Result<()> {
    let (bound, values) = bind(sql, values)?;
    let (mut names, mut is_told) = (Vec::new(), false);
    let mut columns =
        |columns: &[Column]| names = columns.iter().map(|column| column.name_str().into_owned()).collect();
    client.each_row(&shown(sql), (&bound, values), &mut columns, &mut |row: Row| {
        let columns = row.columns();
        if !std::mem::replace(&mut is_told, true) {
            named(&columns.iter().map(|column| column.name_str().into_owned()).collect::<Vec<_>>())?;
        }
        let stored = row.unwrap_raw();
        let values = stored.into_iter().zip(columns.iter());
        each(values.map(|(stored, column)| value(stored.unwrap_or(Stored::NULL), column)).collect())
    })?;
    match is_told {
        true => Ok(()),
        false => named(&names),
    }
}

pub(super) fn execute(client: &mut Client, sql: &str, values: &[Value<'_>]) -> Result<u64> {
    let (bound, values) = bind(sql, values)?;
    let done = client.each_row(&shown(sql), (&bound, values), &mut |_| {}, &mut |_| Ok(()))?;
    Ok(done.rows)
}

/// A value, as its column's type says.
fn value(stored: Stored, column: &Column) -> Value<'static> {
    match stored {
        Stored::NULL => Value::Null,
        // a flag has one digit to show
        Stored::Int(number @ 0..=1) if is_flag(column) => Value::Bool(number == 1),
        Stored::Int(number) => Value::Integer(number),
        Stored::UInt(number) => match i64::try_from(number) {
            Ok(number) => Value::Integer(number),
            Err(_) => number_of(&number.to_string()),
        },
        Stored::Float(number) => Value::Float(number.into()),
        Stored::Double(number) => Value::Float(number),
        Stored::Date(year, month, day, hour, minute, second, micros) => {
            let date = format!("{year:04}-{month:02}-{day:02}");
            if column.column_type() == ColumnType::MYSQL_TYPE_DATE {
                return Value::from(date);
            }
            Value::from(format!("{date} {hour:02}:{minute:02}:{second:02}{}", fraction(micros, column)))
        }
        Stored::Time(is_negative, days, hours, minutes, seconds, micros) => {
            let (sign, hours) = (if is_negative { "-" } else { "" }, days * 24 + u32::from(hours));
            Value::from(format!("{sign}{hours:02}:{minutes:02}:{seconds:02}{}", fraction(micros, column)))
        }
        Stored::Bytes(bytes) => of_bytes(bytes, column),
    }
}

fn is_flag(column: &Column) -> bool {
    column.column_type() == ColumnType::MYSQL_TYPE_TINY
        && column.column_length() == 1
        && !column.flags().contains(ColumnFlags::UNSIGNED_FLAG)
}

fn fraction(micros: u32, column: &Column) -> String {
    let digits = match column.decimals() {
        digits if digits >= NO_DECIMALS => 6,
        digits => usize::from(digits.min(6)),
    };
    if digits == 0 { String::new() } else { format!(".{}", &format!("{micros:06}")[..digits]) }
}

fn of_bytes(bytes: Vec<u8>, column: &Column) -> Value<'static> {
    use ColumnType as Type;
    match column.column_type() {
        Type::MYSQL_TYPE_BIT => {
            let number = bytes.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
            number_of(&number.to_string())
        }
        Type::MYSQL_TYPE_DECIMAL
        | Type::MYSQL_TYPE_NEWDECIMAL
        | Type::MYSQL_TYPE_TINY
        | Type::MYSQL_TYPE_SHORT
        | Type::MYSQL_TYPE_INT24
        | Type::MYSQL_TYPE_LONG
        | Type::MYSQL_TYPE_LONGLONG
        | Type::MYSQL_TYPE_FLOAT
        | Type::MYSQL_TYPE_DOUBLE => number_of(&String::from_utf8_lossy(&bytes)),
        Type::MYSQL_TYPE_JSON => match std::str::from_utf8(&bytes).ok().and_then(|text| parse_json(text).ok()) {
            Some(value) => value.into_owned(),
            None => Value::from(String::from_utf8_lossy(&bytes).into_owned()),
        },
        Type::MYSQL_TYPE_TINY_BLOB
        | Type::MYSQL_TYPE_MEDIUM_BLOB
        | Type::MYSQL_TYPE_LONG_BLOB
        | Type::MYSQL_TYPE_BLOB
        | Type::MYSQL_TYPE_VAR_STRING
        | Type::MYSQL_TYPE_STRING
        | Type::MYSQL_TYPE_VARCHAR
        | Type::MYSQL_TYPE_GEOMETRY
            if column.character_set() == BINARY =>
        {
            Value::Bytes(bytes)
        }
        _ => match String::from_utf8(bytes) {
            Ok(text) => Value::from(text),
            Err(error) => Value::Bytes(error.into_bytes()),
        },
    }
}

/// A number, which keeps its digits.
pub(super) fn number_of(text: &str) -> Value<'static> {
    match parse_json(text) {
        Ok(number) => number.into_owned(),
        // leading zeros, as ZEROFILL shows them, and words
        Err(_) => Value::from(text.to_owned()),
    }
}

/// A moment as it is stored, in the digits of its type: `2026-01-31 10:15:30.500000`.
pub(super) fn padded(text: &str, digits: usize) -> String {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    match digits {
        0 => whole.to_owned(),
        _ => format!("{whole}.{fraction:0<digits$}"),
    }
}

/// Whether it is a day of the calendar, or one of the zero dates that servers of this family keep.
pub(super) fn is_day(text: &str) -> bool {
    let number = |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse::<u32>().ok());
    let parts = (number(0..4), number(5..7), number(8..10));
    let (Some(year), Some(month), Some(day)) = parts else { return false };
    match (month, day) {
        (0, 0..=31) | (1..=12, 0) => true,
        _ => i32::try_from(year).is_ok_and(|year| NaiveDate::from_ymd_opt(year, month, day).is_some()),
    }
}

/// Whether it is a time of the day.
pub(super) fn is_time(text: &str) -> bool {
    NaiveTime::parse_from_str(text, "%H:%M:%S%.f").is_ok() && !text.contains(":60")
}
