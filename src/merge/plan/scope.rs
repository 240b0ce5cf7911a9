//! The scope of a merge: which active rows it compares, and which records it takes.

use super::description::Merge;
use crate::db::rows::spellings_active;
use crate::db::{Column, Database, Fitted, Scope, Table, fit, text};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::write_text;
use crate::record::{Record, Value};

/// Combinations of spellings that are compared: each is a query of its own.
const SPELLINGS_MAX: usize = 1_000;

/// What a column of the scope must be.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) column: Column,
    pub(crate) value: Fitted<'static>,
    /// The text as the hash sees it, where letters and blanks do not count.
    normal: Option<Vec<u8>>,
}

impl Part {
    /// Text is compared as it is hashed: a row and a record that are one to the hash are in one scope. It is not where the
    /// caller spells it one way.
    pub(crate) fn new(column: Column, value: Fitted<'static>, merge: &Merge) -> Self {
        let is_exact = merge.hash.exact || merge.own_scope;
        let normal = match &value {
            Fitted::Text(text) if column.kind.is_text() && !is_exact => Some(normal(text)),
            _ => None,
        };
        Self { column, value, normal }
    }

    /// Whether a record has it.
    pub(crate) fn takes(&self, record: &Record<'_>) -> bool {
        let value = record.get(&self.column.name).unwrap_or(&Value::Null);
        match (fit(value, self.column.kind), &self.normal) {
            (Some(Fitted::Text(found)), Some(wanted)) => found == self.text() || normal(&found) == *wanted,
            (Some(fitted), _) => fitted == self.value,
            (None, _) => false,
        }
    }

    fn text(&self) -> &str {
        match &self.value {
            Fitted::Text(text) => text,
            _ => "",
        }
    }
}

fn normal(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    write_text(text, false, &mut out);
    out
}

/// The scope as the active rows of the table spell it: one for each combination of texts that are one to the hash.
///
/// # Errors
/// What the database says. Refused where there are more spellings than can be asked for: rows would be left out.
pub(crate) fn spelled(backend: &mut dyn Database, table: &Table, parts: &[Part]) -> Result<Vec<Scope>> {
    let mut scopes: Vec<Scope> = vec![Vec::new()];
    for part in parts {
        let mut spellings = vec![part.value.clone()];
        if let Some(wanted) = &part.normal {
            spellings_active(backend, table, &part.column, &mut |value| {
                if let Value::Text(spelling) = value
                    && spelling != part.text()
                    && normal(&spelling) == *wanted
                {
                    spellings.push(Fitted::Text(spelling));
                    check_spellings(scopes.len() * spellings.len(), table, parts)?;
                }
                Ok(())
            })?;
        }
        let with = |scope: &Scope, spelling: &Fitted<'static>| {
            let mut scope = scope.clone();
            scope.push((part.column.clone(), spelling.clone()));
            scope
        };
        scopes = scopes.iter().flat_map(|scope| spellings.iter().map(move |spelling| with(scope, spelling))).collect();
    }
    Ok(scopes)
}

fn check_spellings(count: usize, table: &Table, parts: &[Part]) -> Result<()> {
    if count <= SPELLINGS_MAX {
        return Ok(());
    }
    let what = format!(
        "compare the scope `{}`: the active rows of `{}` spell it in more than {SPELLINGS_MAX} ways",
        shown(parts),
        table.name
    );
    Err(Error::new(ErrorKind::Refused, what).hint(
        "let letters and blanks count with `--exact`, or spell the column alike in all rows; nothing was changed",
    ))
}

/// A scope as the history keeps and shows it.
pub(crate) fn shown(parts: &[Part]) -> String {
    let shown = |part: &Part| {
        let value = part.value.to_value().map(|value| text(&value).into_owned()).unwrap_or_default();
        format!("{}={value}", part.column.name)
    };
    parts.iter().map(shown).collect::<Vec<_>>().join(" ")
}

/// Counts the active rows of all spellings.
pub(crate) fn count_active(backend: &mut dyn Database, table: &Table, parts: &[Part]) -> Result<u64> {
    spelled(backend, table, parts)?.iter().try_fold(0, |sum, scope| Ok(sum + backend.count_active(table, scope)?))
}
