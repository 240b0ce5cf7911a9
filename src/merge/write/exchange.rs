//! Rows out, records in: vanished rows go first, since the table may forbid two active rows of one key.

use chrono::NaiveDateTime;

use super::load::{Load, load_accepted, load_all};
use super::retire::retire;
use crate::db::rows::delete_archived;
use crate::db::{Database, Gone, RowId, Table};
use crate::error::{Error, Result};
use crate::failpoint;
use crate::merge::compare::keys::Pairs;
use crate::merge::plan::description::Merge;
use crate::merge::read::reject::Rejects;
use crate::merge::spool::{Entry, Spool};

/// The point of the transaction before anything is changed.
const POINT: &str = "exchange";
/// Rows that are active again at once.
const ROWS_AT_ONCE_MAX: usize = 5_000;

/// Retires rows and inserts records; gives hash and place of those that the table refused, by place. After a refusal the
/// rows that leave are archived, whatever shall become of them: see [`keep`].
///
/// # Errors
/// The first refused record, unless bad records are set aside.
pub(crate) fn exchange(
    backend: &mut dyn Database,
    load: &Load<'_>,
    leaving: &Spool,
    rejects: &mut Rejects,
) -> Result<Spool> {
    let Load { ground, table, moment, .. } = load;
    let merge = ground.merge;
    let how = if merge.gone == Gone::Delete { Gone::Delete } else { Gone::Archive };
    // a deleted row could not come back for a record that is refused
    let is_twofold = how == Gone::Delete && rejects.are_kept() && leaving.count() > 0;
    if is_twofold {
        backend.set_point(POINT)?;
    }
    retire(backend, table, leaving, (how, *moment), &merge.cancellation)?;
    failpoint::point("merge.retired")?;
    let are_taken = load_all(backend, load)?;
    if is_twofold {
        match are_taken {
            true => backend.drop_point(POINT)?,
            false => backend.back_to_point(POINT)?,
        }
    }
    if are_taken {
        return Ok(Spool::by_place(ground.end()));
    }
    if is_twofold {
        retire(backend, table, leaving, (Gone::Archive, *moment), &merge.cancellation)?;
    }
    load_accepted(backend, load, rejects)
}

/// After a refusal: rows whose record was refused are active again, and those that shall be deleted are deleted.
pub(crate) fn keep(
    backend: &mut dyn Database,
    (merge, table): (&Merge, &Table),
    pairs: &Pairs,
    moment: NaiveDateTime,
) -> Result<()> {
    let mut rows: Vec<Entry> = Vec::new();
    for bucket in 0..pairs.restored.buckets() {
        pairs.restored.read(bucket, &mut rows)?;
        for some in rows.chunks(ROWS_AT_ONCE_MAX) {
            merge.cancellation.check()?;
            let some: Vec<(u128, RowId)> = some.iter().map(|row| (row.hash, RowId(row.place))).collect();
            let count = backend.restore(table, &some, moment)?;
            if count != some.len() as u64 {
                let what = format!("keep {} rows whose records were rejected: {count} were found", some.len());
                return Err(Error::failed(what));
            }
        }
    }
    if merge.gone != Gone::Delete {
        return Ok(());
    }
    let deleted = delete_archived(backend, &table.name, moment)?;
    match deleted == pairs.leaving.count() {
        true => Ok(()),
        false => {
            Err(Error::failed(format!("delete {} rows that have gone: {deleted} were found", pairs.leaving.count())))
        }
    }
}
