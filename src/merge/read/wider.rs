//! Columns of the table that do not take what the input holds, and the kinds that would.

use std::collections::BTreeMap;

use crate::db::{Kind, Table, fit, wider};
use crate::hash::RESERVED;
use crate::record::Record;

/// Columns and the kinds that take everything of the input.
#[derive(Debug, Default)]
pub(crate) struct Wider(BTreeMap<String, Kind>);

impl Wider {
    /// Notes a value that takes a column of this kind.
    pub(crate) fn see(&mut self, column: &str, kind: Kind) {
        match self.0.get_mut(column) {
            Some(known) if rank(*known) >= rank(kind) => {}
            Some(known) => *known = kind,
            None => {
                self.0.insert(column.to_owned(), kind);
            }
        }
    }

    /// Notes all values of a record that its columns do not take, so that one look finds them.
    pub(crate) fn see_all(&mut self, record: &Record<'_>, table: &Table) {
        for (name, value) in &record.fields {
            let Some(column) = table.column(name) else { continue };
            if !column.is_generated
                && !RESERVED.contains(&name.as_ref())
                && fit(value, column.kind).is_none()
                && let Some(kind) = wider(value, column.kind)
            {
                self.see(name, kind);
            }
        }
    }

    /// Adds what another thread saw.
    pub(crate) fn add(&mut self, other: Wider) {
        other.0.iter().for_each(|(column, kind)| self.see(column, *kind));
    }

    /// The columns, by name.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&str, Kind)> {
        self.0.iter().map(|(name, kind)| (name.as_str(), *kind))
    }
}

/// Each takes all that those before it take.
fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Integer { .. } => 0,
        Kind::Float => 1,
        Kind::Numeric => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_kinds_the_widest_counts() {
        let mut wider = Wider::default();
        for (column, kind) in [("a", Kind::Numeric), ("b", Kind::Integer { bits: 64 }), ("a", Kind::Float)] {
            wider.see(column, kind);
        }
        let mut later = Wider::default();
        later.see("b", Kind::Text);
        wider.add(later);
        assert_eq!(wider.columns().collect::<Vec<_>>(), [("a", Kind::Numeric), ("b", Kind::Text)]);
    }
}
