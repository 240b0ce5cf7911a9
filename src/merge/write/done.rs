//! What one merge did, before it is checked: counted, reported, and written into the database's history.

use chrono::NaiveDateTime;

use crate::db::{Database, Gone, Table};
use crate::error::Result;
use crate::ident::new_identity;
use crate::merge::history::{PastMerge, TakenInput, record, set_text};
use crate::merge::plan::description::Merge;
use crate::merge::plan::flags::other_types;
use crate::merge::plan::scope::shown;
use crate::merge::read::digest::length;
use crate::merge::read::ground::Ground;
use crate::merge::read::scan::Scanned;
use crate::merge::report::{Counts, MergeReport, OtherType, Widened};

/// What was done.
pub(crate) struct Done {
    /// The table as it is now.
    pub(crate) table: Table,
    /// `None` when the input was known and its records were not read.
    pub(crate) scanned: Option<Scanned>,
    pub(crate) counts: Counts,
    pub(crate) added: Vec<String>,
    pub(crate) widened: Widened,
    pub(crate) moved: Moved,
}

/// By what the set of active rows changed: what an undo needs and proves.
pub(crate) struct Moved {
    pub(crate) inserted: u64,
    pub(crate) retired: u64,
    pub(crate) set_before: u128,
    pub(crate) set_after: u128,
}

impl Done {
    /// An input that was merged before, into a table that holds what that merge left.
    pub(crate) fn nothing(table: Table, taken: &TakenInput, active: u64) -> Self {
        let counts = Counts {
            read: taken.read,
            unchanged: taken.read.saturating_sub(taken.duplicate),
            duplicate: taken.duplicate,
            active_before: active,
            active_after: active,
            ..Counts::default()
        };
        let moved = Moved { inserted: 0, retired: 0, set_before: taken.set_after, set_after: taken.set_after };
        Self { table, scanned: None, counts, added: Vec::new(), widened: Widened::default(), moved }
    }

    /// Whether a row was inserted or retired.
    pub(crate) fn has_moved(&self) -> bool {
        self.moved.inserted + self.moved.retired > 0
    }

    /// Adds the merge to the database's history; `None` when the role may not.
    pub(crate) fn write_down(
        &self,
        ground: &Ground<'_>,
        backend: &mut dyn Database,
        moment: NaiveDateTime,
        created: bool,
    ) -> Result<Option<String>> {
        let (merge, moved) = (ground.merge, &self.moved);
        let gone = match merge.gone {
            Gone::Archive => "archive",
            Gone::Delete => "delete",
            Gone::Keep => "keep",
        };
        let past = PastMerge {
            id: new_identity(),
            runtime: merge.runtime.clone(),
            table_name: backend.canonical(ground.name)?.to_string(),
            moment,
            scope: shown(&ground.scope),
            gone: gone.to_owned(),
            created,
            added_columns: self.added.clone(),
            inserted: moved.inserted,
            retired: moved.retired,
            set_before: set_text(moved.set_before),
            set_after: set_text(moved.set_after),
            undone: None,
        };
        Ok(record(backend, &past, self.input(ground).as_ref())?.then_some(past.id))
    }

    /// What the input is known by when it comes again. `None` for one that has to be judged anew: the guard refuses an
    /// empty one, bad records are set aside each time, and columns that are not loaded are told of.
    fn input(&self, ground: &Ground<'_>) -> Option<TakenInput> {
        let scanned = self.scanned.as_ref()?;
        let is_plain = self.counts.rejected == 0
            && self.counts.read > 0
            && scanned.reserved.is_empty()
            && scanned.generated.is_empty();
        is_plain.then(|| TakenInput {
            bytes: length(ground),
            digest: scanned.digest.with(ground, &self.table, self.counts.active_after),
            set_after: self.moved.set_after,
            read: self.counts.read,
            duplicate: self.counts.duplicate,
        })
    }

    fn other_types(&self, merge: &Merge, created: bool) -> Vec<OtherType> {
        if created {
            return Vec::new();
        }
        let standing = |name: &str| {
            let is_new = self.added.iter().any(|added| added == name);
            self.table.column(name).filter(|_| !is_new).map(|column| column.declared.as_str())
        };
        let other = |(column, declared, asked): (&str, &str, &str)| OtherType {
            column: column.to_owned(),
            declared: declared.to_owned(),
            asked: asked.to_owned(),
        };
        other_types(merge, standing).into_iter().map(other).collect()
    }

    /// The report, without its times.
    pub(crate) fn report(self, merge: &Merge, created: bool, id: Option<String>) -> MergeReport {
        let reserved = self.scanned.as_ref().map(|scanned| scanned.reserved.as_slice()).unwrap_or_default();
        MergeReport {
            table: merge.table.clone(),
            elapsed_ms: 0,
            rows_per_second: 0,
            runtime: merge.runtime.clone(),
            dry_run: merge.dry_run,
            created,
            generated_columns: self.scanned.as_ref().map(|scanned| scanned.generated.clone()).unwrap_or_default(),
            reserved_columns: reserved.iter().map(|name| (*name).to_owned()).collect(),
            other_types: self.other_types(merge, created),
            merge: id,
            same_input: self.scanned.is_none(),
            counts: self.counts,
            added_columns: self.added,
            widened_columns: self.widened.columns,
            rehashed: self.widened.rehashed,
            sample: None,
            phases: Default::default(),
        }
    }
}
