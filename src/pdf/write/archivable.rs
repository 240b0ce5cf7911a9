//! Whether a PDF can be one for archives (PDF/A-2b) as it is: what such a file must not have, nothing that is appended
//! takes away.

use std::collections::HashSet;

use hayro::hayro_syntax::content::UntypedIter;
use hayro::hayro_syntax::object::{Array, Dict, Name, Object, Stream};

use crate::error::{Error, ErrorKind, Result};
use crate::pdf::Document;

/// Objects that are looked at.
const OBJECTS_MAX: usize = 1_000_000;
/// Forms inside forms.
const DEPTH_MAX: usize = 24;
/// Annotations that PDF/A-2 knows not.
const ANNOTATIONS: [&str; 5] = ["3D", "Sound", "Screen", "Movie", "RichMedia"];

/// Looks through a document.
///
/// # Errors
/// Refused, with the first thing that keeps it from being a PDF/A-2b.
pub(super) fn check(document: &Document) -> Result<()> {
    let mut look = Look { seen: HashSet::new(), page: 0, shows_letters: true };
    let found = look.header(document.bytes()).and_then(|()| look.catalog(document));
    let found = found.and_then(|()| {
        (1..=document.pages()).try_for_each(|page| {
            look.page = page;
            // fonts that draw nothing need not be there
            let content = document.content(page);
            look.shows_letters = content.map_or(true, |content| content.letters.iter().any(|letter| letter.visible));
            document.page(page).map_or(Ok(()), |page| look.page(page.raw(), page.page_stream().unwrap_or_default()))
        })
    });
    found.map_err(|why| {
        Error::new(ErrorKind::Refused, format!("make it a PDF/A-2b by adding to it: {why}"))
            .hint("without `--pdfa` its text is added; `ocrmypdf --output-type pdfa` rewrites such a file")
    })
}

struct Look {
    /// Objects that were looked at, by their numbers.
    seen: HashSet<u32>,
    page: usize,
    /// Whether letters are seen on the page.
    shows_letters: bool,
}

type Looked = Result<(), String>;

impl Look {
    fn header(&self, bytes: &[u8]) -> Looked {
        let second =
            bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')).map(|end| bytes[end..].trim_ascii_start());
        match second {
            Some([b'%', a, b, c, d, ..]) if [a, b, c, d].into_iter().all(|byte| *byte > 127) => Ok(()),
            _ => Err("its second line does not say that it is binary; `qpdf IN OUT` writes it so".to_owned()),
        }
    }

    fn catalog(&mut self, document: &Document) -> Looked {
        let Some(root) = document.root() else { return Err("it has no catalog".to_owned()) };
        if let Some(names) = root.get::<Dict<'_>>("Names") {
            if names.contains_key("JavaScript") {
                return Err("it has programs (JavaScript)".to_owned());
            }
            if names.contains_key("EmbeddedFiles") {
                return Err("it has attachments".to_owned());
            }
        }
        let opens = root.get::<Dict<'_>>("OpenAction").and_then(|action| action.get::<Name<'_>>("S"));
        if root.contains_key("AA") || opens.is_some_and(|kind| kind.as_str() != "GoTo") {
            return Err("it does something when it is opened".to_owned());
        }
        if let Some(form) = root.get::<Dict<'_>>("AcroForm")
            && (form.contains_key("XFA") || form.get::<bool>("NeedAppearances") == Some(true))
        {
            return Err("its form is drawn by programs alone (XFA)".to_owned());
        }
        Ok(())
    }

    fn page(&mut self, page: &Dict<'_>, content: &[u8]) -> Looked {
        let number = self.page;
        if page.contains_key("AA") {
            return Err(format!("page {number} does something when it is opened"));
        }
        for annotation in page.get::<Array<'_>>("Annots").iter().flat_map(|all| all.iter::<Dict<'_>>()) {
            let kind = annotation.get::<Name<'_>>("Subtype");
            let kind = kind.as_ref().map_or("", Name::as_str);
            if ANNOTATIONS.contains(&kind) {
                return Err(format!("page {number} has an annotation of the kind {kind}"));
            }
            if !matches!(kind, "Link" | "Popup") {
                let shows = annotation.get::<Dict<'_>>("AP").is_some_and(|drawn| drawn.contains_key("N"));
                let prints = annotation.get::<i32>("F").unwrap_or_default() & 4 != 0;
                if !shows || !prints {
                    return Err(format!("page {number} has an annotation ({kind}) that is not drawn, or not printed"));
                }
            }
        }
        let packed = page.get::<Array<'_>>("Contents").map(|all| all.iter::<Stream<'_>>().collect::<Vec<_>>());
        let packed = packed.unwrap_or_else(|| page.get::<Stream<'_>>("Contents").into_iter().collect());
        packed.iter().try_for_each(|stream| self.stream(stream.dict()))?;
        self.operations(content)?;
        let mut at = page.clone();
        for _ in 0..DEPTH_MAX {
            if let Some(resources) = at.get::<Dict<'_>>("Resources") {
                return self.resources(&resources, 0);
            }
            let Some(above) = at.get::<Dict<'_>>("Parent") else { break };
            at = above;
        }
        Ok(())
    }

    fn operations(&self, content: &[u8]) -> Looked {
        let mut all = UntypedIter::new(content);
        while let Some(operation) = all.next() {
            let operator: &[u8] = operation.operator;
            if matches!(operator, b"k" | b"K") {
                return Err(format!("page {} is drawn in inks (CMYK) without a profile", self.page));
            }
        }
        Ok(())
    }

    fn is_new(&mut self, found: &Dict<'_>) -> bool {
        let number = found.obj_id().map(|id| id.obj_number);
        self.seen.len() < OBJECTS_MAX && number.is_none_or(|number| self.seen.insert(number))
    }

    fn resources(&mut self, resources: &Dict<'_>, depth: usize) -> Looked {
        if depth > DEPTH_MAX {
            return Ok(());
        }
        let fonts = resources.get::<Dict<'_>>("Font").unwrap_or_default();
        for name in fonts.keys().filter(|_| self.shows_letters).collect::<Vec<_>>() {
            if let Some(font) = fonts.get::<Dict<'_>>(&name) {
                self.font(&font)?;
            }
        }
        let drawn = resources.get::<Dict<'_>>("XObject").unwrap_or_default();
        for name in drawn.keys() {
            let Some(object) = drawn.get::<Stream<'_>>(&name) else { continue };
            let found = object.dict();
            if !self.is_new(found) {
                continue;
            }
            self.stream(found)?;
            if found.get::<Name<'_>>("Subtype").is_some_and(|kind| kind.as_str() == "Form") {
                self.operations(object.decoded_data().unwrap_or_default().as_ref())?;
                if let Some(inside) = found.get::<Dict<'_>>("Resources") {
                    self.resources(&inside, depth + 1)?;
                }
            } else {
                self.picture(found)?;
            }
        }
        Ok(())
    }

    fn font(&mut self, font: &Dict<'_>) -> Looked {
        let kind = font.get::<Name<'_>>("Subtype");
        if kind.as_ref().is_some_and(|kind| kind.as_str() == "Type3") {
            return Ok(());
        }
        let below = font.get::<Array<'_>>("DescendantFonts").and_then(|all| all.iter::<Dict<'_>>().next());
        let descriptor = below.as_ref().unwrap_or(font).get::<Dict<'_>>("FontDescriptor");
        let has_file =
            |found: &Dict<'_>| ["FontFile", "FontFile2", "FontFile3"].iter().any(|key| found.contains_key(key));
        if descriptor.as_ref().is_some_and(has_file) {
            return Ok(());
        }
        let name = font.get::<Name<'_>>("BaseFont");
        let name = name.as_ref().map_or("without a name", Name::as_str).to_owned();
        Err(format!("the font {name} of page {} is not embedded", self.page))
    }

    fn picture(&self, picture: &Dict<'_>) -> Looked {
        let number = self.page;
        if picture.get::<Name<'_>>("ColorSpace").is_some_and(|space| space.as_str() == "DeviceCMYK") {
            return Err(format!("a picture of page {number} is in inks (CMYK) without a profile"));
        }
        if picture.get::<bool>("Interpolate") == Some(true) {
            return Err(format!("a picture of page {number} is smoothed by whoever shows it"));
        }
        Ok(())
    }

    fn stream(&self, entries: &Dict<'_>) -> Looked {
        let is_lzw = |name: &str| matches!(name, "LZWDecode" | "LZW");
        let found = match entries.get::<Object<'_>>("Filter") {
            Some(Object::Name(name)) => is_lzw(name.as_str()),
            Some(Object::Array(names)) => names.iter::<Name<'_>>().any(|name| is_lzw(name.as_str())),
            _ => false,
        };
        if found {
            return Err(format!("page {} has data packed as LZW", self.page));
        }
        if entries.contains_key("F") {
            return Err(format!("page {} has data in another file", self.page));
        }
        Ok(())
    }
}
