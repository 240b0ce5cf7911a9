//! A rectangle on a page.

use serde::{Deserialize, Serialize};

/// A rectangle. On a page it is in points (1/72 inch) from the top left corner of what is seen of the page; in a picture
/// it is in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Area {
    /// The left side.
    pub x0: f64,
    /// The upper side.
    pub top: f64,
    /// The right side.
    pub x1: f64,
    /// The lower side.
    pub bottom: f64,
}

impl Area {
    /// The rectangle between two opposite corners, whichever they are.
    pub fn between(first: (f64, f64), second: (f64, f64)) -> Self {
        Self {
            x0: first.0.min(second.0),
            top: first.1.min(second.1),
            x1: first.0.max(second.0),
            bottom: first.1.max(second.1),
        }
    }

    /// The width.
    pub fn width(&self) -> f64 {
        self.x1 - self.x0
    }

    /// The height.
    pub fn height(&self) -> f64 {
        self.bottom - self.top
    }

    /// Width times height, in square units.
    pub fn size(&self) -> f64 {
        self.width().max(0.0) * self.height().max(0.0)
    }

    /// The middle.
    pub fn middle(&self) -> (f64, f64) {
        ((self.x0 + self.x1) / 2.0, (self.top + self.bottom) / 2.0)
    }

    /// The smallest rectangle around both.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        Self {
            x0: self.x0.min(other.x0),
            top: self.top.min(other.top),
            x1: self.x1.max(other.x1),
            bottom: self.bottom.max(other.bottom),
        }
    }

    /// The smallest rectangle around all; `None` around nothing.
    pub fn around(areas: impl IntoIterator<Item = Self>) -> Option<Self> {
        areas.into_iter().reduce(|all, one| all.with(&one))
    }

    /// What both cover; `None` where they do not even touch along a line.
    pub fn shared(&self, other: &Self) -> Option<Self> {
        let shared = Self {
            x0: self.x0.max(other.x0),
            top: self.top.max(other.top),
            x1: self.x1.min(other.x1),
            bottom: self.bottom.min(other.bottom),
        };
        let (width, height) = (shared.width(), shared.height());
        (width >= 0.0 && height >= 0.0 && width + height > 0.0).then_some(shared)
    }

    /// Whether the middle of `other` lies inside; the right and the lower side do not count.
    pub fn holds_middle_of(&self, other: &Self) -> bool {
        let (x, y) = other.middle();
        x >= self.x0 && x < self.x1 && y >= self.top && y < self.bottom
    }

    /// The same rectangle where a unit is `factor` times as long.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        Self { x0: self.x0 * factor, top: self.top * factor, x1: self.x1 * factor, bottom: self.bottom * factor }
    }
}
