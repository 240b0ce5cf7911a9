//! A layer of text added to a PDF that is there.

use std::collections::HashSet;
use std::io::Write;

use hayro::hayro_syntax::content::TypedIter;
use hayro::hayro_syntax::content::ops::TypedInstruction;
use hayro::hayro_syntax::object::{Array, Dict};
use hayro::hayro_syntax::page::{Page, Rotation};
use hayro::kurbo::Affine;
use tempfile::NamedTempFile;

use super::archivable;
use super::archive::put_catalog;
use super::cut::{cut, fonts, x_objects};
use super::glyphless::Glyphless;
use super::layer::{OwnText, TextLayer, operations, straightening, turning};
use super::object::{entries, stream, value};
use super::signed::{Signed, signed};
use super::xref::{Last, Objects, last};
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::pdf::document::guarded;
use crate::pdf::render::look_alike;
use crate::pdf::{Document, Limits};

/// Pages inside groups of pages, of which they inherit.
const PARENTS_MAX: usize = 64;

/// What may be done to a PDF.
#[derive(Debug, Clone, Copy, Default)]
pub struct AppendOptions {
    /// Whether its signatures may become void.
    pub voids_signatures: bool,
    /// Whether it becomes one for archives: PDF/A-2b.
    pub is_archive: bool,
}

/// A PDF with more text.
#[derive(Debug, Clone, PartialEq)]
pub struct Appended {
    /// What follows the last byte of the file.
    pub bytes: Vec<u8>,
    /// What people should know of it, a sentence each.
    pub notes: Vec<String>,
}

/// Layers of text on some pages of a file: all its bytes stay, and these follow. Every page looks as before.
///
/// # Errors
/// Refused, for a file that is signed; Failed, for one that is encrypted or damaged; Not found, for a page that it lacks.
pub fn with_text(document: &Document, layers: &[TextLayer], options: AppendOptions) -> Result<Appended> {
    if document.is_locked() {
        return Err(Error::failed("add text to the PDF: its attachments are encrypted")
            .hint("`qpdf --decrypt IN OUT` rewrites it, with its password"));
    }
    let last = last(document.bytes())?;
    let mut notes = signatures(document, options)?;
    if options.is_archive {
        guarded(|| archivable::check(document))??;
    }
    let mut kept = HashSet::new();
    loop {
        let mut attempt = Attempt { document, last: &last, kept: &kept, options, notes: Vec::new(), cut: Vec::new() };
        let bytes = attempt.append(layers)?;
        // what was cut out of a drawing must not be missed: whoever draws the page must see no difference
        let cut = std::mem::take(&mut attempt.cut);
        let moves = |layer: &TextLayer| layer.rotates && layer.turned != 0 || layer.tilt != 0.0;
        let harmed = match layers.iter().any(moves) && !cut.is_empty() {
            true => {
                let unturned: Vec<TextLayer> =
                    layers.iter().map(|layer| TextLayer { rotates: false, tilt: 0.0, ..layer.clone() }).collect();
                let mut same =
                    Attempt { document, last: &last, kept: &kept, options, notes: Vec::new(), cut: Vec::new() };
                harmed(document, same.append(&unturned)?, &cut)?
            }
            false if cut.is_empty() => Vec::new(),
            false => harmed(document, bytes.clone(), &cut)?,
        };
        if harmed.is_empty() {
            notes.extend(attempt.notes);
            return Ok(Appended { bytes, notes });
        }
        kept.extend(harmed);
    }
}

fn signatures(document: &Document, options: AppendOptions) -> Result<Vec<String>> {
    Ok(match guarded(|| signed(document))? {
        Signed::No => Vec::new(),
        Signed::Prepared => {
            vec!["it has an empty field for a signature; add text before it is signed, not after".to_owned()]
        }
        Signed::Yes if options.voids_signatures => vec!["its digital signature is no longer valid".to_owned()],
        Signed::Yes => {
            let error = Error::new(
                ErrorKind::Refused,
                "add text to the PDF: it has a digital signature, which that would void",
            );
            return Err(error.hint(
                "`--format text` reads it and changes nothing; `--invalidate-digital-signatures` adds the text all the same",
            ));
        }
    })
}

/// The pages, of those from which something was cut, that no longer look as they did.
fn harmed(document: &Document, bytes: Vec<u8>, pages: &[usize]) -> Result<Vec<usize>> {
    if pages.is_empty() {
        return Ok(Vec::new());
    }
    let after = whole(document, &bytes)?;
    let mut harmed = Vec::new();
    for page in pages {
        if !look_alike(document, &after, *page)? {
            harmed.push(*page);
        }
    }
    Ok(harmed)
}

/// The document with what follows it; where files are shared with the system, so is this one.
fn whole(document: &Document, more: &[u8]) -> Result<Document> {
    let limits = *document.limits();
    let limits = Limits { bytes_max: limits.bytes_max.saturating_add(more.len()), ..limits };
    if !limits.shares_files {
        return Document::of([document.bytes(), more].concat(), "", limits);
    }
    let unwritten = |cause| file_error("write what becomes of the PDF into the folder for temporary files", cause);
    let mut file = NamedTempFile::new().map_err(unwritten)?;
    file.write_all(document.bytes()).and_then(|()| file.write_all(more)).map_err(unwritten)?;
    Document::open(file.path(), "", limits)
}

/// One way to write the file.
struct Attempt<'a> {
    document: &'a Document,
    last: &'a Last,
    /// Pages whose own text stays, because they would look different without it.
    kept: &'a HashSet<usize>,
    options: AppendOptions,
    notes: Vec<String>,
    /// Pages from whose drawing something was cut.
    cut: Vec<usize>,
}

impl Attempt<'_> {
    fn append(&mut self, layers: &[TextLayer]) -> Result<Vec<u8>> {
        let bytes = self.document.bytes();
        let start = if bytes.ends_with(b"\n") { Vec::new() } else { b"\n".to_vec() };
        let mut objects = Objects::behind(bytes.len(), start, self.last.size);
        let mut known = Vec::new();
        for layer in layers {
            known.extend(
                inherited(self.document.page(layer.page)?.raw()).and_then(|found| found.get::<Dict<'_>>("Font")),
            );
        }
        let mut font = Glyphless::apart_from(known);
        let mut drawn = Vec::new();
        for layer in layers {
            let page = self.document.page(layer.page)?;
            let (width, height) = page.render_dimensions();
            let turned = Affine::new(turning(layer.turned, (f64::from(width), f64::from(height))));
            let matrix = Affine::new(page.initial_transform(true).as_coeffs()).inverse() * turned.inverse();
            drawn.push(operations(&layer.words, &matrix, &mut font));
        }
        let numbers: Vec<u32> = (0..font.fonts()).map(|_| objects.reserve()).collect();
        font.write(&numbers, &mut objects);
        let fonts: Vec<(String, u32)> =
            numbers.iter().enumerate().map(|(at, number)| (font.name(at), *number)).collect();
        for (layer, text) in layers.iter().zip(&drawn) {
            guarded(|| self.put_page(layer, text, &fonts, &mut objects))??;
        }
        let mut trailer = String::new();
        if self.options.is_archive {
            guarded(|| put_catalog(self.document, &mut objects))??;
            if !self.last.has_id {
                trailer = objects.identity(bytes);
            }
        }
        Ok(objects.finish(&trailer, Some(self.last)))
    }

    fn put_page(
        &mut self,
        layer: &TextLayer,
        text: &str,
        text_fonts: &[(String, u32)],
        objects: &mut Objects,
    ) -> Result<()> {
        let page = self.document.page(layer.page)?;
        let raw = page.raw();
        let own = raw.obj_id().ok_or_else(|| {
            Error::failed(format!("add text to page {}: it has no number", layer.page))
                .hint("`qpdf IN OUT` mends it; then read OUT")
        })?;
        // text that stands before a drawing needs not know in which state that ends
        let mut contents = format!("{} 0 R ", objects.add(&stream("", text.as_bytes()))).into_bytes();
        let mut forms = Vec::new();
        let straight = self.straight(page, layer);
        if let Some(straight) = &straight {
            contents.extend(format!("{} 0 R ", objects.add(&stream("", straight.as_bytes()))).bytes());
        }
        match self.without_text(page, layer, objects)? {
            Some(made) => {
                contents.extend(format!("{} 0 R", made.content).bytes());
                forms = made.forms;
            }
            None => contents.extend(originals(raw)),
        }
        if straight.is_some() {
            contents.extend(format!(" {} 0 R", objects.add(&stream("", b"Q\n"))).bytes());
        }
        let mut body = b"<<".to_vec();
        let turned = if layer.rotates { layer.turned } else { 0 };
        let left_out: &[&[u8]] = match turned {
            0 => &[b"Contents", b"Resources"],
            _ => &[b"Contents", b"Resources", b"Rotate"],
        };
        entries(raw, left_out, 0, &mut body);
        if turned != 0 {
            body.extend(format!("/Rotate {}", (rotation(page) + turned) % 360).bytes());
        }
        body.extend(b"/Contents[");
        body.extend(contents);
        body.extend(b"]\n/Resources<<");
        let resources = inherited(raw);
        if let Some(resources) = &resources {
            let left_out: &[&[u8]] = if forms.is_empty() { &[b"Font"] } else { &[b"Font", b"XObject"] };
            entries(resources, left_out, 0, &mut body);
            if !forms.is_empty() {
                x_objects(resources, &forms, &mut body);
            }
        }
        fonts(resources.as_ref(), text_fonts, &mut body);
        body.extend(b">>>>");
        let generation = u32::try_from(own.gen_number).unwrap_or_default();
        objects.put(own.obj_number, generation, &body);
        Ok(())
    }

    /// What sets the page's drawing straight, if that can be done around it.
    fn straight(&mut self, page: &Page<'_>, layer: &TextLayer) -> Option<String> {
        if layer.tilt == 0.0 {
            return None;
        }
        if !keeps_states(page.page_stream().unwrap_or_default()) {
            self.notes.push(format!(
                "page {} is not set straight: its drawing ends states that it did not begin",
                layer.page
            ));
            return None;
        }
        let (width, height) = page.render_dimensions();
        let matrix = Affine::new(page.initial_transform(true).as_coeffs());
        let straight = straightening(layer.tilt, &matrix, (f64::from(width), f64::from(height)));
        Some(format!("q {straight}"))
    }

    /// The page's drawing without the text that is to go.
    fn without_text(
        &mut self,
        page: &Page<'_>,
        layer: &TextLayer,
        objects: &mut Objects,
    ) -> Result<Option<super::cut::Cut>> {
        let number = layer.page;
        let mut stays = |why: &str| {
            self.notes.push(format!("page {number} keeps the text it had besides the text that was read: {why}"));
        };
        if layer.own == OwnText::Kept {
            return Ok(None);
        }
        if self.kept.contains(&number) {
            stays("without it the page would look different");
            return Ok(None);
        }
        let found = match self.document.trace(number) {
            Ok(trace) => cut(page, &trace, layer.own, objects),
            Err(error) => Err(error.message().to_owned()),
        };
        match found {
            Ok(made) => {
                if made.is_some() {
                    self.cut.push(number);
                }
                Ok(made)
            }
            Err(why) => {
                stays(&why);
                Ok(None)
            }
        }
    }
}

fn rotation(page: &Page<'_>) -> u16 {
    match page.rotation() {
        Rotation::None => 0,
        Rotation::Horizontal => 90,
        Rotation::Flipped => 180,
        Rotation::FlippedHorizontal => 270,
    }
}

/// Whether a drawing restores no more states than it saves, so that what is set before it holds for all of it.
fn keeps_states(data: &[u8]) -> bool {
    let mut depth = 0i64;
    let mut all = TypedIter::new(data);
    while let Some(operation) = all.next() {
        match operation {
            TypedInstruction::SaveState(_) => depth += 1,
            TypedInstruction::RestoreState(_) => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    true
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
