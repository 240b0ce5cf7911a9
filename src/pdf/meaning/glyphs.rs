//! What an embedded font says of its own glyphs: it may map letters to them, and name them.

use std::collections::HashMap;

use skrifa::raw::ps::agl;
use skrifa::{FontRef, GlyphId, GlyphNames, MetadataProvider};

use super::letter::is_letter;

/// Glyphs of a font; it cannot have more.
const GLYPHS_MAX: usize = 1 << 16;

/// Letters by the numbers of glyphs.
pub(super) struct GlyphLetters(HashMap<u32, String>);

impl GlyphLetters {
    /// Of a font file; `None` where it is none, or says nothing.
    pub(super) fn of(data: &[u8]) -> Option<Self> {
        let font = FontRef::new(data).ok()?;
        let mut mapped: HashMap<u32, char> = HashMap::new();
        for (code, glyph) in font.charmap().mappings().take(GLYPHS_MAX * 4) {
            let Some(letter) = char::from_u32(code).filter(|letter| is_letter(*letter)) else { continue };
            let known = mapped.entry(glyph.to_u32()).or_insert(letter);
            // the first one is the plain one; a radical is drawn as its character is, which is what people write
            if matches!(known, '\u{2e80}'..='\u{2fdf}') && matches!(letter, '\u{3400}'..='\u{9fff}') {
                *known = letter;
            }
        }
        let mut letters: HashMap<u32, String> =
            mapped.into_iter().map(|(glyph, letter)| (glyph, letter.to_string())).collect();
        let names = GlyphNames::new(&font);
        for glyph in 1..names.num_glyphs().min(GLYPHS_MAX as u32) {
            if letters.contains_key(&glyph) {
                continue;
            }
            let Some(name) = names.get(GlyphId::new(glyph)).filter(|name| !name.is_synthesized()) else { continue };
            // the list of names has those of Dingbats, `a65`, which are numbers in all other fonts
            let is_number = name.as_str().strip_prefix('a').is_some_and(|it| it.bytes().all(|it| it.is_ascii_digit()));
            let is_number = is_number && name.as_str().len() > 1;
            let letters_named = agl::name_to_chars(name.as_str()).filter(|letter| !is_number && is_letter(*letter));
            let text: String = letters_named.collect();
            if !text.is_empty() {
                letters.insert(glyph, text);
            }
        }
        (!letters.is_empty()).then_some(Self(letters))
    }

    pub(super) fn letters(&self, glyph: u32) -> Option<String> {
        self.0.get(&glyph).cloned()
    }
}
