//! Pages of known text: PDFs written by hand, their drawings, and what a bad scanner does to them. Nothing here is random
//! from run to run.

use data_collector::layout::Picture;
use data_collector::pdf::{Document, EmbeddedPicture, Limits, PicturePage, RenderOptions, of_pictures, render};

/// Sentences with all letters, digits and marks that documents have.
pub(crate) const TEXT: [&str; 8] = [
    "The quick brown fox jumps over the lazy dog.",
    "Invoice 2026-0417 of 12 November 2026",
    "Total amount due within 30 days: 1,284.50 EUR",
    "Please quote the number above when you pay.",
    "Sphinx of black quartz, judge my vow.",
    "Delivery: 4 boxes (12.5 kg each), storage 7b",
    "Pack my box with five dozen liquor jugs.",
    "Questions? Call 0800 555 123 before noon.",
];

/// A line of text and where it stands, in points from the lower left corner.
pub(crate) struct Written<'a> {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) size: f64,
    pub(crate) text: &'a str,
}

/// A PDF of one page for each list of operations, with Helvetica as /F1 and Times as /F2.
pub(crate) fn pdf(pages: &[String], width: f64, height: f64) -> Vec<u8> {
    let mut objects: Vec<Vec<u8>> = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        Vec::new(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_vec(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Times-Roman/Encoding/WinAnsiEncoding>>".to_vec(),
    ];
    let mut kids = String::new();
    for operations in pages {
        let number = objects.len() + 1;
        kids.push_str(&format!("{number} 0 R "));
        let page = format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width} {height}]/Contents {} 0 R\
             /Resources<</Font<</F1 3 0 R/F2 4 0 R>>>>>>",
            number + 1
        );
        objects.push(page.into_bytes());
        objects.push(stream("", operations.as_bytes()));
    }
    objects[1] = format!("<</Type/Pages/Count {}/Kids[{kids}]>>", pages.len()).into_bytes();
    pdf_of_objects(&objects)
}

/// A stream with these entries.
pub(crate) fn stream(entries: &str, data: &[u8]) -> Vec<u8> {
    let mut out = format!("<<{entries}/Length {}>>\nstream\n", data.len()).into_bytes();
    out.extend(data);
    out.extend(b"\nendstream");
    out
}

/// A PDF of objects, numbered from 1 on; the first one is the catalog.
pub(crate) fn pdf_of_objects(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut places = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        places.push(out.len());
        out.extend(format!("{} 0 obj\n", at + 1).bytes());
        out.extend(object);
        out.extend(b"\nendobj\n");
    }
    let table = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    places.iter().for_each(|place| out.extend(format!("{place:010} 00000 n \n").bytes()));
    out.extend(format!("trailer\n<</Size {}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1).bytes());
    out
}

/// A PDF of one page that shows a scan in colours, tinted, as /Scan, in its whole size. `operations` draw the page, with
/// Helvetica as /F1 and these forms as /Form0 and on; `catalog` and `page` are further entries.
pub(crate) fn scan_with(scan: &Picture, operations: &str, forms: &[&str], catalog: &str, page: &str) -> Vec<u8> {
    let points = 72.0 / f64::from(scan.dpi);
    let (width, height) = (scan.width as f64 * points, scan.height as f64 * points);
    let colours: Vec<u8> =
        scan.pixels.iter().flat_map(|shade| [*shade, (u32::from(*shade) * 9 / 10) as u8, *shade / 2 + 60]).collect();
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packer, &colours).expect("packed");
    let image = format!(
        "/Type/XObject/Subtype/Image/Width {}/Height {}/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/FlateDecode",
        scan.width, scan.height
    );
    let named: String = (0..forms.len()).map(|at| format!("/Form{at} {} 0 R", 7 + at)).collect();
    let mut objects = vec![
        format!("<</Type/Catalog/Pages 2 0 R{catalog}>>").into_bytes(),
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>".to_vec(),
        format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width} {height}]/Contents 4 0 R{page}\
             /Resources<</Font<</F1 5 0 R>>/XObject<</Scan 6 0 R{named}>>>>>>"
        )
        .into_bytes(),
        stream("", format!("q {width} 0 0 {height} 0 0 cm /Scan Do Q\n{operations}").as_bytes()),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_vec(),
        stream(&image, &packer.finish().expect("packed")),
    ];
    for form in forms {
        let entries = format!("/Type/XObject/Subtype/Form/BBox[0 0 {width} {height}]/Resources<</Font<</F1 5 0 R>>>>");
        objects.push(stream(&entries, form.as_bytes()));
    }
    pdf_of_objects(&objects)
}

/// The operations that write lines.
pub(crate) fn operations(lines: &[Written<'_>]) -> String {
    let escape = |text: &str| text.replace('\\', "\\\\").replace('(', "\\(").replace(')', "\\)");
    let line = |line: &Written<'_>| {
        format!("BT /F1 {} Tf {} {} Td ({}) Tj ET\n", line.size, line.x, line.y, escape(line.text))
    };
    lines.iter().map(line).collect()
}

/// The operations of a letter: all of [`TEXT`], one line below the other.
pub(crate) fn letter() -> String {
    let lines: Vec<Written<'_>> = TEXT
        .iter()
        .enumerate()
        .map(|(at, text)| Written { x: 40.0, y: 260.0 - 26.0 * at as f64, size: 12.0, text })
        .collect();
    operations(&lines)
}

/// The first page of a PDF as a scanner without faults would see it.
pub(crate) fn scan(pdf: &[u8], dpi: u32) -> Picture {
    let document = Document::of(pdf.to_vec(), "", Limits::default()).expect("a PDF");
    render(&document, 1, &RenderOptions { dpi, shrink: true }).expect("a picture")
}

/// The letter, scanned.
pub(crate) fn scanned_letter(dpi: u32) -> Picture {
    scan(&pdf(&[letter()], 340.0, 300.0), dpi)
}

/// A PDF whose pages are pictures alone.
pub(crate) fn pdf_of_pictures(pictures: &[Picture]) -> Vec<u8> {
    let page = |picture: &Picture| PicturePage {
        picture: EmbeddedPicture::of(picture.width, picture.height, picture.dpi, 1, &picture.pixels),
        words: Vec::new(),
        turned: 0,
        rotates: false,
        tilt: 0.0,
    };
    of_pictures(&pictures.iter().map(page).collect::<Vec<_>>(), false).expect("a PDF")
}

/// A PNG of a picture.
pub(crate) fn png(picture: &Picture) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    let (width, height) = (picture.width as u32, picture.height as u32);
    image::GrayImage::from_raw(width, height, picture.pixels.clone())
        .expect("pixels")
        .write_to(&mut out, image::ImageFormat::Png)
        .expect("a PNG");
    out.into_inner()
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// Grain: every pixel by up to `by` lighter or darker.
pub(crate) fn noisy(mut picture: Picture, by: i32) -> Picture {
    let mut dice = Dice(7);
    for pixel in &mut picture.pixels {
        // three throws make small errors likelier than large ones, as a sensor does
        let error: i32 = (0..3).map(|_| dice.below(2 * by as usize + 1) as i32 - by).sum::<i32>() / 2;
        *pixel = (i32::from(*pixel).clamp(30, 225) + error).clamp(0, 255) as u8;
    }
    picture
}

/// Specks: one pixel in `every` is black or white.
pub(crate) fn specked(mut picture: Picture, every: usize) -> Picture {
    let mut dice = Dice(11);
    for pixel in &mut picture.pixels {
        if dice.below(every) == 0 {
            *pixel = if dice.below(2) == 0 { 0 } else { 255 };
        }
    }
    picture
}

/// Light that falls off from the upper left to the lower right corner.
pub(crate) fn shaded(mut picture: Picture, darkest: f64) -> Picture {
    let (width, height) = (picture.width, picture.height);
    for (at, pixel) in picture.pixels.iter_mut().enumerate() {
        let way = ((at % width) as f64 / width as f64 + (at / width) as f64 / height as f64) / 2.0;
        *pixel = (f64::from(*pixel) * (1.0 - way * (1.0 - darkest))) as u8;
    }
    picture
}

/// The page turned by so many degrees about its middle.
pub(crate) fn tilted(picture: &Picture, degrees: f64) -> Picture {
    let (sine, cosine) = (-degrees).to_radians().sin_cos();
    let (width, height) = (picture.width as f64, picture.height as f64);
    let mut out = Picture::filled(picture.width, picture.height, picture.dpi, 255);
    for y in 0..picture.height {
        for x in 0..picture.width {
            let (across, down) = (x as f64 - width / 2.0, y as f64 - height / 2.0);
            let from = (across * cosine - down * sine + width / 2.0, across * sine + down * cosine + height / 2.0);
            if from.0 >= 0.0 && from.1 >= 0.0 && from.0 < width && from.1 < height {
                out.pixels[y * picture.width + x] = picture.at(from.0 as isize, from.1 as isize);
            }
        }
    }
    out
}

/// The share of letters that must be changed to turn one text into the other; white space counts as one space.
pub(crate) fn error_rate(wanted: &str, found: &str) -> f64 {
    let letters = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").chars().collect::<Vec<char>>();
    let (wanted, found) = (letters(wanted), letters(found));
    let mut row: Vec<usize> = (0..=found.len()).collect();
    for (i, a) in wanted.iter().enumerate() {
        let mut last = row[0];
        row[0] = i + 1;
        for (j, b) in found.iter().enumerate() {
            let changed = last + usize::from(a != b);
            last = row[j + 1];
            row[j + 1] = changed.min(last + 1).min(row[j] + 1);
        }
    }
    row[found.len()] as f64 / wanted.len().max(1) as f64
}
