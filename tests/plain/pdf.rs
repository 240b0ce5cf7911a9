//! What PDFs hold: words and their places, tables, verdicts, drawings, and how bad files end.

use std::fmt::Write;

use crate::support::page::{TEXT, Written, letter, operations, pdf, pdf_of_pictures, scanned_letter};
use data_collector::error::ErrorKind;
use data_collector::pdf::{
    ClassifyOptions, Document, Limits, RenderOptions, TableOptions, TextLayout, Verdict, classify, lines, render,
    tables, text, words,
};

fn open(bytes: &[u8]) -> Document {
    Document::of(bytes.to_vec(), "", Limits::default()).expect("a document")
}

#[test]
fn words_have_their_places_and_lines_their_order() {
    let document = open(&pdf(&[letter()], 340.0, 300.0));
    assert_eq!(text(&document, 1).expect("text"), TEXT.join("\n"));
    let found = words(&document, 1).expect("words");
    let (word, next) = (&found[0], &found[1]);
    assert_eq!((word.text.as_str(), next.text.as_str()), ("The", "quick"));
    // Helvetica: T 611, h 556, e 556 thousandths of its size, and 207 below the line
    assert!((word.area.x0 - 40.0).abs() < 0.01 && (word.area.width() - 20.676).abs() < 0.02, "{word:?}");
    assert!((word.area.bottom - (40.0 + 0.207 * 12.0)).abs() < 0.02 && (word.area.height() - 12.0).abs() < 0.01);
    assert_eq!(lines(&document, 1).expect("lines").len(), TEXT.len());
}

#[test]
fn turned_text_gaps_and_forms_are_read() {
    let turned = "BT /F1 10 Tf 0 1 -1 0 50 100 Tm (upwards) Tj ET\n\
         BT /F1 10 Tf 200 200 Td [(one)-2000(two)100(three)] TJ ET\n\
         q 2 0 0 2 10 10 cm BT /F1 5 Tf 0 10 Td 3 Tr (hidden) Tj ET Q\n";
    let document = open(&pdf(&[turned.to_owned()], 300.0, 300.0));
    let found: Vec<String> = words(&document, 1).expect("words").into_iter().map(|word| word.text).collect();
    assert_eq!(
        found.iter().filter(|word| ["one", "twothree", "hidden"].contains(&word.as_str())).count(),
        3,
        "{found:?}"
    );
    let content = document.content(1).expect("content");
    assert_eq!(content.letters.iter().filter(|letter| !letter.visible).count(), 6);
    assert_eq!(content.letters.iter().filter(|letter| !letter.upright).count(), 7);
}

#[test]
fn words_are_parted_by_the_size_of_their_letters_and_bold_ones_read_once() {
    let read = |operations: &str| text(&open(&pdf(&[operations.to_owned()], 400.0, 300.0)), 1).expect("text");
    // gaps of 2.4 points between words of 8, and of 3.6 between letters of 40
    assert_eq!(read("BT /F1 8 Tf 40 150 Td [(Invoice)-300(Date)-300(Jun)] TJ ET"), "Invoice Date Jun");
    assert_eq!(read("BT /F1 40 Tf 40 150 Td [(in)-90(voice)] TJ ET"), "invoice");
    let bold = "BT /F1 12 Tf 50 200 Td (TOTAL 1,234.56) Tj ET BT /F1 12 Tf 50.4 200.2 Td (TOTAL 1,234.56) Tj ET";
    assert_eq!(read(bold), "TOTAL 1,234.56");
    // a heading that is spaced out
    assert_eq!(
        read("BT /F1 12 Tf 4 Tc 50 200 Td (REPORTS) Tj 0 Tc ( of ) Tj 4 Tc (AUGUST) Tj ET"),
        "REPORTS of AUGUST"
    );
    // space that is added to one letter alone, or taken back between the letters of words, parts words
    assert_eq!(read("BT /F1 10 Tf 20 100 Td 2.3 Tc (a) Tj 0 Tc (clarinet) Tj ET"), "a clarinet");
    let back = "BT /F1 10 Tf 20 100 Td 2.3 Tc [(o)230(v)230(e)230(r)(t)230(h)230(e)(a)(t)230(r)230(e)230(e)] TJ ET";
    assert_eq!(read(back), "over the a tree");
    // a space that was drawn back, before the letter that it follows, parts nothing
    assert_eq!(read("BT /F1 10 Tf 20 100 Td [(loans r)620( )-342(eported)] TJ ET"), "loans reported");
    // two low lines beside a high one are two lines
    let high = "BT /F1 7 Tf 20 112 Td (small print) Tj 0 -8 Td (goes on) Tj ET BT /F1 14 Tf 70 106 Td (High) Tj ET";
    let lines: Vec<String> = read(high).lines().map(str::to_owned).collect();
    assert!(lines.iter().any(|line| line.contains("small print")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("goes on")), "{lines:?}");
    // letters in disorder, and a raised one
    let disorder = "BT /F1 12 Tf 50 200 Td (to) Tj ET BT /F1 12 Tf 90 200 Td (end) Tj ET BT /F1 12 Tf 65 200 Td (the) Tj ET \
         BT /F1 7 Tf 111 205 Td (2) Tj ET";
    assert_eq!(read(disorder), "to the end2");
}

#[test]
fn text_is_read_the_way_it_was_turned_and_column_by_column() {
    let turned = "BT /F1 12 Tf 100 350 Td (Upright heading) Tj ET BT /F1 12 Tf 0 1 -1 0 50 100 Tm (Vertical side note) Tj ET \
         BT /F1 12 Tf -1 0 0 -1 300 200 Tm (Upside down footer) Tj ET BT /F1 12 Tf 0 -1 1 0 380 300 Tm (Downwards) Tj ET \
         BT /F1 12 Tf .866 .5 -.5 .866 100 100 Tm (Diagonal watermark text) Tj ET";
    let found = text(&open(&pdf(&[turned.to_owned()], 400.0, 400.0)), 1).expect("text");
    let mut lines: Vec<&str> = found.lines().collect();
    assert_eq!(lines.remove(0), "Upright heading");
    lines.sort_unstable();
    assert_eq!(lines, ["Diagonal watermark text", "Downwards", "Upside down footer", "Vertical side note"]);
    let columns = [
        ["The left column", "While the right"],
        ["tells the story", "column speaks about"],
        ["of the river", "mountains and snow"],
        ["and its many", "that never melts"],
        ["bridges in the", "in all of summer"],
    ];
    let mut written =
        vec![Written { x: 60.0, y: 730.0, size: 16.0, text: "A headline that stands over both of the columns" }];
    for (row, line) in columns.iter().enumerate() {
        for (column, text) in line.iter().enumerate() {
            let (x, y) = (60.0 + 260.0 * column as f64, 700.0 - 12.0 * row as f64);
            written.push(Written { x, y, size: 10.0, text });
        }
    }
    let document = open(&pdf(&[operations(&written)], 612.0, 792.0));
    let wanted: Vec<&str> = columns.iter().map(|line| line[0]).chain(columns.iter().map(|line| line[1])).collect();
    let found = text(&document, 1).expect("text");
    assert_eq!(found.lines().skip(1).collect::<Vec<_>>(), wanted);
    let physical = document.content(1).expect("content").lines_by(TextLayout::Physical);
    assert_eq!(physical[1].text, "The left column While the right");
}

#[test]
fn what_a_form_and_remarks_show_is_text() {
    let stream = crate::support::page::stream;
    let objects: Vec<Vec<u8>> = vec![
        b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[6 0 R 7 0 R 10 0 R]>>>>".to_vec(),
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>".to_vec(),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 300]/Contents 4 0 R/Annots[6 0 R 7 0 R 8 0 R 10 0 R 11 0 R]\
          /Resources<</Font<</F1 5 0 R>>>>>>"
            .to_vec(),
        stream("", b"BT /F1 12 Tf 40 250 Td (Name:) Tj 0 -30 Td (Total:) Tj ET"),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_vec(),
        b"<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/V(Ana Horvat)/Rect[100 245 250 265]/AP<</N 9 0 R>>>>".to_vec(),
        b"<</Type/Annot/Subtype/Widget/FT/Tx/T(total)/V<feff003300300032002020ac>/Rect[100 215 250 235]>>".to_vec(),
        b"<</Type/Annot/Subtype/FreeText/Contents(Seen by me)/Rect[100 100 250 120]/AP<</N 9 0 R>>/F 2>>".to_vec(),
        stream(
            "/Type/XObject/Subtype/Form/BBox[0 0 75 10]/Resources<</Font<</F1 5 0 R>>>>",
            b"BT /F1 6 Tf 1 2 Td (Ana Horvat) Tj ET",
        ),
        b"<</Type/Annot/Subtype/Widget/FT/Btn/T(agreed)/AS/Yes/Rect[300 215 310 225]>>".to_vec(),
        b"<</Type/Annot/Subtype/FreeText/Contents(Paid in full)/Rect[100 60 250 80]>>".to_vec(),
    ];
    let document = open(&crate::support::page::pdf_of_objects(&objects));
    assert_eq!(text(&document, 1).expect("text"), "Name: Ana Horvat\nTotal: 302 €\nPaid in full");
    let content = document.content(1).expect("content");
    let fields: Vec<(&str, &str)> =
        content.fields.iter().map(|field| (field.name.as_str(), field.value.as_str())).collect();
    assert_eq!(fields, [("name", "Ana Horvat"), ("total", "302 €"), ("agreed", "Yes")]);
    assert_eq!(content.letter_count(), 11, "what is written over a scan says nothing of what it shows");
    let name = &content.words()[1];
    assert!((name.area.x0 - 102.0).abs() < 0.1 && (name.area.height() - 12.0).abs() < 0.1, "{name:?}");
}

#[test]
fn a_ruled_table_and_one_without_rules_are_found() {
    let mut drawn = String::new();
    for row in 0..=3 {
        let _ = writeln!(drawn, "50 {y} m 250 {y} l S", y = 100 + row * 20);
    }
    for column in 0..=2 {
        let _ = writeln!(drawn, "{x} 100 m {x} 160 l S", x = 50 + column * 100);
    }
    let cells = [["Item", "Price"], ["Apples", "1.20"], ["Pears", "2.40"]];
    let mut written = Vec::new();
    for (row, line) in cells.iter().enumerate() {
        for (column, text) in line.iter().enumerate() {
            let (x, y) = (55.0 + 100.0 * column as f64, 146.0 - 20.0 * row as f64);
            written.push(Written { x, y, size: 10.0, text });
        }
    }
    let wanted: Vec<Vec<Option<String>>> =
        cells.iter().map(|row| row.iter().map(|cell| Some((*cell).to_owned())).collect()).collect();
    let ruled = open(&pdf(&[format!("{drawn}{}", operations(&written))], 300.0, 200.0));
    let found = tables(&ruled, 1, &TableOptions::default()).expect("tables");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].rows, wanted);
    assert!((found[0].area.width() - 200.0).abs() < 0.01, "{:?}", found[0].area);
    let plain = open(&pdf(&[operations(&written)], 300.0, 200.0));
    assert!(tables(&plain, 1, &TableOptions::default()).expect("tables").is_empty());
    let found = tables(&plain, 1, &TableOptions::by_text()).expect("tables");
    let texts: Vec<&str> = found.iter().flat_map(|table| &table.rows).flatten().flatten().map(String::as_str).collect();
    for text in cells.iter().flatten() {
        assert!(texts.contains(text), "{text} in {texts:?}");
    }
}

#[test]
fn a_verdict_tells_its_evidence() {
    let document = open(&pdf(&[letter(), letter(), String::new()], 340.0, 300.0));
    let found = classify(&document, &ClassifyOptions::default()).expect("a verdict");
    assert_eq!(found.verdict, Verdict::Image, "two of three pages are fewer than 90 %");
    assert_eq!(found.pages.iter().map(|page| page.letters > 50).collect::<Vec<_>>(), [true, true, false]);
    let lenient = ClassifyOptions { pages_percent: 60.0, ..ClassifyOptions::default() };
    assert_eq!(classify(&document, &lenient).expect("a verdict").verdict, Verdict::Text);
    let scanned = open(&pdf_of_pictures(&[scanned_letter(75)]));
    let found = classify(&scanned, &ClassifyOptions::default()).expect("a verdict");
    assert_eq!((found.verdict, found.pages[0].letters), (Verdict::Image, 0));
    assert!(found.pages[0].picture_share > 0.99, "{found:?}");
}

#[test]
fn a_page_is_drawn_in_its_size_and_a_huge_one_smaller() {
    let document = open(&pdf(&[letter()], 340.0, 300.0));
    let picture = render(&document, 1, &RenderOptions { dpi: 144, shrink: false }).expect("a picture");
    assert_eq!((picture.width, picture.height, picture.dpi), (680, 600, 144));
    assert!(picture.pixels.iter().any(|pixel| *pixel < 50) && picture.pixels[0] == 255);
    let huge = open(&pdf(&[letter()], 14_400.0, 14_400.0));
    let refused = render(&huge, 1, &RenderOptions { dpi: 300, shrink: false }).expect_err("too many pixels");
    assert_eq!(refused.kind(), ErrorKind::Refused);
    let limits = Limits { pixels_max: 1_000_000, ..Limits::default() };
    let huge = Document::of(pdf(&[letter()], 14_400.0, 14_400.0), "", limits).expect("a document");
    let error = render(&huge, 1, &RenderOptions::default()).expect_err("no letter could be read");
    assert_eq!(error.kind(), ErrorKind::Refused);
}

#[test]
fn bad_files_end_in_a_clear_error() {
    let whole = pdf(&[letter()], 340.0, 300.0);
    let error = |bytes: &[u8]| match Document::of(bytes.to_vec(), "", Limits::default()) {
        Ok(document) => document.content(1).err().map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    };
    assert!(error(b"").is_some_and(|text| text.contains("empty")));
    assert!(error(b"GIF89a").is_some_and(|text| text.contains("%PDF-")));
    assert!(error(&whole[..60]).is_some_and(|text| text.contains("cut off")), "{:?}", error(&whole[..60]));
    let small = Limits { bytes_max: 100, ..Limits::default() };
    let refused = Document::of(whole.clone(), "", small).err().expect("too large");
    assert_eq!(refused.kind(), ErrorKind::Refused);
    let one = Limits { pages_max: 1, ..Limits::default() };
    assert_eq!(
        Document::of(pdf(&[letter(), letter()], 9.0, 9.0), "", one).err().map(|e| e.kind()),
        Some(ErrorKind::Refused)
    );
    let missing = open(&whole).content(2).expect_err("no such page");
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let few = Limits { operations_max: 10, ..Limits::default() };
    let refused = Document::of(whole, "", few).expect("a document").content(1).expect_err("too many operations");
    assert_eq!(refused.kind(), ErrorKind::Refused);
}

#[test]
fn deep_nesting_ends() {
    let deep = "q ".repeat(200_000) + &letter();
    assert!(!text(&open(&pdf(&[deep], 340.0, 300.0)), 1).expect("text").is_empty());
    let mut lists = "[".repeat(100_000);
    lists.push_str(&"]".repeat(100_000));
    // on the stack that a thread of the program has
    let read = std::thread::Builder::new().stack_size(8 << 20).spawn(move || {
        let document = Document::of(pdf(&[format!("{lists} TJ {}", letter())], 340.0, 300.0), "", Limits::default());
        document.and_then(|document| text(&document, 1)).is_ok()
    });
    read.expect("a thread").join().expect("no overflow");
}

#[test]
fn a_pdf_whose_attachments_alone_are_encrypted_is_read() {
    use crate::support::page::{pdf_of_objects, stream};
    let of = |filters: &str| {
        let lock = format!(
            "<</Filter/Standard/V 4/R 4/Length 128/P -4/O({0})/U({0}){filters}/EFF/StdCF\
             /CF<</StdCF<</AuthEvent/EFOpen/CFM/AESV2/Length 16>>>>>>",
            "x".repeat(32)
        );
        let objects: Vec<Vec<u8>> = vec![
            b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
            b"<</Type/Pages/Count 1/Kids[3 0 R]>>".to_vec(),
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</Font<</F1 6 0 R>>>>>>"
                .to_vec(),
            stream("", b"BT /F1 12 Tf 20 100 Td (open to all) Tj ET"),
            lock.into_bytes(),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_vec(),
        ];
        let bytes = pdf_of_objects(&objects);
        let at = bytes.windows(7).rposition(|window| window == b"trailer").expect("a trailer");
        let trailer = String::from_utf8_lossy(&bytes[at..]).replacen("/Root", "/Encrypt 5 0 R/ID[(ab)(ab)]/Root", 1);
        [&bytes[..at], trailer.as_bytes()].concat()
    };
    let document = open(&of("/StmF/Identity/StrF /Identity"));
    assert_eq!(text(&document, 1).expect("text"), "open to all");
    assert!(document.is_locked());
    let closed = Document::of(of("/StmF/StdCF/StrF/StdCF"), "", Limits::default());
    assert_eq!(closed.err().map(|error| error.kind()), Some(ErrorKind::Permission));
}
