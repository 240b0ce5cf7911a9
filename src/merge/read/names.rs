//! Columns of the input that flags name: a name that no record has is an error, and never taken silently.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::db::Table;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{Columns, RESERVED};
use crate::merge::plan::description::Merge;
use crate::merge::plan::names::{no_such_column, own_column};

/// Names that are remembered to suggest one.
const REMEMBERED_MAX: usize = 200;

/// The names that flags ask of the input, and which of them were seen.
#[derive(Debug)]
pub(crate) struct Wanted {
    names: Vec<Name>,
    /// How many were not seen yet: as long as it is zero, nobody looks.
    missing: AtomicUsize,
    seen: Mutex<BTreeSet<String>>,
    /// Old names and new ones.
    renamed: Vec<(String, String)>,
}

#[derive(Debug)]
struct Name {
    flag: &'static str,
    name: String,
    /// Whether it is the name that stands in the input, before columns are renamed.
    is_original: bool,
    /// Whether a column of the table will do.
    may_be_in_table: bool,
    is_seen: AtomicBool,
}

impl Wanted {
    /// The names that a merge asks for.
    pub(crate) fn by(merge: &Merge) -> Self {
        let name = |flag, name: &String, is_original, may_be_in_table| Name {
            flag,
            name: name.clone(),
            is_original,
            may_be_in_table,
            is_seen: AtomicBool::new(false),
        };
        let mut names: Vec<Name> = Vec::new();
        names.extend(merge.mapping.ignore.iter().map(|it| name("--ignore", it, true, false)));
        names.extend(merge.mapping.rename.iter().map(|(old, _)| name("--rename", old, true, false)));
        // a key that no record has would make all rows go
        names.extend(merge.key.iter().map(|it| name("--key", it, false, false)));
        names.extend(merge.types.iter().map(|(column, _)| name("--types", column, false, true)));
        match &merge.hash.columns {
            Columns::All => {}
            Columns::Only(only) => names.extend(only.iter().map(|it| name("--hash-on", it, false, false))),
            // the framework's own take no part anyway
            Columns::Except(except) => {
                let others = except.iter().filter(|name| !RESERVED.contains(&name.as_str()));
                names.extend(others.map(|it| name("--hash-except", it, false, true)));
            }
        }
        let renamed = merge.mapping.rename.clone();
        Self { missing: AtomicUsize::new(names.len()), names, seen: Mutex::default(), renamed }
    }

    /// Whether a name is still missing.
    pub(crate) fn is_open(&self) -> bool {
        self.missing.load(Ordering::Relaxed) > 0
    }

    /// Notes a column of the input, under its own name or under that which it gets.
    pub(crate) fn see(&self, column: &str, is_original: bool) {
        for wanted in self.names.iter().filter(|wanted| wanted.is_original == is_original && wanted.name == column) {
            if !wanted.is_seen.swap(true, Ordering::Relaxed) {
                self.missing.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() < REMEMBERED_MAX && !seen.contains(column) {
            seen.insert(column.to_owned());
        }
    }

    /// What must be told when all columns of the input are known.
    ///
    /// # Errors
    /// Not found: the first name that neither the input nor, where that is enough, the table has.
    pub(crate) fn check(&self, table: Option<&Table>) -> Result<()> {
        for Name { flag, name, is_seen, may_be_in_table, is_original } in &self.names {
            let is_in_table = *may_be_in_table && table.is_some_and(|table| table.column(name).is_some());
            if is_seen.load(Ordering::Relaxed) || is_in_table {
                continue;
            }
            if let Some((old, new)) = self.renamed.iter().find(|(_, new)| *is_original && new == name) {
                let what =
                    format!("use `{name}` with `{flag}`: the input has no such column, it is the new name of `{old}`");
                return Err(Error::new(ErrorKind::NotFound, what)
                    .hint(format!("use the name that the input has: `{flag} {old}`, without `--rename {old}={new}`")));
            }
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let known: Vec<&str> = seen.iter().map(String::as_str).collect();
            return Err(no_such_column(flag, name, "the input", &known));
        }
        Ok(())
    }
}

/// Refuses `--hash-on` with a column that takes part in no hash: it would make all records one.
pub(crate) fn check_hashed(merge: &Merge) -> Result<()> {
    let Columns::Only(names) = &merge.hash.columns else { return Ok(()) };
    names.iter().find_map(|name| own_column("--hash-on", name)).map_or(Ok(()), Err)
}
