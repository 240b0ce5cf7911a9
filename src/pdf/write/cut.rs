//! A page's own drawing with less text in it, and every stroke where it was.

use hayro::hayro_syntax::object::{Array, Dict, Name, Stream};
use hayro::hayro_syntax::page::{Page, Resources};

use super::layer::OwnText;
use super::object::{entries, name, number, stream};
use super::xref::Objects;
use crate::pdf::trace::{Shown, Trace};

/// What takes the place of a page's drawing.
pub(super) struct Cut {
    /// The number of the new drawing.
    pub(super) content: u32,
    /// New forms, by the names by which it calls them.
    pub(super) forms: Vec<(Vec<u8>, u32)>,
}

/// The drawing without its hidden text, and with the rest as `own` says; `None` where nothing is to be changed.
///
/// # Errors
/// Why it must stay as it is, although something should be changed.
pub(super) fn cut(page: &Page<'_>, trace: &Trace, own: OwnText, objects: &mut Objects) -> Result<Option<Cut>, String> {
    if own == OwnText::Kept || !is_to_change(trace, own) {
        return Ok(None);
    }
    if !is_readable(page) {
        return Err("a part of what it draws cannot be read".to_owned());
    }
    let data = page.page_stream().unwrap_or_default();
    let content = without(data, trace, own)?;
    let forms = forms(page.resources(), trace, own, objects)?;
    let content = objects.add(&stream("", content.as_deref().unwrap_or(data)));
    Ok(Some(Cut { content, forms }))
}

fn is_to_change(trace: &Trace, own: OwnText) -> bool {
    trace.shown.iter().any(|shown| changes(shown, own)) || trace.forms.iter().any(|(_, form)| is_to_change(form, own))
}

fn changes(shown: &Shown, own: OwnText) -> bool {
    shown.hidden || (own == OwnText::Silent && !shown.replaced)
}

/// What a decoder leaves out would be lost.
fn is_readable(page: &Page<'_>) -> bool {
    let raw = page.raw();
    if let Some(only) = raw.get::<Stream<'_>>("Contents") {
        return only.decoded_data().is_ok();
    }
    let Some(list) = raw.get::<Array<'_>>("Contents") else { return false };
    let (mut all, mut read) = (0, 0);
    for _ in list.raw_iter() {
        all += 1;
    }
    for part in list.iter::<Stream<'_>>() {
        read += usize::from(part.decoded_data().is_ok());
    }
    all == read
}

/// The operations of a stream; `None` where they stay the same.
fn without(data: &[u8], trace: &Trace, own: OwnText) -> Result<Option<Vec<u8>>, String> {
    if !trace.shown.iter().any(|shown| changes(shown, own)) {
        return Ok(None);
    }
    if trace.torn {
        return Err("its operations are damaged".to_owned());
    }
    let mut out = Vec::with_capacity(data.len());
    let mut at = 0;
    for shown in trace.shown.iter().filter(|shown| changes(shown, own)) {
        let (Some(between), Some(text)) = (data.get(at..shown.range.start), data.get(shown.range.clone())) else {
            return Err("its operations are damaged".to_owned());
        };
        out.extend(between);
        if shown.hidden {
            // the pen moves on as if the letters stood there
            out.extend(format!("\n{}[{}]TJ", shown.lead, number(shown.back)).bytes());
        } else {
            out.extend(b"\n/Span<</ActualText()>>BDC");
            out.extend(text);
            out.extend(b" EMC");
        }
        at = shown.range.end;
    }
    out.extend(&data[at..]);
    Ok(Some(out))
}

/// Forms that show text to be changed, written anew: other pages may draw the old ones.
fn forms(
    resources: &Resources<'_>,
    trace: &Trace,
    own: OwnText,
    objects: &mut Objects,
) -> Result<Vec<(Vec<u8>, u32)>, String> {
    let mut made = Vec::new();
    for (named, form) in trace.forms.iter().filter(|(_, form)| is_to_change(form, own)) {
        let found = Name::new(named).and_then(|named| resources.get_x_object(&named));
        let Some(found) = found else { return Err("a form of it cannot be found".to_owned()) };
        let data = found.decoded_data().map_err(|_| "a form of it cannot be read".to_owned())?;
        let inside = found.dict().get::<Dict<'_>>("Resources");
        let within = inside.clone().map(Resources::new);
        let nested = forms(within.as_ref().unwrap_or(resources), form, own, objects)?;
        let content = without(data.as_ref(), form, own)?;
        let mut told = Vec::new();
        let mut left_out: Vec<&[u8]> = vec![b"Length", b"Filter", b"DecodeParms", b"DL", b"F", b"FFilter"];
        if !nested.is_empty() {
            left_out.push(b"Resources");
            let Some(inside) = inside else { return Err("a form of it has no resources of its own".to_owned()) };
            told.extend(b"/Resources<<");
            entries(&inside, &[b"XObject"], 0, &mut told);
            x_objects(&inside, &nested, &mut told);
            told.extend(b">>");
        }
        entries(found.dict(), &left_out, 0, &mut told);
        // names are written with escapes and strings in hexadecimal, so that all of it is ASCII
        let told = String::from_utf8_lossy(&told).into_owned();
        made.push((named.clone(), objects.add(&stream(&told, content.as_deref().unwrap_or(data.as_ref())))));
    }
    Ok(made)
}

/// The entry of pictures and forms, some of them replaced.
pub(super) fn x_objects(resources: &Dict<'_>, replaced: &[(Vec<u8>, u32)], out: &mut Vec<u8>) {
    out.extend(b"/XObject<<");
    if let Some(known) = resources.get::<Dict<'_>>("XObject") {
        let names: Vec<&[u8]> = replaced.iter().map(|(named, _)| named.as_slice()).collect();
        entries(&known, &names, 0, out);
    }
    for (named, number) in replaced {
        name(named, out);
        out.extend(format!(" {number} 0 R").bytes());
    }
    out.extend(b">>");
}

/// The entry of fonts, and more of them.
pub(super) fn fonts(resources: Option<&Dict<'_>>, more: &[(String, u32)], out: &mut Vec<u8>) {
    out.extend(b"/Font<<");
    if let Some(known) = resources.and_then(|resources| resources.get::<Dict<'_>>("Font")) {
        entries(&known, &[], 0, out);
    }
    for (named, number) in more {
        out.extend(format!("/{named} {number} 0 R").bytes());
    }
    out.extend(b">>");
}
