//! A value of one database as another one's column takes it, without any loss.

use chrono::NaiveDateTime;

use crate::clock;
use crate::db::{Column, Fitted, Kind, fit};
use crate::error::{Error, Result};
use crate::record::Value;

/// As many letters of a value as a message bears.
const VALUE_SHOWN_MAX: usize = 80;
/// A moment as all databases give it: with no digits of a second, or some.
const MOMENT_READ: &str = "%Y-%m-%d %H:%M:%S%.f";

/// How a column is copied.
pub(super) struct Way<'t> {
    /// The column there.
    pub(super) from: &'t Column,
    /// The column here.
    pub(super) to: &'t Column,
    /// How its moments are written; `None` where its values are no moments of dc's own.
    pub(super) moments: Option<Moments>,
}

/// How moments are written. A file keeps them as text, and finds them by their letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moments {
    /// As diesel writes those of the framework's tables: with as few digits as they need, in groups of three.
    Short,
    /// As a merge writes those of users' tables: with six digits.
    Long,
}

impl Moments {
    /// Those of a column of dc's own, as either database declares it.
    pub(super) fn of(is_own_table: bool, columns: [&Column; 2]) -> Option<Self> {
        let is_moment = |column: &Column| {
            let declared = column.declared.to_ascii_lowercase();
            declared.starts_with("timestamp") || declared.starts_with("datetime")
        };
        let way = if is_own_table { Self::Short } else { Self::Long };
        columns.into_iter().any(is_moment).then_some(way)
    }

    fn text(self, moment: NaiveDateTime) -> String {
        match self {
            Self::Short => moment.format(MOMENT_READ).to_string(),
            Self::Long => clock::text(moment),
        }
    }
}

impl Way<'_> {
    /// The value as the column here holds it.
    ///
    /// # Errors
    /// A value that the column does not take as it is.
    pub(super) fn converted(&self, value: Value<'static>) -> Result<Value<'static>> {
        if let (Some(moments), Value::Text(text)) = (self.moments, &value) {
            let moment = NaiveDateTime::parse_from_str(text, MOMENT_READ).map_err(|_| self.misfit(&value))?;
            // an earlier dc wrote ends of runs to SQLite with parts of a microsecond, which no server keeps
            return Ok(Value::from(moments.text(clock::storable(moment))));
        }
        // JSON goes letter for letter; parsed it would be written anew
        if let (Kind::Json, Value::Text(_)) = (self.to.kind, &value) {
            return Ok(value);
        }
        match fit(&value, self.to.kind).map(Fitted::into_owned) {
            Some(Fitted::Null) => Ok(Value::Null),
            Some(Fitted::Bool(flag)) => Ok(Value::Bool(flag)),
            Some(Fitted::Integer(number)) => Ok(Value::Integer(number)),
            Some(Fitted::Float(number)) => Ok(Value::Float(number)),
            Some(Fitted::Text(digits)) if matches!(self.to.kind, Kind::Numeric | Kind::Decimal { .. }) => {
                Ok(Value::Decimal(digits))
            }
            Some(Fitted::Text(text)) => Ok(Value::Text(text)),
            Some(Fitted::Bytes(bytes)) => Ok(Value::Bytes(bytes)),
            None => Err(self.misfit(&value)),
        }
    }

    fn misfit(&self, value: &Value<'_>) -> Error {
        let Column { name, declared, .. } = self.to;
        let shown: String = crate::db::text(value).chars().take(VALUE_SHOWN_MAX).collect();
        Error::failed(format!("put `{shown}` into the column `{name}`, which is {declared}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_it_is_looked_for() {
        let column = |declared: &str| Column {
            name: "at".to_owned(),
            kind: Kind::Text,
            declared: declared.to_owned(),
            is_generated: false,
        };
        let (file, server) = (column("TIMESTAMP"), column("datetime(6)"));
        let converted = |is_own: bool, text: &str| {
            let way = Way { from: &server, to: &file, moments: Moments::of(is_own, [&server, &file]) };
            way.converted(Value::from(text.to_owned())).map(|value| crate::db::text(&value).into_owned())
        };
        let short = |text: &str| converted(true, text).expect(text);
        assert_eq!(short("2026-11-30 15:00:00.120000"), "2026-11-30 15:00:00.120");
        assert_eq!(short("2026-11-30 15:00:00.000000"), "2026-11-30 15:00:00");
        assert_eq!(short("2026-11-30 15:00:00.123456"), "2026-11-30 15:00:00.123456");
        assert_eq!(converted(false, "2026-11-30 15:00:00.12").expect("a moment"), "2026-11-30 15:00:00.120000");
        assert_eq!(short("2026-11-30 15:00:00.123456789"), "2026-11-30 15:00:00.123456");
        assert!(converted(true, "yesterday").is_err());
    }
}
