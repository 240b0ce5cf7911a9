//! Drawn paths, sorted into what tables are ruled with: lines, rectangles, and other shapes.

use hayro::kurbo::{Affine, Point};

use super::edge::{Edge, edges_of_rectangle, edges_of_shape};
use crate::layout::Area;

/// A step of a path, in the space of the drawing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Step {
    Move(Point),
    Line(Point),
    /// The end of a curve.
    Curve(Point),
    Close,
}

/// What was found drawn on a page.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    /// The edges of single lines.
    pub(super) lines: Vec<Edge>,
    /// The edges of rectangles.
    pub(super) rectangles: Vec<Edge>,
    /// The edges of all other shapes.
    pub(super) shapes: Vec<Edge>,
}

impl Drawn {
    /// Leaves out what lies outside of an area, and ends at its sides what reaches over them.
    pub(super) fn crop(&mut self, area: &Area) {
        for edges in [&mut self.lines, &mut self.rectangles, &mut self.shapes] {
            edges.retain_mut(|edge| match edge.area.shared(area) {
                Some(shared) => {
                    edge.area = shared;
                    true
                }
                None => false,
            });
        }
    }

    /// Takes a path that was painted apart and keeps its edges.
    pub(super) fn add(&mut self, path: &[Step], matrix: &Affine) {
        // a path begins with a move; what does not is damaged
        if !matches!(path.first(), Some(Step::Move(_))) {
            return;
        }
        let mut from = 0;
        for at in 1..=path.len() {
            if at == path.len() || matches!(path[at], Step::Move(_)) {
                self.add_one(&path[from..at], matrix);
                from = at;
            }
        }
    }

    fn add_one(&mut self, path: &[Step], matrix: &Affine) {
        let Some(Step::Move(start)) = path.first() else { return };
        let mut points: Vec<(f64, f64)> = Vec::with_capacity(path.len());
        for step in path {
            let point = match step {
                Step::Move(point) | Step::Line(point) | Step::Curve(point) => *point,
                Step::Close => *start,
            };
            let placed = *matrix * point;
            if !placed.x.is_finite() || !placed.y.is_finite() {
                return;
            }
            points.push((placed.x, placed.y));
        }
        let mut steps: Vec<Step> = path.to_vec();
        // a line back to the start, before the path is closed, is drawn twice
        let count = steps.len();
        if count > 3
            && steps[count - 1] == Step::Close
            && matches!(steps[count - 2], Step::Line(_))
            && points[count - 2] == points[0]
        {
            steps.remove(count - 2);
            points.pop();
        }
        match steps.as_slice() {
            [_] => {}
            [_, Step::Line(_)] | [_, Step::Line(_), Step::Close] => {
                self.lines.push(Edge::of_line(points[0], points[1]))
            }
            [_, Step::Line(_), Step::Line(_), Step::Line(_), Step::Close | Step::Line(_)] if is_rectangle(&points) => {
                self.rectangles.extend(edges_of_rectangle(&Area::between(points[0], points[2])));
            }
            _ => self.shapes.extend(edges_of_shape(&points)),
        }
    }
}

fn is_rectangle(points: &[(f64, f64)]) -> bool {
    let [a, b, c, d, end] = points else { return false };
    let upwards = a.0 == b.0 && b.1 == c.1 && c.0 == d.0 && d.1 == a.1;
    let across = a.1 == b.1 && b.0 == c.0 && c.1 == d.1 && d.0 == a.0;
    a == end && (upwards || across)
}
