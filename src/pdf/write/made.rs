//! A PDF made of pictures.

use std::io::Write;

use hayro::kurbo::Affine;

use super::archive::entries_of_new;
use super::glyphless::Glyphless;
use super::layer::{PicturePage, operations, straightening, turning};
use super::object::{number, stream};
use super::picture::picture_object;
use super::xref::Objects;
use crate::error::{Error, ErrorKind, Result, file_error};

/// A PDF whose pages are these pictures, with their text; one for archives (PDF/A-2b), if that is asked for.
///
/// # Errors
/// Refused, for a picture in inks that is to be archived: nobody says what colours they make.
pub fn of_pictures(shown: &[PicturePage], is_archive: bool) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    write_pictures(&mut shown.iter().cloned().map(Ok), is_archive, &mut out)?;
    Ok(out)
}

/// Writes such a PDF page by page, so that no more than one picture is in memory.
///
/// # Errors
/// As [`of_pictures`]; those of the pages; Failed, where nothing can be written.
pub fn write_pictures(
    shown: &mut dyn Iterator<Item = Result<PicturePage>>,
    is_archive: bool,
    out: &mut dyn Write,
) -> Result<()> {
    let unwritten = |cause| file_error("write the PDF", cause);
    let mut objects = Objects::behind(0, b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n".to_vec(), 1);
    let (catalog, pages, fonts) = (objects.reserve(), objects.reserve(), objects.reserve());
    let mut font = Glyphless::default();
    let (mut kids, mut count) = (String::new(), 0);
    for page in shown {
        let page = page?;
        if is_archive && page.picture.components == 4 {
            let error =
                Error::new(ErrorKind::Refused, "make it a PDF/A-2b: its colours are inks (CMYK) without a profile");
            return Err(error.hint("without `--pdfa` its text is added"));
        }
        let size = page.picture.size();
        let seen = Affine::new([1.0, 0.0, 0.0, -1.0, 0.0, size.1]);
        let turned = Affine::new(turning(page.turned, size));
        let text = operations(&page.words, &(seen * turned.inverse()), &mut font);
        let straight = if page.tilt == 0.0 { String::new() } else { straightening(page.tilt, &seen, size) };
        let (width, height) = (number(size.0), number(size.1));
        let image = objects.add(&picture_object(&page.picture));
        let drawing = format!("{text}q {straight}{width} 0 0 {height} 0 0 cm /DcPicture Do Q\n");
        let drawn = objects.add(&stream("", drawing.as_bytes()));
        let turned = if page.rotates { format!("/Rotate {}", page.turned) } else { String::new() };
        let body = format!(
            "<</Type/Page/Parent {pages} 0 R/MediaBox[0 0 {width} {height}]{turned}/Contents {drawn} 0 R\
             /Resources<</Font {fonts} 0 R/XObject<</DcPicture {image} 0 R>>>>>>"
        );
        kids.push_str(&format!("{} 0 R ", objects.add(body.as_bytes())));
        count += 1;
        objects.flush(out).map_err(unwritten)?;
    }
    let numbers: Vec<u32> = (0..font.fonts()).map(|_| objects.reserve()).collect();
    font.write(&numbers, &mut objects);
    let named = numbers.iter().enumerate().map(|(at, number)| format!("/{} {number} 0 R", font.name(at)));
    objects.put(fonts, 0, format!("<<{}>>", named.collect::<String>()).as_bytes());
    objects.put(pages, 0, format!("<</Type/Pages/Count {count}/Kids[{kids}]>>").as_bytes());
    let archived = if is_archive { entries_of_new(&mut objects)? } else { String::new() };
    objects.put(catalog, 0, format!("<</Type/Catalog/Pages {pages} 0 R{archived}>>").as_bytes());
    let identity = if is_archive { objects.identity(&[]) } else { String::new() };
    out.write_all(&objects.finish(&format!("/Root {catalog} 0 R{identity}"), None)).map_err(unwritten)
}
