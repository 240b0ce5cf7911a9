//! Searchable files for archives: PDF/A, small pictures, text beside them, and runs that go on where they were.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::masters::{drawn, has_all, project, searchable};
use crate::support::page::{letter, pdf, pdf_of_pictures, png, scan_with, scanned_letter};
use crate::support::{dc, run, stderr};
use data_collector::layout::Picture;

/// In black and white alone, as a fax.
fn bilevel(mut picture: Picture) -> Picture {
    picture.pixels.iter_mut().for_each(|pixel| *pixel = if *pixel < 128 { 0 } else { 255 });
    picture
}

fn made(folder: &Path, name: &str) -> String {
    String::from_utf8_lossy(&fs::read(folder.join("out").join(name)).expect("a file")).into_owned()
}

#[test]
fn a_scan_becomes_a_pdf_a_and_what_cannot_is_refused() {
    if !has_all() {
        return;
    }
    let folder = project();
    let (text, _) = searchable(folder.path(), &pdf_of_pictures(&[scanned_letter(150)]), &["--pdfa"]);
    assert!(text.contains("lazy dog"), "{text}");
    let appended = made(folder.path(), "master.pdf");
    for part in ["pdfaid:part=\"2\"", "pdfaid:conformance=\"B\"", "/GTS_PDFA1", "/DestOutputProfile", "/ID[<"] {
        assert!(appended.contains(part), "{part}");
    }
    fs::write(folder.path().join("picture.png"), png(&scanned_letter(150))).expect("a file");
    let output = run(folder.path(), &["ocr", "picture.png", "--format", "pdf", "--pdfa", "--out", "out"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(made(folder.path(), "picture.pdf").contains("pdfaid:part=\"2\""));
    // a font that the file does not carry cannot be added to a drawing; one that draws nothing need not be there
    let (text, _) = searchable(folder.path(), &scan_with(&scanned_letter(150), "", &[], "", ""), &["--pdfa"]);
    assert!(text.contains("lazy dog"), "{text}");
    let stamped = scan_with(&scanned_letter(150), "BT /F1 9 Tf 40 15 Td (FILED) Tj ET", &[], "", "");
    fs::write(folder.path().join("master.pdf"), stamped).expect("a file");
    let output = run(folder.path(), &["ocr", "master.pdf", "--format", "pdf", "--pdfa", "--out", "refused"]);
    assert!(!output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("Helvetica of page 1 is not embedded"), "{}", stderr(&output));
    assert!(!folder.path().join("refused/master.pdf").exists());
    let output = run(folder.path(), &["ocr", "master.pdf", "--pdfa"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

#[test]
fn pictures_are_packed_small_and_every_pixel_stays() {
    if !has_all() {
        return;
    }
    let folder = project();
    let (fax, grey) = (bilevel(scanned_letter(150)), scanned_letter(150));
    for (name, picture, packed) in [("fax", &fax, "/CCITTFaxDecode"), ("grey", &grey, "/Predictor 15")] {
        let file = png(picture);
        fs::write(folder.path().join(format!("{name}.png")), &file).expect("a file");
        let output = run(folder.path(), &["ocr", &format!("{name}.png"), "--format", "pdf", "--out", "out"]);
        assert!(output.status.success(), "{}", stderr(&output));
        let path = folder.path().join(format!("out/{name}.pdf"));
        assert!(made(folder.path(), &format!("{name}.pdf")).contains(packed), "{name}");
        let size = fs::metadata(&path).expect("a file").len();
        assert!(size < file.len() as u64 + 8000, "{name}: {size} of {}", file.len());
        let (width, _, pixels) = drawn(&path, "150");
        // poppler may round a page up by a pixel
        let (mut changed, mut all) = (0, 0);
        for y in 0..picture.height - 2 {
            for x in 0..picture.width - 2 {
                all += 1;
                changed +=
                    usize::from(pixels[(y * width + x) * 3].abs_diff(picture.pixels[y * picture.width + x]) > 100);
            }
        }
        assert!(changed * 25 < all, "{name}: {changed} of {all}");
    }
}

#[test]
fn an_archive_goes_on_where_it_was_and_has_its_text_beside_it() {
    if !has_all() {
        return;
    }
    let folder = project();
    for name in ["a.pdf", "b.pdf"] {
        fs::write(folder.path().join(name), pdf(&[letter()], 340.0, 300.0)).expect("a file");
    }
    let flags = ["ocr", "a.pdf", "b.pdf", "--format", "pdf", "--out", "out", "--sidecar", "--resume", "--json"];
    let report = |flags: &[&str]| -> serde_json::Value {
        let output = run(folder.path(), flags);
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).expect("a report")
    };
    assert_eq!(report(&flags)["done_before"], 0);
    assert!(made(folder.path(), "a.txt").contains("lazy dog"));
    let second = report(&flags);
    assert_eq!((second["done_before"].as_u64(), second["pages"].as_u64()), (Some(2), Some(0)), "{second}");
    // other content, other options or no output: done again
    fs::write(folder.path().join("b.pdf"), pdf(&[letter(), letter()], 340.0, 300.0)).expect("a file");
    assert_eq!(report(&flags)["done_before"], 1);
    fs::remove_file(folder.path().join("out/a.pdf")).expect("a file");
    assert_eq!(report(&flags)["done_before"], 1);
    let forced: Vec<&str> = flags.iter().copied().chain(["--pages", "1"]).collect();
    assert_eq!(report(&forced)["done_before"], 0);
    let output = run(folder.path(), &["ocr", "a.pdf", "--resume"]);
    assert!(output.status.code() == Some(2) && stderr(&output).contains("--out"), "{}", stderr(&output));
}

#[test]
fn a_kill_leaves_no_half_of_a_file() {
    if !has_all() {
        return;
    }
    let folder = project();
    let slow = folder.path().join("slow");
    let script = "#!/bin/sh\nif [ \"$1\" = stdin ]; then touch begun; exec sleep 9; fi\nexec tesseract \"$@\"\n";
    fs::write(&slow, script).expect("a script");
    fs::set_permissions(&slow, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
    fs::write(folder.path().join("a.png"), png(&scanned_letter(75))).expect("a file");
    let mut command = dc(folder.path());
    command.args(["ocr", "a.png", "--format", "pdf", "--sidecar", "--out", "out"]).process_group(0);
    command.env("DC_OCR_WAY", "program").env("DC_OCR_PROGRAM", &slow);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("dc starts");
    let started = Instant::now();
    while !folder.path().join("begun").exists() {
        assert!(started.elapsed() < Duration::from_secs(60), "nothing is read");
        std::thread::yield_now();
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    let left: Vec<_> = fs::read_dir(folder.path().join("out")).expect("a folder").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}
