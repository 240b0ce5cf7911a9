//! Values to and from PostgreSQL: parameters go as text, which every type reads; results come in binary.

use std::error::Error as StdError;

use tokio_postgres::types::{Format, FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked};

use super::client::Client;
use super::placeholder::numbered;
use super::server::server_error;
use crate::db::{Named, shown};
use crate::error::{Error, Result};
use crate::record::{Value, parse_json};

type AnyError = Box<dyn StdError + Sync + Send>;

#[derive(Debug)]
struct Parameter<'a>(&'a Value<'a>);

impl ToSql for Parameter<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, AnyError> {
        match self.0 {
            Value::Null => return Ok(IsNull::Yes),
            Value::Bytes(bytes) => {
                out.extend_from_slice(b"\\x");
                bytes.iter().for_each(|byte| out.extend_from_slice(format!("{byte:02x}").as_bytes()));
            }
            other => out.extend_from_slice(crate::db::text(other).as_bytes()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

fn parameters<'a>(values: &'a [Value<'a>]) -> Vec<Parameter<'a>> {
    values.iter().map(Parameter).collect()
}

pub(super) fn execute(client: &mut Client, sql: &str, values: &[Value<'_>]) -> Result<u64> {
    let parameters = parameters(values);
    let bound: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|parameter| parameter as _).collect();
    client.execute(&numbered(sql, values.len()), &bound).map_err(|cause| server_error(shown(sql), cause))
}

/// Gives the names of the columns to `named`, and each row to `each`.
pub(super) fn each_row(
    client: &mut Client,
    sql: &str,
    values: &[Value<'_>],
    named: Named<'_>,
    each: &mut dyn FnMut(Vec<Value<'static>>) -> Result<()>,
) -> Result<()> {
    let fail = |cause| server_error(shown(sql), cause);
    let statement = client.prepare(&numbered(sql, values.len())).map_err(fail)?;
    let columns: Vec<String> = statement.columns().iter().map(|column| column.name().to_owned()).collect();
    if let Some(unknown) = statement.columns().iter().find(|column| !Stored::accepts(column.type_())) {
        let what = format!("read the column `{}`: it is {}", unknown.name(), unknown.type_());
        return Err(Error::failed(what).hint(format!("cast it in the query: {}::text", unknown.name())));
    }
    named(&columns)?;
    let parameters = parameters(values);
    let bound = parameters.iter().map(|one| one as &dyn ToSql);
    client.each_row(&shown(sql), &statement, bound, |row| {
        let value = |place| {
            row.try_get::<_, Option<Stored>>(place).map(|stored| stored.map_or(Value::Null, |Stored(value)| value))
        };
        each((0..columns.len()).map(value).collect::<Result<_, _>>().map_err(fail)?)
    })
}

/// A value as a query gives it.
struct Stored(Value<'static>);

impl<'a> FromSql<'a> for Stored {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, AnyError> {
        let value = match *kind {
            Type::BOOL => Value::Bool(bool::from_sql(kind, raw)?),
            Type::INT2 => Value::Integer(i16::from_sql(kind, raw)?.into()),
            Type::INT4 => Value::Integer(i32::from_sql(kind, raw)?.into()),
            Type::INT8 => Value::Integer(i64::from_sql(kind, raw)?),
            Type::OID => Value::Integer(u32::from_sql(kind, raw)?.into()),
            Type::FLOAT4 => Value::Float(f32::from_sql(kind, raw)?.into()),
            Type::FLOAT8 => Value::Float(f64::from_sql(kind, raw)?),
            Type::BYTEA => Value::Bytes(raw.to_vec()),
            Type::TIMESTAMP => text(crate::clock::text(chrono::NaiveDateTime::from_sql(kind, raw)?)),
            Type::TIMESTAMPTZ => text(chrono::DateTime::<chrono::Utc>::from_sql(kind, raw)?.to_rfc3339()),
            Type::DATE => text(chrono::NaiveDate::from_sql(kind, raw)?.to_string()),
            Type::TIME => text(chrono::NaiveTime::from_sql(kind, raw)?.to_string()),
            Type::UUID => text(uuid::Uuid::from_slice(raw)?.to_string()),
            Type::NUMERIC => numeric(raw).ok_or("a numeric that cannot be read")?,
            Type::JSON => json(raw)?,
            // jsonb starts with its version
            Type::JSONB => json(raw.get(1..).unwrap_or_default())?,
            _ => text(String::from_utf8_lossy(raw).into_owned()),
        };
        Ok(Self(value))
    }

    fn accepts(kind: &Type) -> bool {
        matches!(
            *kind,
            Type::BOOL
                | Type::INT2
                | Type::INT4
                | Type::INT8
                | Type::OID
                | Type::FLOAT4
                | Type::FLOAT8
                | Type::BYTEA
                | Type::TIMESTAMP
                | Type::TIMESTAMPTZ
                | Type::DATE
                | Type::TIME
                | Type::UUID
                | Type::NUMERIC
                | Type::JSON
                | Type::JSONB
                | Type::TEXT
                | Type::VARCHAR
                | Type::BPCHAR
                | Type::NAME
                | Type::CHAR
                | Type::UNKNOWN
        )
    }
}

fn text(text: String) -> Value<'static> {
    Value::from(text)
}

fn json(raw: &[u8]) -> Result<Value<'static>, AnyError> {
    Ok(parse_json(std::str::from_utf8(raw)?)?.into_owned())
}

/// A numeric: digits to the base of 10,000, the weight of the first, the sign and the number of decimals.
fn numeric(raw: &[u8]) -> Option<Value<'static>> {
    let short = |at: usize| Some(i16::from_be_bytes([*raw.get(at)?, *raw.get(at + 1)?]));
    let (count, weight, sign, decimals) = (short(0)?, short(2)?, short(4)? as u16, short(6)?);
    match sign {
        0 | 0x4000 => {}
        0xc000 => return Some(text("NaN".to_owned())),
        0xd000 => return Some(text("Infinity".to_owned())),
        _ => return Some(text("-Infinity".to_owned())),
    }
    let digit = |power: i16| {
        let place = weight - power;
        if (0..count).contains(&place) { short(8 + 2 * place.unsigned_abs() as usize) } else { Some(0) }
    };
    let mut written = String::new();
    for power in (0..=weight.max(0)).rev() {
        written.push_str(&format!("{:04}", digit(power)?));
    }
    let whole = written.trim_start_matches('0');
    let mut written = if whole.is_empty() { "0".to_owned() } else { whole.to_owned() };
    if sign == 0x4000 {
        written.insert(0, '-');
    }
    if decimals == 0 {
        return parse_json(&written).ok().map(Value::into_owned);
    }
    let mut fraction = String::new();
    let mut power = -1;
    while fraction.len() < decimals.unsigned_abs() as usize {
        fraction.push_str(&format!("{:04}", digit(power)?));
        power -= 1;
    }
    fraction.truncate(decimals.unsigned_abs() as usize);
    written.push('.');
    written.push_str(&fraction);
    // it keeps its digits, as all numbers do
    Some(parse_json(&written).map(Value::into_owned).unwrap_or_else(|_| text(written.clone())))
}
