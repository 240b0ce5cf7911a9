//! Text that a page says stands for what it draws (`ActualText`): a hyphen that is none, a word, or nothing.

use hayro::hayro_syntax::object::{Dict, Name, Object, String as Text};

use super::letter::{Letter, LetterText};
use super::text_string::text_string;
use crate::layout::Area;

/// Marked parts inside each other that are counted.
const DEPTH_MAX: usize = 10_000;
/// Letters that reach over more than this many times the height of the first are on several lines.
const LINES: f64 = 1.8;

/// The marked parts that a drawing operation is inside of.
#[derive(Default)]
pub(super) struct Marks {
    depth: usize,
    replaced: Option<Replaced>,
}

/// The outermost part that has a text of its own.
struct Replaced {
    depth: usize,
    text: String,
    /// The first letter that is drawn in it.
    from: usize,
}

impl Marks {
    pub(super) fn begin(&mut self, text: Option<String>, letters: usize) {
        self.depth = (self.depth + 1).min(DEPTH_MAX);
        if let (None, Some(text)) = (&self.replaced, text) {
            self.replaced = Some(Replaced { depth: self.depth, text, from: letters });
        }
    }

    pub(super) fn end(&mut self, letters: &mut Vec<Letter>) {
        if self.replaced.as_ref().is_some_and(|replaced| replaced.depth >= self.depth)
            && let Some(replaced) = self.replaced.take()
        {
            replaced.put(letters);
        }
        self.depth = self.depth.saturating_sub(1);
    }

    /// Ends what a form has left open.
    pub(super) fn end_to(&mut self, depth: usize, letters: &mut Vec<Letter>) {
        while self.depth > depth {
            self.end(letters);
        }
        self.depth = depth;
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Whether another text stands for what is drawn now.
    pub(super) fn is_replaced(&self) -> bool {
        self.replaced.is_some()
    }
}

impl Replaced {
    fn put(self, letters: &mut Vec<Letter>) {
        let from = self.from.min(letters.len());
        let Some(first) = letters.get(from).cloned() else { return };
        let Some(all) = Area::around(letters[from..].iter().map(|letter| letter.area)) else { return };
        let count = self.text.chars().count();
        let across = if first.upright { first.area.height() } else { first.area.width() };
        let reach = if first.upright { all.height() } else { all.width() };
        if count > 0 && reach > across * LINES {
            // a text over several lines says nothing of what stands where: the letters do
            return;
        }
        letters.truncate(from);
        for (at, letter) in self.text.chars().enumerate() {
            let (start, end) = (at as f64 / count as f64, (at + 1) as f64 / count as f64);
            let area = match first.upright {
                true => Area { x0: all.x0 + all.width() * start, x1: all.x0 + all.width() * end, ..all },
                false => Area { top: all.top + all.height() * start, bottom: all.top + all.height() * end, ..all },
            };
            let advance = if first.upright { area.width() } else { area.height() } as f32;
            letters.push(Letter { text: LetterText::One(letter), area, advance, ..first.clone() });
        }
    }
}

/// The text that the properties of a marked part say; they may stand in the resources, under a name.
pub(super) fn actual_text(properties: &Object<'_>, named: &Dict<'_>) -> Option<String> {
    let text = |properties: &Dict<'_>| {
        properties.get::<Text<'_>>("ActualText").map(|text| text_string(text.as_bytes()).replace('\u{ad}', "-"))
    };
    match properties {
        Object::Dict(properties) => text(properties),
        Object::Name(name) => named.get::<Dict<'_>>(AsRef::<[u8]>::as_ref(name as &Name<'_>)).as_ref().and_then(text),
        _ => None,
    }
}
