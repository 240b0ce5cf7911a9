//! Labels in the cells of tables that a page reader found: the value stands in the cell itself, in the next cell that is
//! not empty, or in the cell below.

use super::candidate::Candidate;
use super::label::{Label, behind};
use super::page::{Page, Table};
use super::passage::{Passage, Place};
use super::values::Kind;

/// The candidates of a label in the tables of a page; their place is that of the table.
pub(super) fn candidates(page: &Page, label: &Label, kind: &Kind) -> Vec<Candidate> {
    page.tables().flat_map(|table| in_table(page.page, table, label, kind)).collect()
}

fn in_table(page: usize, table: &Table, label: &Label, kind: &Kind) -> Vec<Candidate> {
    let mut found = Vec::new();
    for (row, cells) in table.rows.iter().enumerate() {
        for (column, cell) in cells.iter().enumerate() {
            let Some(text) = cell.as_deref() else { continue };
            let Some(label_at) = label.find(text).into_iter().next() else { continue };
            let rest = &text[label_at.end..];
            let own = rest[behind(rest)..].to_owned();
            let beside = cells.iter().skip(column + 1).flatten().find(|text| !text.trim().is_empty()).cloned();
            let below = table.rows.get(row + 1).and_then(|below| below.get(column)).cloned().flatten();
            let places = [Some(own).filter(|own| !own.is_empty()), beside, below];
            // the first place that has a value, as on a page
            let values = places.into_iter().flatten().map(|text| of_cell(text, page, table, (label, kind)));
            let values: Vec<Vec<Candidate>> = values.collect();
            match values.iter().position(|values| values.iter().any(Candidate::counts)) {
                Some(at) => found.extend(values.into_iter().nth(at).into_iter().flatten()),
                None => found.extend(values.into_iter().flatten()),
            }
        }
    }
    found
}

fn of_cell(text: String, page: usize, table: &Table, (label, kind): (&Label, &Kind)) -> Vec<Candidate> {
    let rule = format!("after {} in a table", label.text);
    let passage = Passage { text, words: Vec::new() };
    let mut found = Candidate::all_in(&passage, 0..passage.text.len(), kind, (page, &rule));
    for candidate in &mut found {
        candidate.place = Place { area: Some(table.area), confidence: None };
    }
    found
}
