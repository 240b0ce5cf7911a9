//! Files in every format, against what each promises: an error or records, each of them a line of JSON or a refusal with its
//! place, and never a panic.

use std::fs::File;
use std::io::{Read, Seek, Write};

use crate::context::Cancellation;
use crate::formats::{FORMATS, Opened, Reading, Widths, is_archive, members, refusal};
use crate::record::parse_json;

/// Any bytes as a workbook.
pub fn workbook(data: &[u8]) {
    read("xlsx", data, Reading { sheet: Some("1".to_owned()), ..Reading::default() });
}

/// Any text as XML, whose elements `item` are records.
pub fn xml_records(data: &[u8]) {
    read("xml", data, Reading { records: Some("//item".to_owned()), ..Reading::default() });
}

/// Any text as JSON with records inside.
pub fn json_records(data: &[u8]) {
    read("json-inside", data, Reading { records: Some("pages[*].items[*]".to_owned()), ..Reading::default() });
}

/// Any text as a page with a table.
pub fn html_table(data: &[u8]) {
    read("html", data, Reading { table: Some("1".to_owned()), ..Reading::default() });
}

/// Any text as lines of fixed width, under a ruler and by numbers.
pub fn fixed_width(data: &[u8]) {
    for widths in [Widths::Ruler, Widths::Characters(vec![3, 5, 2])] {
        read("fixed", data, Reading { widths: Some(widths), ..Reading::default() });
    }
}

/// Any bytes as an archive: what is unpacked is no longer than it may be.
pub fn archive(data: &[u8]) {
    let file = file_of(data);
    let reading = Reading { members: vec!["*".to_owned()], ..Reading::default() };
    let _ = is_archive("it", &file);
    if let Ok(Some(members)) = members("it", &file, &reading, &Cancellation::default()) {
        assert!(!members.is_empty(), "a pattern that takes none is an error");
        for member in members {
            assert!(member.file.metadata().expect("a length").len() <= 1 << 30, "{}", member.name);
        }
    }
}

fn file_of(data: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(data).expect("bytes");
    file.rewind().expect("the start");
    file
}

fn read(name: &str, data: &[u8], reading: Reading) {
    let entry = FORMATS.iter().find(|entry| entry.name == name).expect("a format");
    // what is text is turned into UTF-8 before
    let text = String::from_utf8_lossy(data);
    let bytes = if entry.is_text { text.as_bytes() } else { data };
    let cancellation = Cancellation::default();
    let opened = Opened { name: "it", file: file_of(bytes), reading: &reading, cancellation: &cancellation };
    let Ok(parts) = (entry.read)(opened) else { return };
    for mut part in parts {
        let mut text = String::new();
        part.records.rewind().expect("the start");
        part.records.read_to_string(&mut text).expect("UTF-8");
        let mut last = 0;
        for (at, line) in text.lines().enumerate() {
            let place = part.origin.place(at as u64 + 1);
            assert!(place >= last && place > 0, "places follow each other: {last}, {place}");
            last = place;
            // records of JSON are checked by who reads them
            let is_record = name == "json-inside" || refusal(line).is_some() || parse_json(line).is_ok();
            assert!(is_record, "line {at}: {line}");
        }
    }
}
