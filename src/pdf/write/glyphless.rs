//! A font whose letters leave no ink and say what they are. It is part of the file, so no viewer looks for another.

use std::collections::HashMap;
use std::fmt::Write;

use hayro::hayro_syntax::object::{Dict, Name};

use super::object::stream;
use super::xref::Objects;

/// Letters of one font; a file with more letters has several.
const LETTERS_MAX: usize = 255;
/// The width of each letter, in thousandths of its size.
pub(super) const WIDTH: f64 = 0.5;

/// The letters that were used, and their codes.
#[derive(Default)]
pub(super) struct Glyphless {
    codes: HashMap<char, usize>,
    letters: Vec<char>,
    /// What sets its names apart from those that a page has already.
    apart: usize,
}

/// A run of letters of one font.
pub(super) struct Run {
    pub(super) font: usize,
    pub(super) codes: Vec<u8>,
}

impl Glyphless {
    /// With names that none of these pages has for a font.
    pub(super) fn apart_from<'a>(fonts: impl IntoIterator<Item = Dict<'a>>) -> Self {
        let known: Vec<Name<'a>> = fonts.into_iter().flat_map(|fonts| fonts.keys().collect::<Vec<_>>()).collect();
        let mut own = Self::default();
        while known.iter().any(|name| name.as_str().starts_with(&own.stem())) {
            own.apart += 1;
        }
        own
    }

    fn stem(&self) -> String {
        if self.apart == 0 { "DcText".to_owned() } else { format!("DcText{}x", self.apart) }
    }

    /// What a page calls the font of this number.
    pub(super) fn name(&self, font: usize) -> String {
        format!("{}{font}", self.stem())
    }

    /// The codes of a text.
    pub(super) fn runs(&mut self, text: &str) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for letter in text.chars() {
            let at = *self.codes.entry(letter).or_insert_with(|| {
                self.letters.push(letter);
                self.letters.len() - 1
            });
            let (font, code) = (at / LETTERS_MAX, (at % LETTERS_MAX + 1) as u8);
            match runs.last_mut() {
                Some(run) if run.font == font => run.codes.push(code),
                _ => runs.push(Run { font, codes: vec![code] }),
            }
        }
        runs
    }

    /// Writes the fonts and gives the numbers of their objects.
    pub(super) fn write(&self, reserved: &[u32], objects: &mut Objects) {
        let glyph = objects.add(&stream("", b"500 0 0 -200 500 800 d1"));
        for (number, letters) in reserved.iter().zip(self.letters.chunks(LETTERS_MAX)) {
            let told = objects.add(&stream("", told(letters).as_bytes()));
            let count = letters.len();
            let differences = "/g".repeat(count);
            let widths = "500 ".repeat(count);
            let font = format!(
                "<</Type/Font/Subtype/Type3/Name/DcText/FontBBox[0 -200 500 800]/FontMatrix[.001 0 0 .001 0 0]\
                 /CharProcs<</g {glyph} 0 R>>/Encoding<</Type/Encoding/Differences[1{differences}]>>\
                 /FirstChar 1/LastChar {count}/Widths[{widths}]/Resources<<>>/ToUnicode {told} 0 R>>"
            );
            objects.put(*number, 0, font.as_bytes());
        }
    }

    /// How many fonts are needed for what was used so far.
    pub(super) fn fonts(&self) -> usize {
        self.letters.len().div_ceil(LETTERS_MAX)
    }
}

/// What each code stands for.
fn told(letters: &[char]) -> String {
    let mut out = String::from(
        "/CIDInit/ProcSet findresource begin\n12 dict begin\nbegincmap\n\
         /CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def\n\
         /CMapName/DcText def\n/CMapType 2 def\n1 begincodespacerange\n<00><ff>\nendcodespacerange\n",
    );
    let numbered: Vec<(usize, char)> = letters.iter().enumerate().map(|(at, letter)| (at + 1, *letter)).collect();
    for part in numbered.chunks(100) {
        let _ = writeln!(out, "{} beginbfchar", part.len());
        for (code, letter) in part {
            let mut units = [0u16; 2];
            let units = letter.encode_utf16(&mut units);
            let hexadecimal: String = units.iter().map(|unit| format!("{unit:04x}")).collect();
            let _ = writeln!(out, "<{code:02x}><{hexadecimal}>");
        }
        out.push_str("endbfchar\n");
    }
    out.push_str("endcmap\nCMapName currentdict/CMap defineresource pop\nend\nend\n");
    out
}
