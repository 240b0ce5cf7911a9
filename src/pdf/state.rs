//! The graphics state, as far as reading needs it.

use std::rc::Rc;

use hayro::kurbo::Affine;

use super::face::Face;

/// What `q` saves and `Q` brings back.
#[derive(Clone)]
pub(super) struct State<'a> {
    /// From the space of the drawing to that of the page: points from the top left corner.
    pub(super) matrix: Affine,
    pub(super) font: Option<Rc<Face<'a>>>,
    pub(super) size: f64,
    /// Added after each letter.
    pub(super) letter_space: f64,
    /// Added after each space.
    pub(super) word_space: f64,
    /// How wide letters are drawn; 1 as the font has them.
    pub(super) stretch: f64,
    /// From line to line.
    pub(super) leading: f64,
    /// How far above the line.
    pub(super) rise: f64,
    /// How letters are painted, as the operator `Tr` has it.
    pub(super) rendering: i64,
}

impl State<'_> {
    pub(super) fn new(matrix: Affine) -> Self {
        Self {
            matrix,
            font: None,
            size: 1.0,
            letter_space: 0.0,
            word_space: 0.0,
            stretch: 1.0,
            leading: 0.0,
            rise: 0.0,
            rendering: 0,
        }
    }
}

impl State<'_> {
    /// Whether letters leave ink.
    pub(super) fn is_visible(&self) -> bool {
        !matches!(self.rendering, 3 | 7)
    }

    /// Whether letters change nothing on the page: no ink, no clip. A font of drawings paints in any case.
    pub(super) fn is_without_effect(&self) -> bool {
        self.rendering == 3 && self.font.as_ref().is_some_and(|face| face.obeys_rendering())
    }
}

/// Where the next letter stands, and where its line began.
#[derive(Clone, Copy)]
pub(super) struct Pen {
    pub(super) letter: Affine,
    pub(super) line: Affine,
}

impl Default for Pen {
    fn default() -> Self {
        Self { letter: Affine::IDENTITY, line: Affine::IDENTITY }
    }
}

impl Pen {
    pub(super) fn set(&mut self, matrix: Affine) {
        *self = Self { letter: matrix, line: matrix };
    }

    /// To a new line, this far from the beginning of the last.
    pub(super) fn next_line(&mut self, x: f64, y: f64) {
        self.set(self.line * Affine::translate((x, y)));
    }

    /// On, in the direction of writing.
    pub(super) fn advance(&mut self, x: f64, y: f64) {
        self.letter *= Affine::translate((x, y));
    }
}
