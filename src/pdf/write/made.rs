//! A PDF made of pictures.

use hayro::kurbo::Affine;

use super::glyphless::Glyphless;
use super::layer::{TextLayer, operations};
use super::object::{number, stream};
use super::picture::picture_object;
use super::xref::Objects;

/// A PDF whose pages are the pictures of these layers, with their text; a layer without a picture makes no page.
pub fn of_pictures(layers: &[TextLayer]) -> Vec<u8> {
    let mut objects = Objects::behind(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n".to_vec(), 1);
    let (catalog, pages) = (objects.reserve(), objects.reserve());
    let mut font = Glyphless::default();
    let shown: Vec<_> =
        layers.iter().filter_map(|layer| layer.picture.as_ref().map(|picture| (layer, picture))).collect();
    let mut texts = Vec::new();
    for (layer, picture) in &shown {
        let (_, height) = picture.size();
        texts.push(operations(&layer.words, &Affine::new([1.0, 0.0, 0.0, -1.0, 0.0, height]), &mut font));
    }
    let fonts: Vec<u32> = (0..font.fonts()).map(|_| objects.reserve()).collect();
    font.write(&fonts, &mut objects);
    let named: String = fonts.iter().enumerate().map(|(at, font)| format!("/DcText{at} {font} 0 R")).collect();
    let mut kids = String::new();
    let count = shown.len();
    for ((_, picture), text) in shown.iter().zip(&texts) {
        let (width, height) = picture.size();
        let (width, height) = (number(width), number(height));
        let image = objects.add(&picture_object(picture));
        let drawn =
            objects.add(&stream("", format!("q {width} 0 0 {height} 0 0 cm /DcPicture Do Q\n{text}").as_bytes()));
        let page = format!(
            "<</Type/Page/Parent {pages} 0 R/MediaBox[0 0 {width} {height}]/Contents {drawn} 0 R\
             /Resources<</Font<<{named}>>/XObject<</DcPicture {image} 0 R>>>>>>"
        );
        kids.push_str(&format!("{} 0 R ", objects.add(page.as_bytes())));
    }
    objects.put(pages, 0, format!("<</Type/Pages/Count {count}/Kids[{kids}]>>").as_bytes());
    objects.put(catalog, 0, format!("<</Type/Catalog/Pages {pages} 0 R>>").as_bytes());
    objects.finish(&format!("/Root {catalog} 0 R"), None)
}
