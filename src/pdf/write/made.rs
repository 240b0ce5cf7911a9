//! A PDF made of pictures.

use hayro::kurbo::Affine;

use super::archive::entries_of_new;
use super::glyphless::Glyphless;
use super::layer::{PicturePage, operations, turning};
use super::object::{number, stream};
use super::picture::picture_object;
use super::xref::{Objects, identity};
use crate::error::{Error, ErrorKind, Result};

/// A PDF whose pages are these pictures, with their text; one for archives (PDF/A-2b), if that is asked for.
///
/// # Errors
/// Refused, for a picture in inks that is to be archived: nobody says what colours they make.
pub fn of_pictures(shown: &[PicturePage], is_archive: bool) -> Result<Vec<u8>> {
    if is_archive && shown.iter().any(|page| page.picture.components == 4) {
        let error = Error::new(ErrorKind::Refused, "make it a PDF/A-2b: its colours are inks (CMYK) without a profile");
        return Err(error.hint("without `--pdfa` its text is added"));
    }
    let mut objects = Objects::behind(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n".to_vec(), 1);
    let (catalog, pages) = (objects.reserve(), objects.reserve());
    let mut font = Glyphless::default();
    let mut texts = Vec::new();
    for page in shown {
        let (width, height) = page.picture.size();
        let turned = Affine::new(turning(page.turned, (width, height)));
        let matrix = Affine::new([1.0, 0.0, 0.0, -1.0, 0.0, height]) * turned.inverse();
        texts.push(operations(&page.words, &matrix, &mut font));
    }
    let fonts: Vec<u32> = (0..font.fonts()).map(|_| objects.reserve()).collect();
    font.write(&fonts, &mut objects);
    let named: String =
        fonts.iter().enumerate().map(|(at, number)| format!("/{} {number} 0 R", font.name(at))).collect();
    let mut kids = String::new();
    let count = shown.len();
    for (page, text) in shown.iter().zip(&texts) {
        let (width, height) = page.picture.size();
        let (width, height) = (number(width), number(height));
        let image = objects.add(&picture_object(&page.picture));
        let drawn =
            objects.add(&stream("", format!("{text}q {width} 0 0 {height} 0 0 cm /DcPicture Do Q\n").as_bytes()));
        let turned = if page.rotates { format!("/Rotate {}", page.turned) } else { String::new() };
        let page = format!(
            "<</Type/Page/Parent {pages} 0 R/MediaBox[0 0 {width} {height}]{turned}/Contents {drawn} 0 R\
             /Resources<</Font<<{named}>>/XObject<</DcPicture {image} 0 R>>>>>>"
        );
        kids.push_str(&format!("{} 0 R ", objects.add(page.as_bytes())));
    }
    objects.put(pages, 0, format!("<</Type/Pages/Count {count}/Kids[{kids}]>>").as_bytes());
    let archived = if is_archive { entries_of_new(&mut objects)? } else { String::new() };
    objects.put(catalog, 0, format!("<</Type/Catalog/Pages {pages} 0 R{archived}>>").as_bytes());
    let identity = if is_archive { identity(&objects.bytes) } else { String::new() };
    Ok(objects.finish(&format!("/Root {catalog} 0 R{identity}"), None))
}
