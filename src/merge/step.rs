//! The steps of one merge, in their order.

use std::time::Instant;

use chrono::NaiveDateTime;

use super::Merge;
use super::guard::{check_blast_radius, check_ledger, check_not_empty};
use super::input::Source;
use super::join::{Joined, join};
use super::keys::{Pairs, key_columns, pair};
use super::load::{Load, load};
use super::reading::Reader;
use super::reject::Rejects;
use super::report::{Counts, MergeReport};
use super::scan::{Scanned, Target, scan, survey_csv};
use super::spool::{Entry, Spool};
use super::survey::Survey;
use crate::clock;
use crate::db::{
    Column, Connection, Database, Gone, Kind, NewColumn, RowId, Scope, Table, TableName, Touched, scope_of,
};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::RESERVED;
use crate::record::Value;

/// Rows that are retired at once.
const RETIRED_AT_ONCE_MAX: usize = 10_000;

/// Everything that is known once the input has been read.
struct Plan {
    name: TableName,
    sources: Vec<Source>,
    reader: Reader,
    scanned: Scanned,
    /// The columns that the table lacks, or all of them when there is none.
    columns: Vec<NewColumn>,
}

pub(super) fn merge(
    merge: &Merge,
    connection: &mut Connection,
    open: impl FnOnce() -> Result<Vec<Source>>,
) -> Result<MergeReport> {
    let started = Instant::now();
    let within = |error: Error| error.within(format!("merge into `{}`", merge.table));
    let name: TableName = merge.table.parse()?;
    let database = connection.name().to_owned();
    let mut rejects = Rejects::to(merge.rejects.as_deref())?;
    let plan =
        prepare(merge, connection.backend(), &database, name, open, &mut rejects).map_err(|error| {
            match error.kind() {
                ErrorKind::Refused => error,
                _ => within(error),
            }
        })?;
    let backend = connection.backend();
    let mut report = run_in_transaction(merge, backend, &plan, &mut rejects).map_err(|error| match error.kind() {
        ErrorKind::Refused => error,
        _ => within(error),
    })?;
    rejects.finish()?;
    if !merge.dry_run {
        connection.note(vec![Touched::written_table(&plan.name)]);
    }
    report.time(started.elapsed());
    Ok(report)
}

/// Everything that needs no lock: look at the table, read and hash the input.
fn prepare(
    merge: &Merge,
    backend: &mut dyn Database,
    database: &str,
    name: TableName,
    open: impl FnOnce() -> Result<Vec<Source>>,
    rejects: &mut Rejects,
) -> Result<Plan> {
    let table = look(merge, backend, &name, database)?;
    let sources = open()?;
    merge.progress.set_length(sources.iter().map(|source| source.length).sum());
    let surveyed =
        if table.is_none() || merge.evolve { survey_csv(merge, &sources, &merge.mapping)? } else { Survey::default() };
    let reader = Reader::new(&sources, &merge.mapping, table.as_ref(), &surveyed)?;
    let scope = match &table {
        Some(table) => scope(merge, table)?,
        None => scope_of_new(merge, &surveyed),
    };
    if let Some(table) = &table
        && !merge.evolve
    {
        check_header(merge, table, &sources, &reader)?;
    }
    let target = Target { table: table.as_ref(), may_grow: merge.evolve, scope: &scope };
    let scanned = scan(merge, &sources, &reader, &target, rejects)?;
    merge.progress.finish_and_clear();
    if !merge.allow_empty {
        check_not_empty(&merge.table, scanned.read, None)?;
    }
    // a CSV column without a value is a column too; its header names it
    let mut survey = surveyed;
    survey.add(scanned.survey.clone());
    let known = |column: &NewColumn| table.as_ref().is_some_and(|table| table.column(&column.name).is_some());
    let own = |column: &NewColumn| {
        RESERVED.contains(&column.name.as_str()) && !(merge.own_id && column.name == "id" && table.is_some())
    };
    let columns = survey.columns().into_iter().filter(|column| !known(column) && !own(column)).collect();
    Ok(Plan { name, sources, reader, scanned, columns })
}

/// The table as it stands; an error names the flag that would help.
fn look(merge: &Merge, backend: &mut dyn Database, name: &TableName, database: &str) -> Result<Option<Table>> {
    let Some(table) = backend.table(name)? else {
        if merge.create {
            return Ok(None);
        }
        return Err(Error::new(ErrorKind::NotFound, format!("find the table `{name}` in the database `{database}`"))
            .hint(format!("make it from the input: `dc merge {name} ... --create`")));
    };
    let missing = table.missing_for_merge();
    if !missing.is_empty() {
        let what =
            format!("use the table `{name}`: it lacks the column `{}`, which a merge needs", missing.join("`, `"));
        return Err(Error::new(ErrorKind::NotFound, what).hint(
            "let `--create` make a table under another name, or add the columns by hand (dc-merge(1) lists them)",
        ));
    }
    key_columns_known(merge, &table)?;
    Ok(Some(table))
}

fn key_columns_known(merge: &Merge, table: &Table) -> Result<()> {
    if merge.evolve { Ok(()) } else { key_columns(merge, table).map(|_| ()) }
}

fn check_header(merge: &Merge, table: &Table, sources: &[Source], reader: &Reader) -> Result<()> {
    for (place, source) in sources.iter().enumerate() {
        let unknown = |name: &&str| table.column(name).is_none() && !RESERVED.contains(name);
        if let Some(name) = reader.header(place).find(unknown) {
            return Err(unknown_column(merge, name, &source.name, 1));
        }
    }
    Ok(())
}

fn unknown_column(merge: &Merge, name: &str, source: &str, line: u64) -> Error {
    Error::new(
        ErrorKind::NotFound,
        format!(
            "find the column `{name}` in the table `{}`: it is in the input (line {line} of {source})",
            merge.table
        ),
    )
    .hint(format!("add it with `--evolve`, or leave it out with `--ignore {name}`"))
}

fn scope(merge: &Merge, table: &Table) -> Result<Scope> {
    let one = |(column, value): &(String, String)| {
        let value = if value.is_empty() { Value::Null } else { Value::from(value.as_str()) };
        scope_of(table, column, &value)
    };
    merge.scope.iter().map(one).collect()
}

/// The scope of a table that is still to be made: CSV tells the kinds, JSON values are compared as text.
fn scope_of_new(merge: &Merge, survey: &Survey) -> Scope {
    let one = |(name, value): &(String, String)| {
        let kind = survey.kind(name).unwrap_or(Kind::Text);
        let value = if value.is_empty() { Value::Null } else { Value::from(value.as_str()) };
        let fitted = crate::db::fit(&value, kind).map(crate::db::Fitted::into_owned);
        let fitted = fitted.unwrap_or_else(|| crate::db::Fitted::Text(value_text(&value).into()));
        (Column { name: name.clone(), kind, declared: String::new(), is_generated: false }, fitted)
    };
    merge.scope.iter().map(one).collect()
}

fn value_text(value: &Value<'_>) -> String {
    crate::db::text(value).into_owned()
}

fn run_in_transaction(
    merge: &Merge,
    backend: &mut dyn Database,
    plan: &Plan,
    rejects: &mut Rejects,
) -> Result<MergeReport> {
    backend.begin(&plan.name, &merge.cancellation)?;
    let done = change(merge, backend, plan, rejects).and_then(|report| {
        merge.cancellation.check()?;
        if merge.dry_run {
            backend.rollback();
        } else {
            backend.commit()?;
        }
        Ok(report)
    });
    if done.is_err() {
        backend.rollback();
    }
    done
}

fn change(merge: &Merge, backend: &mut dyn Database, plan: &Plan, rejects: &mut Rejects) -> Result<MergeReport> {
    let moment = clock::now();
    let (table, created, added) = shape(merge, backend, plan)?;
    let scope = scope(merge, &table)?;
    let active = active_hashes(merge, backend, &table, &scope)?;
    let end = plan.sources.last().map_or(0, |source| source.base + source.length);
    let joined = join(&plan.scanned.entries, &active, end)?;
    let pairs = find_pairs(merge, backend, &table, plan, &joined)?;
    let leaving = match merge.gone {
        Gone::Keep => &pairs.replaced,
        Gone::Archive | Gone::Delete => &joined.gone,
    };
    let mut counts = Counts {
        read: plan.scanned.read,
        new: joined.new.count() - pairs.changed,
        changed: pairs.changed,
        unchanged: joined.unchanged,
        duplicate: joined.duplicate,
        rejected: rejects.count,
        gone: leaving.count() - pairs.changed,
        active_before: active.count(),
        active_after: 0,
    };
    check_blast_radius(&merge.table, counts.gone, counts.active_before, merge.max_gone)?;
    retire(merge, backend, &table, leaving, moment)?;
    let source = Load { sources: &plan.sources, reader: &plan.reader, table: &table, new: &joined.new, moment };
    let refused = load(merge, backend, &source, rejects)?;
    if created {
        backend.index_active(&plan.name)?;
    }
    count_refused(&mut counts, refused);
    counts.active_after = backend.count_active(&table, &scope)?;
    check_ledger(&merge.table, &counts)?;
    Ok(MergeReport {
        table: merge.table.clone(),
        counts,
        elapsed_ms: 0,
        rows_per_second: 0,
        runtime: merge.runtime.clone(),
        dry_run: merge.dry_run,
        created,
        added_columns: added,
        reserved_columns: plan.scanned.reserved.iter().map(|name| (*name).to_owned()).collect(),
    })
}

/// Under the lock: the table as it is now, made or widened if that was asked for.
fn shape(merge: &Merge, backend: &mut dyn Database, plan: &Plan) -> Result<(Table, bool, Vec<String>)> {
    let found = backend.table(&plan.name)?;
    let created = found.is_none();
    let mut added = Vec::new();
    if let Some(table) = &found {
        let missing: Vec<NewColumn> =
            plan.columns.iter().filter(|column| table.column(&column.name).is_none()).cloned().collect();
        if let (Some(column), false) = (missing.first(), merge.evolve) {
            let (source, line) = plan.scanned.survey.first(&column.name).unwrap_or((0, 1));
            let source = plan.sources.get(source).map_or("the input", |source| source.name.as_str());
            return Err(unknown_column(merge, &column.name, source, line));
        }
        backend.add_columns(&plan.name, &missing)?;
        added = missing.into_iter().map(|column| column.name).collect();
    } else {
        backend.create_table(&plan.name, &plan.columns)?;
    }
    let table = backend.table(&plan.name)?;
    let table = table.ok_or_else(|| Error::failed(format!("find the table `{}` that was just made", plan.name)))?;
    key_columns(merge, &table)?;
    Ok((table, created, added))
}

fn active_hashes(merge: &Merge, backend: &mut dyn Database, table: &Table, scope: &Scope) -> Result<Spool> {
    let mut active = Spool::by_hash();
    backend.active(table, scope, &mut |hash, RowId(place)| {
        if active.count().is_multiple_of(65_536) {
            merge.cancellation.check()?;
        }
        active.push(Entry { hash, place })
    })?;
    Ok(active)
}

fn find_pairs(merge: &Merge, backend: &mut dyn Database, table: &Table, plan: &Plan, joined: &Joined) -> Result<Pairs> {
    if merge.key.is_empty() || joined.new.count() == 0 || joined.gone.count() == 0 {
        return Ok(Pairs { changed: 0, replaced: Spool::by_hash() });
    }
    pair(merge, backend, table, (&plan.sources, &plan.reader), (&joined.new, &joined.gone))
}

/// Vanished rows go first: the table may forbid two active rows of one key.
fn retire(
    merge: &Merge,
    backend: &mut dyn Database,
    table: &Table,
    leaving: &Spool,
    moment: NaiveDateTime,
) -> Result<()> {
    let how = if merge.gone == Gone::Delete { Gone::Delete } else { Gone::Archive };
    let mut entries = Vec::new();
    for bucket in 0..leaving.buckets() {
        leaving.read(bucket, &mut entries)?;
        let rows: Vec<RowId> = entries.iter().map(|entry| RowId(entry.place)).collect();
        for some in rows.chunks(RETIRED_AT_ONCE_MAX) {
            merge.cancellation.check()?;
            let count = backend.retire(table, some, how, moment)?;
            if count != some.len() as u64 {
                return Err(Error::failed(format!("retire {} rows that have gone: {count} were found", some.len())));
            }
        }
    }
    Ok(())
}

/// Records that the table refused after they were counted as new.
fn count_refused(counts: &mut Counts, refused: u64) {
    counts.rejected += refused;
    let from_new = refused.min(counts.new);
    counts.new -= from_new;
    // what would have been replaced has gone without a successor
    counts.changed -= refused - from_new;
    counts.gone += refused - from_new;
}
