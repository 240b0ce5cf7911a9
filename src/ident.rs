//! The names of apps and runs, as people type them and as the database keeps them.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDateTime;

use crate::error::{Error, ErrorKind, Result};

/// The most bytes one part of an app's name may have.
const PART_BYTES_MAX: usize = 64;

/// An app's full name, `group/parent/name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppName {
    /// The organisation, country or theme.
    pub group: String,
    /// The source that the app reads.
    pub parent: String,
    /// What it collects there.
    pub name: String,
}

impl AppName {
    /// Whether `tail` names this app: all of it, or its last parts (`findata/companies`, `companies`).
    pub fn ends_with(&self, tail: &str) -> bool {
        let full = self.to_string();
        full == tail || full.strip_suffix(tail).is_some_and(|rest| rest.ends_with('/'))
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", self.group, self.parent, self.name)
    }
}

impl FromStr for AppName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let [group, parent, name] = parts.as_slice() else {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("read `{text}` as an app: its full name is group/parent/name"),
            ));
        };
        for part in &parts {
            check_part(part).map_err(|error| error.within(format!("read `{text}` as an app")))?;
        }
        Ok(Self { group: (*group).to_owned(), parent: (*parent).to_owned(), name: (*name).to_owned() })
    }
}

fn check_part(part: &str) -> Result<()> {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    if part.is_empty() || part.starts_with('.') || part.len() > PART_BYTES_MAX || !part.chars().all(allowed) {
        return Err(Error::new(
            ErrorKind::Usage,
            format!(
                "take `{part}` as a part of a name: letters, digits, `_`, `-` and `.`, at most {PART_BYTES_MAX} bytes, not starting with a point"
            ),
        ));
    }
    Ok(())
}

/// A new UUIDv7: it sorts by its time.
pub fn new_identity() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// A new UUIDv7 of a moment of another clock than this machine's: two of different moments sort by them, to the microsecond.
pub fn identity_at(moment: NaiveDateTime) -> String {
    let mut random = [0; 10];
    random.copy_from_slice(&uuid::Uuid::now_v7().as_bytes()[6..]);
    let time = moment.and_utc();
    // twelve bits of the millisecond come first
    let part = time.timestamp_subsec_micros() % 1_000 * 4_096 / 1_000;
    [random[0], random[1]] = u16::try_from(part).unwrap_or_default().to_be_bytes();
    let millis = u64::try_from(time.timestamp_millis()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().to_string()
}

/// What no UUIDv7 up to a moment sorts behind.
pub fn last_identity(moment: NaiveDateTime) -> String {
    let millis = u64::try_from(moment.and_utc().timestamp_millis()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &[0xff; 10]).into_uuid().to_string()
}

/// What no UUIDv7 from a moment on sorts before.
pub fn first_identity(moment: NaiveDateTime) -> String {
    let millis = u64::try_from(moment.and_utc().timestamp_millis()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid().to_string()
}

/// The name of this machine.
pub fn host() -> String {
    nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_else(|| "unknown".to_owned())
}

/// The identity of one run: a UUIDv7, so that runs sort by their start.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuntimeId(String);

impl RuntimeId {
    /// A new identity, later than all before it on this machine.
    pub fn new() -> Self {
        Self(new_identity())
    }

    /// A new identity of a run that begins then, by the database's clock: an app's runs sort by their start whichever
    /// machine they are on.
    pub fn at(moment: NaiveDateTime) -> Self {
        Self(identity_at(moment))
    }

    /// The identity as text, 36 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// So many letters of a run's identity are shown where there is little room: they tell its start to the millisecond.
const SHORT_CHARS: usize = 13;
/// A shorter beginning of an identity means too many.
const PREFIX_CHARS_MIN: usize = 4;

/// The beginning of a run's identity, for tables; it can be typed wherever a run is asked for.
pub fn short_run(identity: &str) -> &str {
    identity.get(..SHORT_CHARS).unwrap_or(identity)
}

/// The beginning of an identity as somebody types it, in small letters; `None` for what cannot be one.
pub fn run_prefix(typed: &str) -> Option<String> {
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    let is_prefix = (PREFIX_CHARS_MIN..=36).contains(&typed.len()) && typed.bytes().all(is_part);
    // a name such as `face` has no digit; every identity has some at its start
    (is_prefix && typed.starts_with(|first: char| first.is_ascii_digit())).then(|| typed.to_ascii_lowercase())
}

impl Default for RuntimeId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for RuntimeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for RuntimeId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let id = uuid::Uuid::parse_str(text).map_err(|cause| {
            Error::new(ErrorKind::Usage, format!("read `{text}` as a run: a run is named by its UUID"))
                .because(cause)
                .hint("`dc logs --runs` lists the runs")
        })?;
        Ok(Self(id.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_names_an_app_only_at_a_slash() {
        let app: AppName = "croatia/findata/companies".parse().expect("a name");
        for tail in ["companies", "findata/companies", "croatia/findata/companies"] {
            assert!(app.ends_with(tail), "{tail}");
        }
        for tail in ["panies", "data/companies", "", "/companies"] {
            assert!(!app.ends_with(tail), "{tail}");
        }
    }

    #[test]
    fn names_that_would_leave_the_apps_folder_are_refused() {
        for text in ["a/../b", "a/b", "a//b", "a/b/c/d", "a/b/c d", "a/b/.hidden"] {
            assert!(text.parse::<AppName>().is_err(), "{text}");
        }
    }
}
