//! From edges to cells: where edges cross, which four crossings close a cell, and which cells hang together.

use std::collections::HashMap;

use super::edge::{Edge, Way};
use super::limits::refused;
use crate::error::Result;
use crate::layout::Area;

/// Edges of a page that are looked at; a page with more is a drawing.
const EDGES_MAX: usize = 20_000;
/// Crossings of a page that are looked at.
const CROSSINGS_MAX: usize = 400_000;
/// Steps of the search for cells.
const STEPS_MAX: u64 = 50_000_000;

/// A place by the numbers of its column and its row among all places.
type Place = (usize, usize);

/// The edges that run through a crossing.
#[derive(Default)]
struct Crossing {
    down: Vec<usize>,
    across: Vec<usize>,
}

/// The groups of cells that edges enclose; a group is a table, from the topmost on.
///
/// # Errors
/// Refused, for more edges or crossings than a page of tables has.
pub(super) fn tables(edges: &[Edge], tolerance: f64) -> Result<Vec<Vec<Area>>> {
    if edges.len() > EDGES_MAX {
        return Err(refused(format!("look for tables: {} ruling lines on one page are a drawing", edges.len())));
    }
    let cells = cells(edges, tolerance)?;
    Ok(groups(cells))
}

fn cells(edges: &[Edge], tolerance: f64) -> Result<Vec<Area>> {
    let mut down: Vec<Edge> = edges.iter().filter(|edge| edge.way == Way::Down).copied().collect();
    let mut across: Vec<Edge> = edges.iter().filter(|edge| edge.way == Way::Across).copied().collect();
    down.sort_by(|a, b| {
        (a.area.x0, a.area.top).partial_cmp(&(b.area.x0, b.area.top)).unwrap_or(std::cmp::Ordering::Equal)
    });
    across.sort_by(|a, b| {
        (a.area.top, a.area.x0).partial_cmp(&(b.area.top, b.area.x0)).unwrap_or(std::cmp::Ordering::Equal)
    });
    let columns = places(&down);
    let rows = places(&across);
    let mut crossings: HashMap<Place, Crossing> = HashMap::new();
    for (upright, edge) in down.iter().enumerate() {
        for (level, other) in across.iter().enumerate() {
            let meets = edge.area.top <= other.area.top + tolerance
                && edge.area.bottom >= other.area.top - tolerance
                && edge.area.x0 >= other.area.x0 - tolerance
                && edge.area.x0 <= other.area.x1 + tolerance;
            if meets {
                let crossing = crossings.entry((columns.of[upright], rows.of[level])).or_default();
                crossing.down.push(upright);
                crossing.across.push(level);
            }
        }
        if crossings.len() > CROSSINGS_MAX {
            return Err(refused(format!(
                "look for tables: lines that cross in more than {CROSSINGS_MAX} places are a drawing"
            )));
        }
    }
    let mut search = Search { crossings: &crossings, below: HashMap::new(), right: HashMap::new(), steps: 0 };
    search.sort();
    let mut found = Vec::new();
    let mut starts: Vec<Place> = crossings.keys().copied().collect();
    starts.sort_unstable();
    for start in starts {
        if let Some(end) = search.smallest(start)? {
            let area =
                Area { x0: columns.at[start.0], top: rows.at[start.1], x1: columns.at[end.0], bottom: rows.at[end.1] };
            found.push(area);
        }
    }
    Ok(found)
}

/// The different positions of edges that are sorted by position.
struct Places {
    /// The positions.
    at: Vec<f64>,
    /// The number of each edge's position.
    of: Vec<usize>,
}

fn places(edges: &[Edge]) -> Places {
    let mut places = Places { at: Vec::new(), of: Vec::with_capacity(edges.len()) };
    for edge in edges {
        if places.at.last() != Some(&edge.position()) {
            places.at.push(edge.position());
        }
        places.of.push(places.at.len() - 1);
    }
    places
}

struct Search<'a> {
    crossings: &'a HashMap<Place, Crossing>,
    /// The rows of each column in which something crosses.
    below: HashMap<usize, Vec<usize>>,
    /// The columns of each row.
    right: HashMap<usize, Vec<usize>>,
    steps: u64,
}

impl Search<'_> {
    fn sort(&mut self) {
        for (column, row) in self.crossings.keys() {
            self.below.entry(*column).or_default().push(*row);
            self.right.entry(*row).or_default().push(*column);
        }
        self.below.values_mut().chain(self.right.values_mut()).for_each(|list| list.sort_unstable());
    }

    /// The lower right corner of the smallest cell whose upper left corner is `start`.
    fn smallest(&mut self, start: Place) -> Result<Option<Place>> {
        let (column, row) = start;
        let after = |list: &Vec<usize>, value: usize| list[list.partition_point(|&other| other <= value)..].to_vec();
        let below = self.below.get(&column).map(|rows| after(rows, row)).unwrap_or_default();
        let right = self.right.get(&row).map(|columns| after(columns, column)).unwrap_or_default();
        for &low in &below {
            self.step()?;
            if !self.is_connected(start, (column, low)) {
                continue;
            }
            for &far in &right {
                self.step()?;
                let corner = (far, low);
                if self.is_connected(start, (far, row))
                    && self.crossings.contains_key(&corner)
                    && self.is_connected(corner, (far, row))
                    && self.is_connected(corner, (column, low))
                {
                    return Ok(Some(corner));
                }
            }
        }
        Ok(None)
    }

    /// Whether one edge runs through both places.
    fn is_connected(&self, one: Place, other: Place) -> bool {
        let (Some(first), Some(second)) = (self.crossings.get(&one), self.crossings.get(&other)) else { return false };
        let share = |a: &[usize], b: &[usize]| a.iter().any(|edge| b.contains(edge));
        (one.0 == other.0 && share(&first.down, &second.down))
            || (one.1 == other.1 && share(&first.across, &second.across))
    }

    fn step(&mut self) -> Result<()> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Err(refused("look for tables: the lines of the page enclose too many cells".to_owned()));
        }
        Ok(())
    }
}

/// Cells that share a corner are of one table; a single cell is none.
fn groups(cells: Vec<Area>) -> Vec<Vec<Area>> {
    let mut parents: Vec<usize> = (0..cells.len()).collect();
    let mut corners: HashMap<(u64, u64), usize> = HashMap::new();
    for (at, cell) in cells.iter().enumerate() {
        for (x, y) in [(cell.x0, cell.top), (cell.x0, cell.bottom), (cell.x1, cell.top), (cell.x1, cell.bottom)] {
            let first = *corners.entry((x.to_bits(), y.to_bits())).or_insert(at);
            let (one, other) = (root(&mut parents, first), root(&mut parents, at));
            parents[one.max(other)] = one.min(other);
        }
    }
    let mut groups: HashMap<usize, Vec<Area>> = HashMap::new();
    for (at, cell) in cells.iter().enumerate() {
        groups.entry(root(&mut parents, at)).or_default().push(*cell);
    }
    let mut tables: Vec<Vec<Area>> = groups.into_values().filter(|cells| cells.len() > 1).collect();
    let first = |cells: &Vec<Area>| {
        let order = |a: &(f64, f64), b: &(f64, f64)| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1));
        cells.iter().map(|cell| (cell.top, cell.x0)).min_by(order).unwrap_or_default()
    };
    tables.sort_by(|a, b| {
        let (a, b) = (first(a), first(b));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    tables
}

fn root(parents: &mut [usize], mut at: usize) -> usize {
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}
