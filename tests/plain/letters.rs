//! Letters of fonts that do not say what their codes stand for, and where else a file says it.

use std::fs;

use crate::support::page::{pdf_of_objects, stream};
use crate::support::{run, stderr, stdout};
use data_collector::pdf::{Document, Limits, text};

/// A page of one font and what it shows; objects from 6 on are free for the font.
fn page(font: &str, shown: &str, more: &[Vec<u8>]) -> Vec<u8> {
    let mut objects: Vec<Vec<u8>> = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>".to_vec(),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>".to_vec(),
        stream("", format!("BT /F1 12 Tf 20 100 Td {shown} Tj ET").as_bytes()),
        font.as_bytes().to_vec(),
    ];
    objects.extend(more.iter().cloned());
    pdf_of_objects(&objects)
}

fn read(bytes: &[u8]) -> String {
    let document = Document::of(bytes.to_vec(), "", Limits::default()).expect("a document");
    text(&document, 1).expect("text")
}

/// A font file in which glyph 1 is blank, and each other one a square; it maps these letters to glyphs from 1 on.
fn font_file(letters: &[char]) -> Vec<u8> {
    let count = letters.len() as u16 + 1;
    let square: [u8; 30] =
        [0, 1, 0, 0, 0, 0, 1, 244, 1, 244, 0, 3, 0, 0, 1, 1, 1, 1, 0, 0, 1, 244, 0, 0, 254, 12, 0, 0, 1, 244];
    let mut square = square.to_vec();
    square.extend([0, 0, 0, 0]);
    let mut glyf = square.clone();
    let mut loca: Vec<u8> = 0u32.to_be_bytes().to_vec();
    // the first glyph is that of what is missing, the second a space
    loca.extend((glyf.len() as u32).to_be_bytes());
    for _ in 1..count {
        loca.extend((glyf.len() as u32).to_be_bytes());
        glyf.extend(&square);
    }
    loca.truncate(4 * (usize::from(count) + 1));
    let mut sorted: Vec<(u16, u16)> = letters.iter().zip(1u16..).map(|(letter, at)| (*letter as u16, at)).collect();
    sorted.sort_unstable();
    let segments = sorted.len() as u16 + 1;
    let words = |list: Vec<u16>| list.into_iter().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    let mut map = words(vec![4, 16 + 8 * segments, 0, segments * 2, 0, 0, 0]);
    map.extend(words(sorted.iter().map(|pair| pair.0).chain([0xffff]).collect()));
    map.extend([0, 0]);
    map.extend(words(sorted.iter().map(|pair| pair.0).chain([0xffff]).collect()));
    map.extend(words(sorted.iter().map(|pair| pair.1.wrapping_sub(pair.0)).chain([1]).collect()));
    map.extend(words(vec![0; usize::from(segments)]));
    let mut cmap = words(vec![0, 1, 3, 1, 0, 12]);
    cmap.extend(map);
    let mut head = vec![0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x5f, 0x0f, 0x3c, 0xf5, 0, 0, 3, 232];
    head.extend([0; 16]);
    head.extend(words(vec![0, 0, 500, 500, 0, 8, 2, 1, 0]));
    let mut hhea = words(vec![1, 0, 800, 0xff38, 0, 500, 0, 0, 500, 1, 0, 0, 0, 0, 0, 0, 0]);
    hhea.extend(words(vec![count]));
    let mut maxp = words(vec![1, 0, count, 4, 1, 0, 0, 1]);
    maxp.extend([0; 16]);
    let hmtx = words((0..count).flat_map(|_| [500, 0]).collect());
    let mut post = vec![0, 3, 0, 0];
    post.extend([0; 28]);
    let tables: [(&[u8; 4], Vec<u8>); 8] = [
        (b"cmap", cmap),
        (b"glyf", glyf),
        (b"head", head),
        (b"hhea", hhea),
        (b"hmtx", hmtx),
        (b"loca", loca),
        (b"maxp", maxp),
        (b"post", post),
    ];
    let mut out = vec![0, 1, 0, 0];
    out.extend(words(vec![8, 128, 3, 0]));
    let mut at = out.len() + 16 * tables.len();
    let mut body = Vec::new();
    for (name, table) in &tables {
        out.extend(*name);
        out.extend([0; 4]);
        out.extend((at as u32).to_be_bytes());
        out.extend((table.len() as u32).to_be_bytes());
        let padded = table.len().next_multiple_of(4);
        body.extend(table);
        body.resize(body.len() + padded - table.len(), 0);
        at += padded;
    }
    out.extend(body);
    out
}

fn embedded(entries: &str, letters: &[char]) -> [Vec<u8>; 3] {
    let descendant = format!(
        "<</Type/Font/Subtype/CIDFontType2/BaseFont/AAAAAA+Known/FontDescriptor 7 0 R/DW 500/CIDToGIDMap/Identity{entries}>>"
    );
    let descriptor = "<</Type/FontDescriptor/FontName/AAAAAA+Known/Flags 4/FontFile2 8 0 R>>";
    [descendant.into_bytes(), descriptor.as_bytes().to_vec(), stream("", &font_file(letters))]
}

const COMPOSED: &str = "<</Type/Font/Subtype/Type0/BaseFont/AAAAAA+Known/Encoding/Identity-H/DescendantFonts[6 0 R]>>";

#[test]
fn codes_that_are_unicode_by_name_are_read() {
    let descendant = "<</Type/Font/Subtype/CIDFontType2/BaseFont/Plain/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)\
                      /Supplement 0>>/DW 500>>";
    let font = COMPOSED.replace(">>", "/ToUnicode/Identity-H>>");
    assert_eq!(read(&page(&font, "<005a0061016100740069>", &[descendant.as_bytes().to_vec()])), "Zašti");
}

#[test]
fn the_embedded_font_tells_its_letters_and_what_has_no_ink_is_a_space() {
    let system = "/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>";
    let letters = ['\u{f123}', 'Z', 'a', 'š', 't', 'i'];
    let found = read(&page(COMPOSED, "<0002000300040005000600040001000300020003>", &embedded(system, &letters)));
    assert_eq!(found, "Zaštiš aZa");
    // a simple font that says nothing of its codes
    let font = "<</Type/Font/Subtype/TrueType/BaseFont/AAAAAA+Known/FontDescriptor 7 0 R/FirstChar 33/LastChar 36\
                /Widths[500 500 500 500]>>";
    let mut objects = embedded("", &['!', '"', '#']);
    objects[2] = stream("", &font_file(&['!', '"', '#']));
    assert_eq!(read(&page(font, "(#!)", &objects)).trim(), "#!");
}

#[test]
fn collections_of_asia_tell_letters_of_fonts_that_do_not() {
    for (ordering, encoding, shown, wanted) in [
        ("Japan1", "90ms-RKSJ-H", "<93fa967b8cea>", "日本語"),
        ("Japan1", "Identity-H", "<034b>", "あ"),
        ("Korea1", "KSCms-UHC-H", "<c7d1b1b9>", "한국"),
        ("GB1", "GBK-EUC-H", "<d6d0cec4>", "中文"),
        ("CNS1", "ETen-B5-H", "<a4a4a4e5>", "中文"),
    ] {
        let system = format!("/CIDSystemInfo<</Registry(Adobe)/Ordering({ordering})/Supplement 0>>");
        let font = COMPOSED.replace("Identity-H", encoding);
        let found = read(&page(&font, shown, &embedded(&system, &['\u{f123}'])));
        assert_eq!(found, wanted, "{ordering} {encoding}");
    }
}

#[test]
fn drawings_named_by_codes_spaces_without_a_name_and_broken_maps_are_read() {
    let drawing = || stream("", b"500 0 0 0 400 700 d1 0 0 400 700 re f");
    let font = "<</Type/Font/Subtype/Type3/FontBBox[0 0 500 700]/FontMatrix[.001 0 0 .001 0 0]/FirstChar 1/LastChar 3\
                /Widths[500 500 500]/Encoding<</Differences[1/a72/a105/a33]>>/CharProcs<</a72 6 0 R/a105 6 0 R/a33 6 0 R>>>>";
    assert_eq!(read(&page(font, "<010203>", &[drawing()])), "Hi!");
    let font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Differences[32/.notdef]>>>>";
    assert_eq!(read(&page(font, "(two words)", &[])), "two words");
    let map = b"/CIDInit /ProcSet findresource begin /CIDSystemInfo << /Registry (Adobe /Ordering (UCS >> def\n\
                2 beginbfchar <01> <0047> <02> <006f> endbfchar";
    let font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Differences[1/g1/g2]>>/ToUnicode 6 0 R>>";
    assert_eq!(read(&page(font, "<0102>", &[stream("", map)])), "Go");
}

#[test]
fn hidden_letters_are_told_and_are_no_text() {
    let font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Differences[65/g1/g2/g3/g4/g5]>>>>";
    let known = "The amount of this invoice is due within thirty days of its date, and we thank you.";
    let shown = format!("(ABCDE{}{}{known})", "ABCDE ".repeat(4), "EDCBA ".repeat(3));
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.pdf"), page(font, &shown, &[])).expect("a file");
    let output = run(folder.path(), &["ocr", "a.pdf", "--engine", "none", "--format", "json"]);
    let read: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let page = &read["pages"][0];
    assert_eq!((page["unknown"].as_u64(), page["language"].as_str()), (Some(40), Some("en")), "{page}");
    assert!(stderr(&output).contains("page 1: the PDF does not say"), "{}", stderr(&output));
    // with an engine the page is looked at
    let nowhere = ["ocr", "a.pdf"];
    let mut dc = crate::support::dc(folder.path());
    dc.args(nowhere).envs([("DC_OCR_LIBRARY", "/nowhere/lib.so"), ("DC_OCR_PROGRAM", "/nowhere/tesseract")]);
    let output = dc.output().expect("dc starts");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
}
