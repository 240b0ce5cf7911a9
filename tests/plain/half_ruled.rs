//! Tables that are ruled in one direction alone, and what a part of a page holds.

use std::fs;

use crate::support::page::{Written, letter, operations, pdf};
use crate::support::{run, stderr, stdout};
use data_collector::pdf::{Document, Limits, Table, TextLayout, WordRules};

fn open(operations: &str) -> Document {
    Document::of(pdf(&[operations.to_owned()], 300.0, 300.0), "", Limits::default()).expect("a document")
}

fn found(operations: &str) -> Vec<Table> {
    open(operations).content(1).expect("content").half_ruled_tables().expect("tables")
}

fn across(heights: &[f64]) -> String {
    heights.iter().map(|y| format!("50 {y} m 250 {y} l S\n")).collect()
}

fn cells(rows: &[(f64, [&str; 3])]) -> String {
    let mut written = Vec::new();
    for (y, row) in rows {
        for (x, text) in [55.0, 140.0, 205.0].into_iter().zip(row) {
            written.push(Written { x, y: *y, size: 10.0, text });
        }
    }
    operations(&written)
}

fn rows(table: &Table) -> Vec<Vec<&str>> {
    table.rows.iter().map(|row| row.iter().map(|cell| cell.as_deref().unwrap_or("-")).collect()).collect()
}

const ROWS: [(f64, [&str; 3]); 4] = [
    (225.0, ["Item name", "Pieces", "Price"]),
    (205.0, ["Green apples", "3", "1.20"]),
    (190.0, ["Pears of", "12", "2.40"]),
    (178.0, ["the north", "", ""]),
];

#[test]
fn rules_between_rows_and_gaps_between_columns_make_a_table() {
    // as books have it: a rule above, one below the header, one at the end
    let table = found(&format!("{}{}", across(&[240.0, 218.0, 170.0]), cells(&ROWS)));
    assert_eq!(table.len(), 1);
    let wanted = [
        vec!["Item name", "Pieces", "Price"],
        vec!["Green apples", "3", "1.20"],
        vec!["Pears of\nthe north", "12", "2.40"],
    ];
    assert_eq!(rows(&table[0]), wanted);
    // the header stands above the first rule
    let table = found(&format!("{}{}", across(&[218.0, 170.0]), cells(&ROWS)));
    assert_eq!(table.len(), 1);
    assert_eq!(rows(&table[0]), wanted);
    // where every row is ruled, a band is a row
    let long = [(225.0, ["Item", "Pieces", "Price"]), (205.0, ["Apples", "3", "1.20"]), (193.0, ["green", "of 4", ""])];
    let more = [(175.0, ["Pears", "1", "2.40"]), (155.0, ["Plums", "2", "3.10"])];
    let drawn = across(&[240.0, 218.0, 188.0, 168.0, 148.0]);
    let table = found(&format!("{drawn}{}{}", cells(&long), cells(&more)));
    assert_eq!(rows(&table[0])[1], ["Apples\ngreen", "3\nof 4", "1.20"]);
    assert_eq!(table[0].rows.len(), 4);
}

#[test]
fn rules_between_columns_and_lines_of_text_make_a_table() {
    let down: String = [130.0, 195.0].iter().map(|x| format!("{x} 170 m {x} 240 l S\n")).collect();
    let table = found(&format!("{down}{}", cells(&ROWS)));
    assert_eq!(table.len(), 1);
    let wanted = [
        vec!["Item name", "Pieces", "Price"],
        vec!["Green apples", "3", "1.20"],
        vec!["Pears of\nthe north", "12", "2.40"],
    ];
    assert_eq!(rows(&table[0]), wanted);
}

#[test]
fn prose_between_rules_is_no_table_and_a_full_grid_stays_one() {
    let prose: Vec<Written<'_>> =
        ["The text of a page between", "two rules, above and below,", "has no columns at all"]
            .iter()
            .zip([220.0, 205.0, 190.0])
            .map(|(text, y)| Written { x: 55.0, y, size: 10.0, text })
            .collect();
    assert_eq!(found(&format!("{}{}", across(&[240.0, 170.0]), operations(&prose))), []);
    let down: String = [50.0, 130.0, 195.0, 250.0].iter().map(|x| format!("{x} 170 m {x} 240 l S\n")).collect();
    let table = found(&format!("{}{down}{}", across(&[240.0, 218.0, 170.0]), cells(&ROWS)));
    assert_eq!(table.len(), 1);
    assert_eq!(rows(&table[0])[0], ["Item name", "Pieces", "Price"]);
}

#[test]
fn tables_of_both_kinds_and_parts_of_pages_are_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = format!("{}{}", across(&[240.0, 218.0, 170.0]), cells(&ROWS));
    fs::write(folder.path().join("a.pdf"), pdf(&[page], 300.0, 300.0)).expect("a file");
    fs::write(folder.path().join("b.pdf"), pdf(&[letter()], 340.0, 300.0)).expect("a file");
    let output = run(folder.path(), &["ocr", "a.pdf", "--tables", "csv", "--tables-by", "both", "--quiet"]);
    let text = stdout(&output);
    assert!(text.starts_with("Item name,Pieces,Price\nGreen apples,3,1.20\n"), "{text}{}", stderr(&output));
    let output = run(folder.path(), &["ocr", "a.pdf", "--tables", "csv", "--quiet"]);
    assert_eq!(stdout(&output), "", "lines alone rule no cell");
    // the upper 45 points of the page hold its first line
    let output = run(folder.path(), &["ocr", "b.pdf", "--area", "0,0,340,45", "--quiet"]);
    assert_eq!(stdout(&output).trim(), "The quick brown fox jumps over the lazy dog.", "{}", stderr(&output));
    for (flags, hint) in [
        (vec!["--area", "0,0,340"], "0,0,595,100"),
        (vec!["--area", "0,0,340,45", "--format", "pdf", "--out", "x"], "--area"),
        (vec!["--x-tolerance", "5"], "--layout pdfplumber"),
        (vec!["--dedupe"], "--layout pdfplumber"),
        (vec!["--layout", "pdfplumber", "--y-tolerance=-1"], "points"),
    ] {
        let output = run(folder.path(), &[vec!["ocr", "b.pdf"], flags.clone()].concat());
        assert!(output.status.code() == Some(2) && stderr(&output).contains(hint), "{flags:?} {}", stderr(&output));
    }
}

#[test]
fn the_rules_of_pdfplumber_have_their_knobs() {
    let shown = "BT /F1 10 Tf 20 100 Td [(one)-500(two)] TJ ET BT /F1 10 Tf 20.3 100 Td [(one)-500(two)] TJ ET";
    let content = open(shown).content(1).expect("content");
    let read = |rules: WordRules| {
        let lines = content.lines_by(TextLayout::Pdfplumber(rules));
        lines.into_iter().map(|line| line.text).collect::<Vec<_>>().join("|")
    };
    let usual = WordRules::default();
    assert_eq!(read(WordRules { without_doubles: true, ..usual }), "one two");
    assert_eq!(read(WordRules { without_doubles: true, gap_max: 6.0, ..usual }), "onetwo");
    assert_eq!(read(usual), "oonnee ttwwoo");
    let steps = open("BT /F1 10 Tf 20 100 Td (one) Tj 30 5 Td (two) Tj ET").content(1).expect("content");
    let count =
        |line_tolerance: f64| steps.lines_by(TextLayout::Pdfplumber(WordRules { line_tolerance, ..usual })).len();
    assert_eq!((count(3.0), count(6.0)), (2, 1));
}
