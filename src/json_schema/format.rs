//! What `format` says of a text. Those that are judged are judged whole; the others of the standard say nothing here.

use std::net::{Ipv4Addr, Ipv6Addr};

use chrono::{NaiveDate, NaiveTime};

use super::pattern;

/// A format that is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `2026-11-20`
    Date,
    /// `08:15:00Z`, with its distance from UTC.
    Time,
    /// Both, with a T between them.
    DateTime,
    /// `1.2.3.4`
    Ipv4,
    /// `::1`
    Ipv6,
    /// Eight, four, four, four and twelve hexadecimal digits.
    Uuid,
    /// Something, an @, and a domain.
    Email,
    /// An address with a scheme.
    Uri,
    /// `/a/0`
    JsonPointer,
    /// A pattern.
    Regex,
}

const JUDGED: &[(&str, Format)] = &[
    ("date", Format::Date),
    ("time", Format::Time),
    ("date-time", Format::DateTime),
    ("ipv4", Format::Ipv4),
    ("ipv6", Format::Ipv6),
    ("uuid", Format::Uuid),
    ("email", Format::Email),
    ("uri", Format::Uri),
    ("json-pointer", Format::JsonPointer),
    ("regex", Format::Regex),
];
const NOT_JUDGED: &[&str] = &[
    "duration",
    "hostname",
    "idn-email",
    "idn-hostname",
    "iri",
    "iri-reference",
    "relative-json-pointer",
    "uri-reference",
    "uri-template",
];

impl Format {
    /// The format of a name: `Some(None)` for one of the standard that is not judged, `None` for one that is not known.
    pub(super) fn of(name: &str) -> Option<Option<Self>> {
        let judged = JUDGED.iter().find(|(known, _)| *known == name).map(|(_, format)| Some(*format));
        judged.or_else(|| NOT_JUDGED.contains(&name).then_some(None))
    }

    /// All names.
    pub(super) fn names() -> String {
        let names: Vec<&str> = JUDGED.iter().map(|(name, _)| *name).chain(NOT_JUDGED.iter().copied()).collect();
        names.join(", ")
    }

    /// How it is called.
    pub(super) fn name(self) -> &'static str {
        JUDGED.iter().find(|(_, format)| *format == self).map_or("", |(name, _)| name)
    }

    /// Whether a text has it.
    pub(super) fn fits(self, text: &str) -> bool {
        match self {
            Self::Date => is_date(text),
            Self::Time => is_time(text),
            Self::DateTime => {
                let parts = text.get(..10).zip(text.get(10..11)).zip(text.get(11..));
                parts.is_some_and(|((date, t), time)| is_date(date) && matches!(t, "T" | "t") && is_time(time))
            }
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::Uuid => is_uuid(text),
            Self::Email => is_email(text),
            Self::Uri => is_uri(text),
            Self::JsonPointer => is_pointer(text),
            Self::Regex => pattern::compile(text).is_ok(),
        }
    }
}

/// Numbers of a fixed width with marks between them.
fn numbers<const N: usize>(text: &str, widths: [usize; N], mark: char) -> Option<[u32; N]> {
    let parts: Vec<&str> = text.split(mark).collect();
    let mut found = [0; N];
    for (at, width) in widths.iter().enumerate() {
        let part = parts.get(at).filter(|part| part.len() == *width && part.bytes().all(|it| it.is_ascii_digit()))?;
        found[at] = part.parse().ok()?;
    }
    (parts.len() == N).then_some(found)
}

fn is_date(text: &str) -> bool {
    let parts = numbers(text, [4, 2, 2], '-');
    let date = |[year, month, day]: [u32; 3]| NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day);
    parts.and_then(date).is_some()
}

/// As RFC 3339 has it: a second of 60 only at the end of a day in UTC.
fn is_time(text: &str) -> bool {
    let Some(at) = text.find(['Z', 'z', '+', '-']) else { return false };
    let (clock, zone) = text.split_at(at);
    let shift = match zone {
        "Z" | "z" => 0,
        zone => {
            let Some([hours, minutes]) = numbers(&zone[1..], [2, 2], ':') else { return false };
            if hours > 23 || minutes > 59 {
                return false;
            }
            let minutes = i64::from(60 * hours + minutes);
            if zone.starts_with('-') { -minutes } else { minutes }
        }
    };
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let Some([hour, minute, second]) = numbers(whole, [2, 2, 2], ':') else { return false };
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|it| it.is_ascii_digit());
    let in_utc = (i64::from(60 * hour + minute) - shift).rem_euclid(24 * 60);
    let is_leap = second == 60 && in_utc == 24 * 60 - 1;
    is_fraction && NaiveTime::from_hms_opt(hour, minute, if is_leap { 59 } else { second }).is_some()
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let widths = parts.iter().map(|part| part.len());
    widths.eq([8, 4, 4, 4, 12]) && parts.concat().bytes().all(|it| it.is_ascii_hexdigit())
}

fn is_email(text: &str) -> bool {
    let Some((name, domain)) = text.rsplit_once('@') else { return false };
    let is_plain = |text: &str| !text.is_empty() && !text.contains(|it: char| it.is_whitespace() || it.is_control());
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('-') && !part.ends_with('-');
    let dots = !name.starts_with('.') && !name.ends_with('.') && !name.contains("..");
    let is_literal = domain.starts_with('[') && domain.ends_with(']');
    let is_quoted = name.len() > 1 && name.starts_with('"') && name.ends_with('"');
    is_plain(domain)
        && (is_quoted || is_plain(name) && dots && !name.contains(['@', '"']))
        && (is_literal || domain.split('.').all(is_part) && !domain.contains(['=', '_']))
}

/// By the letters of RFC 3986, and as an address that the url crate takes.
fn is_uri(text: &str) -> bool {
    let is_letter = |it: u8| it.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&it);
    let bytes = text.as_bytes();
    let is_percent = |at: usize| {
        bytes[at] != b'%' || bytes.get(at + 1..at + 3).is_some_and(|it| it.iter().all(u8::is_ascii_hexdigit))
    };
    text.bytes().all(is_letter) && (0..bytes.len()).all(is_percent) && url::Url::parse(text).is_ok()
}

fn is_pointer(text: &str) -> bool {
    let is_escape = |rest: &str| rest.starts_with(['0', '1']);
    (text.is_empty() || text.starts_with('/')) && text.split('~').skip(1).all(is_escape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_judged_whole() {
        for (name, good, bad) in [
            ("date", &["2028-02-29"][..], &["2026-02-29", "2026-2-1", "20260201", "2026-11-20T", "२०२६-11-20"][..]),
            (
                "time",
                &["08:15:00Z", "23:59:60Z", "01:29:60.5+01:30"],
                &["08:15:00", "24:00:00Z", "22:59:60Z", "8:15:00Z"],
            ),
            ("date-time", &["2026-11-20T08:15:00.25+01:00"], &["2026-11-20 08:15:00Z", "2026-11-20T08:15"]),
            ("ipv4", &["1.2.3.4"], &["1.2.3", "01.2.3.4"]),
            ("ipv6", &["::1"], &["1::2::3", "::1%eth0"]),
            ("uuid", &["2eb8aa08-aa98-11ea-b4aa-73b441d16380"], &["2eb8aa08aa9811eab4aa73b441d16380"]),
            ("email", &["a.b@example.org"], &["a.b", "a b@example.org"]),
            ("uri", &["https://example.org/a?b#c", "urn:a:b"], &["/a", "https://a b", "http://a/%zz"]),
            ("json-pointer", &["", "/a~0b/0"], &["a", "/a~2"]),
            ("regex", &["^a+$"], &["("]),
        ] {
            let format = Format::of(name).flatten().expect(name);
            assert_eq!(format.name(), name);
            assert!(good.iter().all(|text| format.fits(text)), "{name}");
            assert_eq!(bad.iter().find(|text| format.fits(text)), None, "{name}");
        }
        assert_eq!((Format::of("hostname"), Format::of("datum")), (Some(None), None));
    }
}
