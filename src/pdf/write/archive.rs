//! What makes a PDF one for archives (PDF/A-2b): its metadata say so, and what its colours mean.

use hayro::hayro_syntax::metadata::Metadata;
use hayro::hayro_syntax::object::{Array, Dict, Name, Stream};
use moxcms::ColorProfile;

use super::object::{entries, stream, value};
use super::xref::Objects;
use crate::error::{Error, Result};
use crate::pdf::Document;
use crate::pdf::text_string::text_string;

/// The entries of the catalog of a file that is made new.
///
/// # Errors
/// Failed, where the profile of colours cannot be written.
pub(super) fn entries_of_new(objects: &mut Objects) -> Result<String> {
    let metadata = objects.add(&packet(&fresh(&Metadata::default())));
    Ok(format!("/Metadata {metadata} 0 R/OutputIntents[{}]", intent(objects)?))
}

/// Writes the catalog of a document anew, with what it had besides.
///
/// # Errors
/// Failed, where it has no catalog with a number.
pub(super) fn put_catalog(document: &Document, objects: &mut Objects) -> Result<()> {
    let found = document.root().and_then(|root| root.obj_id().map(|id| (root, id)));
    let Some((root, id)) = found else { return Err(Error::failed("make it a PDF/A: its catalog has no number")) };
    let known =
        root.get::<Stream<'_>>("Metadata").and_then(|known| known.decoded_data().ok().map(|data| data.to_vec()));
    let text = known.and_then(|known| String::from_utf8(known).ok()).and_then(|known| marked(&known));
    let metadata = objects.add(&packet(&text.unwrap_or_else(|| fresh(document.metadata()))));
    let mut body = b"<<".to_vec();
    entries(&root, &[b"Metadata", b"OutputIntents"], 0, &mut body);
    body.extend(format!("/Metadata {metadata} 0 R/OutputIntents[").bytes());
    let mut is_told = false;
    if let Some(known) = root.get::<Array<'_>>("OutputIntents") {
        for (one, read) in known.raw_iter().zip(known.iter::<Dict<'_>>()) {
            is_told |= read.get::<Name<'_>>("S").is_some_and(|kind| kind.as_str() == "GTS_PDFA1");
            value(&one, 0, &mut body);
            body.push(b' ');
        }
    }
    if !is_told {
        body.extend(intent(objects)?.bytes());
    }
    body.extend(b"]>>");
    objects.put(id.obj_number, u32::try_from(id.gen_number).unwrap_or_default(), &body);
    Ok(())
}

/// An intent: colours without a profile of their own are those of a screen (sRGB).
fn intent(objects: &mut Objects) -> Result<String> {
    let mut profile = ColorProfile::new_srgb();
    // a tag that is younger than what PDF/A-2 refers to
    profile.cicp = None;
    let bytes =
        profile.encode().map_err(|cause| Error::failed("write the profile of colours").because(cause.to_string()))?;
    let number = objects.add(&stream("/N 3", &bytes));
    Ok(format!(
        "<</Type/OutputIntent/S/GTS_PDFA1/OutputConditionIdentifier(sRGB)/Info(sRGB IEC61966-2.1)\
         /DestOutputProfile {number} 0 R>>"
    ))
}

/// Metadata stay readable for programs that know nothing of PDF.
fn packet(text: &str) -> Vec<u8> {
    let mut out = format!("<</Type/Metadata/Subtype/XML/Length {}>>\nstream\n", text.len()).into_bytes();
    out.extend(text.bytes());
    out.extend(b"\nendstream");
    out
}

/// Metadata that say what they said, and that the file is a PDF/A-2b; `None` for what cannot be understood.
fn marked(known: &str) -> Option<String> {
    let at = known.rfind("</rdf:RDF>")?;
    let mut text = known.to_owned();
    if known.contains("pdfaid:part") {
        for name in ["pdfaid:part", "pdfaid:conformance", "pdfaid:amd", "pdfaid:corr"] {
            text = without(&text, name);
        }
        let at = text.rfind("</rdf:RDF>")?;
        text.insert_str(at, MARK);
        return Some(text);
    }
    text.insert_str(at, MARK);
    Some(text)
}

const MARK: &str = "<rdf:Description rdf:about=\"\" xmlns:pdfaid=\"http://www.aiim.org/pdfa/ns/id/\" pdfaid:part=\"2\" \
                    pdfaid:conformance=\"B\"/>\n";

/// Without a property, whether it is written as an attribute or as an element.
fn without(text: &str, name: &str) -> String {
    let mut text = text.to_owned();
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    while let (Some(from), Some(to)) = (text.find(&open), text.find(&close)) {
        if to < from {
            break;
        }
        text.replace_range(from..to + close.len(), "");
    }
    for quote in ['"', '\''] {
        let start = format!("{name}={quote}");
        while let Some(from) = text.find(&start) {
            let rest = from + start.len();
            let Some(length) = text[rest..].find(quote) else { break };
            text.replace_range(from..=rest + length, "");
        }
    }
    text
}

/// Metadata of what the file says of itself in the older way.
fn fresh(told: &Metadata) -> String {
    let text = |bytes: &Option<Box<[u8]>>| bytes.as_ref().map(|bytes| escaped(&text_string(bytes)));
    let mut inside = String::new();
    let mut add = |found: Option<String>, before: &str, after: &str| {
        if let Some(found) = found.filter(|found| !found.is_empty()) {
            inside.push_str(&format!("{before}{found}{after}\n"));
        }
    };
    let (alt, end) = ("<rdf:Alt><rdf:li xml:lang=\"x-default\">", "</rdf:li></rdf:Alt>");
    add(text(&told.title), &format!("<dc:title>{alt}"), &format!("{end}</dc:title>"));
    add(text(&told.author), "<dc:creator><rdf:Seq><rdf:li>", "</rdf:li></rdf:Seq></dc:creator>");
    add(text(&told.subject), &format!("<dc:description>{alt}"), &format!("{end}</dc:description>"));
    add(text(&told.keywords), "<pdf:Keywords>", "</pdf:Keywords>");
    add(text(&told.producer), "<pdf:Producer>", "</pdf:Producer>");
    add(text(&told.creator), "<xmp:CreatorTool>", "</xmp:CreatorTool>");
    let moment = |date: &hayro::hayro_syntax::object::DateTime| {
        let (hours, minutes) = (date.utc_offset_hour, date.utc_offset_minute);
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}{:02}:{minutes:02}",
            date.year,
            date.month,
            date.day,
            date.hour,
            date.minute,
            date.second,
            if hours < 0 { '-' } else { '+' },
            hours.unsigned_abs()
        )
    };
    add(told.creation_date.as_ref().map(moment), "<xmp:CreateDate>", "</xmp:CreateDate>");
    add(told.modification_date.as_ref().map(moment), "<xmp:ModifyDate>", "</xmp:ModifyDate>");
    format!(
        "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
         <x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n\
         <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
         xmlns:pdf=\"http://ns.adobe.com/pdf/1.3/\" xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\">\n{inside}</rdf:Description>\n\
         {MARK}</rdf:RDF></x:xmpmeta>\n<?xpacket end=\"w\"?>\n"
    )
}

fn escaped(text: &str) -> String {
    let clean: String = text.chars().filter(|letter| !letter.is_control()).collect();
    clean.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_keep_what_they_said() {
        let old = "<rdf:RDF><rdf:Description pdfaid:part=\"1\" pdfaid:conformance='A' dc:rights=\"mine\"/></rdf:RDF>";
        let new = marked(old).expect("metadata");
        assert!(new.contains("dc:rights=\"mine\"") && new.contains("pdfaid:part=\"2\""), "{new}");
        assert_eq!(new.matches("pdfaid:part").count(), 1, "{new}");
        assert!(!new.contains("'A'"), "{new}");
        assert_eq!(marked("no metadata"), None);
        assert_eq!(without("<a><pdfaid:part>1</pdfaid:part></a>", "pdfaid:part"), "<a></a>");
        let told = Metadata { title: Some(b"A < B".to_vec().into_boxed_slice()), ..Metadata::default() };
        assert!(fresh(&told).contains("A &lt; B</rdf:li>"));
    }
}
