//! Labels with values that the page reader itself put together: pairs by place, and the fields of a form by their names.

use super::candidate::Candidate;
use super::label::Label;
use super::page::Page;
use super::passage::{Passage, Place};
use super::values::Kind;
use crate::layout::Area;

/// The candidates that pairs and form fields of a page have for a label.
pub(super) fn candidates(page: &Page, label: &Label, kind: &Kind) -> Vec<Candidate> {
    let mut found = Vec::new();
    for pair in page.pairs().filter(|pair| label.is(&pair.label)) {
        let area = pair.value_area.or(pair.label_area);
        found.extend(of_text(&pair.value, area, (page, kind), &format!("after {} in a pair", label.text)));
    }
    for field in page.fields().filter(|field| label.is_named(&field.name)) {
        found.extend(of_text(
            &field.value,
            Some(field.points),
            (page, kind),
            &format!("the form field {}", field.name),
        ));
    }
    found
}

fn of_text(text: &str, area: Option<Area>, (page, kind): (&Page, &Kind), rule: &str) -> Vec<Candidate> {
    let passage = Passage { text: text.to_owned(), words: Vec::new() };
    let mut found = Candidate::all_in(&passage, 0..passage.text.len(), kind, (page.page, rule));
    let inside = |area: &Area| {
        let words = page.lines().flatten().filter(|word| area.holds_middle_of(&word.points));
        words.filter_map(|word| word.confidence).reduce(f64::min)
    };
    let confidence = area.as_ref().and_then(inside);
    found.iter_mut().for_each(|candidate| candidate.place = Place { area, confidence });
    found
}
