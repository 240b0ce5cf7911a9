//! Every format that a source hands out, as `dc merge` reads it, and how it fails.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::support::{clean, run, stderr, stdout};

/// An input's name and bytes, the flags beside it, the status it ends with, and what the error says.
type Case<'a> = (&'a str, &'a [u8], &'a [&'a str], i32, &'a [&'a str]);

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/formats").join(name)
}

/// The records of a file, as they are hashed with nothing left out: place and canonical form.
fn records(file: &Path, flags: &[&str]) -> Vec<(u64, String)> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut arguments = vec!["merge", "--hash-only", "--exact", file.to_str().expect("a path")];
    arguments.extend(flags);
    let output = run(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{flags:?}: {}", stderr(&output));
    let line = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        (value["line"].as_u64().expect("a line"), value["canonical"].as_str().expect("text").to_owned())
    };
    stdout(&output).lines().map(line).collect()
}

fn forms(file: &Path, flags: &[&str]) -> Vec<String> {
    records(file, flags).into_iter().map(|(_, form)| form).collect()
}

fn file(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("a file");
    path
}

fn check(cases: &[Case<'_>]) {
    for (name, bytes, flags, status, told) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        file(folder.path(), name, bytes);
        let mut arguments = vec!["merge", "t", name, "--create"];
        arguments.extend(*flags);
        let output = run(folder.path(), &arguments);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(*status), "{name} {flags:?}: {text}");
        for words in *told {
            assert!(text.contains(words), "{name} {flags:?} does not tell `{words}`: {text}");
        }
    }
}

/// All rows of a column, sorted by another.
fn column(folder: &Path, sql: &str) -> Vec<String> {
    let connection = rusqlite::Connection::open(folder.join(".dc/dc.db")).expect("a database");
    let mut statement = connection.prepare(sql).expect("a statement");
    let text = |row: &rusqlite::Row<'_>| row.get::<_, rusqlite::types::Value>(0).map(|value| format!("{value:?}"));
    statement.query_map([], text).expect("rows").map(|row| row.expect("a row")).collect()
}

#[test]
fn records_inside_of_json_are_found_by_their_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = r#"{"total": 2, "pages": [
  {"items": [{"a": 1, "b": {"c": 2.50, "d": "x\ny"}},
    {"a": 3}]},
  {"items": []}, {"items": [ {"a":9007199254740993} ]}]}"#;
    let path = file(folder.path(), "in.json", text);
    let found = records(&path, &["--records", "pages[*].items[*]"]);
    let expected =
        [(2, r#"{"a": 1, "b": {"c": 2.5, "d": "x\ny"}}"#), (3, r#"{"a": 3}"#), (4, r#"{"a": 9007199254740993}"#)];
    assert_eq!(found, expected.map(|(line, form)| (line, form.to_owned())));
    let flat = forms(&path, &["--records", "pages.[0].items", "--flatten", "."]);
    assert_eq!(flat[0], r#"{"a": 1, "b.c": 2.5, "b.d": "x\ny"}"#);
    let lines = file(folder.path(), "in.ndjson", "{\"d\":{\"x\":1}}\n{\"d\":{\"x\":2}}\n");
    assert_eq!(forms(&lines, &["--records", "d"]), ["{\"x\": 1}", "{\"x\": 2}"]);
    assert_eq!(forms(&lines, &["--flatten", "_"]), ["{\"d_x\": 1}", "{\"d_x\": 2}"]);
    check(&[
        (
            "a.json",
            text.as_bytes(),
            &["--records", "pages[*].itmes"],
            5,
            &["`itmes`", "`items`", "nothing was changed"],
        ),
        ("a.json", text.as_bytes(), &["--records", "total.x"], 5, &["`total` is a plain value"]),
        ("a.json", text.as_bytes(), &["--records", "total"], 1, &["line 1", "an integer, and a record is an object"]),
        ("a.json", &text.as_bytes()[..86], &["--records", "pages[*].items"], 1, &["line 3", "ends in the middle"]),
        ("a.json", b"{\"a\": [{\"n\": 1}, {\"n\": tru}]}", &["--records", "a"], 1, &["line 1", "--rejects"]),
        ("a.json", b"{\"a\": [{\"n\":1} {\"n\":2}]}", &["--records", "a"], 1, &["`,` or `]`"]),
        ("a.json", b"{\"a\": []}", &["--records", "a"], 6, &["empty"]),
        ("a.ndjson", b"{\"a\":{\"b\":1},\"a.b\":2}", &["--flatten", "."], 1, &["`a.b`", "twice after flattening"]),
        ("a.csv", b"a,b\n1,2\n", &["--records", "a"], 2, &["--records", "CSV"]),
    ]);
}

#[test]
fn csv_of_the_world_is_read_by_its_notation() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let text = "Report\nof today\nname;price;day;code\n\u{160}ibenik;1.234,50;31.01.2026;007\nZadar;12;-;NA\n";
    let (bytes, _, _) = encoding_rs::WINDOWS_1250.encode(text);
    file(folder, "in.csv", &bytes);
    let flags = ["--skip-rows", "2", "--encoding", "windows-1250", "--decimal", ",", "--thousands", "."];
    let more = ["--date-format", "%d.%m.%Y", "--null", "NA,-"];
    let all = [&["merge", "t", "in.csv", "--create", "--json"][..], &flags, &more].concat();
    let output = run(folder, &all);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(column(folder, "SELECT price FROM t ORDER BY name"), ["Real(12.0)", "Real(1234.5)"]);
    assert_eq!(column(folder, "SELECT day FROM t ORDER BY name"), ["Null", "Text(\"2026-01-31\")"]);
    assert_eq!(column(folder, "SELECT code FROM t ORDER BY name"), ["Null", "Text(\"007\")"]);
    // the table's columns decide now, and the same file changes nothing
    let again = run(folder, &[&["merge", "t", "in.csv", "--key", "name", "--json"][..], &flags, &more].concat());
    let report: serde_json::Value = serde_json::from_str(&stdout(&again)).expect("a report");
    assert_eq!((&report["unchanged"], &report["new"]), (&2.into(), &0.into()), "{report}");
    // another notation is another input
    let other = run(folder, &[&["merge", "t", "in.csv"][..], &flags[..6], &["--null", "NA,-"]].concat());
    assert_eq!(other.status.code(), Some(1), "{}", stderr(&other));
    assert!(stderr(&other).contains("line 4, column `price`: `1.234,50`"), "{}", stderr(&other));
    check(&[
        ("a.csv", b"n\n1\n", &["--thousands", "."], 2, &["thousands"]),
        ("a.csv", b"n\n1\n", &["--date-format", "%Q"], 2, &["`%Q`"]),
        ("a.ndjson", b"{\"n\":1}\n", &["--decimal", ","], 2, &["--decimal", "JSON"]),
        ("a.ndjson", b"{\"n\":1}\n", &["--delimiter", ";"], 2, &["--delimiter", "JSON"]),
        ("a.csv", b"n\n1\n", &["--sheet", "x"], 2, &["--sheet", "CSV", "workbooks"]),
        ("a.csv", b"n\n1\n", &["--member", "x"], 2, &["--member", "archives"]),
        ("a.csv", b"n\n1\n", &["--format", "nonsense"], 2, &["`nonsense`", "xlsx, xls"]),
    ]);
}

#[test]
fn lines_of_fixed_width_have_columns() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "code name      amount\n007  \u{160}ibenik     12\n\n008  Zagreb    3.50\n009\n";
    let path = file(folder.path(), "in.txt", text);
    let expected = [
        (2, r#"{"amount": 12, "code": "007", "name": "Šibenik"}"#),
        (4, r#"{"amount": 3.5, "code": "008", "name": "Zagreb"}"#),
        (5, r#"{"amount": null, "code": "009", "name": null}"#),
    ];
    assert_eq!(records(&path, &["--widths", "5,10,6"]), expected.map(|(line, form)| (line, form.to_owned())));
    let ruler = text.replacen('\n', "\n---- --------- ------\n", 1);
    let path = file(folder.path(), "ruler.txt", ruler);
    assert_eq!(forms(&path, &["--widths", "ruler"]), expected.map(|(_, form)| form.to_owned()));
    check(&[
        ("a.txt", b"a b\n1 2345\n", &["--widths", "2,2"], 1, &["line 2", "6 characters", "take 4"]),
        ("a.txt", b"a a\n1 2\n", &["--widths", "2,2"], 1, &["`a` stands twice"]),
        ("a.txt", b"a b\n1 2\n", &["--widths", "ruler"], 1, &["ruler"]),
        ("a.txt", b"a b\n1 \xff\n", &["--widths", "2,2", "--encoding", "utf-8"], 1, &["line 2", "UTF-8"]),
    ]);
}

#[test]
fn elements_of_xml_are_records() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "<?xml version=\"1.0\" encoding=\"windows-1250\"?>\n<!-- c --><x:shop xmlns:x=\"u\">\n\
        <x:item id=\"1\"><name>Mlijeko \u{161} &amp; <![CDATA[<b>]]></name><price cur='EUR'>1.20</price><tag>a</tag><tag>b</tag></x:item>\n\
        <x:item id=\"2\"><name/><text>a <i>b</i> c</text><sub><k>7</k></sub></x:item></x:shop>";
    let (bytes, _, _) = encoding_rs::WINDOWS_1250.encode(text);
    let path = file(folder.path(), "in.xml", &bytes);
    let expected = [
        (3, r##"{"@id": 1, "name": "Mlijeko š & <b>", "price": {"#text": "1.20", "@cur": "EUR"}, "tag": ["a", "b"]}"##),
        (4, r#"{"@id": 2, "name": null, "sub": {"k": "7"}, "text": "a <i>b</i> c"}"#),
    ];
    assert_eq!(records(&path, &["--records", "//item"]), expected.map(|(line, form)| (line, form.to_owned())));
    let flat = forms(&path, &["--records", "/shop/item", "--flatten", "."]);
    assert_eq!(flat[1], r#"{"@id": 2, "name": null, "sub.k": 7, "text": "a <i>b</i> c"}"#);
    let laughs = b"<!DOCTYPE a [<!ENTITY b 'ha'><!ENTITY c '&b;&b;'>]><a><i>&c;</i></a>";
    let outer = b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a><i>&b;</i></a>";
    check(&[
        ("a.xml", &bytes, &[], 2, &["`item` (2)", "--records"]),
        ("a.xml", &bytes, &["--records", "//itme"], 5, &["`//itme`", "`item` (2)"]),
        ("a.xml", &bytes[..bytes.len() - 20], &["--records", "//item"], 1, &["line 4"]),
        ("a.xml", laughs, &["--records", "//i"], 6, &["declarations"]),
        ("a.xml", outer, &["--records", "//i"], 6, &["`&b;`"]),
        ("a.xml", b"<a><i>1</i></b>", &["--records", "//i"], 1, &["line 1"]),
        ("a.xml", b"<a>\n<i x='1' y:x='2'/></a>", &["--records", "//i"], 1, &["line 2", "two attributes"]),
        ("a.xml", b"<a><i n='x'/></a>", &["--records", "//i", "--table", "1"], 2, &["--table"]),
        ("a.xml", "<a>".repeat(2000).as_bytes(), &["--records", "//i"], 6, &["256 deep"]),
    ]);
}

#[test]
fn tables_of_pages_are_records() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "<!doctype html><meta charset=windows-1250><table><tr><td>menu</table>\
        <table id=p><caption>Prices of \u{160}ibenik</caption><tr><th>Town<th>Price<tr><td rowspan=2>\u{160}ibenik<td>1,20<tr><td>n/a</table>\
        <table><tr><th>x<tr><td>1<tr><td>2<td>3</table>";
    let (bytes, _, _) = encoding_rs::WINDOWS_1250.encode(text);
    let path = file(folder.path(), "in.html", &bytes);
    let expected = [(2, r#"{"Price": 1.2, "Town": "Šibenik"}"#), (3, r#"{"Price": null, "Town": "Šibenik"}"#)];
    let expected = expected.map(|(row, form)| (row, form.to_owned()));
    for table in ["2", "prices of \u{161}ibenik", "#p"] {
        assert_eq!(records(&path, &["--table", table, "--decimal", ",", "--null", "n/a"]), expected, "{table}");
    }
    check(&[
        ("a.html", &bytes, &[], 2, &["`Prices of \u{160}ibenik`", "--table 2"]),
        ("a.html", &bytes, &["--table", "9"], 5, &["`9`", "Town, Price"]),
        ("a.html", &bytes, &["--table", "3"], 1, &["table 3, row 3", "2 cells, and the header has 1"]),
        ("a.html", b"<html><p>no</html>", &[], 5, &["the page has none"]),
    ]);
}

#[test]
fn members_of_archives_are_inputs() {
    let folder = tempfile::tempdir().expect("a folder");
    let zip = fixture("two.zip");
    assert_eq!(forms(&zip, &["--member", "*.csv"]), [r#"{"n": 1, "s": "a"}"#, r#"{"n": 2, "s": "b"}"#]);
    assert_eq!(forms(&zip, &["--member", "b.csv"]), [r#"{"n": 2, "s": "b"}"#]);
    let status = clean("tar")
        .args(["czf", "it.tgz", "-C"])
        .arg(fixture(""))
        .args(["README.md", "plain.xlsx"])
        .current_dir(folder.path())
        .status()
        .expect("tar");
    assert!(status.success());
    let tar = folder.path().join("it.tgz");
    assert_eq!(forms(&tar, &["--member", "plain.xlsx"]).len(), 2);
    let bytes = std::fs::read(&zip).expect("a file");
    let tar_bytes = std::fs::read(&tar).expect("a file");
    check(&[
        ("a.zip", &bytes, &[], 2, &["`data/b.csv`", "`README.txt`", "--member '*.csv'"]),
        ("a.zip", &bytes, &["--member", "*.xml"], 5, &["`*.xml`", "`data/b.csv`"]),
        ("a.zip", &bytes[..200], &["--member", "b.csv"], 1, &["damaged or cut short"]),
        ("a.tgz", &tar_bytes, &["--member", "nothing"], 5, &["`plain.xlsx`"]),
    ]);
    // a bomb of 2 GiB of zeros
    let bomb = folder.path().join("bomb.zip");
    let script = "import sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as z:\n\
                  \twith z.open('a.csv', 'w', force_zip64=True) as f:\n\t\t[f.write(bytes(1 << 24)) for _ in range(80)]\n";
    let made = clean("python3").args(["-c", script]).arg(&bomb).status().expect("python3");
    assert!(made.success());
    let output = run(folder.path(), &["merge", "t", "bomb.zip", "--create"]);
    assert_eq!(output.status.code(), Some(6), "{}", stderr(&output));
    assert!(stderr(&output).contains("as bombs do"), "{}", stderr(&output));
}

#[test]
fn sheets_of_workbooks_are_records() {
    let first = r#"{"code": "007", "day": "2026-01-31", "name": "Šibenik", "open": true, "price": 1.1, "seen": "2026-01-31T10:15:30"}"#;
    let second = r#"{"code": "008", "day": "2026-01-31", "name": "Zagreb", "open": false, "price": 12, "seen": "2026-01-31T10:15:30"}"#;
    for name in ["plain.xlsx", "plain.ods", "of-1904.xlsx", "of-1904.xlsb"] {
        let expected = [(2, first.to_owned()), (3, second.to_owned())];
        assert_eq!(records(&fixture(name), &[]), expected, "{name}");
    }
    assert_eq!(forms(&fixture("plain.xls"), &["--sheet", "1"]), [first, second]);
    let odd = fixture("prices.xlsx");
    let flags = ["--header-row", "3", "--range", "A:F", "--null", "#N/A"];
    let output = run(
        Path::new("/"),
        &[&["merge", "--hash-only", "--exact", odd.to_str().expect("a path")][..], &flags].concat(),
    );
    assert!(stdout(&output).contains("9007199254740992"), "{}", stdout(&output));
    let text = stderr(&output);
    assert!(
        text.contains("sheet `Prices`, row 9, column `name`") && text.contains("formula without a result"),
        "{text}"
    );
    let inside = ["--range", "A3:F6", "--null", "#N/A"];
    assert_eq!(records(&odd, &inside)[2].1.matches("null").count(), 4);
    assert_eq!(forms(&odd, &["--sheet", "Hidden"]), [r#"{"x": 1}"#]);
    let bytes = std::fs::read(&odd).expect("a file");
    check(&[
        ("a.xlsx", &bytes, &[], 1, &["sheet `Prices`, row 3", "column B has no name in the header"]),
        ("a.xlsx", &bytes, &["--header-row", "3"], 1, &["row 4", "column H has no name", "a note beside"]),
        ("a.xlsx", &bytes, &["--range", "A3:F6"], 1, &["row 6, column `name`", "error `#N/A`", "--null '#N/A'"]),
        ("a.xlsx", &bytes, &["--sheet", "Nothing"], 5, &["`Prices`", "`Hidden`"]),
        ("a.xlsx", &bytes, &["--header-row", "2"], 1, &["row 2 is empty"]),
        ("a.xlsx", &bytes, &["--range", "F1:A1"], 2, &["`F1:A1`"]),
        ("a.xlsx", &bytes, &["--encoding", "utf-8"], 2, &["--encoding"]),
        ("a.xlsx", &bytes[..bytes.len() / 2], &[], 1, &["damaged or cut short"]),
    ]);
    // what a server said that failed, under the name of what was asked for
    let failure = b"error\nservice unavailable\n";
    for name in ["a.json", "a.xlsx", "a.zip", "a.json.gz"] {
        let ending = name.trim_end_matches(".gz").rsplit('.').next().expect("an ending");
        check(&[(name, failure, &[], 1, &[&format!("it is named .{ending}"), "`--format csv` reads it"])]);
        check(&[(name, failure, &["--format", "csv"], 0, &[])]);
    }
    let locked = std::fs::read(fixture("locked.xlsx")).expect("a file");
    check(&[("a.xlsx", &locked, &[], 4, &["it is encrypted", "save it without one"])]);
    // a member of an archive that is locked: the sign stands at its data, and in the list at the end
    let mut archive = std::fs::read(fixture("two.zip")).expect("a file");
    for (mark, at) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        for place in memchr::memmem::find_iter(&archive.clone(), mark) {
            archive[place + at] |= 1;
        }
    }
    check(&[("a.zip", &archive, &["--member", "*/b.csv"], 4, &["it is encrypted"])]);
}

#[test]
fn a_bad_row_of_a_sheet_is_set_aside_with_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let odd = fixture("prices.xlsx");
    let flags = ["--create", "--range", "A3:F9", "--rejects", "bad.ndjson", "--json"];
    let output = run(folder.path(), &[&["merge", "t", odd.to_str().expect("a path")][..], &flags].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("a report");
    assert_eq!((&report["new"], &report["rejected"]), (&2.into(), &2.into()), "{report}");
    let bad = std::fs::read_to_string(folder.path().join("bad.ndjson")).expect("rejects");
    let lines: Vec<serde_json::Value> = bad.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((&lines[0]["line"], &lines[0]["column"]), (&6.into(), &"name".into()), "{bad}");
    assert!(lines[0]["file"].as_str().expect("a name").ends_with("prices.xlsx, sheet `Prices`"), "{bad}");
    assert!(lines[0]["record"].as_str().expect("a record").starts_with("{\"code\": \"009\""), "{bad}");
    assert_eq!(lines[1]["line"], 9);
    // a row that comes again is known, whatever its format
    let again = run(folder.path(), &[&["merge", "t", odd.to_str().expect("a path")][..], &flags[1..]].concat());
    let report: serde_json::Value = serde_json::from_str(&stdout(&again)).expect("a report");
    assert_eq!((&report["new"], &report["unchanged"]), (&0.into(), &2.into()), "{report}");
}

#[test]
fn a_cut_file_is_an_error_or_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, flags) in
        [("plain.xlsx", &[][..]), ("plain.xls", &[]), ("plain.ods", &[]), ("two.zip", &["--member", "b.csv"])]
    {
        let bytes = std::fs::read(fixture(name)).expect("a file");
        let whole = run(
            folder.path(),
            &[&["merge", "--hash-only", fixture(name).to_str().expect("a path")][..], flags].concat(),
        );
        // each cut is a start of dc: every 997th byte here, every byte in the fuzz targets
        for end in (300..bytes.len()).step_by(997) {
            let path = file(folder.path(), name, &bytes[..end]);
            let output =
                run(folder.path(), &[&["merge", "--hash-only", path.to_str().expect("a path")][..], flags].concat());
            let is_same = output.status.code() == Some(0) && output.stdout == whole.stdout;
            let text = stderr(&output);
            assert!(
                is_same || output.status.code().is_some_and(|status| (1..=6).contains(&status)),
                "{name} {end}: {text}"
            );
            assert!(!text.contains("panicked"), "{name} {end}: {text}");
        }
    }
}

#[test]
fn what_is_converted_comes_by_pipes_and_gzip_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plain.xlsx.gz");
    let mut packed =
        flate2::write::GzEncoder::new(std::fs::File::create(&path).expect("a file"), flate2::Compression::fast());
    packed.write_all(&std::fs::read(fixture("plain.xlsx")).expect("a file")).expect("bytes");
    packed.finish().expect("an end");
    assert_eq!(forms(&path, &[]).len(), 2);
    let output = clean("sh")
        .args(["-c", "cat \"$1\" | \"$2\" merge --hash-only -", "sh"])
        .args([fixture("plain.ods").to_str().expect("a path"), env!("CARGO_BIN_EXE_dc")])
        .output()
        .expect("sh");
    assert_eq!(stdout(&output).lines().count(), 2, "{}", stderr(&output));
}
