//! Sends what sinks refused again, in the order in which it was refused.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use super::SINKS;
use super::aside::{self, Aside, Refused, Taken};
use super::backlog::{Backlog, PLACE_FIRST};
use super::folder::Folder;
use super::own::in_pipeline;
use super::sink::{Sink, Undelivered, Why};
use crate::context::Context;
use crate::error::{Error, Result, file_error};

/// What became of the records that one sink had refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resent {
    /// The sink.
    pub sink: String,
    /// Those that it took now.
    pub delivered: u64,
    /// Those that it refused again; they are set aside as before.
    pub refused: u64,
    /// Those that wait on disk for the next process, since the sink is away.
    pub waiting: u64,
    /// What the sink said, if it is away.
    pub away: Option<String>,
}

/// Refused records by their sink, and lines that are none.
#[derive(Default)]
struct Sorted {
    by_sink: BTreeMap<String, Vec<Vec<u8>>>,
    unknown: Vec<Vec<u8>>,
}

/// How many records each sink has refused, and how many lines cannot be sent again: of a sink that is unknown, or no
/// record.
///
/// # Errors
/// When a file cannot be read.
pub fn refused(context: &Context) -> Result<(Vec<(String, u64)>, u64)> {
    let aside = Aside::open(&context.settings().log.folder)?;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut unknown = 0;
    for path in aside.files() {
        let sorted = sorted(&path)?;
        unknown += sorted.unknown.len() as u64;
        sorted.by_sink.into_iter().for_each(|(sink, lines)| *counts.entry(sink).or_default() += lines.len() as u64);
    }
    Ok((counts.into_iter().collect(), unknown))
}

/// Sends all refused records again, and tells what became of them; the lines that cannot be sent stay where they are,
/// and are counted. Killed at any moment, nothing is lost; the database stores nothing twice.
///
/// # Errors
/// Busy while another process does it or delivers some of them; settings of a sink; when a file cannot be read or
/// written.
pub fn resend(context: &Context) -> Result<(Vec<Resent>, u64)> {
    let aside = Aside::open(&context.settings().log.folder)?;
    let mut resent: BTreeMap<String, Resent> = BTreeMap::new();
    let mut unknown = 0;
    for taken in aside.take()? {
        let Taken { stream, path } = taken;
        let sorted = sorted(&path)?;
        let mut sinks = Vec::new();
        for name in sorted.by_sink.keys() {
            sinks.push((name.as_str(), open(context, name)?));
        }
        // they wait as others do, from now on also for the next process
        let folder = Arc::new(Folder::owned_by(&context.settings().log.folder, &stream));
        let mut waiting = Vec::new();
        for (name, sink) in sinks {
            waiting.push((sink, filled(&folder, name, &sorted.by_sink[name])?));
        }
        let rest: Vec<&[u8]> = sorted.unknown.iter().map(Vec::as_slice).collect();
        aside.put_back(&rest)?;
        unknown += rest.len() as u64;
        fs::remove_file(&path).map_err(|cause| file_error(format!("delete {}", path.display()), cause))?;
        for ((mut sink, mut backlog), (name, lines)) in waiting.into_iter().zip(&sorted.by_sink) {
            let report =
                resent.entry(name.clone()).or_insert_with(|| Resent { sink: name.clone(), ..Resent::default() });
            let done = report.delivered + report.refused;
            let sent = in_pipeline(|| send(context, (&folder, name), sink.as_mut(), &mut backlog, report));
            report.waiting += lines.len() as u64 - (report.delivered + report.refused - done);
            sent?;
        }
    }
    Ok((resent.into_values().collect(), unknown))
}

fn open(context: &Context, name: &str) -> Result<Box<dyn Sink>> {
    let entry = SINKS.iter().find(|entry| entry.name == name);
    let entry = entry.ok_or_else(|| Error::failed(format!("open the log sink `{name}`: there is none")))?;
    (entry.open)(context, context.settings().section(&format!("log.{name}")))
}

fn sorted(path: &std::path::Path) -> Result<Sorted> {
    let text = fs::read(path).map_err(|cause| file_error(format!("read {}", path.display()), cause))?;
    let mut sorted = Sorted::default();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match aside::read(line) {
            Some(Refused { sink, line }) if SINKS.iter().any(|entry| entry.name == sink) => {
                sorted.by_sink.entry(sink).or_default().push(line);
            }
            _ => sorted.unknown.push(line.to_vec()),
        }
    }
    Ok(sorted)
}

/// The lines as they wait on disk: the same file with the same places, also when a killed process had begun it.
fn filled(folder: &Arc<Folder>, sink: &str, lines: &[Vec<u8>]) -> Result<Backlog> {
    folder.clear(sink)?;
    let mut backlog = Backlog::empty(Arc::clone(folder), sink, u64::MAX);
    let mut place = PLACE_FIRST;
    for line in lines {
        backlog.append(line, place)?;
        place += line.len() as u64;
    }
    Ok(backlog)
}

/// Delivers until the sink is away. What is left stays on disk.
fn send(
    context: &Context,
    (folder, name): (&Folder, &str),
    sink: &mut dyn Sink,
    backlog: &mut Backlog,
    report: &mut Resent,
) -> Result<()> {
    let limits = sink.limits();
    while let Some(chunk) = backlog.read(limits.lines_max, limits.bytes_max, |_| ())? {
        context.cancellation().check()?;
        let lines = chunk.as_lines();
        let (taken, refused) = match sink.write(&lines) {
            Ok(()) => (lines.len(), None),
            Err(Undelivered { taken, why: Why::Refused(reason) }) => {
                (taken.min(lines.len()), lines.get(taken).map(|line| (reason, line)))
            }
            Err(Undelivered { taken, why: Why::Away { reason, .. } }) => {
                report.away = Some(reason);
                (taken.min(lines.len()), None)
            }
        };
        if let Some((reason, line)) = &refused {
            folder.refuse(name, reason, line.bytes())?;
        }
        report.delivered += taken as u64;
        report.refused += u64::from(refused.is_some());
        backlog.advance(&chunk, taken + usize::from(refused.is_some()))?;
        if report.away.is_some() {
            break;
        }
    }
    Ok(())
}
