//! Rules on a document: candidates page by page, one of them for each field, and what is said of it.

use std::fmt;
use std::ops::Range;

use serde_json::{Map, Value, json};

use super::candidate::{CANDIDATES_MAX, Candidate};
use super::label::{Label, behind, below, right_of};
use super::page::{Document, Page};
use super::passage::Passage;
use super::rules::{ABOUT, CURRENCY, Rule, Rules};
use super::values::{Kind, Taken};
use super::{pair, pick::Pick, table};

/// The most reasons that are given for one field.
const REASONS_MAX: usize = 10;

/// Why a document has not the fields that it must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// For each field what is wrong with it, one reason a candidate.
    pub reasons: Vec<String>,
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.reasons.join("; "))
    }
}

impl std::error::Error for Rejection {}

/// A page with its text.
struct Sheet<'a> {
    page: &'a Page,
    passage: Passage<'a>,
    /// Where the labels of all fields stand.
    labels: Vec<Range<usize>>,
}

impl Rules {
    /// Finds the fields in the JSON that `dc ocr --format json` gives for one file: an object with a value for each field,
    /// null where there is none, and `_fields` with the text, page, box (left, top, right, bottom in points), confidence
    /// (0 to 1, null where the file holds the text) and rule of each.
    ///
    /// # Errors
    /// What is wrong with fields that are required, or with the input as a whole.
    pub fn apply(&self, document: &Value) -> Result<Value, Rejection> {
        let document = Document::read(document).map_err(|reason| Rejection { reasons: vec![reason] })?;
        let sheets: Vec<Sheet<'_>> = document.pages.iter().map(|page| self.sheet(page)).collect();
        let (mut values, mut about, mut reasons) = (Map::new(), Map::new(), Vec::new());
        for rule in &self.rules {
            let found = self.candidates(rule, &sheets);
            let chosen = match found.len() > CANDIDATES_MAX {
                true => Err(vec![format!("more than {CANDIDATES_MAX} places fit its rule")]),
                false => rule.pick.of(&rule.kind, &found),
            };
            let taken = chosen.as_ref().ok().map(|(_, taken)| *taken);
            values.insert(rule.name.clone(), taken.map_or(Value::Null, |taken| taken.value.clone()));
            if matches!(rule.kind, Kind::Amount(_)) {
                let currency = taken.and_then(|taken| taken.currency.as_deref());
                values.insert(format!("{}{CURRENCY}", rule.name), json!(currency));
            }
            match chosen {
                Ok((candidate, taken)) => {
                    let refused = found.iter().filter_map(Candidate::reason).collect();
                    drop(about.insert(rule.name.clone(), said_of((candidate, taken), refused)));
                }
                Err(refused) => {
                    let refused = if refused.is_empty() { vec![nothing(rule, &sheets)] } else { bounded(refused) };
                    match rule.required {
                        true => reasons.extend(refused.iter().map(|reason| format!("{}: {reason}", rule.name))),
                        false => drop(about.insert(rule.name.clone(), json!({"refused": refused}))),
                    }
                }
            }
        }
        if !reasons.is_empty() {
            return Err(Rejection { reasons });
        }
        values.insert(ABOUT.to_owned(), Value::Object(about));
        Ok(Value::Object(values))
    }

    fn sheet<'a>(&self, page: &'a Page) -> Sheet<'a> {
        let passage = Passage::of_page(page);
        let labels = self.rules.iter().flat_map(|rule| &rule.labels);
        let labels = labels.flat_map(|label| label.find(&passage.text)).collect();
        Sheet { page, passage, labels }
    }

    /// What looks like a value of a field, in the order of the pages; one more than are allowed where there are too many.
    /// Where the first one is taken, a label is asked only where those before it have none.
    fn candidates(&self, rule: &Rule, sheets: &[Sheet<'_>]) -> Vec<Candidate> {
        let labels: Vec<&[Label]> = match rule.pick {
            Pick::First if !rule.labels.is_empty() => rule.labels.chunks(1).collect(),
            _ => vec![&rule.labels],
        };
        let mut found = Vec::new();
        for labels in labels {
            for sheet in sheets {
                let before = found.len();
                if rule.labels.is_empty() {
                    by_pattern(rule, sheet, 0..sheet.passage.text.len(), "pattern", &mut found);
                } else {
                    self.by_label(rule, labels, sheet, &mut found);
                }
                found[before..].iter_mut().for_each(|candidate| candidate.check_confidence(rule.confidence));
                if found.len() > CANDIDATES_MAX || rule.pick == Pick::First && found.iter().any(Candidate::counts) {
                    return found;
                }
            }
        }
        found
    }

    fn by_label(&self, rule: &Rule, labels: &[Label], sheet: &Sheet<'_>, found: &mut Vec<Candidate>) {
        let mut places: Vec<(Range<usize>, &Label)> = Vec::new();
        for label in labels {
            let found = label.find(&sheet.passage.text).into_iter().chain(label.find_broken(&sheet.passage));
            places.extend(found.map(|range| (range, label)));
        }
        // `Date` in the `Due date` of another field is no label of its own
        let is_part = |own: &Range<usize>, other: &Range<usize>| {
            other.start <= own.start && own.end <= other.end && own.len() < other.len()
        };
        places.retain(|(range, _)| !sheet.labels.iter().any(|other| is_part(range, other)));
        // the longer of two labels at one place
        places.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        places.dedup_by(|later, earlier| later.0.start < earlier.0.end);
        let before = found.len();
        for (range, label) in places.into_iter().take(CANDIDATES_MAX) {
            found.extend(self.beside(rule, sheet, (&range, label)));
        }
        if !found[before..].iter().any(|it| it.outcome.is_ok()) {
            found.extend(labels.iter().flat_map(|label| table::candidates(sheet.page, label, &rule.kind)));
        }
        if !found[before..].iter().any(Candidate::counts) {
            found.extend(labels.iter().flat_map(|label| pair::candidates(sheet.page, label, &rule.kind)));
        }
    }

    /// The candidates right of a label, or else those below it.
    fn beside(&self, rule: &Rule, sheet: &Sheet<'_>, at: (&Range<usize>, &Label)) -> Vec<Candidate> {
        let (range, label) = at;
        let mut refused = Vec::new();
        if sheet.passage.words.is_empty() {
            // without words the rest of the line has to do
            let rest = &sheet.passage.text[range.end..];
            let line = Passage { text: rest.lines().next().unwrap_or_default().to_owned(), words: Vec::new() };
            return self.of_passage(rule, &line, (sheet, &format!("after {}", label.text)));
        }
        let right = right_of(&sheet.passage, range).map(|passage| (passage, "after"));
        let below = || below(&sheet.passage, range).map(|passage| (passage, "below"));
        for (passage, word) in right.into_iter().chain(std::iter::once_with(below).flatten()) {
            let found = self.of_passage(rule, &passage, (sheet, &format!("{word} {}", label.text)));
            if found.iter().any(Candidate::counts) {
                return found;
            }
            refused.extend(found);
        }
        refused
    }

    /// The candidates in a passage that begins behind a label: up to the next label of any field, and of plain text the
    /// first column.
    fn of_passage(&self, rule: &Rule, passage: &Passage<'_>, (sheet, way): (&Sheet<'_>, &str)) -> Vec<Candidate> {
        let start = behind(&passage.text);
        let rest = &passage.text[start..];
        let labels = self.rules.iter().flat_map(|rule| &rule.labels);
        let mut end = labels.flat_map(|label| label.find(rest)).map(|range| range.start).min().unwrap_or(rest.len());
        if rule.kind == Kind::Text && rule.patterns.is_empty() {
            end = end.min(rest.find('\t').unwrap_or(rest.len()));
        }
        let part = start..start + end;
        if rule.patterns.is_empty() {
            return Candidate::all_in(passage, part, &rule.kind, (sheet.page.page, way));
        }
        let mut found = Vec::new();
        in_groups(rule, passage, part, (sheet.page.page, way), &mut found);
        found
    }
}

fn by_pattern(rule: &Rule, sheet: &Sheet<'_>, part: Range<usize>, way: &str, found: &mut Vec<Candidate>) {
    let before = found.len();
    in_groups(rule, &sheet.passage, part, (sheet.page.page, way), found);
    if rule.patterns.len() > 1 {
        let key = |it: &Candidate| it.place.area.map(|area| (area.top, area.x0)).unwrap_or_default();
        found[before..].sort_by(|one, other| key(one).partial_cmp(&key(other)).unwrap_or(std::cmp::Ordering::Equal));
    }
}

/// The candidates in the groups of a rule's patterns.
fn in_groups(rule: &Rule, passage: &Passage<'_>, part: Range<usize>, from: (usize, &str), found: &mut Vec<Candidate>) {
    let text = &passage.text[part.clone()];
    for pattern in &rule.patterns {
        for captures in pattern.captures_iter(text).take(CANDIDATES_MAX + 1) {
            let Some(group) = captures.name("value").or_else(|| captures.get(1)) else { continue };
            let range = part.start + group.start()..part.start + group.end();
            found.extend(Candidate::all_in(passage, range, &rule.kind, from));
        }
    }
}

/// What is said of a value, and of what was not taken in its stead.
fn said_of((candidate, taken): (&Candidate, &Taken), refused: Vec<String>) -> Value {
    let round = |value: f64, to: f64| (value * to).round() / to;
    let area = candidate.place.area;
    let sides = area.map(|area| [area.x0, area.top, area.x1, area.bottom].map(|side| round(side, 100.0)));
    let mut said = json!({
        "text": candidate.text,
        "page": candidate.page,
        "box": sides,
        "confidence": candidate.place.confidence.map(|confidence| round(confidence / 100.0, 1_000.0)),
        "rule": candidate.rule,
    });
    if let Some(note) = &taken.note {
        said["note"] = json!(note);
    }
    if !refused.is_empty() {
        said["refused"] = json!(bounded(refused));
    }
    said
}

/// Why nothing on the pages looks like a value of a field.
fn nothing(rule: &Rule, sheets: &[Sheet<'_>]) -> String {
    let labels: Vec<String> = rule.labels.iter().map(|label| format!("`{}`", label.text)).collect();
    let is_seen = |label: &Label| sheets.iter().any(|sheet| !label.find(&sheet.passage.text).is_empty());
    let unread: Vec<String> = sheets
        .iter()
        .filter_map(|sheet| {
            Some(format!("; page {} could not be read: {}", sheet.page.page, sheet.page.error.as_ref()?))
        })
        .take(REASONS_MAX)
        .collect();
    let reason = match (labels.is_empty(), rule.labels.iter().any(is_seen)) {
        (true, _) => "no text fits its pattern".to_owned(),
        (false, true) => {
            format!("nothing beside or below {} looks like a value of type {}", labels.join(" or "), rule.kind.word())
        }
        (false, false) => format!("no page has the label {}", labels.join(" or ")),
    };
    format!("{reason}{}", unread.concat())
}

fn bounded(mut reasons: Vec<String>) -> Vec<String> {
    let more = reasons.len().saturating_sub(REASONS_MAX);
    reasons.truncate(REASONS_MAX);
    if more > 0 {
        reasons.push(format!("and {more} more"));
    }
    reasons
}
