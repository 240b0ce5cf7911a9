//! Tables that are ruled in one direction alone: rules between rows, and columns told by gaps in the text; or rules
//! between columns, and rows told by the lines of text.

use super::content::PageContent;
use super::edge::{Edge, Way, merged};
use super::reading;
use super::table::{Table, TableOptions};
use crate::error::Result;
use crate::layout::{Area, Direction, Word, clusters};

/// Rules of one table begin and end within so many points of each other.
const ALIKE: f64 = 6.0;
/// Shorter rules underline a word and part nothing.
const LENGTH_MIN: f64 = 30.0;
/// Rules that are nearer are drawn double.
const DOUBLE: f64 = 3.0;
/// A gap of so many heights of the text parts columns; where many lines have it, half a gap does.
const GAP: f64 = 1.0;
const GAP_OF_MANY: f64 = 0.55;
const MANY: usize = 4;
/// Rules of so many rows part all rows; fewer part a header and a footer from what stands between.
const BANDS_RULED: usize = 4;
/// A header stands at most so many heights of its text above the first rule.
const HEADER: f64 = 1.5;
/// What shares this much of its height with a line is on it.
const LEVEL: f64 = 0.5;

/// A line of text: its words from left to right.
type TextLine = Vec<Word>;

impl PageContent {
    /// The tables that are ruled in both directions, and those that are ruled in one, whose other direction is told by how
    /// their text stands, from the topmost on.
    ///
    /// # Errors
    /// As [`PageContent::tables`].
    pub fn half_ruled_tables(&self) -> Result<Vec<Table>> {
        tables(self)
    }
}

fn tables(content: &PageContent) -> Result<Vec<Table>> {
    let options = TableOptions::default();
    let mut tables = content.tables(&options)?;
    let drawn = &content.drawn;
    let all: Vec<Edge> = drawn.lines.iter().chain(&drawn.rectangles).chain(&drawn.shapes).copied().collect();
    let rules = merged(&all, options.snap, options.join);
    let is_free = |rule: &&Edge| {
        let (x, y) = rule.area.middle();
        let near =
            |area: &Area| x >= area.x0 - 1.0 && x <= area.x1 + 1.0 && y >= area.top - 1.0 && y <= area.bottom + 1.0;
        rule.length() >= LENGTH_MIN && !tables.iter().any(|table| near(&table.area))
    };
    let free: Vec<Edge> = rules.iter().filter(is_free).copied().collect();
    let words: Vec<Word> = reading::lines(&content.letters.iter().collect::<Vec<_>>(), false)
        .into_iter()
        .flat_map(|line| line.words)
        .filter(|word| word.direction == Direction::Right)
        .collect();
    let mut found: Vec<Table> =
        alike(&free, Way::Across).iter().flat_map(|rules| between_rows(rules, &words)).collect();
    let is_new = |area: &Area| found.iter().all(|table| !table.area.holds_middle_of(area));
    let columns: Vec<Table> = alike(&free, Way::Down)
        .iter()
        .filter_map(|rules| between_columns(rules, &words))
        .filter(|table| is_new(&table.area))
        .collect();
    found.extend(columns);
    tables.extend(found);
    tables.sort_by(|a, b| a.area.top.total_cmp(&b.area.top).then(a.area.x0.total_cmp(&b.area.x0)));
    Ok(tables)
}

/// Rules of one direction that begin and end alike, each group in the order of their places.
fn alike(rules: &[Edge], way: Way) -> Vec<Vec<Edge>> {
    let ends = |rule: &Edge| match way {
        Way::Down => (rule.area.top, rule.area.bottom),
        _ => (rule.area.x0, rule.area.x1),
    };
    let mut groups: Vec<Vec<Edge>> = Vec::new();
    for rule in rules.iter().filter(|rule| rule.way == way) {
        let (from, to) = ends(rule);
        let is_alike = |group: &&mut Vec<Edge>| {
            let (start, end) = ends(&group[0]);
            (from - start).abs() <= ALIKE && (to - end).abs() <= ALIKE
        };
        match groups.iter_mut().find(is_alike) {
            Some(group) => group.push(*rule),
            None => groups.push(vec![*rule]),
        }
    }
    for group in &mut groups {
        group.sort_by(|a, b| a.position().total_cmp(&b.position()));
        group.dedup_by(|next, before| next.position() - before.position() < DOUBLE);
    }
    groups.retain(|group| group.len() > 1);
    groups
}

/// What stands between two rules that follow each other.
struct Band {
    top: f64,
    bottom: f64,
    lines: Vec<TextLine>,
}

/// Tables between rules that part rows. Prose between two rules is none, and ends the table above it.
fn between_rows(rules: &[Edge], words: &[Word]) -> Vec<Table> {
    let (x0, x1) = (rules[0].area.x0, rules[0].area.x1);
    let mut tables = Vec::new();
    let mut bands: Vec<Band> = Vec::new();
    let mut gaps: Vec<(f64, f64)> = Vec::new();
    for pair in rules.windows(2) {
        let area = Area { x0: x0 - ALIKE, top: pair[0].position(), x1: x1 + ALIKE, bottom: pair[1].position() };
        let band = Band { top: area.top, bottom: area.bottom, lines: lines_in(words, &area) };
        let own = gaps_of(&band.lines);
        let shared = if bands.is_empty() { own.clone() } else { shared_gaps(&gaps, &own) };
        if shared.is_empty() {
            tables.extend(ruled(std::mem::take(&mut bands), &gaps, (x0, x1), words));
        }
        if own.is_empty() {
            continue;
        }
        gaps = if shared.is_empty() { own } else { shared };
        bands.push(band);
    }
    tables.extend(ruled(bands, &gaps, (x0, x1), words));
    tables
}

fn ruled(bands: Vec<Band>, gaps: &[(f64, f64)], (x0, x1): (f64, f64), words: &[Word]) -> Option<Table> {
    let (first, last) = (bands.first()?, bands.last()?);
    let edges: Vec<f64> = gaps.iter().map(|gap| (gap.0 + gap.1) / 2.0).collect();
    let mut area = Area { x0, top: first.top, x1, bottom: last.bottom };
    let is_ruled = bands.len() >= BANDS_RULED;
    let mut rows: Vec<Vec<String>> = Vec::new();
    if !is_ruled && let Some(header) = header_above(first, words, &edges, (x0, x1)) {
        area.top = header.iter().map(|word| word.area.top).fold(area.top, f64::min);
        rows.push(cells(&header, &edges));
    }
    for band in &bands {
        for (at, line) in band.lines.iter().enumerate() {
            let cells = cells(line, &edges);
            let begins = at == 0 || !is_ruled && is_row(&cells);
            add(&mut rows, cells, begins);
        }
    }
    table(area, rows)
}

/// The line right above the first rule, where it has words in the columns below it.
fn header_above(first: &Band, words: &[Word], edges: &[f64], (x0, x1): (f64, f64)) -> Option<TextLine> {
    let height = first.lines.first()?.first()?.area.height();
    let area = Area { x0: x0 - ALIKE, top: first.top - HEADER * height - height, x1: x1 + ALIKE, bottom: first.top };
    let line = lines_in(words, &area).pop()?;
    let fits = line.iter().all(|word| !edges.iter().any(|x| word.area.x0 < *x && word.area.x1 > *x));
    let filled = cells(&line, edges).iter().filter(|cell| !cell.is_empty()).count();
    // a sentence above the rule has no gaps where the columns have them
    let is_parted =
        !shared_gaps(&edges.iter().map(|x| (*x, *x)).collect::<Vec<_>>(), &gaps_of(std::slice::from_ref(&line)))
            .is_empty();
    (fits && filled > 1 && is_parted).then_some(line)
}

/// A table between rules that part columns; words beside the outer rules are columns, too, if most lines have them.
fn between_columns(rules: &[Edge], words: &[Word]) -> Option<Table> {
    let (first, last) = (rules.first()?, rules.last()?);
    let (top, bottom) = (first.area.top, first.area.bottom);
    let band = Area { x0: f64::NEG_INFINITY, top, x1: f64::INFINITY, bottom };
    let lines = lines_in(words, &band);
    let mut edges: Vec<f64> = rules.iter().map(Edge::position).collect();
    let beside = |is: &dyn Fn(&Word) -> bool| lines.iter().filter(|line| line.iter().any(is)).count() * 2 > lines.len();
    let (left, right) = (first.position(), last.position());
    let has_left = beside(&|word: &Word| word.area.middle().0 < left);
    let has_right = beside(&|word: &Word| word.area.middle().0 > right);
    let inside = |word: &Word| {
        let x = word.area.middle().0;
        (has_left || x > left) && (has_right || x < right)
    };
    let lines: Vec<TextLine> = lines
        .into_iter()
        .map(|line| line.into_iter().filter(|word| inside(word)).collect::<TextLine>())
        .filter(|line| !line.is_empty())
        .collect();
    let around = Area::around(lines.iter().flatten().map(|word| word.area))?;
    let area = Area { x0: around.x0.min(left), top, x1: around.x1.max(right), bottom };
    if !has_right {
        edges.pop();
    }
    if !has_left {
        edges.remove(0);
    }
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in &lines {
        // prose that a rule happens to run through is no row of cells
        if line.iter().any(|word| edges.iter().any(|x| word.area.x0 < *x - 1.0 && word.area.x1 > *x + 1.0)) {
            return None;
        }
        let cells = cells(line, &edges);
        let begins = is_row(&cells);
        add(&mut rows, cells, begins);
    }
    table(area, rows)
}

/// Words with their middle in an area, line by line.
fn lines_in(words: &[Word], area: &Area) -> Vec<TextLine> {
    let inside: Vec<Word> = words.iter().filter(|word| area.holds_middle_of(&word.area)).cloned().collect();
    let height = inside.iter().map(|word| word.area.height()).fold(f64::INFINITY, f64::min);
    if !height.is_finite() {
        return Vec::new();
    }
    let mut lines = clusters(&inside, |word| word.area.middle().1, height * LEVEL);
    lines.iter_mut().for_each(|line| line.sort_by(|a, b| a.area.x0.total_cmp(&b.area.x0)));
    lines
}

/// Gaps that all lines have.
fn gaps_of(lines: &[TextLine]) -> Vec<(f64, f64)> {
    let mut words: Vec<Area> = lines.iter().flatten().map(|word| word.area).collect();
    words.sort_by(|a, b| a.x0.total_cmp(&b.x0));
    let mut heights: Vec<f64> = words.iter().map(Area::height).collect();
    heights.sort_by(f64::total_cmp);
    let height = heights.get(heights.len() / 2).copied().unwrap_or_default();
    let wide = height * if lines.len() >= MANY { GAP_OF_MANY } else { GAP };
    let mut gaps = Vec::new();
    let mut end = f64::INFINITY;
    for word in words {
        if word.x0 - end >= wide {
            gaps.push((end, word.x0));
        }
        end = if end.is_finite() { end.max(word.x1) } else { word.x1 };
    }
    gaps
}

/// What gaps of two parts of a table have in common.
fn shared_gaps(one: &[(f64, f64)], other: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let shared = |a: &(f64, f64), b: &(f64, f64)| (a.0.max(b.0), a.1.min(b.1));
    let all = one.iter().flat_map(|a| other.iter().map(move |b| shared(a, b)));
    all.filter(|(from, to)| to >= from).collect()
}

/// The texts of a line's columns; `edges` part them.
fn cells(line: &[Word], edges: &[f64]) -> Vec<String> {
    let mut cells = vec![String::new(); edges.len() + 1];
    for word in line {
        let cell = &mut cells[edges.partition_point(|x| *x < word.area.middle().0)];
        if !cell.is_empty() {
            cell.push(' ');
        }
        cell.push_str(&word.text);
    }
    cells
}

/// Whether a line begins a row: what goes on with a long cell has nothing in the first column, or little besides.
fn is_row(cells: &[String]) -> bool {
    let filled = cells.iter().filter(|cell| !cell.is_empty()).count();
    !cells[0].is_empty() && filled * 2 >= cells.len() && (filled > 1 || cells.len() == 1)
}

fn add(rows: &mut Vec<Vec<String>>, cells: Vec<String>, begins: bool) {
    match rows.last_mut().filter(|_| !begins) {
        Some(row) => {
            for (cell, more) in row.iter_mut().zip(cells).filter(|(_, more)| !more.is_empty()) {
                if !cell.is_empty() {
                    cell.push('\n');
                }
                cell.push_str(&more);
            }
        }
        None => rows.push(cells),
    }
}

fn table(area: Area, rows: Vec<Vec<String>>) -> Option<Table> {
    let is_table = rows.len() > 1 && rows[0].len() > 1;
    is_table.then(|| Table { area, rows: rows.into_iter().map(|row| row.into_iter().map(Some).collect()).collect() })
}
