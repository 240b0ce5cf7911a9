//! The first pass: hash every incoming record, note what its columns hold, and set bad records aside.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::db::{Column, Form, Kind, RowBatch, fit, row_bytes, text};
use crate::error::Result;
use crate::hash::{Canonical, Columns, RESERVED, Texts, hash_texts};
use crate::merge::plan::description::Merge;
use crate::merge::plan::progress::Progress;
use crate::merge::plan::scope::Part;
use crate::merge::read::digest::InputDigest;
use crate::merge::read::fingerprint::{FingerprintKey, FingerprintSum, Fingerprints};
use crate::merge::read::flat::Flat;
use crate::merge::read::ground::Ground;
use crate::merge::read::pass::{self, Chunk, Permit, Work};
use crate::merge::read::reader::{Fault, ShortWay, misfit};
use crate::merge::read::reject::{FaultKind, Reject, Rejected, Rejects, Spot};
use crate::merge::read::rows::Rows;
use crate::merge::read::survey::{Survey, kind_of};
use crate::merge::read::wider::Wider;
use crate::merge::spool::{Entry, Spool};
use crate::record::{Record, Value};

/// The canonical form of a record without columns.
const NOTHING: &[u8] = b"{}";

/// What the first pass found.
pub(crate) struct Scanned {
    /// All records taken: hash and place.
    pub(crate) entries: Spool,
    /// Records read, bad ones included.
    pub(crate) read: u64,
    /// Those that were set aside.
    pub(crate) rejected: Rejected,
    /// The columns that the table lacks.
    pub(crate) survey: Survey,
    /// The framework's own columns that the input brings, and that are not loaded.
    pub(crate) reserved: Vec<&'static str>,
    /// Columns that the input brings and that the database fills itself.
    pub(crate) generated: Vec<String>,
    /// Columns that are to be widened. Records that wait for it are neither taken nor rejected.
    pub(crate) wider: Wider,
    /// What the input will be known by.
    pub(crate) digest: InputDigest,
}

/// One chunk's share.
struct Share {
    fingerprints: FingerprintSum,
    entries: Vec<Entry>,
    read: u64,
    survey: Survey,
    reserved: [bool; RESERVED.len()],
    /// The places of the generated columns that were brought.
    generated: BTreeSet<usize>,
    rejects: Vec<Reject>,
    wider: Wider,
    consumed: u64,
    /// The records as rows, if they were asked for.
    rows: Option<RowBatch>,
    /// Whether a value did not go into its column.
    misfit: bool,
    permit: Permit,
}

/// The records of one chunk as rows.
pub(crate) struct Rowed {
    /// `None` when a record does not fit what the survey foresaw.
    pub(crate) batch: Option<RowBatch>,
    /// Held until the batch is written.
    pub(crate) permit: Permit,
}

/// What the columns hold: in the first chunks of the input, or in all of it.
pub(crate) fn foresee(ground: &Ground<'_>, chunks_max: Option<usize>) -> Result<Survey> {
    let mut survey = ground.survey.clone();
    let mut chunks = 0;
    let work = |chunk: Chunk| scan_chunk(ground, None, (chunk, FingerprintSum::default())).survey;
    pass::run(ground.sources, Work::of(ground.merge), work, |part: Survey| {
        survey.add(part);
        chunks += 1;
        Ok(if chunks_max == Some(chunks) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(survey)
}

/// Reads and hashes everything, until `each` breaks off. With `columns` it makes rows of the records as well, for `each`.
pub(crate) fn scan(
    ground: &Ground<'_>,
    columns: Option<&[Column]>,
    rejects: &mut Rejects,
    mut each: impl FnMut(&Survey, Rowed) -> ControlFlow<()>,
) -> Result<Scanned> {
    let merge = ground.merge;
    let key = FingerprintKey::random()?;
    let fingerprints = Fingerprints::new(key, ground.sources);
    let mut scanned = Scanned {
        entries: Spool::by_hash(),
        read: 0,
        rejected: Rejected { places: Spool::by_place(ground.end()), unplaced: 0 },
        survey: ground.survey.clone(),
        reserved: Vec::new(),
        generated: Vec::new(),
        wider: Wider::default(),
        digest: InputDigest::under(key),
    };
    let (mut reserved, mut generated) = ([false; RESERVED.len()], BTreeSet::new());
    let work = |chunk: Chunk| {
        let sum = fingerprints.of(&chunk);
        scan_chunk(ground, columns, (chunk, sum))
    };
    let made = Work { row_bytes: columns.map_or(0, |columns| row_bytes(columns.len())), ..Work::of(merge) };
    pass::run(ground.sources, made, work, |part: Share| {
        for reject in part.rejects {
            match reject.place {
                Some(place) => scanned.rejected.places.push(Entry { hash: 0, place })?,
                None => scanned.rejected.unplaced += 1,
            }
            rejects.take(reject, ground.sources)?;
        }
        part.entries.into_iter().try_for_each(|entry| scanned.entries.push(entry))?;
        scanned.read += part.read;
        scanned.digest.add(part.fingerprints);
        reserved.iter_mut().zip(part.reserved).for_each(|(seen, too)| *seen |= too);
        generated.extend(part.generated);
        scanned.wider.add(part.wider);
        merge.progress.tell(Progress::Advanced(part.consumed));
        let flow = each(&part.survey, Rowed { batch: part.rows.filter(|_| !part.misfit), permit: part.permit });
        scanned.survey.add(part.survey);
        Ok(flow)
    })?;
    let columns = ground.table.iter().flat_map(|table| &table.columns).enumerate();
    let names = columns.filter(|(place, _)| generated.contains(place)).map(|(_, column)| column.name.clone());
    scanned.generated = names.collect();
    scanned.reserved = RESERVED.into_iter().zip(reserved).filter_map(|(name, seen)| seen.then_some(name)).collect();
    Ok(scanned)
}

fn scan_chunk(
    ground: &Ground<'_>,
    columns: Option<&[Column]>,
    (chunk, fingerprints): (Chunk, FingerprintSum),
) -> Share {
    let (merge, reader) = (ground.merge, &ground.reader);
    let mut part = Share {
        fingerprints,
        entries: Vec::with_capacity(chunk.records.len()),
        // a record that is too long, or broken off, was read as well
        read: (chunk.records.len() + chunk.rejects.len()) as u64,
        survey: Survey::default(),
        reserved: [false; RESERVED.len()],
        generated: BTreeSet::new(),
        rejects: Vec::new(),
        wider: Wider::default(),
        consumed: chunk.consumed,
        rows: None,
        misfit: false,
        permit: chunk.permit,
    };
    let format = ground.sources[chunk.source].format;
    let mut texts =
        Texts { bytes: Vec::with_capacity(chunk.bytes.len()), ends: Vec::with_capacity(chunk.records.len()) };
    let mut taken = Vec::with_capacity(chunk.records.len());
    let mut rows = columns.map(Rows::new);
    if let Some(rows) = &mut rows {
        rows.batch.reserve(chunk.records.len());
    }
    let mut flat = Flat::default();
    // a scope has to be compared, and a column that may be added has to be noted: both go the long way
    let short_way = reader.short_way(chunk.source, format).filter(|_| ground.scope.is_empty() && !merge.own_id);
    let mut form = Canonical::keeping_digits();
    let mut places = Vec::new();
    for place in &chunk.records {
        let bytes = &chunk.bytes[place.range.clone()];
        let offset = chunk.offset + place.range.start as u64;
        if let Some(way) = short_way
            && take_short_way(&mut flat, (bytes, way), ground, &mut texts, (rows.as_mut(), offset))
        {
            taken.push(offset);
            continue;
        }
        let read = reader.read(chunk.source, format, bytes).and_then(|record| {
            check(ground, &record, &mut places, &mut part)?;
            let written = form.of(&record, &merge.hash);
            // a name that nobody has is told of at the end
            if written == NOTHING && merge.hash.columns != Columns::All && !reader.wanted.is_open() {
                return Err(unhashed());
            }
            texts.bytes.extend_from_slice(written);
            texts.ends.push(texts.bytes.len());
            if let Some(rows) = &mut rows {
                part.misfit |= rows.add(&record, offset).is_err();
            }
            if short_way.is_some() {
                flat.tell(&mut part.survey);
                flat.learn(&record, &merge.hash, ground.table.as_ref());
                flat.aim(columns.unwrap_or_default());
            }
            Ok(())
        });
        match read {
            Ok(()) => taken.push(offset),
            Err(fault) if waits(ground, &fault, (chunk.source, bytes), &mut part.wider) => {}
            Err(fault) => part.rejects.push(told(merge, fault).reject((chunk.source, place.line, offset), bytes)),
        }
    }
    flat.tell(&mut part.survey);
    let shas = hash_texts(&texts);
    part.entries.extend(shas.iter().zip(taken).map(|(sha, place)| Entry { hash: sha.prefix(), place }));
    part.rows = rows.map(|rows| rows.finish(shas));
    part.rejects.extend(chunk.rejects);
    part
}

/// A record of which no column is hashed: it could not be told from any other one.
fn unhashed() -> Fault {
    let reason = "it has none of the columns that are hashed (`--hash-on`, `--hash-except`)".to_owned();
    Fault { spot: None, reason, kind: FaultKind::Record }
}

/// A fault that the flag which widens columns did not help against.
fn told(merge: &Merge, mut fault: Fault) -> Fault {
    if merge.evolve && matches!(fault.kind, FaultKind::Misfit { .. }) {
        fault.kind = FaultKind::Record;
    }
    fault
}

/// Whether a record can be taken when columns of the table are widened, as was asked for; notes which.
fn waits(ground: &Ground<'_>, fault: &Fault, (source, bytes): (usize, &[u8]), wider: &mut Wider) -> bool {
    let (FaultKind::Misfit { column, wider: Some(kind) }, Some(table)) = (&fault.kind, &ground.table) else {
        return false;
    };
    // whoever names a type wants no other
    let is_typed = ground.merge.types.iter().any(|(name, _)| name == column);
    if !ground.merge.evolve || is_typed {
        return false;
    }
    wider.see(column, *kind);
    if let Some(record) = ground.reader.read_leniently(source, ground.sources[source].format, bytes) {
        wider.see_all(&record, table);
    }
    true
}

/// Reads, checks and writes a plain record; false when it has to go the long way.
fn take_short_way(
    flat: &mut Flat,
    (bytes, way): (&[u8], ShortWay<'_>),
    ground: &Ground<'_>,
    texts: &mut Texts,
    (rows, place): (Option<&mut Rows<'_>>, u64),
) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    if !flat.read(text, way) || !flat.fits(ground.table.is_some(), text) {
        return false;
    }
    if rows.is_some_and(|rows| !rows.add_flat(flat, text, place)) {
        return false;
    }
    flat.write_form(text, &mut texts.bytes);
    texts.ends.push(texts.bytes.len());
    true
}

/// Checks a record against table and scope, and notes what is new in it. `places` remembers where the columns of the
/// last record stood: records of one source have them in the same order.
fn check(ground: &Ground<'_>, record: &Record<'_>, places: &mut Vec<usize>, part: &mut Share) -> Result<(), Fault> {
    let capacity = if ground.table.is_none() { record.fields.len() } else { 0 };
    let mut fresh: Vec<(&str, Option<Kind>)> = Vec::with_capacity(capacity);
    for (at, (name, value)) in record.fields.iter().enumerate() {
        if let Some(own) = RESERVED.iter().position(|own| own == name)
            && !(ground.merge.own_id && *name == "id")
        {
            part.reserved[own] = true;
            continue;
        }
        let Some(table) = &ground.table else {
            fresh.push((name, kind_of(value)));
            continue;
        };
        let expected =
            places.get(at).and_then(|place| table.columns.get(*place)).is_some_and(|column| column.name == *name);
        let place =
            if expected { Some(places[at]) } else { table.columns.iter().position(|column| column.name == *name) };
        let Some(place) = place else {
            if ground.merge.evolve {
                fresh.push((name, kind_of(value)));
                continue;
            }
            let kind = FaultKind::UnknownColumn { column: name.to_string(), table: table.name.to_string() };
            return Err(Fault { spot: None, reason: "the table lacks a column".to_owned(), kind });
        };
        if places.len() <= at {
            places.resize(at + 1, usize::MAX);
        }
        places[at] = place;
        let column = &table.columns[place];
        if column.is_generated {
            part.generated.insert(place);
        } else if !fits(value, column.kind) {
            return Err(misfit(name, value, column.kind));
        }
    }
    check_scope(&ground.scope, record)?;
    // only a record that is taken counts for the survey
    fresh.into_iter().enumerate().for_each(|(at, (name, kind))| part.survey.see_at(at, name, kind));
    Ok(())
}

/// Whether a value fits, without the cost of converting it where that is plain.
fn fits(value: &Value<'_>, kind: Kind) -> bool {
    match (value, kind) {
        (_, Kind::Text | Kind::Json | Kind::Other(Form::Any))
        | (Value::Null, _)
        | (Value::Integer(_), Kind::Integer { bits: 64 })
        | (Value::Float(_), Kind::Float) => true,
        _ => fit(value, kind).is_some(),
    }
}

fn check_scope(scope: &[Part], record: &Record<'_>) -> Result<(), Fault> {
    let Some(part) = scope.iter().find(|part| !part.takes(record)) else { return Ok(()) };
    let name = &part.column.name;
    let reason = format!("`{}` is outside the scope", text(record.get(name).unwrap_or(&Value::Null)));
    Err(Fault { spot: Some(Spot::Column(name.clone())), reason, kind: FaultKind::Record })
}
