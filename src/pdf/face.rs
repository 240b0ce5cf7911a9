//! A font, as far as reading needs it: which letters a code stands for, how wide it is, and how deep the font reaches.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::content::TypedIter;
use hayro::hayro_syntax::content::ops::TypedInstruction;
use hayro::hayro_syntax::object::{Array, Dict, Name, Rect, Stream};
use hayro_font::hayro_cmap::BfString;
use hayro_font::{CMapResolverFn, Font, FontCache, FontGlyph, FontResolverFn};

use super::letter::{LetterText, UNKNOWN};
use super::meaning::Meaning;

/// How far the standard fonts reach below the line, in thousandths of their size, as Adobe's metrics have it. A PDF does
/// not carry these fonts, and often says nothing about them.
const STANDARD_DESCENTS: [(&str, f64); 12] = [
    ("Courier", -157.0),
    ("Courier-Bold", -157.0),
    ("Courier-BoldOblique", -157.0),
    ("Courier-Oblique", -157.0),
    ("Helvetica", -207.0),
    ("Helvetica-Bold", -207.0),
    ("Helvetica-BoldOblique", -207.0),
    ("Helvetica-Oblique", -207.0),
    ("Times-Roman", -217.0),
    ("Times-Bold", -217.0),
    ("Times-BoldItalic", -217.0),
    ("Times-Italic", -217.0),
];

/// A font of invisible letters has one drawing, or few.
const DRAWINGS_MAX: usize = 300;
/// Glyphs without ink that are taken for spaces, of a font: where there are more, the font could not be read.
const BLANKS_MAX: usize = 4;
/// How wide a letter is of a font that could not be read, of its size.
const WIDTH_UNREAD: f64 = 0.5;

/// The fonts of a document that were needed so far.
pub(super) struct Faces<'a> {
    cache: FontCache<'a>,
    fonts: FontResolverFn,
    maps: CMapResolverFn,
}

impl Default for Faces<'_> {
    fn default() -> Self {
        let settings = InterpreterSettings::default();
        Self { cache: FontCache::new(), fonts: Arc::clone(&settings.font_resolver), maps: settings.cmap_resolver }
    }
}

impl<'a> Faces<'a> {
    /// The font that a dictionary describes. One that cannot be read shows letters all the same, which nobody knows.
    pub(super) fn face(&self, dictionary: &Dict<'a>) -> Rc<Face<'a>> {
        let font = self.cache.font(dictionary, &self.fonts, &self.maps);
        let descent = descent(dictionary);
        let is_of = |kind: &str| dictionary.get::<Name<'_>>("Subtype").is_some_and(|subtype| subtype.as_str() == kind);
        let drawings = is_of("Type3").then(|| dictionary.get::<Dict<'a>>("CharProcs").unwrap_or_default());
        Rc::new(Face {
            font,
            descent,
            drawings,
            is_untold: Meaning::is_untold(dictionary),
            dictionary: dictionary.clone(),
            maps: Arc::clone(&self.maps),
            meaning: OnceCell::new(),
            code_bytes: if is_of("Type0") { 2 } else { 1 },
            blanks: Cell::new(0),
            codes: RefCell::default(),
        })
    }
}

/// A font.
pub(super) struct Face<'a> {
    font: Option<Font<'a>>,
    /// How far below the line it reaches, of its size; 0 or less.
    pub(super) descent: f64,
    /// The drawings of its glyphs, if it is made of drawings.
    drawings: Option<Dict<'a>>,
    /// Whether the embedded font knows its letters better than any standard.
    is_untold: bool,
    /// What else of the file tells letters, looked for when one is not known.
    meaning: OnceCell<Meaning>,
    dictionary: Dict<'a>,
    maps: CMapResolverFn,
    /// How long codes are of a font that could not be read.
    code_bytes: usize,
    /// How many glyphs were taken for spaces because they have no ink.
    blanks: Cell<usize>,
    codes: RefCell<HashMap<u32, Code>>,
}

/// What a font knows of a code.
#[derive(Clone)]
pub(super) struct Code {
    /// The letters.
    pub(super) text: LetterText,
    /// How far the next one stands, of the size: across, and down for fonts that are written so.
    pub(super) advance: (f64, f64),
    /// From the place of writing to the glyph's origin, of the size; not zero for fonts that are written downwards.
    pub(super) origin: (f64, f64),
}

impl<'a> Face<'a> {
    /// The next code of a string and how many bytes it takes.
    pub(super) fn read(&self, bytes: &[u8], at: usize) -> (u32, usize) {
        if let Some(font) = &self.font {
            let (code, taken) = font.read_code(bytes, at);
            return (code, taken.max(1));
        }
        let code = &bytes[at..bytes.len().min(at + self.code_bytes)];
        (code.iter().fold(0, |code, byte| (code << 8) | u32::from(*byte)), code.len().max(1))
    }

    /// Whether it is written from left to right, and not downwards.
    pub(super) fn is_horizontal(&self) -> bool {
        self.font.as_ref().is_none_or(Font::is_horizontal)
    }

    /// Whether letters are invisible where a page asks for it. Drawings are painted all the same, if they paint at all.
    pub(super) fn obeys_rendering(&self) -> bool {
        self.drawings.as_ref().is_none_or(|drawings| {
            let all: Vec<_> = drawings.keys().collect();
            all.len() <= DRAWINGS_MAX && all.iter().all(|name| drawings.get::<Stream<'_>>(name).is_none_or(is_inkless))
        })
    }

    /// What is known of a code.
    pub(super) fn code(&self, code: u32) -> Code {
        if let Some(known) = self.codes.borrow().get(&code) {
            return known.clone();
        }
        let found = match &self.font {
            Some(font) => {
                let (advance, origin) = (font.code_advance(code), font.origin_displacement(code));
                let advance = (advance.x / 1000.0, advance.y / 1000.0);
                let glyph = font.glyph(font.map_code(code), code);
                let text = self.letters_of(code, &glyph, advance != (0.0, 0.0));
                Code { text, advance, origin: (origin.x / 1000.0, origin.y / 1000.0) }
            }
            None => {
                let told = self.meaning().letters(code, None, || None);
                let text = told.map_or(LetterText::One(UNKNOWN), text_of);
                Code { text, advance: (WIDTH_UNREAD, 0.0), origin: (0.0, 0.0) }
            }
        };
        self.codes.borrow_mut().insert(code, found.clone());
        found
    }

    fn meaning(&self) -> &Meaning {
        self.meaning.get_or_init(|| Meaning::of(&self.dictionary, &self.maps))
    }

    /// Whether the font could be read.
    pub(super) fn is_read(&self) -> bool {
        self.font.is_some()
    }

    fn letters_of(&self, code: u32, glyph: &FontGlyph<'a>, is_wide: bool) -> LetterText {
        let (unicode, number) = match glyph {
            FontGlyph::Outline(outline) => (outline.as_unicode(), Some(outline.glyph_id().to_u32())),
            FontGlyph::Type3(drawn) => (drawn.as_unicode(), None),
        };
        let data = || match glyph {
            FontGlyph::Outline(outline) => outline.font_data(),
            FontGlyph::Type3(_) => None,
        };
        let embedded = number.filter(|_| self.is_untold).and_then(|number| self.meaning().by_glyph(number, data));
        if let Some(text) = embedded {
            return text_of(text);
        }
        let known = letters(unicode);
        if known != LetterText::One(UNKNOWN) {
            return known;
        }
        match self.meaning().letters(code, number, data) {
            Some(text) => text_of(text),
            None if is_wide && self.is_blank(glyph) => LetterText::One(' '),
            None => known,
        }
    }

    /// Whether a glyph is a space: it has no ink, and the font could be read.
    fn is_blank(&self, glyph: &FontGlyph<'_>) -> bool {
        let has_no_ink = match glyph {
            FontGlyph::Outline(outline) => self.meaning().is_embedded && outline.outline().elements().is_empty(),
            FontGlyph::Type3(drawn) => drawn.program().is_some_and(|drawing| is_inkless(drawing.clone())),
        };
        if has_no_ink {
            self.blanks.set(self.blanks.get() + 1);
        }
        has_no_ink && self.blanks.get() <= BLANKS_MAX
    }
}

/// Whether a drawing paints nothing: it says how wide it is, and sets a state.
fn is_inkless(drawing: Stream<'_>) -> bool {
    use TypedInstruction as On;
    let Ok(data) = drawing.decoded_data() else { return false };
    let mut all = TypedIter::new(data.as_ref());
    while let Some(operation) = all.next() {
        if !matches!(
            operation,
            On::ColorGlyph(_) | On::ShapeGlyph(_) | On::SaveState(_) | On::RestoreState(_) | On::Transform(_)
        ) {
            return false;
        }
    }
    true
}

fn letters(unicode: Option<BfString>) -> LetterText {
    match unicode {
        // nobody writes a zero: it stands for what the writer of the file did not know
        Some(BfString::Char('\0')) | None => LetterText::One(UNKNOWN),
        Some(BfString::Char(letter)) => LetterText::One(letter),
        Some(BfString::String(text)) => text_of(text),
    }
}

fn text_of(text: String) -> LetterText {
    let mut all = text.chars();
    match (all.next(), all.next()) {
        (Some(letter), None) => LetterText::One(letter),
        (None, _) => LetterText::One(UNKNOWN),
        _ => LetterText::Many(text.into_boxed_str()),
    }
}

fn descent(dictionary: &Dict<'_>) -> f64 {
    let subtype = dictionary.get::<Name<'_>>("Subtype");
    let base = dictionary.get::<Name<'_>>("BaseFont");
    match subtype.as_ref().map(Name::as_str) {
        Some("Type3") => {
            let reach = dictionary.get::<Rect>("FontBBox").map_or(0.0, |reach| reach.y0);
            let matrix = dictionary.get::<[f64; 6]>("FontMatrix").unwrap_or([0.001, 0.0, 0.0, 0.001, 0.0, 0.0]);
            return below(reach * (matrix[1] + matrix[3]));
        }
        Some("Type1" | "MMType1") => {
            let name = base.as_ref().map_or("", Name::as_str);
            if let Some((_, known)) = STANDARD_DESCENTS.iter().find(|(standard, _)| *standard == name) {
                return known / 1000.0;
            }
        }
        _ => {}
    }
    let descendant = dictionary.get::<Array<'_>>("DescendantFonts").and_then(|list| list.iter::<Dict<'_>>().next());
    let descriptor = descendant.as_ref().unwrap_or(dictionary).get::<Dict<'_>>("FontDescriptor");
    below(descriptor.and_then(|descriptor| descriptor.get::<f64>("Descent")).unwrap_or_default() / 1000.0)
}

/// Some writers of PDF leave the sign out. What reaches further than a font can is a mistake.
fn below(descent: f64) -> f64 {
    if descent.is_finite() { -descent.abs() } else { 0.0 }
}
