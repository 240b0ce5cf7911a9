//! Rectangles that may be turned: the smallest around a group of points.

use crate::layout::Area;

/// A rectangle by its four corners: upper left, upper right, lower right, lower left as its text is read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rectangle {
    pub(super) corners: [(f64, f64); 4],
}

impl Rectangle {
    /// Along the line.
    pub(super) fn width(&self) -> f64 {
        distance(self.corners[0], self.corners[1])
    }

    /// Across the line.
    pub(super) fn height(&self) -> f64 {
        distance(self.corners[0], self.corners[3])
    }

    /// The same, `by` larger to all sides.
    pub(super) fn grown(&self, by: f64) -> Self {
        let along = direction(self.corners[0], self.corners[1]);
        let across = direction(self.corners[0], self.corners[3]);
        let signs = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)];
        let mut corners = self.corners;
        for (corner, (x, y)) in corners.iter_mut().zip(signs) {
            corner.0 += by * (x * along.0 + y * across.0);
            corner.1 += by * (x * along.1 + y * across.1);
        }
        Self { corners }
    }

    pub(super) fn moved(&self, x: f64, y: f64) -> Self {
        Self { corners: self.corners.map(|corner| (corner.0 + x, corner.1 + y)) }
    }

    pub(super) fn scaled(&self, x: f64, y: f64) -> Self {
        Self { corners: self.corners.map(|corner| (corner.0 * x, corner.1 * y)) }
    }

    /// The upright rectangle around its part from `start` to `end`, both shares of its width.
    pub(super) fn part(&self, start: f64, end: f64) -> Area {
        let [a, b, c, d] = self.corners;
        let between = |from: (f64, f64), to: (f64, f64), share: f64| {
            (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share)
        };
        let points = [between(a, b, start), between(a, b, end), between(d, c, start), between(d, c, end)];
        Area::around(points.map(|point| Area::between(point, point))).unwrap_or_default()
    }

    /// The upright rectangle around all of it.
    pub(super) fn area(&self) -> Area {
        self.part(0.0, 1.0)
    }

    /// How far the middle of each point lies inside: used to average what is under it.
    pub(super) fn holds(&self, x: f64, y: f64) -> bool {
        (0..4).all(|at| {
            let (from, to) = (self.corners[at], self.corners[(at + 1) % 4]);
            (to.0 - from.0) * (y - from.1) - (to.1 - from.1) * (x - from.0) >= -1e-9
        })
    }
}

fn distance(from: (f64, f64), to: (f64, f64)) -> f64 {
    (to.0 - from.0).hypot(to.1 - from.1)
}

fn direction(from: (f64, f64), to: (f64, f64)) -> (f64, f64) {
    let length = distance(from, to).max(1e-9);
    ((to.0 - from.0) / length, (to.1 - from.1) / length)
}

/// The smallest rectangle around points, lying along its text: text runs from left to right, and where the rectangle is
/// much higher than wide from top to bottom.
pub(super) fn smallest(points: &[(f64, f64)]) -> Option<Rectangle> {
    let hull = hull(points);
    if hull.is_empty() {
        return None;
    }
    let mut best: Option<(f64, Rectangle)> = None;
    for at in 0..hull.len() {
        let (ax, ay) = match hull.len() {
            1 => (1.0, 0.0),
            count => direction(hull[at], hull[(at + 1) % count]),
        };
        let along = |point: &(f64, f64)| point.0 * ax + point.1 * ay;
        let across = |point: &(f64, f64)| -point.0 * ay + point.1 * ax;
        let span = |of: &dyn Fn(&(f64, f64)) -> f64| {
            hull.iter().map(of).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), it| (low.min(it), high.max(it)))
        };
        let ((left, right), (top, bottom)) = (span(&along), span(&across));
        let size = (right - left) * (bottom - top);
        if best.as_ref().is_none_or(|(known, _)| size < *known) {
            let back = |u: f64, v: f64| (u * ax - v * ay, u * ay + v * ax);
            let corners = [back(left, top), back(right, top), back(right, bottom), back(left, bottom)];
            best = Some((size, Rectangle { corners }));
        }
    }
    best.map(|(_, rectangle)| read_from_left(rectangle))
}

/// The same rectangle, its corners counted from where its text begins.
fn read_from_left(rectangle: Rectangle) -> Rectangle {
    let mut best = rectangle;
    let mut corners = rectangle.corners;
    let mut lean = f64::NEG_INFINITY;
    for _ in 0..4 {
        let along = direction(corners[0], corners[1]);
        if along.0 > lean {
            lean = along.0;
            best = Rectangle { corners };
        }
        corners.rotate_left(1);
    }
    best
}

/// The corners of the convex hull, in their order around it.
fn hull(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    sorted.dedup();
    if sorted.len() < 3 {
        return sorted;
    }
    let turns_left =
        |a: (f64, f64), b: (f64, f64), c: (f64, f64)| (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0) > 0.0;
    let half = |points: &mut dyn Iterator<Item = (f64, f64)>| {
        let mut half: Vec<(f64, f64)> = Vec::new();
        for point in points {
            while half.len() >= 2 && !turns_left(half[half.len() - 2], half[half.len() - 1], point) {
                half.pop();
            }
            half.push(point);
        }
        half.pop();
        half
    };
    let mut hull = half(&mut sorted.iter().copied());
    hull.extend(half(&mut sorted.iter().rev().copied()));
    hull
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_line_keeps_its_length_and_its_beginning() {
        let (sine, cosine) = 10f64.to_radians().sin_cos();
        let turn = |x: f64, y: f64| (100.0 + x * cosine - y * sine, 50.0 + x * sine + y * cosine);
        let points: Vec<(f64, f64)> =
            (0..=100).flat_map(|x| [turn(f64::from(x), 0.0), turn(f64::from(x), 20.0)]).collect();
        let found = smallest(&points).expect("a rectangle");
        assert!((found.width() - 100.0).abs() < 0.01 && (found.height() - 20.0).abs() < 0.01, "{found:?}");
        assert!((found.corners[0].0 - 100.0).abs() < 0.01 && (found.corners[0].1 - 50.0).abs() < 0.01, "{found:?}");
        let grown = found.grown(5.0);
        assert!((grown.width() - 110.0).abs() < 0.01 && (grown.height() - 30.0).abs() < 0.01);
        assert!(found.holds(140.0, 67.0) && !found.holds(100.0, 80.0));
    }
}
