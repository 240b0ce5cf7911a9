//! The line by which a producer says that it is done: `{"dc":"end","records":N}`. Without it an input that broke off looks
//! complete, and what it lacks would be taken for gone.

use serde::Deserialize;

use super::source::Source;
use crate::error::{Error, ErrorKind, Result};

/// No closing line is longer.
const LINE_BYTES_MAX: u64 = 4 * 1024;

/// The closing line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Closing {
    dc: Mark,
    records: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mark {
    End,
}

/// Takes the closing line off the end of a source, and notes what it tells.
///
/// # Errors
/// Refused, when the source does not end with one.
pub(crate) fn take_closing_line(source: &mut Source, table: &str) -> Result<()> {
    let from = source.length.saturating_sub(LINE_BYTES_MAX);
    let mut end = vec![0; usize::try_from(source.length - from).unwrap_or_default()];
    let count = source.read_at(&mut end, from)?;
    end.truncate(count);
    let text = end.trim_ascii_end();
    let begin = memchr::memrchr(b'\n', text).map_or(0, |at| at + 1);
    let Ok(Closing { dc: Mark::End, records }) = serde_json::from_slice(&text[begin..]) else {
        let what = format!("merge into `{table}`: {} ends without its closing line", source.name);
        return Err(Error::new(ErrorKind::Refused, what).hint(
            "it broke off, or its producer does not write {\"dc\":\"end\",\"records\":N} as its last line \
             (`--expect-end` asks for it); nothing was changed",
        ));
    };
    source.length = from + begin as u64;
    source.told = Some(records);
    Ok(())
}

/// Refuses inputs that have not as many records as their closing lines tell.
///
/// # Errors
/// Refused, with both numbers.
pub(crate) fn check_told(table: &str, sources: &[Source], read: u64) -> Result<()> {
    let told: Option<u64> = sources.iter().map(|source| source.told).sum();
    match told {
        Some(told) if told != read && !sources.is_empty() => {
            let what = format!("merge into `{table}`: {read} records came, and the closing line tells of {told}");
            Err(Error::new(ErrorKind::Refused, what)
                .hint("some were lost on the way, or the producer counts otherwise; nothing was changed"))
        }
        _ => Ok(()),
    }
}
