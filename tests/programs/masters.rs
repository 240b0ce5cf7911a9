//! Searchable PDFs of masters that are mixed, signed, turned or unusual: what is added harms nothing. Pages are drawn by
//! poppler before and after, and the files are checked by qpdf.

use std::fs;
use std::path::Path;

use crate::support::needs::{has_program, need};
use crate::support::page::{TEXT, error_rate, letter, pdf, png, scan_with, scanned_letter, tilted};
use crate::support::{clean, run, stderr};
use data_collector::layout::Picture;
use data_collector::ocr::{EngineOptions, Measurement, entry};
use data_collector::pdf::{Document, Limits};
use data_collector::settings::{Environment, Settings, Source};

/// Whether Tesseract, poppler and qpdf are here.
pub(crate) fn has_all() -> bool {
    let options = || {
        let settings = Settings::load(&Source::default(), Environment::of([])).expect("settings");
        EngineOptions::of(&settings).expect("options")
    };
    let found = || (entry("tesseract").expect("an entry").find)(&options());
    let has_engine = need("tesseract", || Some(found()).filter(|found| found.usable).ok_or("it is missing".to_owned()));
    has_engine.is_some()
        && has_program("pdftotext", clean("pdftotext").arg("-v"))
        && has_program("qpdf", clean("qpdf").arg("--version"))
}

pub(crate) fn project() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Writes a master, has it made searchable, and gives the text that poppler reads of it then, and what dc said.
pub(crate) fn searchable(folder: &Path, master: &[u8], flags: &[&str]) -> (String, String) {
    fs::write(folder.join("master.pdf"), master).expect("a file");
    let mut arguments = vec!["ocr", "master.pdf", "--format", "pdf", "--out", "out"];
    arguments.extend(flags);
    let output = run(folder, &arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    let made = folder.join("out/master.pdf");
    assert!(fs::read(&made).expect("a file").starts_with(master), "the original is the beginning of the file");
    let checked = clean("qpdf").arg("--check").arg(&made).output().expect("qpdf starts");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    let ((text, warned), (_, known)) = (text(&made), self::text(&folder.join("master.pdf")));
    assert_eq!(warned, known, "poppler finds no more fault with it than with the original");
    (text, stderr(&output))
}

/// The text of a file, and what poppler finds fault with.
fn text(path: &Path) -> (String, String) {
    let output = clean("pdftotext").arg(path).arg("-").output().expect("pdftotext starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// The first page as poppler draws it, so fine: width, height and colours.
pub(crate) fn drawn(path: &Path, dpi: &str) -> (usize, usize, Vec<u8>) {
    let output = clean("pdftoppm").args(["-r", dpi]).arg(path).output().expect("pdftoppm starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut parts = output.stdout.splitn(4, |byte| byte.is_ascii_whitespace());
    let mut number = |_| -> usize {
        let text = String::from_utf8(parts.next().expect("a part").to_vec()).expect("text");
        text.trim_start_matches("P6").parse().unwrap_or_default()
    };
    let (_, width, height) = (number(0), number(1), number(2));
    let pixels = output.stdout[output.stdout.len() - width * height * 3..].to_vec();
    (width, height, pixels)
}

/// The mean shade of each of ten times ten parts of a page.
fn shades((width, height, pixels): &(usize, usize, Vec<u8>)) -> Vec<f64> {
    let (mut sums, mut counts) = (vec![0.0; 100], vec![0.0; 100]);
    for (at, pixel) in pixels.chunks_exact(3).enumerate() {
        let part = (at / width * 10 / height) * 10 + at % width * 10 / width;
        sums[part] += f64::from(pixel[0]);
        counts[part] += 1.0;
    }
    sums.iter().zip(counts).map(|(sum, count): (&f64, f64)| sum / count.max(1.0)).collect()
}

/// Whether the page looks as before, pixel by pixel.
fn assert_looks_the_same(folder: &Path) {
    let (before, after) = (drawn(&folder.join("master.pdf"), "150"), drawn(&folder.join("out/master.pdf"), "150"));
    assert_eq!((before.0, before.1), (after.0, after.1));
    let changed = before.2.iter().zip(&after.2).filter(|(a, b)| a != b).count();
    assert_eq!(changed, 0, "of {} values", before.2.len());
}

const STAMP: &str = "BT /F1 9 Tf 1 0 0 rg 40 15 Td (FILED 2026-03-12 page 1 of 7) Tj ET\n";

#[test]
fn a_stamped_scan_keeps_its_colours_and_its_stamp() {
    if !has_all() {
        return;
    }
    let folder = project();
    let (text, _) = searchable(folder.path(), &scan_with(&scanned_letter(150), STAMP, &[], "", ""), &[]);
    assert_looks_the_same(folder.path());
    assert!(error_rate(&format!("{}\nFILED 2026-03-12 page 1 of 7", TEXT.join("\n")), &text) < 0.02, "{text}");
    assert_eq!(text.matches("FILED").count(), 1, "{text}");
}

#[test]
fn old_hidden_text_goes_and_letters_that_are_seen_stay() {
    if !has_all() {
        return;
    }
    let rubbish = "BT 3 Tr /F1 12 Tf 40 200 Td (Tlne qu1ck hrown f0x jurnps) Tj 0 -20 Td [(over) -200 (tlne)] TJ ET\n";
    // hidden and seen letters share a line, and its place depends on what stands before
    let shared =
        "BT 0 Tr /F1 9 Tf 2 Tc 40 15 Td (seen ) Tj 3 Tr (l1dden) Tj 0 Tr (as well) Tj 3 Tr 12 TL (1ower) ' ET\n";
    let form = "q BT 3 Tr /F1 12 Tf 40 120 Td (lazv d0g, of a forrn that is drawn over all of it) Tj ET Q\n";
    let operations = format!("{rubbish}{shared}/Form0 Do\n");
    let folder = project();
    let master = scan_with(&scanned_letter(150), &operations, &[form], "", "");
    let (text, said) = searchable(folder.path(), &master, &["--redo-ocr"]);
    assert_looks_the_same(folder.path());
    for old in ["hrown", "jurnps", "l1dden", "1ower", "lazv", "tlne"] {
        assert!(!text.contains(old), "{old}: {text}\n{said}");
    }
    for kept in ["seen", "as well", "The quick brown fox", "five dozen liquor jugs"] {
        assert_eq!(text.matches(kept).count(), 1, "{kept}: {text}\n{said}");
    }
    // dc agrees with poppler, and reads it as text from then on
    let document = Document::open(&folder.path().join("out/master.pdf"), "", Limits::default()).expect("a PDF");
    let own = document.content(1).expect("content").text();
    assert!(own.contains("as well") && !own.contains("l1dden") && own.contains("liquor jugs"), "{own}");
}

#[test]
fn a_page_that_is_read_by_force_looks_as_before() {
    if !has_all() {
        return;
    }
    let folder = project();
    let (text, _) = searchable(folder.path(), &pdf(&[letter()], 340.0, 300.0), &["--force-ocr"]);
    assert_looks_the_same(folder.path());
    assert_eq!(text.matches("lazy dog").count(), 1, "{text}");
    let document = Document::open(&folder.path().join("out/master.pdf"), "", Limits::default()).expect("a PDF");
    let content = document.content(1).expect("content");
    assert!(content.letters.iter().all(|letter| !letter.visible), "what was read stands for it alone");
    assert!(error_rate(&TEXT.join("\n"), &content.text()) < 0.02, "{}", content.text());
    // and once more
    let again = fs::read(folder.path().join("out/master.pdf")).expect("a file");
    let (text, _) = searchable(folder.path(), &again, &["--force-ocr"]);
    assert_looks_the_same(folder.path());
    assert_eq!(text.matches("lazy dog").count(), 1, "{text}");
}

#[test]
fn text_stands_in_its_place_whatever_state_a_drawing_leaves() {
    if !has_all() {
        return;
    }
    for left in ["q 0.2 0 0 0.2 50 50 cm\n", "Q Q 3 0 0 3 9 9 cm\n", "BT /F1 4 Tf 9 Tr\n"] {
        let folder = project();
        let (text, _) = searchable(folder.path(), &scan_with(&scanned_letter(150), left, &[], "", ""), &[]);
        assert_looks_the_same(folder.path());
        assert!(error_rate(&TEXT.join("\n"), &text) < 0.02, "{left}: {text}");
        let document = Document::open(&folder.path().join("out/master.pdf"), "", Limits::default()).expect("a PDF");
        let word = &document.content(1).expect("content").words()[0];
        assert!((word.area.x0 - 40.0).abs() < 2.0 && (word.area.middle().1 - 36.0).abs() < 6.0, "{left}: {word:?}");
    }
}

/// The page turned by quarters, clockwise.
fn turned(picture: &Picture, quarters: usize) -> Picture {
    let mut page = picture.clone();
    for _ in 0..quarters {
        let (width, height) = (page.height, page.width);
        let at = |place: usize| page.pixels[(page.height - 1 - place % width) * page.width + place / width];
        let pixels = (0..width * height).map(at).collect();
        page = Picture { width, height, pixels, dpi: page.dpi };
    }
    page
}

#[test]
fn a_page_that_lies_on_its_side_is_turned_upright() {
    if !has_all() {
        return;
    }
    let upright = scanned_letter(150);
    for (quarters, back) in [(1, 270), (2, 180), (3, 90)] {
        let folder = project();
        let master = scan_with(&turned(&upright, quarters), "", &[], "", "/Rotate 0");
        let (text, _) = searchable(folder.path(), &master, &[]);
        assert!(error_rate(&TEXT.join("\n"), &text) < 0.02, "{quarters}: {text}");
        let made = fs::read(folder.path().join("out/master.pdf")).expect("a file");
        let appended = String::from_utf8_lossy(&made[master.len()..]).into_owned();
        assert!(appended.contains(&format!("/Rotate {back}")) && !appended.contains("/Rotate 0"), "{quarters}");
        // it looks as if it had been laid on the glass the right way round
        let after = drawn(&folder.path().join("out/master.pdf"), "75");
        let right = project();
        fs::write(right.path().join("right.pdf"), scan_with(&upright, "", &[], "", "")).expect("a file");
        let wanted = drawn(&right.path().join("right.pdf"), "75");
        assert_eq!((after.0, after.1), (wanted.0, wanted.1), "{quarters}");
        let apart = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let (wanted, after) = (shades(&wanted), shades(&after));
        let on_its_head: Vec<f64> = wanted.iter().rev().copied().collect();
        assert!(apart(&wanted, &after) < 12.0, "{quarters}: {}", apart(&wanted, &after));
        assert!(apart(&on_its_head, &after) > 24.0, "{quarters}: {}", apart(&on_its_head, &after));
    }
    // with letters that stand upright the page stays, and its text runs as its picture does
    let folder = project();
    let (text, said) = searchable(folder.path(), &scan_with(&turned(&upright, 1), STAMP, &[], "", ""), &[]);
    assert_looks_the_same(folder.path());
    assert!(text.contains("lazy dog") && text.contains("FILED"), "{text}");
    assert!(said.contains("is not turned"), "{said}");
}

/// How far the lines of a page fall to the right, in degrees.
fn tilt_of((width, height, pixels): &(usize, usize, Vec<u8>), dpi: u32) -> f64 {
    let grey = pixels.chunks_exact(3).map(|pixel| pixel[1]).collect();
    let picture = Picture { width: *width, height: *height, dpi, pixels: grey };
    Measurement::of(&picture).tilt
}

#[test]
fn a_tilted_scan_is_set_straight_around_its_picture_if_that_is_asked_for() {
    if !has_all() {
        return;
    }
    let scan = tilted(&scanned_letter(150), 2.0);
    for entries in ["", "/Rotate 180"] {
        let master = scan_with(&scan, "", &[], "", entries);
        let folder = project();
        if entries.is_empty() {
            searchable(folder.path(), &master, &[]);
            assert_looks_the_same(folder.path());
        }
        let (text, _) = searchable(folder.path(), &master, &["--deskew"]);
        let (before, after) =
            (drawn(&folder.path().join("master.pdf"), "150"), drawn(&folder.path().join("out/master.pdf"), "150"));
        assert_eq!((before.0, before.1), (after.0, after.1));
        let (was, is) = (tilt_of(&before, 150), tilt_of(&after, 150));
        assert!((was - 2.0).abs() < 0.3 && is.abs() < 0.2, "{was} {is}");
        assert!(error_rate(&TEXT.join("\n"), &text) < 0.03, "{text}");
        // no picture was added: the page shows the one that it had
        let made = fs::read(folder.path().join("out/master.pdf")).expect("a file");
        let appended = String::from_utf8_lossy(&made[master.len()..]).into_owned();
        assert!(!appended.contains("/Subtype/Image") && made.len() - master.len() < 8_000, "{}", appended.len());
        // each word stands on its line: the first and the last one of a line are level
        let document = Document::open(&folder.path().join("out/master.pdf"), "", Limits::default()).expect("a PDF");
        let first = &data_collector::pdf::lines(&document, 1).expect("lines")[0];
        let (left, right) = (first.words[0].area.bottom, first.words[first.words.len() - 1].area.bottom);
        assert!((left - right).abs() < 1.5, "{left} {right}");
    }
    // what is more than a scan stays where it is, and its words with it
    let folder = project();
    let (text, said) = searchable(folder.path(), &scan_with(&scan, STAMP, &[], "", ""), &["--deskew"]);
    assert_looks_the_same(folder.path());
    assert!(text.contains("lazy dog") && said.contains("is not set straight"), "{said}");
    // a picture that becomes a page
    fs::write(folder.path().join("a.png"), png(&scan)).expect("a file");
    let output = run(folder.path(), &["ocr", "a.png", "--format", "pdf", "--out", "made", "--deskew", "--clean"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let made = folder.path().join("made/a.pdf");
    let checked = clean("qpdf").arg("--check").arg(&made).output().expect("qpdf starts");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    assert!(tilt_of(&drawn(&made, "150"), 150).abs() < 0.2);
    let output = run(folder.path(), &["ocr", "a.png", "--deskew"]);
    assert!(output.status.code() == Some(2) && stderr(&output).contains("--format pdf"), "{}", stderr(&output));
}

#[test]
fn every_picture_is_cleaned_if_that_is_asked_for_and_none_in_the_file() {
    if !has_all() {
        return;
    }
    let folder = project();
    let master = scan_with(&scanned_letter(150), "", &[], "", "");
    let (text, _) = searchable(folder.path(), &master, &["--clean"]);
    assert_looks_the_same(folder.path());
    assert!(error_rate(&TEXT.join("\n"), &text) < 0.03, "{text}");
    let output = run(folder.path(), &["ocr", "master.pdf", "--clean", "--format", "json", "--quiet"]);
    let read: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let steps = &read["pages"][0]["reading"]["steps"];
    assert!(steps.as_array().is_some_and(|steps| steps.contains(&serde_json::json!("specks"))), "{steps}");
}

const SIGNED: &str = "/AcroForm<</SigFlags 3/Fields[<</FT/Sig/T(who)/V<</Type/Sig/ByteRange[0 1 2 3]>>>>]>>";
const PREPARED: &str = "/AcroForm<</Fields[<</T(all)/Kids[<</FT/Sig/T(who)>>]>>]>>";

#[test]
fn a_signed_file_is_refused_and_one_to_be_signed_is_told() {
    if !has_all() {
        return;
    }
    let folder = project();
    let signed = scan_with(&scanned_letter(150), "", &[], SIGNED, "");
    fs::write(folder.path().join("master.pdf"), &signed).expect("a file");
    let output = run(folder.path(), &["ocr", "master.pdf", "--format", "pdf", "--out", "out"]);
    assert!(!output.status.success() && stderr(&output).contains("digital signature"), "{}", stderr(&output));
    assert!(stderr(&output).contains("--invalidate-digital-signatures"), "{}", stderr(&output));
    assert!(!folder.path().join("out/master.pdf").exists());
    let (text, said) = searchable(folder.path(), &signed, &["--invalidate-digital-signatures"]);
    assert!(text.contains("lazy dog") && said.contains("no longer valid"), "{said}");
    let prepared = scan_with(&scanned_letter(150), "", &[], PREPARED, "");
    let (_, said) = searchable(folder.path(), &prepared, &[]);
    assert!(said.contains("before it is signed"), "{said}");
    // a page that holds its text needs nothing, and the file stays as it was signed
    let native = scan_with(&scanned_letter(75), &letter(), &[], SIGNED, "");
    fs::write(folder.path().join("native.pdf"), &native).expect("a file");
    let output = run(folder.path(), &["ocr", "native.pdf", "--format", "pdf", "--out", "out"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(fs::read(folder.path().join("out/native.pdf")).expect("a file"), native);
}

#[test]
fn what_is_transparent_is_paper() {
    if !has_all() {
        return;
    }
    use tiff::encoder::{TiffEncoder, colortype};
    use tiff::tags::Tag;
    let scan = scanned_letter(150);
    // black everywhere, and there only where there are letters
    let values: Vec<u8> = scan.pixels.iter().flat_map(|shade| [0, 0, 0, 255 - shade]).collect();
    let mut file = std::io::Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).expect("a TIFF");
    let mut page = encoder.new_image::<colortype::RGBA8>(scan.width as u32, scan.height as u32).expect("a page");
    page.encoder().write_tag(Tag::ExtraSamples, &[2u16][..]).expect("a tag");
    page.write_data(&values).expect("written");
    let folder = project();
    fs::write(folder.path().join("master.tif"), file.into_inner()).expect("a file");
    let output = run(folder.path(), &["ocr", "master.tif", "--format", "pdf", "--out", "out"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let made = folder.path().join("out/master.pdf");
    let (text, _) = text(&made);
    assert!(error_rate(&TEXT.join("\n"), &text) < 0.02, "{text}");
    let white = drawn(&made, "150").2.iter().filter(|value| **value > 200).count();
    assert!(white > scan.pixels.len() * 2, "{white}");
}
