//! Values as queries give them: with their types, exactly as they are stored.

use chrono::{Datelike, NaiveDate};
use tiberius::time::{Date, Time};
use tiberius::{Column, ColumnData, ColumnType, numeric::Numeric};

use super::client::Client;
use super::server::server_error;
use super::sql::bind;
use crate::db::{Named, shown};
use crate::error::Result;
use crate::record::{Value, parse_json};

/// The days from the first of January of the year 1 to that of 1900, from which older types count.
const DAYS_TO_1900: i32 = 693_595;

/// Gives the names of the columns to `named`, and each row to `each`.
pub(super) fn each_row(
    client: &mut Client,
    sql: &str,
    values: &[Value<'_>],
    named: Named<'_>,
    each: &mut dyn FnMut(Vec<Value<'static>>) -> Result<()>,
) -> Result<()> {
    let (bound, values) = bind(sql, values)?;
    let (mut names, mut kinds, mut is_told) = (Vec::new(), Vec::new(), false);
    let mut columns = |columns: &[Column]| {
        names = columns.iter().map(|column| column.name().to_owned()).collect();
    };
    client.each_row(&shown(sql), (&bound, &values), &mut columns, &mut |row| {
        if kinds.is_empty() {
            kinds = row.columns().iter().map(Column::column_type).collect();
            is_told = true;
            named(&row.columns().iter().map(|column| column.name().to_owned()).collect::<Vec<_>>())?;
        }
        each(row.into_iter().zip(&kinds).map(|(cell, kind)| value(cell, *kind)).collect())
    })?;
    match is_told {
        true => Ok(()),
        false => named(&names),
    }
}

pub(super) fn execute(client: &mut Client, sql: &str, values: &[Value<'_>]) -> Result<u64> {
    let (bound, values) = bind(sql, values)?;
    client.execute(&bound, &values).map_err(|cause| server_error(shown(sql), cause))
}

/// A value, as its column's type says.
pub(super) fn value(cell: ColumnData<'static>, kind: ColumnType) -> Value<'static> {
    let found = match cell {
        ColumnData::U8(number) => number.map(|number| Value::Integer(number.into())),
        ColumnData::I16(number) => number.map(|number| Value::Integer(number.into())),
        ColumnData::I32(number) => number.map(|number| Value::Integer(number.into())),
        ColumnData::I64(number) => number.map(Value::Integer),
        // a float of 32 bits is what its own shortest digits say
        ColumnData::F32(number) => number.map(|number| number_of(&number.to_string())),
        ColumnData::F64(number) if matches!(kind, ColumnType::Money | ColumnType::Money4) => {
            number.map(|number| number_of(&format!("{number:.4}")))
        }
        ColumnData::F64(number) => number.map(Value::Float),
        ColumnData::Bit(flag) => flag.map(Value::Bool),
        ColumnData::String(text) => text.map(|text| Value::from(text.into_owned())),
        // as the server prints it
        ColumnData::Guid(uuid) => uuid.map(|uuid| Value::from(uuid.hyphenated().to_string().to_uppercase())),
        ColumnData::Binary(bytes) => bytes.map(|bytes| Value::Bytes(bytes.into_owned())),
        ColumnData::Numeric(number) => number.map(|number| number_of(&digits(number))),
        ColumnData::Xml(xml) => xml.map(|xml| Value::from(xml.into_owned().into_string())),
        ColumnData::DateTime(moment) => moment.map(|moment| {
            // in parts of a second of which there are 300: .000, .003 and .007
            let millis = (u64::from(moment.seconds_fragments()) * 1000 + 150) / 300;
            Value::from(format!("{} {}", day(moment.days() + DAYS_TO_1900), time(millis, 3)))
        }),
        ColumnData::SmallDateTime(moment) => moment.map(|moment| {
            let minutes = u64::from(moment.seconds_fragments());
            Value::from(format!("{} {}", day(i32::from(moment.days()) + DAYS_TO_1900), time(minutes * 60, 0)))
        }),
        ColumnData::Time(found) => found.map(|found| Value::from(time_of(found))),
        ColumnData::Date(found) => found.map(|found| Value::from(date_of(found))),
        ColumnData::DateTime2(moment) => {
            moment.map(|moment| Value::from(format!("{} {}", date_of(moment.date()), time_of(moment.time()))))
        }
        ColumnData::DateTimeOffset(moment) => moment.map(|moment| {
            let (inner, offset) = (moment.datetime2(), i64::from(moment.offset()));
            // it travels in UTC, and is shown by its own clock
            let scale = inner.time().scale();
            let unit = 10_i64.pow(u32::from(scale.min(9)));
            let whole = (inner.time().increments().cast_signed()) + offset * 60 * unit;
            let (days, rest) = (whole.div_euclid(86_400 * unit), whole.rem_euclid(86_400 * unit));
            let date = day(inner.date().days() as i32 + days as i32);
            let sign = if offset < 0 { '-' } else { '+' };
            let (hours, minutes) = (offset.abs() / 60, offset.abs() % 60);
            let time = time(rest.cast_unsigned(), scale);
            Value::from(format!("{date} {time} {sign}{hours:02}:{minutes:02}"))
        }),
    };
    found.unwrap_or(Value::Null)
}

fn date_of(date: Date) -> String {
    day(i32::try_from(date.days()).unwrap_or(i32::MAX))
}

fn time_of(found: Time) -> String {
    time(found.increments(), found.scale())
}

/// A day by how many have gone since the first of January of the year 1.
fn day(days: i32) -> String {
    let found = days.checked_add(1).and_then(NaiveDate::from_num_days_from_ce_opt);
    found.map_or_else(String::new, |day| format!("{:04}-{:02}-{:02}", day.year(), day.month(), day.day()))
}

/// A time of the day by its parts of a second, of so many digits.
fn time(parts: u64, digits: u8) -> String {
    let unit = 10_u64.pow(u32::from(digits.min(9)));
    let (seconds, fraction) = (parts / unit, parts % unit);
    let whole = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    match usize::from(digits) {
        0 => whole,
        width => format!("{whole}.{fraction:0width$}"),
    }
}

/// A number with all the digits of its type.
fn digits(number: Numeric) -> String {
    let (scale, digits) = (usize::from(number.scale()), number.value().unsigned_abs().to_string());
    let sign = if number.value() < 0 { "-" } else { "" };
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

/// A number, which keeps its digits.
fn number_of(text: &str) -> Value<'static> {
    match parse_json(text) {
        Ok(number) => number.into_owned(),
        Err(_) => Value::from(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tiberius::time::{DateTime, DateTime2, DateTimeOffset};

    #[test]
    fn moments_are_told_with_the_digits_of_their_type() {
        let date = Date::new(739_646);
        let moment = |scale, parts| DateTime2::new(date, Time::new(parts, scale));
        for (cell, expected) in [
            (ColumnData::Date(Some(date)), "2026-01-31"),
            (ColumnData::DateTime2(Some(moment(6, 36_930_500_000))), "2026-01-31 10:15:30.500000"),
            (ColumnData::DateTime2(Some(moment(0, 36_930))), "2026-01-31 10:15:30"),
            (ColumnData::Time(Some(Time::new(0, 3))), "00:00:00.000"),
            (ColumnData::DateTime(Some(DateTime::new(46_051, 11_079_151))), "2026-01-31 10:15:30.503"),
            (
                ColumnData::DateTimeOffset(Some(DateTimeOffset::new(moment(0, 86_000), 120))),
                "2026-02-01 01:53:20 +02:00",
            ),
            (ColumnData::DateTimeOffset(Some(DateTimeOffset::new(moment(0, 60), -90))), "2026-01-30 22:31:00 -01:30"),
        ] {
            assert_eq!(value(cell, ColumnType::Null), Value::from(expected));
        }
    }

    #[test]
    fn numbers_keep_the_digits_of_their_type() {
        for (number, scale, expected) in [(15, 1, "1.5"), (-5, 2, "-0.05"), (0, 3, "0.000"), (7, 0, "7")] {
            assert_eq!(digits(Numeric::new_with_scale(number, scale)), expected);
        }
    }
}
