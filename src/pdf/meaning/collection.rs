//! Adobe's collections of Chinese, Japanese and Korean characters: what a number of one of them stands for.

use hayro::hayro_syntax::object::{Dict, Name, Object, Stream, String as Text};
use hayro_font::CMapResolverFn;
use hayro_font::hayro_cmap::{BfString, CMap, CMapName, CidFamily};

/// Codes of a font whose letters are those of a collection.
pub(super) struct Collection {
    /// From codes to numbers of the collection; `None` where they are the same.
    encoding: Option<CMap>,
    /// From these numbers to letters.
    letters: CMap,
}

impl Collection {
    /// The collection of a font, if it is of one.
    pub(super) fn of(font: &Dict<'_>, descendant: &Dict<'_>, maps: &CMapResolverFn) -> Option<Self> {
        let encoding = encoding(font, maps)?;
        let of_encoding = encoding.as_ref().and_then(|map| map.metadata().character_collection.clone());
        let family = of_encoding
            .map(|collection| collection.family)
            .filter(|family| family.ucs2_cmap().is_some())
            .or_else(|| family(descendant))?;
        let letters = parsed(maps(family.ucs2_cmap()?)?, maps)?;
        Some(Self { encoding, letters })
    }

    /// The letters of a code.
    pub(super) fn letters(&self, code: u32) -> Option<String> {
        let number = match &self.encoding {
            None => code,
            Some(encoding) => (1..=4).find_map(|bytes| encoding.lookup_cid_code(code, bytes))?,
        };
        match self.letters.lookup_bf_string(number)? {
            BfString::Char('\0' | char::REPLACEMENT_CHARACTER) => None,
            BfString::Char(letter) => Some(letter.to_string()),
            BfString::String(text) => Some(text),
        }
    }
}

/// Whether the numbers of a font are Unicode.
pub(super) fn is_unicode(descendant: &Dict<'_>) -> bool {
    ordering(descendant).is_some_and(|(_, ordering)| ordering == b"UCS")
}

fn family(descendant: &Dict<'_>) -> Option<CidFamily> {
    let (registry, ordering) = ordering(descendant)?;
    Some(CidFamily::from_registry_ordering(&registry, &ordering))
}

fn ordering(descendant: &Dict<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
    let info = descendant.get::<Dict<'_>>("CIDSystemInfo")?;
    let text = |key: &str| info.get::<Text<'_>>(key).map(|text| text.as_bytes().to_vec());
    Some((text("Registry")?, text("Ordering")?))
}

/// From codes to numbers; `Some(None)` where they are the same, `None` where nobody knows.
fn encoding(font: &Dict<'_>, maps: &CMapResolverFn) -> Option<Option<CMap>> {
    match font.get::<Object<'_>>("Encoding")? {
        Object::Name(name) => named(&name, maps),
        Object::Stream(stream) => streamed(&stream, maps).map(Some),
        _ => None,
    }
}

fn named(name: &Name<'_>, maps: &CMapResolverFn) -> Option<Option<CMap>> {
    match CMapName::from_bytes(name.as_ref()) {
        CMapName::IdentityH | CMapName::IdentityV => Some(None),
        known => parsed(maps(known)?, maps).map(Some),
    }
}

fn streamed(stream: &Stream<'_>, maps: &CMapResolverFn) -> Option<CMap> {
    parsed(stream.decoded_data().ok()?.as_ref(), maps)
}

fn parsed(data: &[u8], maps: &CMapResolverFn) -> Option<CMap> {
    let maps = maps.clone();
    CMap::parse(data, move |name| maps(name))
}
