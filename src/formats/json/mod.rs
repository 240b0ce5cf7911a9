//! Records inside of JSON, found by a path. The document is read once; nothing but the record at hand is in memory.

mod path;
mod scan;

use std::collections::BTreeSet;

use self::path::{Path, Step, written};
use self::scan::Scanner;
use super::entry::{FormatEntry, Opened, Start, says_nothing};
use super::flag::Flag;
use super::spool::{Part, RecordSpool};
use crate::error::{Error, ErrorKind, Result};

/// Names that an error shows.
const NAMES_MAX: usize = 20;

pub(super) const ENTRY: FormatEntry = FormatEntry {
    name: "json-inside",
    also: &[],
    is_it,
    flags: &[Flag::Records, Flag::Flatten, Flag::Encoding],
    is_text: true,
    told: says_nothing,
    read,
};

fn is_it(start: &Start<'_>) -> bool {
    start.reading.records.is_some() && matches!(start.opening().first(), Some(b'{' | b'['))
}

fn read(Opened { name, file, reading, cancellation }: Opened<'_>) -> Result<Vec<Part>> {
    let path: Path = reading.records.as_deref().unwrap_or_default().parse()?;
    let mut scanner = Scanner::new(name, file, cancellation);
    let mut walk =
        Walk { path: &path, spool: RecordSpool::new("line")?, line: Vec::new(), found: false, missing: None };
    scanner.skip_mark()?;
    while scanner.peek_solid()?.is_some() {
        walk.value(&mut scanner, 0)?;
    }
    match walk.missing.filter(|_| !walk.found) {
        Some(missing) => Err(missing.error(name, &path)),
        None => Ok(vec![walk.spool.finish(None)?]),
    }
}

struct Walk<'a> {
    path: &'a Path,
    spool: RecordSpool,
    line: Vec<u8>,
    /// Whether the path led somewhere.
    found: bool,
    missing: Option<Missing>,
}

/// Where the path ended too early.
struct Missing {
    /// The step that was not there.
    at: usize,
    /// The names that were.
    names: BTreeSet<String>,
    /// What stood there, if it was nothing with names.
    instead: Option<&'static str>,
}

impl<'a> Walk<'a> {
    fn value(&mut self, scanner: &mut Scanner<'_>, at: usize) -> Result<()> {
        let first = scanner.peek_solid()?;
        let path: &'a Path = self.path;
        let Some(step) = path.steps.get(at) else {
            self.found = true;
            return self.records(scanner);
        };
        match (first, step) {
            (Some(b'{'), Step::Name(_) | Step::All) => self.object(scanner, (at, step)),
            (Some(b'['), Step::Place(_) | Step::All) => self.array(scanner, (at, step)),
            (first, _) => {
                let instead = match first {
                    Some(b'{') => "an object",
                    Some(b'[') => "a list",
                    Some(b'"') => "text",
                    Some(b'n') => "null",
                    _ => "a plain value",
                };
                self.miss(at, None, Some(instead));
                scanner.skip()
            }
        }
    }

    fn object(&mut self, scanner: &mut Scanner<'_>, (at, step): (usize, &Step)) -> Result<()> {
        scanner.solid()?;
        if scanner.peek_solid()? == Some(b'}') {
            self.miss(at, None, None);
            return scanner.solid().map(drop);
        }
        let mut has_it = false;
        let mut names = Vec::new();
        loop {
            let name = scanner.member()?;
            let is_it = match step {
                Step::Name(wanted) => *wanted == name,
                _ => true,
            };
            if is_it && has_it && *step != Step::All {
                return Err(scanner.wrong(&format!("the name `{name}` stands twice")));
            }
            has_it |= is_it;
            match is_it {
                true => self.value(scanner, at + 1)?,
                false => scanner.skip()?,
            }
            if names.len() < NAMES_MAX {
                names.push(name);
            }
            match scanner.solid()? {
                b',' => {}
                b'}' => break,
                _ => return Err(scanner.wrong("`,` or `}` was expected")),
            }
        }
        if !has_it {
            self.miss(at, Some(names), None);
        }
        Ok(())
    }

    fn array(&mut self, scanner: &mut Scanner<'_>, (at, step): (usize, &Step)) -> Result<()> {
        scanner.solid()?;
        if scanner.peek_solid()? == Some(b']') {
            // no elements are no mistake
            self.found |= *step == Step::All;
            return scanner.solid().map(drop);
        }
        let mut place = 0;
        loop {
            match step {
                Step::Place(wanted) if *wanted != place => scanner.skip()?,
                _ => self.value(scanner, at + 1)?,
            }
            place += 1;
            match scanner.solid()? {
                b',' => {}
                b']' => break,
                _ => return Err(scanner.wrong("`,` or `]` was expected")),
            }
        }
        if let Step::Place(wanted) = step
            && *wanted >= place
        {
            self.miss(at, None, Some("a shorter list"));
        }
        Ok(())
    }

    /// What stands at the end of the path: a list of records, or one.
    fn records(&mut self, scanner: &mut Scanner<'_>) -> Result<()> {
        if scanner.peek_solid()? != Some(b'[') {
            return self.record(scanner);
        }
        scanner.solid()?;
        if scanner.peek_solid()? == Some(b']') {
            return scanner.solid().map(drop);
        }
        loop {
            self.record(scanner)?;
            match scanner.solid()? {
                b',' => {}
                b']' => return Ok(()),
                _ => return Err(scanner.wrong("`,` or `]` was expected")),
            }
        }
    }

    fn record(&mut self, scanner: &mut Scanner<'_>) -> Result<()> {
        scanner.peek_solid()?;
        let place = scanner.line;
        scanner.copy(&mut self.line)?;
        self.spool.push_json(place, &self.line)
    }

    fn miss(&mut self, at: usize, names: Option<Vec<String>>, instead: Option<&'static str>) {
        if self.found || self.missing.as_ref().is_some_and(|known| known.at > at) {
            return;
        }
        let known = self.missing.take().filter(|known| known.at == at);
        let mut missing = known.unwrap_or(Missing { at, names: BTreeSet::new(), instead: None });
        for name in names.into_iter().flatten() {
            if missing.names.len() < NAMES_MAX {
                missing.names.insert(name);
            }
        }
        missing.instead = missing.instead.or(instead);
        self.missing = Some(missing);
    }
}

impl Missing {
    fn error(self, name: &str, path: &Path) -> Error {
        let (before, step) = (written(&path.steps[..self.at]), &path.steps[self.at]);
        let place = if before.is_empty() { "the document".to_owned() } else { format!("`{before}`") };
        let names: Vec<String> = self.names.iter().map(|name| format!("`{name}`")).collect();
        let there = match (names.is_empty(), self.instead) {
            (false, _) => format!("{place} has {}", names.join(", ")),
            (true, Some(instead)) => format!("{place} is {instead}"),
            (true, None) => format!("{place} is empty"),
        };
        Error::new(ErrorKind::NotFound, format!("find `{step}` of `{}` in {name}: {there}", written(&path.steps)))
            .hint("name the path to the records: `--records data.items`; nothing was changed")
    }
}
