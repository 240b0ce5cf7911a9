//! What a code of a font stands for, where the font's own encoding does not say it: other places of the file often do. A
//! letter that nobody tells stays unknown; it is never guessed from its shape.

mod collection;
mod glyphs;
mod letter;
mod names;
mod unicode_map;

use std::cell::OnceCell;

use hayro::hayro_syntax::object::{Array, Dict, Name, Stream};
use hayro_font::{CMapResolverFn, OutlineFontData};

use collection::Collection;
use glyphs::GlyphLetters;
use letter::is_letter;
use names::NumberedNames;
use unicode_map::UnicodeMap;

/// The other places of a font that may say what its codes stand for.
pub(super) struct Meaning {
    /// The font's map to Unicode, read in spite of mistakes around it.
    map: Option<UnicodeMap>,
    /// Whether codes are said to be Unicode themselves.
    is_identity: bool,
    /// The letters of Adobe's collections of characters.
    collection: Option<Collection>,
    /// Names that count glyphs by the codes of their letters.
    names: Option<NumberedNames>,
    /// What the embedded font says of its glyphs.
    glyphs: OnceCell<Option<GlyphLetters>>,
    /// Whether a code is one byte.
    is_simple: bool,
    /// Whether the font is in the file.
    pub(super) is_embedded: bool,
}

impl Meaning {
    pub(super) fn of(font: &Dict<'_>, maps: &CMapResolverFn) -> Self {
        let subtype = font.get::<Name<'_>>("Subtype");
        let subtype = subtype.as_ref().map_or("", Name::as_str);
        let is_simple = subtype != "Type0";
        let descendant = font.get::<Array<'_>>("DescendantFonts").and_then(|list| list.iter::<Dict<'_>>().next());
        let told = font.get::<Name<'_>>("ToUnicode");
        let map = font.get::<Stream<'_>>("ToUnicode").and_then(|stream| stream.decoded_data().ok());
        let holder = descendant.as_ref().unwrap_or(font).get::<Dict<'_>>("FontDescriptor").unwrap_or_default();
        let is_identity = told.is_some_and(|name| matches!(name.as_str(), "Identity-H" | "Identity-V"))
            || descendant.as_ref().is_some_and(collection::is_unicode);
        Self {
            map: map.map(|data| UnicodeMap::of(data.as_ref())).filter(|map| !map.is_empty()),
            is_identity,
            collection: descendant.as_ref().and_then(|descendant| Collection::of(font, descendant, maps)),
            names: if is_simple { NumberedNames::of(font) } else { None },
            glyphs: OnceCell::new(),
            is_simple,
            is_embedded: ["FontFile", "FontFile2", "FontFile3"].iter().any(|key| holder.contains_key(key)),
        }
    }

    /// Whether the file says nothing of codes at all, so that the embedded font knows better than any standard.
    pub(super) fn is_untold(font: &Dict<'_>) -> bool {
        let is_such = font.get::<Name<'_>>("Subtype").is_some_and(|subtype| subtype.as_str() == "TrueType");
        is_such && ["Encoding", "ToUnicode"].iter().all(|key| !font.contains_key(key))
    }

    /// The letters of a code.
    pub(super) fn letters(
        &self,
        code: u32,
        glyph: Option<u32>,
        font: impl FnOnce() -> Option<OutlineFontData>,
    ) -> Option<String> {
        let by_map = self.map.as_ref().and_then(|map| map.letters(code));
        by_map
            .or_else(|| self.collection.as_ref().and_then(|collection| collection.letters(code)))
            .or_else(|| self.by_glyph(glyph?, font))
            .or_else(|| self.names.as_ref().and_then(|names| names.letter(code)).map(String::from))
            .or_else(|| self.is_identity.then(|| char::from_u32(code).filter(|it| is_letter(*it)))?.map(String::from))
            .or_else(|| (self.is_simple && code == 32).then(|| " ".to_owned()))
    }

    /// What the embedded font says of a glyph.
    pub(super) fn by_glyph(&self, glyph: u32, font: impl FnOnce() -> Option<OutlineFontData>) -> Option<String> {
        // the glyph of what a font does not have says nothing
        let glyphs = self.glyphs.get_or_init(|| GlyphLetters::of((*font()?.data).as_ref()));
        if glyph == 0 { None } else { glyphs.as_ref()?.letters(glyph) }
    }
}
