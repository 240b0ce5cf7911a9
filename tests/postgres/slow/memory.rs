//! How much memory a merge takes, by how much it is given.

use std::io::Write;

use crate::support::{Backend, Stopped, dc};

/// Records of the small input; the large one has three times as many.
const RECORDS: usize = 2_000;
/// What the large one may take beyond the small one, in KiB; it is 15 MiB larger.
const MORE_KIB_MAX: u64 = 8 << 10;

/// The most memory that a merge has had when it is about to commit, in KiB.
fn peak_kib(backend: &Backend, table: &str, file: &str) -> u64 {
    peak_kib_with(backend, table, file, &[])
}

fn peak_kib_with(backend: &Backend, table: &str, file: &str, flags: &[&str]) -> u64 {
    let mut command = dc(backend.folder.path());
    command
        .args(["merge", table, file, "--create", "--max-gone", "100%"])
        .args(flags)
        .env("DC_DB_MAIN_URL", &backend.url);
    let stopped = Stopped::at("merge.before-commit", &mut command);
    let status = std::fs::read_to_string(format!("/proc/{}/status", stopped.id())).expect("a process");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak").trim();
    let peak_kib = peak.trim_end_matches(" kB").parse().expect("a number");
    let (status, said) = stopped.go_on();
    assert!(status.success(), "{said}");
    peak_kib
}

#[test]
fn a_larger_input_takes_no_more_memory() {
    for backend in Backend::all() {
        let files = [("small", 1, 0), ("large", 3, 0), ("other", 3, 1)];
        for (name, times, edition) in files {
            let file = std::fs::File::create(backend.folder.path().join(format!("{name}.ndjson"))).expect("a file");
            let mut out = std::io::BufWriter::new(file);
            for n in 0..RECORDS * times {
                writeln!(out, "{{\"n\":{n},\"edition\":{edition},\"text\":\"{}\"}}", "text ".repeat(800))
                    .expect("room");
            }
        }
        let small = peak_kib(&backend, "s", "small.ndjson");
        // a first load, and one in which every row goes and a new one comes
        for (table, file) in [("t", "large.ndjson"), ("t", "other.ndjson")] {
            let large = peak_kib(&backend, table, file);
            assert!(large < small + MORE_KIB_MAX, "{file}: {large} KiB, and {small} KiB for a third");
        }
    }
}

/// A file of `name` with so many records, as XML or as a sheet.
fn written(path: &std::path::Path, records: usize) {
    let text = "text ".repeat(100);
    let file = std::fs::File::create(path).expect("a file");
    let mut out = std::io::BufWriter::new(file);
    if path.extension().is_some_and(|ending| ending == "xml") {
        write!(out, "<feed>").expect("room");
        for n in 0..records {
            write!(out, "<item id='{n}'><text>{text}{n}</text><price>{n}.50</price></item>").expect("room");
        }
        write!(out, "</feed>").expect("room");
        return;
    }
    let mut archive = zip::ZipWriter::new(out);
    let mut member = |name: &str, content: &mut dyn FnMut(&mut dyn Write)| {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).expect("a member");
        content(&mut archive);
    };
    member("[Content_Types].xml", &mut |out| write!(out, "<Types/>").expect("room"));
    member("xl/workbook.xml", &mut |out| {
        write!(out, "<workbook><sheets><sheet name='A' id='r1'/></sheets></workbook>").expect("room");
    });
    member("xl/_rels/workbook.xml.rels", &mut |out| {
        write!(out, "<R><Relationship Id='r1' Target='worksheets/sheet1.xml'/></R>").expect("room");
    });
    member("xl/sharedStrings.xml", &mut |out| {
        write!(out, "<sst><si><t>n</t></si><si><t>text</t></si>").expect("room");
        (0..records).for_each(|n| write!(out, "<si><t>{text}{n}</t></si>").expect("room"));
        write!(out, "</sst>").expect("room");
    });
    member("xl/worksheets/sheet1.xml", &mut |out| {
        write!(out, "<worksheet><sheetData><row><c t='s'><v>0</v></c><c t='s'><v>1</v></c></row>").expect("room");
        (0..records).for_each(|n| {
            write!(out, "<row><c><v>{n}</v></c><c t='s'><v>{}</v></c></row>", n + 2).expect("room");
        });
        write!(out, "</sheetData></worksheet>").expect("room");
    });
    archive.finish().expect("an end");
}

#[test]
fn a_large_file_of_any_format_takes_little_memory() {
    let backend = Backend::sqlite();
    for (ending, flags) in [("xml", &["--records", "//item"][..]), ("xlsx", &[])] {
        let mut peaks = Vec::new();
        for (name, times) in [("few", 1), ("many", 4)] {
            let file = format!("{name}.{ending}");
            written(&backend.folder.path().join(&file), 15_000 * times);
            peaks.push(peak_kib_with(&backend, &format!("{name}_{ending}"), &file, flags));
        }
        // the many come to 23 MiB more
        assert!(peaks[1] < peaks[0] + MORE_KIB_MAX, "{ending}: {peaks:?} KiB");
    }
}
