//! The house as ARCHITECTURE.md has it: floors, small files, and what must be absent.

use std::fs;
use std::path::{Path, PathBuf};

/// The floors, lowest first. A module uses only modules on lower floors, never a neighbour.
const FLOORS: &[&[&str]] = &[
    &["error"],
    &["clock", "die", "ident", "layout", "record", "zone"],
    &["hash", "settings", "shell"],
    &["secrets"],
    &["bound", "context", "redact"],
    &["broker", "db", "http"],
    &["tables"],
    &["merge", "logs", "profile", "apps", "notify", "soap", "captcha", "pdf", "ocr", "telemetry"],
    &["documents"],
    &["readers"],
    &["manager"],
    &["ops"],
    &["fuzzing"],
];

/// What the commands may see: operations, and the plain types that their options are made of.
const SEEN_BY_COMMANDS: &[&str] = &[
    "ops",
    "shell",
    "settings",
    "context",
    "error",
    // the log of the process is the process's own
    "logs::{LogGuard, LogSetup}",
    "db::Gone",
    "documents::TablesBy",
    "merge::{Format, MaxGone}",
    "merge::Format",
    "merge::MaxGone",
];

/// The most lines of a file.
const LINES_MAX: usize = 500;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The lines of a file that are code: without comments, and without the tests at its end.
fn code(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).expect("a file");
    let numbered = text.lines().enumerate().map(|(number, line)| (number + 1, line.to_owned()));
    numbered
        .take_while(|(_, line)| line.trim() != "mod tests {")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .collect()
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

fn modules() -> Vec<String> {
    let library = fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs");
    let named = library
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod "))
        .map(|rest| rest.trim_end_matches(';').to_owned());
    named.collect()
}

/// The room that a file of `src/` belongs to.
fn room(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).expect("in src").components().next().expect("a part");
    inside.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// The modules that a line names behind `prefix`, also inside braces.
fn named_behind(line: &str, prefix: &str) -> Vec<String> {
    let word =
        |text: &str| text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = Vec::new();
    for (at, _) in line.match_indices(prefix) {
        let rest = &line[at + prefix.len()..];
        match rest.strip_prefix('{') {
            Some(list) => found.extend(list.split(',').map(word)),
            None => found.push(word(rest)),
        }
    }
    found
}

#[test]
fn every_module_stands_on_a_floor() {
    for module in modules() {
        assert!(
            floor(&module).is_some(),
            "`{module}` of src/lib.rs stands on no floor; add it to FLOORS and to ARCHITECTURE.md"
        );
    }
}

#[test]
fn no_import_runs_upwards_or_to_a_neighbour() {
    let mut wrong = Vec::new();
    for path in rust_files(&root().join("src")) {
        let own = room(&path);
        let Some(own_floor) = floor(&own) else { continue };
        for (number, line) in code(&path) {
            for used in named_behind(&line, "crate::") {
                let is_above = floor(&used).is_some_and(|other| used != own && other >= own_floor);
                if is_above {
                    wrong.push(format!("{}:{number}: `{own}` uses `{used}`", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The rooms of a merge in the order in which it walks through them, what all of them use first.
const WAY_OF_A_MERGE: &[&[&str]] = &[
    &["phases", "temporary"],
    &["report", "spool", "history"],
    &["plan"],
    &["read"],
    &["compare"],
    &["write"],
    &["steps", "explain", "show", "undo"],
];

#[test]
fn a_merge_walks_one_way() {
    let place = |room: &str| WAY_OF_A_MERGE.iter().position(|rooms| rooms.contains(&room));
    let merge = root().join("src/merge");
    let mut wrong = Vec::new();
    for path in rust_files(&merge).into_iter().filter(|path| *path != merge.join("mod.rs")) {
        let inside = path.strip_prefix(&merge).expect("in src/merge").components().next().expect("a part");
        let own = inside.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned();
        let Some(own_place) = place(&own) else { panic!("{} has no place in WAY_OF_A_MERGE", path.display()) };
        for (number, line) in code(&path) {
            for used in named_behind(&line, "crate::merge::") {
                if used != own && place(&used).is_none_or(|other| other >= own_place) {
                    wrong.push(format!("{}:{number}: `{own}` uses `{used}`", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn commands_see_operations_only() {
    let mut wrong = Vec::new();
    for path in rust_files(&root().join("commands")) {
        for (number, line) in code(&path) {
            for (at, _) in line.match_indices("data_collector::") {
                let rest = &line[at + "data_collector::".len()..];
                if !SEEN_BY_COMMANDS.iter().any(|allowed| rest.starts_with(allowed)) {
                    wrong.push(format!("{}:{number}: {}", path.display(), line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_small_and_say_why_they_exist() {
    for folder in ["src", "commands"] {
        for path in rust_files(&root().join(folder)) {
            let text = fs::read_to_string(&path).expect("a file");
            assert!(text.starts_with("//!"), "{} does not begin with its reason, `//!`", path.display());
            let lines = text.lines().count();
            assert!(
                lines <= LINES_MAX,
                "{} has {lines} lines, and at most {LINES_MAX} are allowed: split where the noun changes",
                path.display()
            );
        }
    }
}

#[test]
fn only_one_file_reads_the_environment_and_only_the_shell_prints() {
    let prints = ["println!", "eprintln!", "print!(", "eprint!("];
    let is_test =
        |path: &PathBuf| path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "conformance");
    for path in rust_files(&root().join("src")).into_iter().filter(|path| !is_test(path)) {
        for (number, line) in code(&path) {
            let place = || format!("{}:{number}: {}", path.display(), line.trim());
            let reads = line.contains("env::var") && !path.ends_with("settings/environment.rs");
            assert!(!reads, "only settings/environment.rs reads the environment: {}", place());
            assert!(!prints.iter().any(|print| line.contains(print)), "only the shell prints: {}", place());
        }
    }
}
