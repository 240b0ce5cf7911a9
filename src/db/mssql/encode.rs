//! What a column keeps of a value, seen before the server gets it: SQL Server fills, rounds and cuts some without a word. Such a
//! value is refused here, by name. What only the server knows, it is asked for in the table in which rows wait (`insert.rs`).

use std::borrow::Cow;
use std::sync::LazyLock;

use chrono::{NaiveDate, NaiveTime};
use regex::Regex;
use tiberius::ColumnData;

use super::kind::Declared;
use crate::db::{Cell, Column, RowBatch};
use crate::record::Digits;

/// A date, a time of the day, or both, in the forms of ISO 8601, with an offset or without.
static MOMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let zone = r"(?: ?(?P<zone>z|utc|gmt|[+-]\d{2}(?::?\d{2})?))?";
    let time = r"(?P<time>\d{2}:\d{2}(?P<seconds>:\d{2})?)(?P<fraction>\.\d*)?";
    let date = r"(?P<date>\d{4}[-/]\d{2}[-/]\d{2}|\d{8})";
    Regex::new(&format!(
        r"(?i)^(?:{date}(?:[t ]{time}{zone})?|{time_alone})$",
        time_alone = time.replace("?P<", "?P<only_")
    ))
    .ok()
});

/// How values go into one column.
#[derive(Debug, Clone)]
pub(super) struct Coding {
    name: String,
    declared: String,
    way: Way,
}

/// What a moment keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Date,
    /// With so many digits of a second.
    Time(usize),
    Both(usize),
    WithOffset(usize),
    /// A second in 300 parts, of which three digits are shown.
    Old,
    /// Whole minutes.
    Minutes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Flag,
    Whole,
    /// Whole numbers from 0 to 255.
    Tiny,
    Float,
    Number,
    /// Up to so many units of 16 bits; `None` without a limit.
    Letters(Option<u32>),
    /// The same in a character set of the column, of which the server knows what it holds.
    Narrow(Option<u32>),
    /// Filled with blanks to so many letters.
    Padded {
        units: u32,
        is_narrow: bool,
    },
    /// Up to so many bytes.
    Bytes(Option<u32>),
    /// Exactly so many bytes.
    Filled(u32),
    Moment(Moment),
    Uuid,
    /// What the server makes of a text.
    Read,
}

impl Coding {
    pub(super) fn of(column: &Column) -> Self {
        let declared = Declared::of(&column.declared);
        let digits = declared.number().unwrap_or(7) as usize;
        let units = declared.number().unwrap_or(1);
        let way = match declared.base {
            "bit" => Way::Flag,
            "smallint" | "int" | "bigint" => Way::Whole,
            "tinyint" => Way::Tiny,
            "float" | "real" => Way::Float,
            "decimal" | "numeric" | "money" | "smallmoney" => Way::Number,
            "nvarchar" | "ntext" => Way::Letters(declared.number()),
            "varchar" | "text" => Way::Narrow(declared.number()),
            "character" => Way::Padded { units, is_narrow: true },
            "national character" => Way::Padded { units, is_narrow: false },
            "varbinary" | "image" => Way::Bytes(declared.number()),
            "binary" => Way::Filled(units),
            "date" => Way::Moment(Moment::Date),
            "time" => Way::Moment(Moment::Time(digits)),
            "datetime2" => Way::Moment(Moment::Both(digits)),
            "datetimeoffset" => Way::Moment(Moment::WithOffset(digits)),
            "datetime" => Way::Moment(Moment::Old),
            "smalldatetime" => Way::Moment(Moment::Minutes),
            "uniqueidentifier" => Way::Uuid,
            _ => Way::Read,
        };
        Self { name: column.name.clone(), declared: column.declared.clone(), way }
    }

    /// The type in which a value waits.
    pub(super) fn waiting_type(&self) -> &'static str {
        match self.way {
            Way::Flag => "BIT",
            Way::Whole | Way::Tiny => "BIGINT",
            Way::Float => "FLOAT",
            Way::Bytes(_) | Way::Filled(_) => "VARBINARY(MAX)",
            _ => "NVARCHAR(MAX) COLLATE Latin1_General_100_BIN2",
        }
    }

    /// What becomes of a waiting value in the table.
    pub(super) fn taken(&self, waiting: &str) -> String {
        match self.way {
            Way::Number | Way::Moment(_) | Way::Uuid | Way::Read => format!("TRY_CAST({waiting} AS {})", self.declared),
            _ => waiting.to_owned(),
        }
    }

    /// The condition that the column would not keep a waiting value, where only the server knows; `collation` is the
    /// column's.
    pub(super) fn misfit(&self, waiting: &str, collation: Option<&str>) -> Option<String> {
        match self.way {
            Way::Number | Way::Moment(_) | Way::Uuid | Way::Read => {
                Some(format!("({waiting} IS NOT NULL AND TRY_CAST({waiting} AS {}) IS NULL)", self.declared))
            }
            Way::Narrow(bytes) => Some(narrow_misfit(waiting, collation?, bytes)),
            Way::Padded { units, is_narrow: true } => Some(narrow_misfit(waiting, collation?, Some(units))),
            _ => None,
        }
    }

    /// A cell as it is sent to wait.
    ///
    /// # Errors
    /// Why the column would not keep the value, in words.
    pub(super) fn sent(&self, cell: &Cell, batch: &RowBatch) -> Result<ColumnData<'static>, String> {
        let text = |text: Option<String>| ColumnData::String(text.map(Cow::Owned));
        Ok(match (cell, self.way) {
            (Cell::Null, Way::Flag) => ColumnData::Bit(None),
            (Cell::Null, Way::Whole | Way::Tiny) => ColumnData::I64(None),
            (Cell::Null, Way::Float) => ColumnData::F64(None),
            (Cell::Null, Way::Bytes(_) | Way::Filled(_)) => ColumnData::Binary(None),
            (Cell::Null, _) => text(None),
            (Cell::Bool(flag), Way::Flag) => ColumnData::Bit(Some(*flag)),
            (Cell::Bool(flag), Way::Whole | Way::Tiny) => ColumnData::I64(Some(i64::from(*flag))),
            (Cell::Integer(number), Way::Whole) => ColumnData::I64(Some(*number)),
            (Cell::Integer(number), Way::Tiny) => ColumnData::I64(Some(self.tiny(Some(*number), &number.to_string())?)),
            (Cell::Integer(number), Way::Float) => ColumnData::F64(Some(*number as f64)),
            (Cell::Float(number), Way::Float) => ColumnData::F64(Some(*number)),
            (Cell::Bytes(span), Way::Bytes(_) | Way::Filled(_)) => {
                let bytes = batch.bytes(*span);
                self.check_bytes(bytes.len())?;
                ColumnData::Binary(Some(Cow::Owned(bytes.to_vec())))
            }
            (Cell::Text(span), Way::Tiny) => {
                let found = batch.text(*span);
                ColumnData::I64(Some(self.tiny(Digits::of(&found).and_then(|digits| digits.integer()), &found)?))
            }
            (Cell::Text(span), _) => text(Some(self.text(&batch.text(*span))?.into_owned())),
            (Cell::Integer(number), _) => text(Some(number.to_string())),
            (Cell::Float(number), _) => text(Some(format!("{number:e}"))),
            (Cell::Bool(flag), _) => text(Some(flag.to_string())),
            (Cell::Bytes(_), _) => return Err(self.would_not("bytes")),
        })
    }

    /// A text as the column would give it back.
    ///
    /// # Errors
    /// As [`Coding::sent`].
    pub(super) fn text<'a>(&self, text: &'a str) -> Result<Cow<'a, str>, String> {
        let refused = |reason: &str| Err(self.would_not(&format!("`{}`: {reason}", short(text))));
        let units = |most: u32| u32::try_from(text.encode_utf16().count()).is_ok_and(|units| units <= most);
        match self.way {
            Way::Letters(Some(most)) if !units(most) => refused("letters beyond the first 65,536 count twice"),
            Way::Padded { .. } if text.ends_with(' ') => refused("CHAR does not keep the blanks at its end"),
            Way::Padded { units: most, is_narrow: false } if !units(most) => {
                refused("letters beyond the first 65,536 count twice")
            }
            Way::Number => match plain(text) {
                Some(number) => Ok(Cow::Owned(number)),
                None => refused("it is no number with digits"),
            },
            Way::Moment(kept) => match moment(text, kept) {
                Some(moment) => Ok(Cow::Owned(moment)),
                None => refused(words(kept)),
            },
            Way::Uuid => match uuid::Uuid::try_parse(text) {
                Ok(uuid) => Ok(Cow::Owned(uuid.hyphenated().to_string().to_uppercase())),
                Err(_) => refused("it is no UUID"),
            },
            _ => Ok(Cow::Borrowed(text)),
        }
    }

    /// A text as the column shows it, where it fills it up.
    ///
    /// # Errors
    /// As [`Coding::sent`].
    pub(super) fn shown<'a>(&self, text: &'a str) -> Result<Cow<'a, str>, String> {
        match self.way {
            Way::Padded { units, .. } => {
                let blanks = (units as usize).saturating_sub(text.encode_utf16().count());
                Ok(Cow::Owned(format!("{}{}", self.text(text)?, " ".repeat(blanks))))
            }
            _ => self.text(text),
        }
    }

    /// Why a value stays out that only the server could judge.
    pub(super) fn would_not_keep_it(&self) -> String {
        self.would_not("the value, or not all of it")
    }

    fn check_bytes(&self, count: usize) -> Result<(), String> {
        match self.way {
            Way::Filled(most) if count != most as usize => {
                Err(self.would_not(&format!("{count} bytes: it holds exactly {most}, and fills them up with zeros")))
            }
            Way::Bytes(Some(most)) if count > most as usize => {
                Err(self.would_not(&format!("{count} bytes: it takes {most}")))
            }
            _ => Ok(()),
        }
    }

    fn tiny(&self, number: Option<i64>, shown: &str) -> Result<i64, String> {
        number
            .filter(|number| (0..=255).contains(number))
            .ok_or_else(|| self.would_not(&format!("`{}`: it takes 0 to 255", short(shown))))
    }

    fn would_not(&self, what: &str) -> String {
        format!("the column `{}`, which is {}, would not keep {what}", self.name, self.declared)
    }
}

/// The condition that a column of a narrow character set would not keep a text.
fn narrow_misfit(waiting: &str, collation: &str, bytes: Option<u32>) -> String {
    let narrow = format!("CAST({waiting} COLLATE {collation} AS VARCHAR(MAX))");
    let is_other = format!("CAST({narrow} AS NVARCHAR(MAX)) COLLATE Latin1_General_100_BIN2 <> {waiting}");
    match bytes {
        Some(most) => format!("({is_other} OR DATALENGTH({narrow}) > {most})"),
        None => format!("({is_other})"),
    }
}

/// A number without an exponent; `None` for what is none.
fn plain(text: &str) -> Option<String> {
    let text = text.trim();
    if !text.contains(['e', 'E']) {
        return Some(text.to_owned());
    }
    let mut out = String::new();
    Digits::of(text)?.write(&mut out);
    Some(out).filter(|out| !out.contains('e'))
}

/// As much of a value as a message bears.
fn short(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(60) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{} ..", &text[..end])),
    }
}

fn words(kept: Moment) -> &'static str {
    match kept {
        Moment::Date => "dates are such as 2026-01-31",
        Moment::Time(_) => "times are such as 10:15:30, with no more digits than the type has",
        Moment::Both(_) => "moments are such as 2026-01-31 10:15:30, in UTC, with no more digits than the type has",
        Moment::WithOffset(_) => {
            "moments are such as 2026-01-31 10:15:30 +02:00, with no more digits than the type has"
        }
        Moment::Old => "moments are such as 2026-01-31 10:15:30, in UTC, and DATETIME knows .000, .003 and .007 alone",
        Moment::Minutes => "moments are such as 2026-01-31 10:15, in UTC, and SMALLDATETIME knows whole minutes alone",
    }
}

/// A moment in the form in which we print it.
fn moment(text: &str, kept: Moment) -> Option<String> {
    let found = MOMENT.as_ref()?.captures(text.trim())?;
    let part = |name: &str| found.name(name).map_or("", |part| part.as_str());
    let one_of = |name: &str| match part(name) {
        "" => found.name(&format!("only_{name}")).map_or("", |part| part.as_str()),
        part => part,
    };
    let date = part("date").replace('/', "-");
    let date = if date.len() == 8 { format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..]) } else { date };
    let seconds = if one_of("seconds").is_empty() && !one_of("time").is_empty() { ":00" } else { "" };
    let time = format!("{}{seconds}", one_of("time"));
    let fraction = one_of("fraction").trim_start_matches('.').trim_end_matches('0');
    let is_day = NaiveDate::parse_from_str(&date, "%Y-%m-%d").is_ok() && date != "0000-00-00";
    let is_time = NaiveTime::parse_from_str(&time, "%H:%M:%S").is_ok() && !time.ends_with(":60");
    if !(date.is_empty() || is_day && !date.starts_with("0000")) || !(time.is_empty() || is_time) {
        return None;
    }
    let offset = offset(part("zone"))?;
    let is_utc = offset == "+00:00";
    let clock = |digits: usize| {
        let time = if time.is_empty() { "00:00:00" } else { &time };
        match digits {
            _ if fraction.len() > digits => None,
            0 => Some(time.to_owned()),
            digits => Some(format!("{time}.{fraction:0<digits$}")),
        }
    };
    match kept {
        Moment::Time(digits) => Some(()).filter(|()| date.is_empty()).and_then(|()| clock(digits)),
        _ if date.is_empty() => None,
        // of midnight a date keeps all
        Moment::Date => {
            let is_midnight = time.bytes().all(|byte| matches!(byte, b'0' | b':')) && fraction.is_empty();
            (is_midnight && is_utc).then_some(date)
        }
        Moment::Both(digits) if is_utc => Some(format!("{date} {}", clock(digits)?)),
        Moment::WithOffset(digits) => Some(format!("{date} {} {offset}", clock(digits)?)),
        Moment::Old if is_utc => {
            let time = clock(3)?;
            (date.as_str() >= "1753-01-01" && time.ends_with(['0', '3', '7'])).then(|| format!("{date} {time}"))
        }
        Moment::Minutes if is_utc => {
            let time = clock(0)?;
            time.ends_with(":00").then(|| format!("{date} {time}"))
        }
        _ => None,
    }
}

/// An offset as `+02:00`, up to 14 hours.
fn offset(zone: &str) -> Option<String> {
    let Some(sign) = zone.chars().next().filter(|sign| matches!(sign, '+' | '-')) else {
        return Some("+00:00".to_owned());
    };
    let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
    let (hours, minutes) = (digits.get(..2)?, digits.get(2..).filter(|rest| !rest.is_empty()).unwrap_or("00"));
    let (h, m): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let sign = if h + m == 0 { '+' } else { sign };
    (m < 60 && h * 60 + m <= 14 * 60).then(|| format!("{sign}{hours}:{minutes}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coding(declared: &str) -> Coding {
        let kind = Declared::of(declared).kind();
        Coding::of(&Column { name: "c".into(), kind, declared: declared.into(), is_generated: false })
    }

    #[test]
    fn a_text_is_kept_whole_in_the_form_in_which_it_is_told_or_refused() {
        for (declared, kept, refused) in [
            (
                "datetime2(6)",
                vec![
                    ("2026-01-31", "2026-01-31 00:00:00.000000"),
                    ("2026-01-31T10:15:30.5Z", "2026-01-31 10:15:30.500000"),
                    ("2026/01/31 10:15", "2026-01-31 10:15:00.000000"),
                    ("20260131 10:15:30+00:00", "2026-01-31 10:15:30.000000"),
                    ("9999-12-31 23:59:59.999999", "9999-12-31 23:59:59.999999"),
                ],
                vec![
                    "2026-01-31T10:15:30+02:00",
                    "2026-02-30",
                    "26-01-31",
                    "2026-01-31 10:15:30.1234567",
                    "2026-01-31 24:00:00",
                    "2026-01-31 23:59:60",
                    "0000-01-01",
                    "10:15",
                    "now",
                    "",
                ],
            ),
            (
                "datetimeoffset(0)",
                vec![
                    ("2026-01-31 10:15:30 -0130", "2026-01-31 10:15:30 -01:30"),
                    ("2026-01-31T10:15:30z", "2026-01-31 10:15:30 +00:00"),
                    ("2026-01-31T10:15+02", "2026-01-31 10:15:00 +02:00"),
                ],
                vec!["2026-01-31 10:15:30 +14:01", "2026-01-31 10:15:30.5 +01:00"],
            ),
            (
                "datetime",
                vec![("2026-01-31 10:15:30.003", "2026-01-31 10:15:30.003"), ("2026-01-31", "2026-01-31 00:00:00.000")],
                vec!["2026-01-31 10:15:30.001", "1752-12-31", "2026-01-31 10:15:30.0035"],
            ),
            ("smalldatetime", vec![("2026-01-31T10:15", "2026-01-31 10:15:00")], vec!["2026-01-31 10:15:01"]),
            ("date", vec![("2026-01-31T00:00:00Z", "2026-01-31")], vec!["2026-01-31 10:15", "2026-1-31"]),
            (
                "time(3)",
                vec![("10:15", "10:15:00.000"), ("23:59:59.5", "23:59:59.500")],
                vec!["24:00", "1:02", "2026-01-31"],
            ),
            ("nvarchar(2)", vec![("ä", "ä"), ("😀", "😀")], vec!["a😀"]),
            ("national character(3)", vec![("ab", "ab")], vec!["a "]),
            ("decimal(38,10)", vec![("1.5", "1.5"), ("15e-1", "1.5"), ("1e3", "1000")], vec!["1e2000"]),
            (
                "uniqueidentifier",
                vec![("6ccd780c-baba-1026-9564-5b8c656024db", "6CCD780C-BABA-1026-9564-5B8C656024DB")],
                vec!["6ccd"],
            ),
        ] {
            let coding = coding(declared);
            for (text, expected) in kept {
                assert_eq!(coding.text(text).as_deref(), Ok(expected), "{declared}: {text}");
            }
            for text in refused {
                assert!(coding.text(text).is_err_and(|why| why.contains(text)), "{declared}: {text}");
            }
        }
        assert_eq!(coding("national character(3)").shown("ab").as_deref(), Ok("ab "));
    }

    #[test]
    fn bytes_and_small_numbers_are_kept_whole_or_refused() {
        assert!(coding("binary(2)").check_bytes(1).is_err() && coding("binary(2)").check_bytes(2).is_ok());
        assert!(coding("varbinary(2)").check_bytes(3).is_err() && coding("varbinary(max)").check_bytes(9_000).is_ok());
        assert_eq!(coding("tinyint").tiny(Some(255), "255"), Ok(255));
        for number in [-1, 256] {
            assert!(coding("tinyint").tiny(Some(number), "x").is_err(), "{number}");
        }
    }

    #[test]
    fn what_only_the_server_knows_it_is_asked_for() {
        let misfit = |declared: &str| coding(declared).misfit("s.c0", Some("Latin1_General_CI_AS"));
        assert!(misfit("nvarchar(3)").is_none() && misfit("bigint").is_none());
        assert!(misfit("date").is_some_and(|sql| sql.contains("TRY_CAST(s.c0 AS date) IS NULL")));
        assert!(misfit("varchar(3)").is_some_and(|sql| sql.contains("> 3")));
        assert!(misfit("varchar(max)").is_some_and(|sql| !sql.contains('>') || sql.contains("<>")));
        assert!(misfit("character(3)").is_some_and(|sql| sql.contains("> 3")));
    }
}
