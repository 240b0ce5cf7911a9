//! Transcripts of what people type and see; they double as documentation. In a block ```` ```console ```` a line behind `$ `
//! is typed in a copy of the folder `NAME.in`, `? N` is its exit status, `[..]` any text within a line, and what stands below it
//! until an empty line before the next is what it printed.

use std::fs;
use std::path::Path;

use crate::support::{clean, stdout};

/// One command, and what is expected of it.
struct Typed {
    line: String,
    status: i32,
    shown: Vec<String>,
}

fn typed(text: &str) -> Vec<Typed> {
    let mut all: Vec<Typed> = Vec::new();
    let mut is_console = false;
    for line in text.lines() {
        match (is_console, line.strip_prefix("$ "), line.strip_prefix("? ")) {
            (false, ..) => is_console = line == "```console",
            (true, ..) if line == "```" => is_console = false,
            (true, Some(line), _) => all.push(Typed { line: line.to_owned(), status: 0, shown: Vec::new() }),
            (true, None, Some(status)) => all.last_mut().expect("a command").status = status.parse().expect("a status"),
            (true, None, None) => all.last_mut().expect("a command").shown.push(line.replace("[EXE]", "")),
        }
    }
    all
}

/// Whether a line is what a pattern with `[..]` says.
fn fits(pattern: &str, line: &str) -> bool {
    let Some((start, end)) = pattern.split_once("[..]") else { return pattern == line };
    let (middle, last) = end.rsplit_once("[..]").map_or((None, end), |(middle, last)| (Some(middle), last));
    let Some(mut rest) = line.strip_prefix(start).and_then(|rest| rest.strip_suffix(last)) else { return false };
    for part in middle.into_iter().flat_map(|middle| middle.split("[..]")) {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

fn play(path: &Path) -> usize {
    let project = tempfile::tempdir().expect("a folder");
    for entry in fs::read_dir(path.with_extension("in")).into_iter().flatten() {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), project.path().join(entry.file_name())).expect("a copy");
    }
    let dc = Path::new(env!("CARGO_BIN_EXE_dc")).parent().expect("its folder");
    let programs = format!("{}:{}", dc.display(), std::env::var("PATH").expect("a path"));
    let all = typed(&fs::read_to_string(path).expect("a transcript"));
    for Typed { line, status, shown } in &all {
        let mut shell = clean("sh");
        shell.args(["-c", &format!("exec {line} 2>&1")]).current_dir(project.path()).env("PATH", &programs);
        let output = shell.env("TZ", "UTC").env("NO_COLOR", "1").env("XDG_CONFIG_HOME", project.path()).output();
        let output = output.expect("sh starts");
        let said = stdout(&output);
        let trimmed = |lines: Vec<&str>| lines.join("\n").trim_end().lines().map(str::to_owned).collect::<Vec<_>>();
        let (wanted, seen) = (trimmed(shown.iter().map(String::as_str).collect()), trimmed(said.lines().collect()));
        let is_same = wanted.len() == seen.len() && wanted.iter().zip(&seen).all(|(one, other)| fits(one, other));
        let place = path.display();
        assert!(is_same, "{place}: $ {line}\nit was to say\n{}\nand said\n{said}", wanted.join("\n"));
        assert_eq!(output.status.code(), Some(*status), "{place}: $ {line}");
    }
    all.len()
}

#[test]
fn transcripts_are_true() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    for name in ["help.md", "merge.md"] {
        // where nothing is typed, nothing would be tried
        assert!(play(&folder.join(name)) > 1, "{name}");
    }
}

#[test]
fn a_pattern_says_what_a_line_is() {
    for (pattern, line, expected) in [
        ("a [..] c", "a b c", true),
        ("a[..]b[..]c", "a1b2c", true),
        ("[..]", "", true),
        ("a", "a", true),
        ("a", "ab", false),
        ("a[..]", "ba", false),
        ("[..]b[..]b", "ab", false),
    ] {
        assert_eq!(fits(pattern, line), expected, "{pattern}: {line}");
    }
}
