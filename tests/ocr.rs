//! Recognition, from pictures of known text to searchable files. Tests of an engine run where the engine is, and say so
//! where it is not.

#[path = "support/page.rs"]
mod page;
mod support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use data_collector::layout::Picture;
use data_collector::ocr::{EngineOptions, PageOptions, Preprocessor, Recogniser, Step, Way, entry};
use data_collector::pdf::{Document, Limits, words};
use data_collector::settings::{Environment, Settings, Source};
use page::{
    TEXT, Written, error_rate, letter, noisy, operations, pdf, pdf_of_pictures, png, scan, scanned_letter, shaded,
    specked, tilted,
};
use support::{dc, run, stderr, stdout};

/// What is said where an engine is missing; a failure where it is required.
fn has(engine: &str) -> bool {
    let found = (entry(engine).expect("an entry").find)(&options());
    if !found.usable {
        let is_required = std::env::var("DC_TEST_REQUIRE").is_ok_and(|required| required.contains(engine));
        assert!(!is_required, "{engine} is required: {:?}", found.missing);
        let _ = writeln!(std::io::stderr(), "skipped: {engine}: {}", found.missing.unwrap_or_default());
    }
    found.usable
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

fn project() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn native_pages_need_no_engine() {
    let folder = project();
    fs::write(folder.path().join("a.pdf"), pdf(&[letter(), letter()], 340.0, 300.0)).expect("a file");
    let nowhere = [("DC_OCR_LIBRARY", "/nowhere/lib.so"), ("DC_OCR_PROGRAM", "/nowhere/tesseract")];
    let output = dc(folder.path()).args(["ocr", "a.pdf"]).envs(nowhere).output().expect("dc starts");
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stdout(&output), format!("{0}\n\u{c}{0}\n\u{c}", TEXT.join("\n")));
    // where an engine is needed, what is missing is named with the command that installs it
    fs::write(folder.path().join("b.png"), png(&scanned_letter(75))).expect("a file");
    let output = dc(folder.path()).args(["ocr", "b.png", "a.pdf"]).envs(nowhere).output().expect("dc starts");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("apt-get install tesseract-ocr"), "{}", stderr(&output));
    assert!(stdout(&output).contains("lazy dog"));
    let output = dc(folder.path()).args(["ocr", "--engines"]).envs(nowhere).output().expect("dc starts");
    assert!(stdout(&output).contains("missing") && stdout(&output).contains("get-models"), "{}", stdout(&output));
}

#[test]
fn without_an_engine_only_what_a_file_holds_is_read() {
    let folder = project();
    fs::write(folder.path().join("a.pdf"), pdf(&[letter()], 340.0, 300.0)).expect("a file");
    fs::write(folder.path().join("scan.pdf"), pdf_of_pictures(&[scanned_letter(75)])).expect("a file");
    fs::write(folder.path().join("b.png"), png(&scanned_letter(75))).expect("a file");
    let output = run(folder.path(), &["ocr", "--engine", "none", "a.pdf", "scan.pdf"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stdout(&output), format!("{}\n\u{c}\u{c}", TEXT.join("\n")));
    let output = run(folder.path(), &["ocr", "--engine", "none", "b.png"]);
    assert!(!output.status.success() && stderr(&output).contains("--engine none"), "{}", stderr(&output));
    let output = run(folder.path(), &["ocr", "--engine", "none", "--force-ocr", "a.pdf"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let output = run(folder.path(), &["ocr", "--engine", "nine", "a.pdf"]);
    assert!(stderr(&output).contains("tesseract, paddle, auto and none"), "{}", stderr(&output));
}

#[test]
fn bad_files_are_told_and_the_others_go_on() {
    let folder = project();
    let scans = folder.path().join("in");
    fs::create_dir_all(scans.join("deep")).expect("a folder");
    fs::write(scans.join("a.pdf"), pdf(&[letter()], 340.0, 300.0)).expect("a file");
    fs::write(scans.join("deep/a.pdf"), pdf(&[letter(), letter()], 340.0, 300.0)).expect("a file");
    fs::write(scans.join("cut.pdf"), &pdf(&[letter()], 340.0, 300.0)[..70]).expect("a file");
    fs::write(scans.join("empty.png"), b"").expect("a file");
    fs::write(scans.join("other.txt"), b"no picture").expect("a file");
    let output = run(folder.path(), &["ocr", "in", "--out", "out", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    for part in ["cut.pdf", "empty.png", "it is empty"] {
        assert!(stderr(&output).contains(part), "{part}: {}", stderr(&output));
    }
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("a report");
    assert_eq!((report["pages"].as_u64(), report["native"].as_u64()), (Some(3), Some(3)), "{report}");
    let read = |name: &str| fs::read_to_string(folder.path().join("out").join(name)).expect("a file");
    assert_eq!(read("a.txt"), format!("{}\n\u{c}", TEXT.join("\n")));
    assert_eq!(read("deep/a.txt").matches('\u{c}').count(), 2);
    assert!(!folder.path().join("out/cut.txt").exists());
    let output = run(folder.path(), &["ocr", "nowhere.pdf"]);
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
}

#[test]
fn pages_tables_and_records_are_chosen() {
    let folder = project();
    let table =
        "50 100 m 250 100 l S 50 120 m 250 120 l S 50 140 m 250 140 l S 50 100 m 50 140 l S 150 100 m 150 140 l S \
         250 100 m 250 140 l S\n"
            .to_owned()
            + &operations(&[
                Written { x: 55.0, y: 126.0, size: 10.0, text: "name" },
                Written { x: 155.0, y: 126.0, size: 10.0, text: "price" },
                Written { x: 55.0, y: 106.0, size: 10.0, text: "tea, green" },
                Written { x: 155.0, y: 106.0, size: 10.0, text: "3.20" },
                Written {
                    x: 50.0,
                    y: 60.0,
                    size: 10.0,
                    text: "Prices of the shop at the corner, valid until the end of May 2026",
                },
            ]);
    fs::write(folder.path().join("a.pdf"), pdf(&[letter(), table, letter()], 340.0, 300.0)).expect("a file");
    let output = run(folder.path(), &["ocr", "a.pdf", "--pages", "2-", "--tables", "csv", "--quiet"]);
    assert_eq!(stdout(&output), "name,price\n\"tea, green\",3.20\n", "{}", stderr(&output));
    let output = run(folder.path(), &["ocr", "a.pdf", "--pages", "2", "--format", "json", "--tables-by", "lines"]);
    let both: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(both["pages"][0]["tables"][0]["rows"][1][0], "tea, green", "{both}");
    assert!(both["pages"][0]["lines"][0]["words"][0]["points"].is_object(), "{both}");
    let output = run(folder.path(), &["ocr", "a.pdf", "--tables-by", "text"]);
    assert!(output.status.code() == Some(2) && stderr(&output).contains("--format json"), "{}", stderr(&output));
    let output = run(folder.path(), &["ocr", "a.pdf", "--format", "ndjson", "--pages", "1,3"]);
    let pages: Vec<serde_json::Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(pages.iter().map(|page| page["page"].as_u64()).collect::<Vec<_>>(), [Some(1), Some(3)]);
    assert_eq!(pages[0]["source"], "native");
    let output = run(folder.path(), &["ocr", "a.pdf", "--pages", "9"]);
    assert!(!output.status.success() && stderr(&output).contains("it has 3"), "{}", stderr(&output));
    // and on into a table, by a pipe
    let mut merge = dc(folder.path());
    merge.args(["merge", "pages", "-", "--key", "file,page", "--create", "--json"]);
    let mut merge = merge.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("dc starts");
    let data = run(folder.path(), &["ocr", "a.pdf", "--format", "ndjson"]).stdout;
    merge.stdin.take().expect("a pipe").write_all(&data).expect("written");
    let merged = merge.wait_with_output().expect("dc ends");
    assert!(stdout(&merged).contains("\"new\":3"), "{}", stdout(&merged));
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
    let Ok(output) = std::process::Command::new("pdftotext").arg(path).arg("-").output() else {
        let _ = writeln!(std::io::stderr(), "skipped: pdftotext is not there to look at the searchable file");
        return;
    };
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
