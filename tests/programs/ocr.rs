//! Recognition, from pictures of known text to searchable files.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::support::needs::{has_program, need};
use crate::support::page::{
    TEXT, Written, error_rate, letter, noisy, operations, pdf, pdf_of_pictures, png, scan, scanned_letter, shaded,
    specked, tilted,
};
use crate::support::{clean, dc, run, stderr, stdout};
use data_collector::layout::Picture;
use data_collector::ocr::{EngineOptions, PageOptions, Preprocessor, Recogniser, Step, Way, entry};
use data_collector::pdf::{Document, Limits, words};
use data_collector::settings::{Environment, Settings, Source};

/// Whether an engine is here.
fn has(engine: &str) -> bool {
    let found = || (entry(engine).expect("an entry").find)(&options());
    need(engine, || Some(found()).filter(|found| found.usable).ok_or_else(|| format!("{:?}", found().missing)))
        .is_some()
}

fn options() -> EngineOptions {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let models = std::env::var("DC_OCR_MODELS").unwrap_or_else(|_| folder.join(".dc/models").display().to_string());
    let source = Source { folder: Some(folder), config: None };
    let settings = Settings::load(&source, Environment::of([("DC_OCR_MODELS", models.as_str())])).expect("settings");
    EngineOptions::of(&settings).expect("options")
}

fn recogniser(engine: &str, way: Way, prepare: bool) -> Recogniser {
    let engines = EngineOptions { way, ..options() };
    let preprocessor = prepare.then(Preprocessor::default);
    Recogniser::open(PageOptions { engine: engine.to_owned(), engines, preprocessor }).expect("an engine")
}

fn errors(engine: &str, picture: &Picture, prepare: bool) -> (f64, Vec<Step>) {
    let read = recogniser(engine, Way::Any, prepare).read(picture).expect("a page");
    (error_rate(&TEXT.join("\n"), &read.text), read.steps)
}

#[test]
fn a_clean_page_is_read_and_left_as_it_is() {
    if !has("tesseract") {
        return;
    }
    let picture = scanned_letter(200);
    let mut engine = recogniser("tesseract", Way::Library, true);
    let read = engine.read(&picture).expect("a page");
    assert!(error_rate(&TEXT.join("\n"), &read.text) < 0.02, "{}", read.text);
    assert_eq!(read.steps, []);
    assert!(read.confidence > 85.0 && read.coverage > 0.9, "{} {}", read.confidence, read.coverage);
    let word = &read.lines[0].words[0];
    assert_eq!(word.text, "The");
    // it was written 40 points from the left, on a line 260 points above the lower side of 300
    assert!((word.points.x0 - 40.0).abs() < 2.0 && (word.points.bottom - 40.0).abs() < 3.0, "{word:?}");
    // an empty page is read as one
    let empty = engine.read(&Picture::filled(600, 400, 200, 255)).expect("a page");
    assert_eq!((empty.text.as_str(), empty.lines.len()), ("", 0));
    // the program reads what the library reads
    let by_program = recogniser("tesseract", Way::Program, true).read(&picture).expect("a page");
    assert_eq!(by_program.text, read.text);
}

#[test]
fn bad_pages_are_mended_first() {
    if !has("tesseract") {
        return;
    }
    type Wanted = fn(&Step) -> bool;
    let cases: [(&str, Picture, Wanted); 5] = [
        ("tilted", tilted(&scanned_letter(150), 4.0), |step| matches!(step, Step::Straightened(_))),
        ("shaded", shaded(scanned_letter(150), 0.25), |step| matches!(step, Step::Light)),
        ("specked", specked(scanned_letter(150), 60), |step| matches!(step, Step::Specks)),
        ("noisy", noisy(scanned_letter(150), 28), |step| matches!(step, Step::Noise)),
        ("small", scanned_letter(75), |step| matches!(step, Step::Scaled(_))),
    ];
    for (name, picture, wanted) in cases {
        let (found, steps) = errors("tesseract", &picture, true);
        assert!(steps.iter().any(wanted), "{name}: {steps:?}");
        assert!(found < 0.04, "{name}: {found} {steps:?}");
    }
}

#[test]
fn a_page_on_its_head_is_turned_and_its_words_stay_where_they_are() {
    if !has("tesseract") {
        return;
    }
    let mut picture = scanned_letter(150);
    picture.pixels.reverse();
    let read = recogniser("tesseract", Way::Any, true).read(&picture).expect("a page");
    assert!(read.steps.contains(&Step::Turned(180)), "{:?}", read.steps);
    assert!(error_rate(&TEXT.join("\n"), &read.text) < 0.02, "{}", read.text);
    let word = &read.lines[0].words[0];
    assert!((word.points.x1 - 300.0).abs() < 3.0 && (word.points.top - 260.0).abs() < 3.0, "{word:?}");
}

#[test]
fn paddle_reads_clean_and_bad_pages_and_columns_in_order() {
    if !has("paddle") {
        return;
    }
    for (name, picture) in [("clean", scanned_letter(150)), ("noisy", noisy(tilted(&scanned_letter(110), 2.0), 30))] {
        let (found, steps) = errors("paddle", &picture, true);
        assert!(found < 0.04, "{name}: {found} {steps:?}");
    }
    let mut lines = vec![Written { x: 60.0, y: 270.0, size: 16.0, text: "A headline over both of the columns" }];
    for (at, text) in TEXT.iter().enumerate() {
        let (column, row) = (at / 4, at % 4);
        lines.push(Written { x: 20.0 + 300.0 * column as f64, y: 230.0 - 20.0 * row as f64, size: 11.0, text });
    }
    let page = scan(&pdf(&[operations(&lines)], 640.0, 300.0), 110);
    let mut recogniser = recogniser("paddle", Way::Any, true);
    let read = recogniser.read(&page).expect("a page");
    let wanted = format!("A headline over both of the columns\n{}", TEXT.join("\n"));
    assert!(error_rate(&wanted, &read.text) < 0.04, "{}", read.text);
    // what a machine has to spare shows in the time, and in nothing else
    recogniser.set_threads(3);
    let by_three = recogniser.read(&page).expect("a page");
    assert_eq!((by_three.lines, by_three.confidence), (read.lines, read.confidence));
}

#[test]
fn an_invoice_is_read_row_by_row() {
    if !has("tesseract") {
        return;
    }
    let rows = [
        ["Office chair black", "2 pcs", "89.90", "179.80"],
        ["Desk lamp with arm", "4 pcs", "25.50", "102.00"],
        ["White paper for copies", "10 box", "4.20", "42.00"],
        ["Toner for the printer", "1 pcs", "120.00", "120.00"],
        ["Work on the spot", "3 hrs", "45.00", "135.00"],
    ];
    let mut lines = vec![Written { x: 20.0, y: 270.0, size: 14.0, text: "Northwind Trading Limited" }];
    for (at, row) in rows.iter().enumerate() {
        for (x, text) in [20.0, 260.0, 400.0, 520.0].into_iter().zip(row) {
            lines.push(Written { x, y: 220.0 - 22.0 * at as f64, size: 12.0, text });
        }
    }
    let page = scan(&pdf(&[operations(&lines)], 640.0, 300.0), 150);
    for way in [Way::Any, Way::Program] {
        let read = recogniser("tesseract", way, true).read(&page).expect("a page");
        for row in rows {
            assert!(read.text.contains(&row.join(" ")), "{}", read.text);
        }
    }
}

/// The share of words that two texts have in common, counting each as often as it stands there.
fn shared_words(wanted: &str, found: &str) -> f64 {
    let mut left: Vec<&str> = found.split_whitespace().collect();
    let all = wanted.split_whitespace().count() + left.len();
    let mut shared = 0;
    for word in wanted.split_whitespace() {
        if let Some(at) = left.iter().position(|it| *it == word) {
            left.swap_remove(at);
            shared += 2;
        }
    }
    f64::from(shared) / all as f64
}

#[test]
fn auto_reads_receipts_as_well_as_the_better_engine_does() {
    if !has("tesseract") || !has("paddle") {
        return;
    }
    let rows = [
        ("NORTHSIDE MARKET", ""),
        ("12 High Street, Tel 020 5553 4471", ""),
        ("Date 14/08/2026", "17:42"),
        ("Whole milk 1L", "1.20"),
        ("Brown bread", "2.35"),
        ("Free range eggs", "3.10"),
        ("Ground coffee", "7.49"),
        ("Green apples", "1.88"),
        ("Paper towels", "4.05"),
        ("TOTAL GBP", "20.07"),
        ("VISA 8841", "20.07"),
        ("Thank you for your visit!", ""),
    ];
    let mut written = Vec::new();
    for (at, (left, right)) in rows.iter().enumerate() {
        let y = 230.0 - 18.0 * at as f64;
        written.push(Written { x: 12.0, y, size: 10.0, text: left });
        if !right.is_empty() {
            written.push(Written { x: 170.0, y, size: 10.0, text: right });
        }
    }
    let wanted: String = rows.iter().map(|(left, right)| format!("{left} {right}\n")).collect();
    let clean = |dpi| scan(&pdf(&[operations(&written)], 210.0, 250.0), dpi);
    let bad =
        [noisy(shaded(clean(75), 0.45), 25), noisy(tilted(&clean(95), 2.5), 40), specked(noisy(clean(85), 45), 97)];
    let mut engines = ["tesseract", "paddle", "auto"].map(|name| recogniser(name, Way::Any, true));
    let mut sum = 0.0;
    for (at, picture) in bad.iter().enumerate() {
        let found: Vec<f64> = engines
            .iter_mut()
            .map(|engine| shared_words(&wanted, &engine.read(picture).expect("a page").text))
            .collect();
        // where Tesseract is sure of a page, it is not read twice for a word
        let better = found[0].max(found[1]);
        assert!(found[2] >= found[0] && found[2] >= better - 0.08, "picture {at}: {found:?}");
        sum += found[2];
    }
    assert!(sum / bad.len() as f64 >= 0.89, "{sum}");
    // a clean page needs one engine
    let read = engines[2].read(&scanned_letter(200)).expect("a page");
    assert_eq!(read.engine, "tesseract", "{} {}", read.confidence, read.coverage);
}

fn project() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn a_searchable_file_keeps_what_it_was() {
    if !has("tesseract") {
        return;
    }
    let folder = project();
    let original = pdf(&[letter(), String::new()], 340.0, 300.0);
    let scanned = pdf_of_pictures(&[scanned_letter(150), tilted(&scanned_letter(150), 3.0)]);
    for (name, bytes) in [("native.pdf", &original), ("scanned.pdf", &scanned)] {
        fs::write(folder.path().join(name), bytes).expect("a file");
    }
    fs::write(folder.path().join("picture.png"), png(&scanned_letter(150))).expect("a file");
    let output =
        run(folder.path(), &["ocr", "native.pdf", "scanned.pdf", "picture.png", "--format", "pdf", "--out", "out"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let out = folder.path().join("out");
    assert_eq!(fs::read(out.join("native.pdf")).expect("a file"), original, "a page with its text is not touched");
    assert!(fs::read(out.join("scanned.pdf")).expect("a file").starts_with(&scanned), "the original is its beginning");
    for (name, pages) in [("scanned.pdf", 2), ("picture.pdf", 1)] {
        let document = Document::open(&out.join(name), "", Limits::default()).expect("a PDF");
        assert_eq!(document.pages(), pages, "{name}");
        let content = document.content(1).expect("content");
        assert!(error_rate(&TEXT.join("\n"), &content.text()) < 0.02, "{name}: {}", content.text());
        assert!(content.letters.iter().all(|letter| !letter.visible), "{name}");
        assert!(content.picture_share() > 0.99, "{name}");
        let word = &words(&document, 1).expect("words")[0];
        assert!((word.area.x0 - 40.0).abs() < 2.0 && (word.area.middle().1 - 36.0).abs() < 6.0, "{name}: {word:?}");
    }
    // what was read once is text from then on
    let output = run(folder.path(), &["ocr", "out/scanned.pdf", "--format", "ndjson"]);
    assert!(stdout(&output).contains("\"source\":\"native\""), "{}", stdout(&output));
    check_with_poppler(&out.join("scanned.pdf"));
}

fn check_with_poppler(path: &Path) {
    if !has_program("pdftotext", clean("pdftotext").arg("-v")) {
        return;
    }
    let output = clean("pdftotext").arg(path).arg("-").output().expect("pdftotext starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("The quick brown fox jumps over the lazy dog."), "{text}");
}

#[test]
fn formats_tell_places_and_confidence() {
    if !has("tesseract") {
        return;
    }
    let folder = project();
    fs::write(folder.path().join("a.png"), png(&scanned_letter(150))).expect("a file");
    let output = run(folder.path(), &["ocr", "a.png", "--format", "hocr"]);
    assert!(stdout(&output).contains("x_wconf") && stdout(&output).contains(">quick</span>"), "{}", stdout(&output));
    let output = run(folder.path(), &["ocr", "a.png", "--format", "tsv"]);
    let row = stdout(&output).lines().find(|line| line.ends_with("\tquick")).map(str::to_owned).expect("a row");
    assert_eq!(row.split('\t').count(), 12);
    let data = fs::read(folder.path().join("a.png")).expect("a file");
    let mut child =
        dc(folder.path()).args(["ocr", "-", "--format", "json"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let child = child.as_mut().expect("dc starts");
    child.stdin.take().expect("a pipe").write_all(&data).expect("written");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take().expect("a pipe"), &mut text).expect("text");
    child.wait().expect("dc ends");
    let file: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(file["pages"][0]["reading"]["engine"], "tesseract");
    assert_eq!(file["pages"][0]["lines"][0]["words"][1]["text"], "quick");
}

/// An engine that crashes costs its page.
#[test]
fn a_crash_costs_a_page_and_not_the_run() {
    if !has("tesseract") {
        return;
    }
    let folder = project();
    // a program in Tesseract's place that kills whoever reads the page of this width
    let crash = folder.path().join("crash");
    let script = "#!/bin/sh\nif [ \"$1\" = stdin ]; then if head -c 9 | grep -q 'P5' && [ -e armed ]; then rm armed; kill -9 $PPID; fi; \
         sleep 1; exit 1; fi\nexec tesseract \"$@\"\n";
    fs::write(&crash, script).expect("a script");
    fs::set_permissions(&crash, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
    fs::write(folder.path().join("armed"), b"").expect("a file");
    fs::write(folder.path().join("a.pdf"), pdf(&[letter()], 340.0, 300.0)).expect("a file");
    fs::write(folder.path().join("b.png"), png(&scanned_letter(75))).expect("a file");
    let mut command = dc(folder.path());
    command.args(["ocr", "b.png", "a.pdf", "--jobs", "1"]);
    command.env("DC_OCR_WAY", "program").env("DC_OCR_PROGRAM", &crash);
    let output = command.output().expect("dc starts");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("b.png") && stdout(&output).contains("lazy dog"), "{}", stderr(&output));
    assert!(!folder.path().join("armed").exists(), "the process that read was killed");
}

#[test]
fn a_scan_in_another_language_is_read_in_it_or_told() {
    if !has("tesseract") {
        return;
    }
    let lines = [
        "Der Betrag ist innerhalb von zehn Tagen nach dem Datum",
        "der Rechnung zu zahlen, und wir danken herzlich",
        "mit dem Gruss der Firma, die auch in Zukunft bei",
        "allen Fragen gern und jederzeit zur Hilfe bereit ist.",
    ];
    let written: Vec<Written<'_>> = lines
        .iter()
        .enumerate()
        .map(|(at, text)| Written { x: 30.0, y: 150.0 - 26.0 * at as f64, size: 12.0, text })
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    let page = scan(&pdf(&[operations(&written)], 400.0, 200.0), 200);
    fs::write(folder.path().join("a.png"), png(&page)).expect("a file");
    let read = |more: &[&str]| {
        let output =
            run(folder.path(), &[&["ocr", "a.png", "--format", "json", "--engine", "tesseract"], more].concat());
        let read: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
        read["pages"][0].clone()
    };
    let found = read(&[]);
    assert_eq!(found["language"], "de", "{found}");
    let is_told = found["notes"][0].as_str().is_some_and(|note| note.contains("tesseract-ocr-deu"));
    assert!(is_told || found["reading"]["language"] == "deu", "{found}");
    // who names the language is obeyed
    let found = read(&["--lang", "eng"]);
    assert!(found.get("notes").is_none() && found["reading"]["language"] == "eng", "{found}");
}

#[test]
fn paddle_reads_long_and_wide_pictures_and_those_upside_down() {
    if !has("paddle") {
        return;
    }
    let words = ["tea", "milk", "bread", "butter", "cheese", "apple", "sugar", "coffee", "water", "paper"];
    let lines: Vec<String> = (0..90).map(|at| format!("{} {}", words[at % 10], words[(at / 10 + at) % 10])).collect();
    let written: Vec<Written<'_>> = lines
        .iter()
        .enumerate()
        .map(|(at, text)| Written { x: 20.0, y: 1_770.0 - 19.0 * at as f64, size: 11.0, text })
        .collect();
    let long = scan(&pdf(&[operations(&written)], 200.0, 1_800.0), 150);
    let line: Vec<Written<'_>> = (0..40)
        .map(|at| Written { x: 20.0 + 60.0 * f64::from(at), y: 10.0, size: 12.0, text: words[at as usize % 10] })
        .collect();
    let wide = scan(&pdf(&[operations(&line)], 2_450.0, 28.0), 150);
    let mut turned = scanned_letter(150);
    turned.pixels.reverse();
    let folder = tempfile::tempdir().expect("a folder");
    for (name, picture) in [("long.png", &long), ("wide.png", &wide), ("turned.png", &turned)] {
        fs::write(folder.path().join(name), png(picture)).expect("a file");
    }
    let models = options().models.expect("a folder");
    let read = |name: &str| {
        let mut dc = dc(folder.path());
        dc.args(["ocr", name, "--engine", "paddle", "--quiet"]).env("DC_OCR_MODELS", &models);
        stdout(&dc.output().expect("dc starts"))
    };
    let shared = |found: &str, wanted: usize| {
        let count = found.split_whitespace().filter(|word| words.contains(word)).count();
        assert!(count * 100 >= wanted * 95, "{count} of {wanted}: {found}");
    };
    shared(&read("long.png"), 180);
    shared(&read("wide.png"), 40);
    let found = read("turned.png");
    assert!(error_rate(&TEXT.join("\n"), &found) < 0.05, "{found}");
}
