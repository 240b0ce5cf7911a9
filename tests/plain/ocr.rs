//! `dc ocr` where no engine is needed: pages that hold their text, bad files, and what is chosen of them.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::support::page::{TEXT, Written, letter, operations, pdf, pdf_of_pictures, png, scanned_letter};
use crate::support::{dc, run, stderr, stdout};

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
    assert!(stdout(&output).contains("missing") && stdout(&output).contains("--install-models"), "{}", stdout(&output));
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
fn words_that_were_parted_at_the_end_of_a_line_are_whole_in_the_text() {
    let lines = ["a well-known exam-", "ple of a line"];
    let written: Vec<Written<'_>> =
        lines.iter().zip([200.0, 186.0]).map(|(text, y)| Written { x: 40.0, y, size: 12.0, text }).collect();
    let folder = project();
    fs::write(folder.path().join("a.pdf"), pdf(&[operations(&written)], 340.0, 300.0)).expect("a file");
    let output = run(folder.path(), &["ocr", "a.pdf", "--quiet"]);
    assert_eq!(stdout(&output), "a well-known example\nof a line\n\u{c}");
    let output = run(folder.path(), &["ocr", "a.pdf", "--quiet", "--layout", "physical"]);
    assert_eq!(stdout(&output), "a well-known exam-\nple of a line\n\u{c}");
    let output = run(folder.path(), &["ocr", "a.pdf", "--quiet", "--format", "json"]);
    let read: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(read["pages"][0]["lines"][0]["text"], "a well-known exam-", "lines stay as they stand");
}

#[test]
fn a_table_over_pages_is_one_table() {
    let page = |from: usize| {
        let mut drawn = String::new();
        for row in 0..=3 {
            drawn.push_str(&format!("50 {y} m 250 {y} l S\n", y = 100 + row * 20));
        }
        drawn.push_str("50 100 m 50 160 l S 150 100 m 150 160 l S 250 100 m 250 160 l S\n");
        let cells = [
            ["item".to_owned(), "price".to_owned()],
            [format!("thing {from}"), "1.20".to_owned()],
            [format!("thing {}", from + 1), "2.40".to_owned()],
        ];
        for (row, line) in cells.iter().enumerate() {
            for (column, text) in line.iter().enumerate() {
                let (x, y) = (55.0 + 100.0 * column as f64, 146.0 - 20.0 * row as f64);
                drawn.push_str(&operations(&[Written { x, y, size: 10.0, text }]));
            }
        }
        drawn
    };
    let folder = project();
    fs::write(folder.path().join("a.pdf"), pdf(&[page(1), page(3), page(5)], 340.0, 300.0)).expect("a file");
    fs::write(folder.path().join("b.pdf"), pdf(&[page(7)], 340.0, 300.0)).expect("a file");
    let output = run(folder.path(), &["ocr", "a.pdf", "--tables", "csv", "--quiet"]);
    let rows: Vec<String> = stdout(&output).lines().map(str::to_owned).collect();
    assert_eq!((rows.len(), rows[0].as_str(), rows[6].as_str()), (7, "item,price", "thing 6,2.40"), "{rows:?}");
    let output = run(folder.path(), &["ocr", "a.pdf", "b.pdf", "--tables", "csv", "--quiet"]);
    let rows: Vec<String> = stdout(&output).lines().map(str::to_owned).collect();
    assert_eq!((rows.len(), rows[0].as_str()), (9, "file,page,table,item,price"), "{rows:?}");
    assert_eq!(rows[8], "b.pdf,1,1,thing 8,2.40");
    let output = run(folder.path(), &["ocr", "b.pdf", "--tables", "csv", "--table", "2", "--quiet"]);
    assert!(!output.status.success() && stderr(&output).contains("find table 2"), "{}", stderr(&output));
    let output = run(folder.path(), &["ocr", "b.pdf", "--tables", "csv", "--table", "1", "--quiet"]);
    assert_eq!(stdout(&output).lines().next(), Some("item,price"));
    // and as Markdown, with what stands around them
    let output = run(folder.path(), &["ocr", "b.pdf", "--format", "md"]);
    assert_eq!(stdout(&output), "| item | price |\n| --- | --- |\n| thing 7 | 1.20 |\n| thing 8 | 2.40 |\n");
}

#[test]
fn what_a_pdf_carries_is_unpacked_under_names_that_do_no_harm() {
    use crate::support::page::{pdf_of_objects, stream};
    let page = |annots: &str| {
        format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R{annots}/Resources<<>>>>").into_bytes()
    };
    let objects: Vec<Vec<u8>> = vec![
        b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Kids[<</Names[(a)5 0 R(b)6 0 R]>>]>>>>>>".to_vec(),
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>".to_vec(),
        page(
            "/Annots[<</Type/Annot/Subtype/FileAttachment/Rect[0 0 9 9]/FS 5 0 R>><</Subtype/FileAttachment/FS 9 0 R>>]",
        ),
        stream("", b""),
        b"<</Type/Filespec/F(invoice.xml)/EF<</F 7 0 R>>>>".to_vec(),
        b"<</Type/Filespec/F(../../.evil.sh)/UF(../../.evil.sh)/EF<</F 8 0 R>>>>".to_vec(),
        stream("/Type/EmbeddedFile", b"<invoice/>"),
        stream("/Type/EmbeddedFile", b"#!/bin/sh"),
        b"<</Type/Filespec/F(invoice.xml)/EF<</F 10 0 R>>>>".to_vec(),
        stream("/Type/EmbeddedFile", b"<other/>"),
    ];
    let folder = project();
    fs::write(folder.path().join("a.pdf"), pdf_of_objects(&objects)).expect("a file");
    for _ in 0..2 {
        let output = run(folder.path(), &["ocr", "a.pdf", "--engine", "none", "--attachments", "out"]);
        assert!(output.status.success() && stderr(&output).contains("attached: invoice.xml"), "{}", stderr(&output));
        let mut names: Vec<String> = fs::read_dir(folder.path().join("out/a"))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        assert_eq!(names, ["evil.sh", "invoice-2.xml", "invoice.xml"]);
    }
    assert_eq!(fs::read(folder.path().join("out/a/invoice-2.xml")).expect("a file"), b"<other/>");
}

#[test]
fn codes_are_found_and_a_page_of_one_separates() {
    let modules = "10100011010100111010111101111010001001011001101010100001010000101000010111010010000101100110101";
    let bars: String = modules
        .bytes()
        .enumerate()
        .filter(|(_, module)| *module == b'1')
        .map(|(at, _)| format!("{} 200 1.5 60 re f\n", 40.0 + at as f64 * 1.5))
        .collect();
    let folder = project();
    fs::write(folder.path().join("a.pdf"), pdf(&[bars, letter()], 340.0, 300.0)).expect("a file");
    let output = run(folder.path(), &["ocr", "a.pdf", "--engine", "none", "--format", "json", "--codes"]);
    let read: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let code = &read["pages"][0]["codes"][0];
    assert_eq!((code["kind"].as_str(), code["text"].as_str()), (Some("ean13"), Some("4006381333931")), "{read}");
    assert_eq!((read["pages"][0]["separator"].as_bool(), read["pages"][1].get("separator")), (Some(true), None));
    assert_eq!(read["pages"][1]["blocks"][0]["kind"], "paragraph", "{read}");
    let output = run(folder.path(), &["ocr", "a.pdf", "--codes"]);
    assert!(output.status.code() == Some(2) && stderr(&output).contains("--format json"), "{}", stderr(&output));
}

/// "invoice 4711; total 12.50 EUR" as a QR code of version 3, a module a digit.
const QR: [&str; 29] = [
    "11111110110001110111001111111",
    "10000010100111001010101000001",
    "10111010011000001000001011101",
    "10111010100000110110101011101",
    "10111010011110101111101011101",
    "10000010000001011011101000001",
    "11111110101010101010101111111",
    "00000000111010011110100000000",
    "10110111001101010101101001011",
    "11001000111001110001001011111",
    "01100110011111001100101001010",
    "10110001101010001001010000000",
    "01101010101010110110010100100",
    "10000100110110101101101100011",
    "00111110000101011001001100011",
    "01110100111000101010110011011",
    "10101110100100111111110010011",
    "00111100001000101000110001000",
    "10101011011111111000100101100",
    "00000101010111100110100001110",
    "01001110001011101011111111100",
    "00000000101010011000100011011",
    "11111110100010110111101011110",
    "10000010100001110010100011011",
    "10111010011000000000111110101",
    "10111010101000000110110010110",
    "10111010101001101100000001001",
    "10000010000110010011101010010",
    "11111110100010100101111001010",
];

#[test]
fn a_qr_code_is_read_and_a_sheet_with_nothing_else_separates_documents() {
    let squares = |side: f64| {
        let mut drawn = String::new();
        for (row, modules) in QR.iter().enumerate() {
            for (column, _) in modules.bytes().enumerate().filter(|(_, module)| *module == b'1') {
                let (x, y) = (60.0 + column as f64 * side, 220.0 - row as f64 * side);
                drawn.push_str(&format!("{x} {y} {side} {side} re f\n"));
            }
        }
        drawn
    };
    let folder = project();
    // a separator sheet, two pages of a document, and a page that has a code beside its text
    let pages = [squares(4.0), letter(), format!("q 1 0 0 1 120 -158 cm {} Q {}", squares(1.5), letter())];
    fs::write(folder.path().join("a.pdf"), pdf(&pages, 340.0, 300.0)).expect("a file");
    let output = run(folder.path(), &["ocr", "a.pdf", "--engine", "none", "--format", "json", "--codes"]);
    let read: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let pages = &read["pages"];
    for page in [0, 2] {
        let code = &pages[page]["codes"][0];
        let said = (code["kind"].as_str(), code["text"].as_str());
        assert_eq!(said, (Some("qr"), Some("invoice 4711; total 12.50 EUR")), "page {page}: {read}");
    }
    let left = pages[0]["codes"][0]["points"]["x0"].as_f64().expect("a place");
    assert!((left - 60.0).abs() < 3.0, "{left}");
    let separators: Vec<bool> = (0..3).map(|at| pages[at]["separator"].as_bool().unwrap_or_default()).collect();
    assert_eq!(separators, [true, false, false]);
}

#[test]
fn models_that_are_not_the_known_ones_are_not_installed() {
    let folder = project();
    fs::write(folder.path().join("a.whl"), b"no package").expect("a file");
    let output = run(folder.path(), &["ocr", "--install-models", "a.whl"]);
    assert!(!output.status.success() && stderr(&output).contains("rapidocr==3.10.0"), "{}", stderr(&output));
    assert!(!folder.path().join(".dc/models").exists());
}

#[test]
fn standard_input_and_odd_names_are_told_as_people_know_them() {
    let folder = project();
    let mut child = dc(folder.path());
    let mut child = child
        .args(["ocr", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("dc");
    child.stdin.take().expect("a pipe").write_all(b"no document").expect("written");
    let output = child.wait_with_output().expect("dc ends");
    assert!(stderr(&output).contains("standard input") && !stderr(&output).contains("/proc"), "{}", stderr(&output));
    // a name that is no text
    let name = <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(b"caf\xe9.pdf".to_vec());
    fs::write(folder.path().join(&name), pdf(&[letter()], 340.0, 300.0)).expect("a file");
    let output = dc(folder.path()).arg("ocr").arg(&name).args(["--out", "out"]).output().expect("dc starts");
    assert!(output.status.success(), "{}", stderr(&output));
    let mut written = std::os::unix::ffi::OsStringExt::into_vec(name);
    written.truncate(written.len() - 3);
    written.extend(b"txt");
    let written: std::ffi::OsString = std::os::unix::ffi::OsStringExt::from_vec(written);
    assert!(fs::read_to_string(folder.path().join("out").join(written)).expect("a file").contains("lazy dog"));
    // the summary fits a terminal of 80 columns
    assert!(stderr(&output).lines().chain(stdout(&output).lines()).all(|line| line.chars().count() <= 80));
}
