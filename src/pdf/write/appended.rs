//! A layer of text added to a PDF that is there.

use hayro::hayro_syntax::object::{Array, Dict};
use hayro::kurbo::Affine;

use super::glyphless::Glyphless;
use super::layer::{TextLayer, operations};
use super::object::{entries, stream, value};
use super::picture::picture_object;
use super::xref::{Objects, last};
use crate::error::{Error, Result};
use crate::pdf::Document;
use crate::pdf::document::guarded;

/// Pages inside groups of pages, of which they inherit.
const PARENTS_MAX: usize = 64;

/// The file with layers of text over some of its pages; all its bytes stay, and others follow.
///
/// # Errors
/// Failed, for a file that is encrypted or damaged; Not found, for a page that it does not have.
pub fn with_text(document: &Document, layers: &[TextLayer]) -> Result<Vec<u8>> {
    let bytes = document.bytes();
    let last = last(bytes)?;
    let mut start = bytes.to_vec();
    if start.last() != Some(&b'\n') {
        start.push(b'\n');
    }
    let mut objects = Objects::behind(start, last.size);
    let mut font = Glyphless::default();
    let mut drawn = Vec::new();
    for layer in layers {
        let page = document.page(layer.page)?;
        let matrix = Affine::new(page.initial_transform(true).as_coeffs()).inverse();
        drawn.push(operations(&layer.words, &matrix, &mut font));
    }
    let fonts: Vec<u32> = (0..font.fonts()).map(|_| objects.reserve()).collect();
    font.write(&fonts, &mut objects);
    let open = objects.add(&stream("", b"q\n"));
    for (layer, text) in layers.iter().zip(&drawn) {
        guarded(|| put_page(document, layer, text, (open, &fonts), &mut objects))??;
    }
    Ok(objects.finish("", Some(&last)))
}

fn put_page(
    document: &Document,
    layer: &TextLayer,
    text: &str,
    (open, fonts): (u32, &[u32]),
    objects: &mut Objects,
) -> Result<()> {
    let page = document.page(layer.page)?;
    let raw = page.raw();
    let own = raw.obj_id().ok_or_else(|| {
        Error::failed(format!("add text to page {}: it has no number", layer.page))
            .hint("`qpdf IN OUT` mends it; then read OUT")
    })?;
    let mut picture = None;
    let mut contents: Vec<u8> = Vec::new();
    if let Some(shown) = &layer.picture {
        let (width, height) = page.render_dimensions();
        let matrix = Affine::new(page.initial_transform(true).as_coeffs()).inverse()
            * Affine::new([f64::from(width), 0.0, 0.0, -f64::from(height), 0.0, f64::from(height)]);
        let place = matrix.as_coeffs().map(super::object::number).join(" ");
        picture = Some(objects.add(&picture_object(shown)));
        let drawn = format!("q {place} cm /DcPicture Do Q\n{text}");
        contents.extend(format!("{} 0 R", objects.add(&stream("", drawn.as_bytes()))).bytes());
    } else {
        let before = originals(raw);
        let close = objects.add(&stream("", format!("\nQ\n{text}").as_bytes()));
        contents.extend(format!("{open} 0 R ").bytes());
        contents.extend(before);
        contents.extend(format!(" {close} 0 R").bytes());
    }
    let mut body = b"<<".to_vec();
    entries(raw, &[b"Contents", b"Resources"], 0, &mut body);
    body.extend(b"/Contents[");
    body.extend(contents);
    body.extend(b"]\n/Resources<<");
    let resources = inherited(raw);
    let without: &[&[u8]] = if picture.is_some() { &[b"Font", b"XObject"] } else { &[b"Font"] };
    if let Some(resources) = &resources {
        entries(resources, without, 0, &mut body);
    }
    body.extend(b"/Font<<");
    if let Some(known) = resources.as_ref().and_then(|resources| resources.get::<Dict<'_>>("Font")) {
        entries(&known, &[], 0, &mut body);
    }
    for (at, font) in fonts.iter().enumerate() {
        body.extend(format!("/DcText{at} {font} 0 R").bytes());
    }
    body.extend(b">>");
    if let Some(picture) = picture {
        body.extend(format!("/XObject<</DcPicture {picture} 0 R>>").bytes());
    }
    body.extend(b">>>>");
    let generation = u32::try_from(own.gen_number).unwrap_or_default();
    objects.put(own.obj_number, generation, &body);
    Ok(())
}

/// References to what the page draws.
fn originals(page: &Dict<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(list) = page.get::<Array<'_>>("Contents") {
        for item in list.raw_iter() {
            value(&item, 0, &mut out);
            out.push(b' ');
        }
    } else if let Some(only) = page.get_ref("Contents") {
        out.extend(format!("{} {} R", only.obj_number, only.gen_number).bytes());
    }
    out
}

/// The resources of a page, or of the group of pages that it is in.
fn inherited<'a>(page: &Dict<'a>) -> Option<Dict<'a>> {
    let mut at = page.clone();
    for _ in 0..PARENTS_MAX {
        if let Some(resources) = at.get::<Dict<'a>>("Resources") {
            return Some(resources);
        }
        at = at.get::<Dict<'a>>("Parent")?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::object::dictionary;
    use super::*;

    #[test]
    fn a_dictionary_is_written_as_it_is_read() {
        use hayro::hayro_syntax::object::FromBytes;
        let text = b"<</A 1/B[1.5 (x) /N#20m <</C null>>]/D 3 0 R>>";
        let read: Dict<'_> = Dict::from_bytes(text).expect("a dictionary");
        let mut out = Vec::new();
        dictionary(&read, &[b"A"], 0, &mut out);
        let out = String::from_utf8(out).expect("text");
        for part in ["/D 3 0 R", "/N#20m", "<78>", "1.5"] {
            assert!(out.contains(part), "{part} in {out}");
        }
        assert!(!out.contains("/A 1"), "{out}");
    }
}
