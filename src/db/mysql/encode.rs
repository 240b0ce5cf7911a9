//! What a column keeps of a value, seen before the server gets it: MariaDB and MySQL take much for something else without a word.
//! A blank at the end of a CHAR is cut, bytes are filled up with zeros, `1` is the first member of an ENUM, 26 is the year 2026,
//! an offset changes the time; such a value is refused here, by name.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::kind::Declared;
use super::value::{is_day, is_time, padded};
use crate::db::{Cell, Column, RowBatch};

/// A date, a time of the day, or both, in the forms of ISO 8601; the zone is UTC, or there is none.
static MOMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let zone = r"(?: ?(?:z|utc|gmt|[+-]00(?::?00)?))?";
    let time = format!(r"(?P<time>\d{{2}}:\d{{2}}(?P<seconds>:\d{{2}})?)(?P<fraction>\.\d*)?{zone}");
    Regex::new(&format!(r"(?i)^(?P<date>\d{{4}}[-/]\d{{2}}[-/]\d{{2}}|\d{{8}})(?:[t ]{time})?$")).ok()
});
/// A length of time, as the type TIME has it.
static SPAN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(?P<whole>-?\d{1,3}:[0-5]\d(?P<seconds>:[0-5]\d)?)(?P<fraction>\.\d*)?$").ok());

/// What a value becomes in a statement or a line.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sent<'a> {
    Null,
    /// A number, or a truth value.
    Number(String),
    Text(Cow<'a, [u8]>),
    Bytes(&'a [u8]),
    /// A number that goes into a BIT.
    Bits(u64),
}

/// How values go into one column.
#[derive(Debug, Clone)]
pub(super) struct Coding {
    name: String,
    declared: String,
    way: Way,
}

#[derive(Debug, Clone)]
enum Way {
    /// As they are, up to so many bytes.
    Plain(Option<u64>),
    /// Text without blanks at its end.
    Unpadded,
    /// Exactly so many bytes.
    Filled(usize),
    Bits(u64),
    /// Whole numbers from 0 to this.
    Whole(u64),
    /// Numbers without a sign.
    Unsigned,
    Year,
    /// With so many digits of a second; `None` for a date.
    Moment(Option<usize>),
    /// With so many digits of a second.
    Span(usize),
    /// One of these.
    Enum(Vec<String>),
    /// Some of these, in their order.
    Set(Vec<String>),
    Uuid,
}

impl Coding {
    pub(super) fn of(column: &Column) -> Self {
        let declared = Declared::of(&column.declared);
        let way = match declared.base {
            "char" => Way::Unpadded,
            "binary" => Way::Filled(declared.number(1) as usize),
            "bit" => Way::Bits(declared.bits_max()),
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" if declared.is_unsigned => {
                Way::Whole(declared.whole_max())
            }
            "decimal" | "float" | "double" if declared.is_unsigned => Way::Unsigned,
            "year" => Way::Year,
            "date" => Way::Moment(None),
            "datetime" | "timestamp" => Way::Moment(Some(declared.number(0) as usize)),
            "time" => Way::Span(declared.number(0) as usize),
            "enum" => Way::Enum(declared.members()),
            "set" => Way::Set(declared.members()),
            "uuid" => Way::Uuid,
            _ => Way::Plain(declared.bytes_max()),
        };
        Self { name: column.name.clone(), declared: column.declared.clone(), way }
    }

    /// A cell as it is sent.
    ///
    /// # Errors
    /// Why the column would not keep the value, in words.
    pub(super) fn sent<'a>(&self, cell: &Cell, batch: &'a RowBatch) -> Result<Sent<'a>, String> {
        let whole = |number: i64| match self.way {
            Way::Bits(_) | Way::Whole(_) => self.whole(&number.to_string()),
            Way::Unsigned if number < 0 => Err(self.misfit(&format!("`{number}`: it takes no sign"))),
            _ => Ok(Sent::Number(itoa::Buffer::new().format(number).to_owned())),
        };
        match cell {
            Cell::Null => Ok(Sent::Null),
            Cell::Bool(flag) => whole(i64::from(*flag)),
            Cell::Integer(number) => whole(*number),
            // a negative zero keeps its sign, and the shortest digits are the number again
            Cell::Float(number) => Ok(Sent::Number(format!("{number:e}"))),
            Cell::Bytes(span) => self.bytes(batch.bytes(*span)).map(Sent::Bytes),
            Cell::Text(span) => {
                let bytes = batch.bytes(*span);
                match std::str::from_utf8(bytes) {
                    Ok(text) if matches!(self.way, Way::Bits(_) | Way::Whole(_)) => self.whole(text),
                    Ok(text) => Ok(match self.text(text)? {
                        Cow::Borrowed(text) => Sent::Text(Cow::Borrowed(text.as_bytes())),
                        Cow::Owned(text) => Sent::Text(Cow::Owned(text.into_bytes())),
                    }),
                    Err(_) => Err(self.misfit("a text that is no UTF-8")),
                }
            }
        }
    }

    /// A text as the column would give it back.
    ///
    /// # Errors
    /// As [`Coding::sent`].
    pub(super) fn text<'a>(&self, text: &'a str) -> Result<Cow<'a, str>, String> {
        let shown = |reason: &str| self.misfit(&format!("`{}`: {reason}", short(text)));
        match &self.way {
            Way::Plain(Some(most)) if text.len() as u64 > *most => {
                Err(shown(&format!("it has {} bytes, and the column takes {most}", text.len())))
            }
            Way::Unsigned if text.trim_start().starts_with('-') => Err(shown("it takes no sign")),
            Way::Plain(_) | Way::Filled(_) | Way::Bits(_) | Way::Whole(_) | Way::Unsigned => Ok(Cow::Borrowed(text)),
            Way::Unpadded if text.ends_with(' ') => Err(shown("CHAR does not keep the blanks at its end")),
            Way::Unpadded => Ok(Cow::Borrowed(text)),
            Way::Year => {
                let is_year = text == "0000"
                    || (text.len() == 4 && text.parse().is_ok_and(|year: u16| (1901..=2155).contains(&year)));
                if is_year { Ok(Cow::Borrowed(text)) } else { Err(shown("years are 1901 to 2155, in four digits")) }
            }
            Way::Moment(digits) => moment(text, *digits).map(Cow::Owned).ok_or_else(|| {
                shown(match digits {
                    None => "dates are such as 2026-01-31",
                    Some(_) => "moments are such as 2026-01-31 10:15:30, in UTC, with no more digits than the type has",
                })
            }),
            Way::Span(digits) => span(text, *digits)
                .map(Cow::Owned)
                .ok_or_else(|| shown("times are such as 10:15:30, with no more digits than the type has")),
            Way::Enum(members) => match members.iter().any(|member| member == text) {
                true => Ok(Cow::Borrowed(text)),
                false => Err(shown("it is none of its members, letter for letter")),
            },
            Way::Set(members) => match is_subset(text, members) {
                true => Ok(Cow::Borrowed(text)),
                false => Err(shown("these are not some of its members, letter for letter and in their order")),
            },
            Way::Uuid => match uuid::Uuid::try_parse(text) {
                Ok(uuid) => Ok(Cow::Owned(uuid.hyphenated().to_string())),
                Err(_) => Err(shown("it is no UUID")),
            },
        }
    }

    fn bytes<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], String> {
        let count = bytes.len();
        match self.way {
            Way::Filled(most) if count != most => {
                Err(self.misfit(&format!("{count} bytes: it holds exactly {most}, and fills them up with zeros")))
            }
            Way::Plain(Some(most)) if count as u64 > most => {
                Err(self.misfit(&format!("{count} bytes: it takes {most}")))
            }
            _ => Ok(bytes),
        }
    }

    fn whole(&self, number: &str) -> Result<Sent<'static>, String> {
        let (most, is_bits) = match self.way {
            Way::Bits(most) => (most, true),
            Way::Whole(most) => (most, false),
            _ => return Err(self.misfit(number)),
        };
        let whole = crate::record::Digits::of(number.trim()).and_then(|digits| digits.integer());
        let found = whole.and_then(|number| u64::try_from(number).ok()).or_else(|| number.trim().parse().ok());
        match found.filter(|number| *number <= most) {
            Some(number) if is_bits => Ok(Sent::Bits(number)),
            Some(number) => Ok(Sent::Number(number.to_string())),
            None => Err(self.misfit(&format!("`{}`: it takes 0 to {most}", short(number)))),
        }
    }

    fn misfit(&self, what: &str) -> String {
        format!("the column `{}`, which is {}, would not keep {what}", self.name, short(&self.declared))
    }
}

/// As much of a value as a message bears.
fn short(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(60) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{} ..", &text[..end])),
    }
}

/// A moment in the form in which the server prints it.
fn moment(text: &str, digits: Option<usize>) -> Option<String> {
    let found = MOMENT.as_ref()?.captures(text.trim())?;
    let part = |name: &str| found.name(name).map_or("", |part| part.as_str());
    let date = part("date").replace('/', "-");
    let date = if date.len() == 8 { format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..]) } else { date };
    let (time, fraction) = whole_time(part("time"), part("seconds"), part("fraction"));
    if !is_day(&date) || !(time.is_empty() || is_time(&time)) {
        return None;
    }
    let Some(digits) = digits else {
        // of midnight a date keeps all
        let is_midnight = time.bytes().all(|byte| matches!(byte, b'0' | b':')) && fraction.is_empty();
        return is_midnight.then_some(date);
    };
    let time = if time.is_empty() { "00:00:00" } else { &time };
    (fraction.len() <= digits).then(|| padded(&format!("{date} {time}.{fraction}"), digits))
}

/// A length of time in the form in which the server prints it.
fn span(text: &str, digits: usize) -> Option<String> {
    let found = SPAN.as_ref()?.captures(text.trim())?;
    let part = |name: &str| found.name(name).map_or("", |part| part.as_str());
    let (whole, fraction) = whole_time(part("whole"), part("seconds"), part("fraction"));
    let (sign, rest) = whole.strip_prefix('-').map_or(("", whole.as_str()), |rest| ("-", rest));
    let (hours, rest) = rest.split_once(':')?;
    let hours: u16 = hours.parse().ok()?;
    let is_in = hours < 838 || (hours == 838 && fraction.is_empty());
    (is_in && fraction.len() <= digits).then(|| padded(&format!("{sign}{hours:02}:{rest}.{fraction}"), digits))
}

/// A time with its seconds, and the digits behind them that say something.
fn whole_time<'a>(time: &str, seconds: &str, fraction: &'a str) -> (String, &'a str) {
    let seconds = if seconds.is_empty() && !time.is_empty() { ":00" } else { "" };
    (format!("{time}{seconds}"), fraction.trim_start_matches('.').trim_end_matches('0'))
}

fn is_subset(text: &str, members: &[String]) -> bool {
    if text.is_empty() {
        return true;
    }
    let mut left = members.iter();
    text.split(',').all(|wanted| left.any(|member| member == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Kind;

    fn coding(declared: &str) -> Coding {
        let kind = Kind::Text;
        Coding::of(&Column { name: "c".into(), kind, declared: declared.into(), is_generated: false })
    }

    #[test]
    fn a_text_is_kept_whole_in_the_form_of_the_server_or_refused() {
        for (declared, kept, refused) in [
            (
                "datetime(6)",
                vec![
                    ("2026-01-31", "2026-01-31 00:00:00.000000"),
                    ("2026-01-31T10:15:30.5Z", "2026-01-31 10:15:30.500000"),
                    ("2026/01/31 10:15", "2026-01-31 10:15:00.000000"),
                    ("20260131 10:15:30+00:00", "2026-01-31 10:15:30.000000"),
                    ("0000-00-00", "0000-00-00 00:00:00.000000"),
                    ("9999-12-31 23:59:59.999999", "9999-12-31 23:59:59.999999"),
                ],
                vec![
                    "2026-01-31T10:15:30+02:00",
                    "2026-02-30",
                    "26-01-31",
                    "2026-01-31 10:15:30.1234567",
                    "2026-01-31 24:00:00",
                    "2026-01-31 23:59:60",
                    "2026-13-01",
                    "now",
                    "",
                ],
            ),
            ("datetime", vec![("2026-01-31 10:15:30.0", "2026-01-31 10:15:30")], vec!["2026-01-31 10:15:30.5"]),
            ("date", vec![("2026-01-31T00:00:00Z", "2026-01-31")], vec!["2026-01-31 10:15", "2026-1-31"]),
            (
                "time(3)",
                vec![("10:15", "10:15:00.000"), ("-838:59:59", "-838:59:59.000"), ("1:02:03.5", "01:02:03.500")],
                vec!["1015", "839:00:00", "10:60:00", "10:15:30.1234", "838:59:59.5", "1 10:00:00"],
            ),
            ("year(4)", vec![("2026", "2026"), ("0000", "0000")], vec!["26", "0", "1900", "20 26"]),
            ("enum('a','B','1')", vec![("a", "a"), ("1", "1")], vec!["A", "b", "2", "", "a "]),
            ("set('a','b','c')", vec![("", ""), ("a,c", "a,c")], vec!["c,a", "a,a", "3", "A", "a,"]),
            ("char(3)", vec![("ab", "ab")], vec!["a "]),
            ("tinytext", vec![("ab", "ab")], vec![]),
            (
                "uuid",
                vec![("6CCD780C-BABA-1026-9564-5B8C656024DB", "6ccd780c-baba-1026-9564-5b8c656024db")],
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
        assert!(coding("tinytext").text(&"ä".repeat(128)).is_err());
    }

    #[test]
    fn bytes_and_bits_are_kept_whole_or_refused() {
        assert!(coding("binary(2)").bytes(&[1]).is_err() && coding("binary(2)").bytes(&[1, 0]).is_ok());
        assert!(coding("tinyblob").bytes(&[0; 256]).is_err() && coding("tinyblob").bytes(&[0; 255]).is_ok());
        assert_eq!(coding("bit(64)").whole("18446744073709551615"), Ok(Sent::Bits(u64::MAX)));
        assert_eq!(coding("bit(4)").whole("15"), Ok(Sent::Bits(15)));
        for number in ["-1", "16", "1.5", "x"] {
            assert!(coding("bit(4)").whole(number).is_err(), "{number}");
        }
    }
}
