//! Straight edges along which a table may be ruled, and what becomes of many that nearly coincide.

use crate::layout::{Area, Word, clusters};

/// Edges that differ by less than this many points are one.
const WORD_TOLERANCE: f64 = 1.0;

/// Which way an edge runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    Across,
    Down,
    /// Neither: it rules no table.
    Askew,
}

/// A straight edge, in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Edge {
    pub(super) way: Way,
    pub(super) area: Area,
}

impl Edge {
    /// The edge of a drawn line; one that is not level counts as upright.
    pub(super) fn of_line(from: (f64, f64), to: (f64, f64)) -> Self {
        let area = Area::between(from, to);
        Self { way: if area.top == area.bottom { Way::Across } else { Way::Down }, area }
    }

    pub(super) fn length(&self) -> f64 {
        if self.way == Way::Down { self.area.height() } else { self.area.width() }
    }

    /// Where it stands, across its own direction.
    pub(super) fn position(&self) -> f64 {
        if self.way == Way::Down { self.area.x0 } else { self.area.top }
    }

    fn start(&self) -> f64 {
        if self.way == Way::Down { self.area.top } else { self.area.x0 }
    }

    fn end(&self) -> f64 {
        if self.way == Way::Down { self.area.bottom } else { self.area.x1 }
    }

    fn set_end(&mut self, end: f64) {
        match self.way {
            Way::Down => self.area.bottom = end,
            _ => self.area.x1 = end,
        }
    }

    /// The same edge, moved so that it stands at `position`.
    fn at(mut self, position: f64) -> Self {
        let by = position - self.position();
        match self.way {
            Way::Down => (self.area.x0, self.area.x1) = (self.area.x0 + by, self.area.x1 + by),
            _ => (self.area.top, self.area.bottom) = (self.area.top + by, self.area.bottom + by),
        }
        self
    }
}

fn across(x0: f64, x1: f64, y: f64) -> Edge {
    Edge { way: Way::Across, area: Area { x0, top: y, x1, bottom: y } }
}

fn down(x: f64, top: f64, bottom: f64) -> Edge {
    Edge { way: Way::Down, area: Area { x0: x, top, x1: x, bottom } }
}

/// The four sides of a rectangle.
pub(super) fn edges_of_rectangle(area: &Area) -> [Edge; 4] {
    let Area { x0, top, x1, bottom } = *area;
    [across(x0, x1, top), across(x0, x1, bottom), down(x0, top, bottom), down(x1, top, bottom)]
}

/// The straight steps between the points of a shape.
pub(super) fn edges_of_shape(points: &[(f64, f64)]) -> impl Iterator<Item = Edge> {
    points.windows(2).map(|pair| {
        let (from, to) = (pair[0], pair[1]);
        let way = if from.0 == to.0 {
            Way::Down
        } else if from.1 == to.1 {
            Way::Across
        } else {
            Way::Askew
        };
        Edge { way, area: Area::between(from, to) }
    })
}

/// Edges above and below each row of words.
pub(super) fn edges_between_rows(words: &[Word], words_min: usize) -> Vec<Edge> {
    let rows = clusters(words, |word| word.area.top, WORD_TOLERANCE);
    let around = |row: &Vec<Word>| Area::around(row.iter().map(|word| word.area));
    let rows: Vec<Area> = rows.iter().filter(|row| row.len() >= words_min).filter_map(around).collect();
    let Some(all) = Area::around(rows.iter().copied()) else { return Vec::new() };
    rows.iter().flat_map(|row| [across(all.x0, all.x1, row.top), across(all.x0, all.x1, row.bottom)]).collect()
}

/// Edges along words that begin, end or have their middle below each other.
pub(super) fn edges_between_columns(words: &[Word], words_min: usize) -> Vec<Edge> {
    let mut aligned = clusters(words, |word| word.area.x0, WORD_TOLERANCE);
    aligned.extend(clusters(words, |word| word.area.x1, WORD_TOLERANCE));
    aligned.extend(clusters(words, |word| word.area.middle().0, WORD_TOLERANCE));
    aligned.sort_by_key(|words| std::cmp::Reverse(words.len()));
    let mut columns: Vec<Area> = Vec::new();
    for words in aligned.iter().filter(|words| words.len() >= words_min) {
        let Some(area) = Area::around(words.iter().map(|word| word.area)) else { continue };
        if columns.iter().all(|known| known.shared(&area).is_none()) {
            columns.push(area);
        }
    }
    columns.sort_by(|a, b| a.x0.total_cmp(&b.x0));
    let Some(all) = Area::around(columns.iter().copied()) else { return Vec::new() };
    let lefts = columns.iter().map(|column| column.x0);
    lefts.chain([all.x1]).map(|x| down(x, all.top, all.bottom)).collect()
}

/// Moves edges that nearly coincide onto their average, and joins those that follow each other on one line.
pub(super) fn merged(edges: &[Edge], snap: f64, join: f64) -> Vec<Edge> {
    let mut all = Vec::new();
    for way in [Way::Across, Way::Down] {
        let own: Vec<Edge> = edges.iter().filter(|edge| edge.way == way).copied().collect();
        // an edge that was moved onto another's place joins it, so all of one position are one group
        let mut placed: Vec<(f64, Vec<Edge>)> = Vec::new();
        for cluster in clusters(&own, Edge::position, snap) {
            let average = cluster.iter().map(Edge::position).sum::<f64>() / cluster.len() as f64;
            placed.push((average, cluster.into_iter().map(|edge| edge.at(average)).collect()));
        }
        for (_, group) in placed {
            all.extend(joined(group, join));
        }
    }
    all
}

fn joined(mut group: Vec<Edge>, tolerance: f64) -> Vec<Edge> {
    group.sort_by(|a, b| a.start().total_cmp(&b.start()));
    let mut joined: Vec<Edge> = Vec::new();
    for edge in group {
        match joined.last_mut() {
            Some(last) if edge.start() <= last.end() + tolerance => {
                if edge.end() > last.end() {
                    last.set_end(edge.end());
                }
            }
            _ => joined.push(edge),
        }
    }
    joined
}
