//! `dc logs resend`: what sinks refused is sent again.

use std::fmt;

use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::logs::{self, Resent};

/// What became of refused records.
#[derive(Debug, Serialize)]
pub struct ResendReport {
    /// Sink by sink.
    pub sinks: Vec<ResentTo>,
    /// Lines of the file that are no record, or of a sink that is unknown; they stay there.
    pub unreadable: u64,
    /// Whether nothing was sent.
    pub dry_run: bool,
    #[serde(skip)]
    place: String,
}

/// What became of the records that one sink had refused.
#[derive(Debug, Serialize)]
pub struct ResentTo {
    /// The sink.
    pub sink: String,
    /// How many there were.
    pub records: u64,
    /// Those that it took now.
    pub delivered: u64,
    /// Those that it refused again.
    pub refused: u64,
    /// Those that wait, since it is unreachable; the next run delivers them.
    pub waiting: u64,
    /// What it said, if it is unreachable.
    pub error: Option<String>,
}

impl ResendReport {
    /// The error of records that were not delivered, if there are any.
    pub fn failure(&self) -> Option<Error> {
        let place = &self.place;
        if let Some(sink) = self.sinks.iter().find(|sink| sink.waiting > 0) {
            let reason = sink.error.clone().unwrap_or_default();
            let what = format!("deliver {} records to `{}`", sink.waiting, sink.sink);
            let hint = format!("they wait in {place}, and the next run delivers them");
            return Some(Error::new(ErrorKind::Busy, what).because(reason).hint(hint));
        }
        let refused: u64 = self.sinks.iter().map(|sink| sink.refused).sum();
        (refused > 0).then(|| {
            Error::failed(format!("deliver {refused} records: they were refused again"))
                .hint(format!("less {place}/refused.ndjson"))
        })
    }
}

impl fmt::Display for ResendReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<String> = Vec::new();
        for ResentTo { sink, records, delivered, refused, waiting, .. } in &self.sinks {
            lines.push(if self.dry_run {
                format!("{records} refused records would be sent to `{sink}`")
            } else {
                format!(
                    "`{sink}`: {delivered} of {records} records delivered, {refused} refused again, {waiting} waiting"
                )
            });
        }
        if self.unreadable > 0 {
            lines.push(format!("{} lines of {}/refused.ndjson cannot be sent", self.unreadable, self.place));
        }
        if lines.is_empty() {
            lines.push("no refused records".to_owned());
        }
        formatter.write_str(&lines.join("\n"))
    }
}

/// Sends refused records again; with `dry_run` it only counts them.
///
/// # Errors
/// Busy while another dc does it; settings of a sink; when a file cannot be read or written.
pub fn resend(context: &Context, dry_run: bool) -> Result<ResendReport> {
    let place = context.settings().log.folder.display().to_string();
    if dry_run {
        let (counts, unreadable) = logs::refused(context)?;
        let of = |(sink, records)| ResentTo { sink, records, delivered: 0, refused: 0, waiting: 0, error: None };
        return Ok(ResendReport { sinks: counts.into_iter().map(of).collect(), unreadable, dry_run, place });
    }
    let (resent, unreadable) = logs::resend(context)?;
    let of = |Resent { sink, delivered, refused, waiting, away }| {
        let records = delivered + refused + waiting;
        ResentTo { sink, records, delivered, refused, waiting, error: away }
    };
    Ok(ResendReport { sinks: resent.into_iter().map(of).collect(), unreadable, dry_run, place })
}
