//! The house as ARCHITECTURE.md has it: floors, small files, what must be absent, and a test for each invariant.

use std::fs;
use std::path::{Path, PathBuf};

/// The floors, lowest first. A module uses only modules on lower floors, never a neighbour.
const FLOORS: &[&[&str]] = &[
    &["error", "secret"],
    &["clock", "die", "dotenv", "failpoint", "ident", "language", "layout", "record", "zone"],
    &["hash", "settings", "shell"],
    &["secrets"],
    &["bound", "context", "redact"],
    &["broker", "db", "http"],
    &["formats", "tables"],
    &[
        "html",
        "merge",
        "logs",
        "profile",
        "apps",
        "notify",
        "soap",
        "captcha",
        "pdf",
        "ocr",
        "telemetry",
        "transfer",
        "ends",
        "fields",
        "json_schema",
    ],
    &["documents", "dramatiq", "storage"],
    &["publish", "readers"],
    &["manager", "pipeline"],
    &["ops"],
    &["board", "web"],
    &["fuzzing"],
];

/// What the commands may see: operations, and the plain types that their options are made of.
const SEEN_BY_COMMANDS: &[&str] = &[
    "ops",
    // what is shown over HTTP, and on a terminal that is watched
    "web",
    "board",
    "shell",
    "settings",
    "context",
    "error",
    // the log of the process is the process's own
    "logs::{LogGuard, LogSetup}",
    "db::Gone",
    "documents::TablesBy",
    "formats::{Area, DateForm, Notation, Reading, Widths}",
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
        .filter_map(|line| line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod "))
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
    &["phases", "nearest"],
    &["report", "spool", "history"],
    &["plan"],
    &["read"],
    &["compare"],
    &["write"],
    &["steps", "explain", "show", "undo"],
    &["changed"],
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

/// What only some files may name, and which: a folder stands for all in it.
struct Rule {
    words: &'static [&'static str],
    /// Of `src/` and `commands/`.
    files: &'static [&'static str],
    why: &'static str,
}

/// The rules that a search finds broken.
const RULES: &[Rule] = &[
    Rule {
        words: &["println!", "eprintln!", "print!(", "eprint!(", "dbg!"],
        files: &[],
        why: "nothing prints past the shell",
    },
    Rule {
        words: &["stdout()", "stderr()"],
        files: &[
            "src/shell",
            // the sink of the log that is the terminal
            "src/logs/sinks/console.rs",
            // an app's output
            "src/ops/run/echo.rs",
            // pages that are told as they are read, and the answers of a worker
            "commands/ocr.rs",
            // the bytes of stored files
            "commands/files.rs",
            // the originals of documents, and what stages gave
            "commands/tasks.rs",
        ],
        why: "only the shell, the console sink and what passes data through have the standard streams",
    },
    Rule { words: &["env::var"], files: &["src/settings/environment.rs"], why: "the environment is read in one place" },
    Rule {
        words: &[
            "\"sqlite\"",
            "\"postgres\"",
            "\"mysql\"",
            "\"mssql\"",
            "postgresql.service",
            "rusqlite",
            "tokio_postgres",
            "mysql_async",
            "tiberius",
            "diesel",
        ],
        files: &["src/db", "src/tables", "src/settings"],
        why: "a backend is named by the two planes and the settings alone",
    },
    Rule {
        words: &["SELECT ", "INSERT INTO", "DELETE FROM", "CREATE TABLE", "ALTER TABLE", "DROP TABLE", "SAVEPOINT"],
        files: &[
            "src/db",
            "src/tables",
            // a statement that a person may type
            "src/ops/tasks/story.rs",
            // as are those of `dc query`
            "src/ops/query.rs",
            "commands/query.rs",
            "commands/arguments.rs",
        ],
        why: "SQL is written in the two planes alone: backends differ in it",
    },
    Rule {
        words: &["TcpStream", "TcpListener", "UdpSocket", "ureq", "lettre", "amiquip", "tokio_postgres"],
        files: &[
            "src/broker",
            "src/db",
            "src/http",
            "src/notify/channels/email.rs",
            // the figures of a manager, on the address that it was told
            "src/web/server.rs",
        ],
        why: "the network is reached by these alone",
    },
    Rule {
        words: &["unsafe "],
        files: &[
            "src/apps/system_call.rs",
            "src/hash/many.rs",
            "src/ocr/tesseract/library.rs",
            // the system's libheif
            "src/documents/heif.rs",
            // a file that is shared with the system
            "src/pdf/mapped.rs",
            "src/secrets/descriptor.rs",
            "commands/memory.rs",
        ],
        why: "unsafe code stands in these files alone",
    },
    Rule {
        words: &["ratatui", "crossterm"],
        files: &["src/board", "src/shell/screen.rs", "src/shell/keys.rs"],
        why: "the terminal is taken by the screen, with its keys, and drawn by the board",
    },
    Rule {
        words: &["quick_xml"],
        files: &["src/soap/xml", "src/formats/xml/events.rs"],
        why: "XML is read as a whole by soap/xml, and in a stream by formats/xml alone",
    },
    Rule {
        words: &["Utc::now", "Local::now"],
        files: &["src/clock.rs"],
        why: "the time is the clock's: UTC, microseconds",
    },
    Rule {
        words: &["Command::new"],
        files: &[
            "src/apps/launch.rs",
            "src/dramatiq/program.rs",
            "src/manager/launcher.rs",
            "src/notify/channels/command.rs",
            "src/ocr/tesseract/program.rs",
            "src/pipeline/stages/serve.rs",
            "src/readers/process.rs",
            "src/ops/editor.rs",
            // whose output is merged
            "src/ops/merge/producer.rs",
            // pip, which brings the package with Paddle's models
            "src/ops/ocr/models.rs",
            "src/ops/secrets/exec.rs",
        ],
        why: "these alone start programs; of a manager the launcher, and it starts dc",
    },
];

/// The files of the product, without those that are tests.
fn product() -> Vec<PathBuf> {
    let is_test = |path: &PathBuf| {
        let inside = |name: &str| path.components().any(|part| part.as_os_str() == name);
        path.ends_with("tests.rs") || inside("tests") || inside("conformance") || inside("simulation")
    };
    let inside = |folder: &str| rust_files(&root().join(folder));
    let mut files = [inside("src"), inside("commands")].concat();
    files.retain(|path| !is_test(&path.strip_prefix(root()).expect("in the house").to_owned()));
    files
}

#[test]
fn what_only_some_files_may_name_no_other_does() {
    for Rule { words, files, why } in RULES {
        for file in *files {
            assert!(root().join(file).exists(), "{file} of `{why}` is not there");
        }
        let is_named = |path: &Path| files.iter().any(|file| path.starts_with(root().join(file)));
        let (named, others): (Vec<_>, Vec<_>) = product().into_iter().partition(|path| is_named(path));
        let find = |path: &PathBuf| -> Vec<String> {
            let holds = |line: &str| words.iter().any(|word| line.contains(word));
            let found = code(path).into_iter().filter(|(_, line)| holds(line));
            found.map(|(number, line)| format!("{}:{number}: {}", path.display(), line.trim())).collect()
        };
        let wrong: Vec<String> = others.iter().flat_map(find).collect();
        assert!(wrong.is_empty(), "{why}:\n{}", wrong.join("\n"));
        // a file that has nothing of it needs no leave
        for file in *files {
            let of_file = named.iter().filter(|path| path.starts_with(root().join(file)));
            assert!(of_file.into_iter().any(|path| !find(path).is_empty()), "{file} is named in vain: {why}");
        }
    }
}

#[test]
fn no_setting_of_whoever_runs_the_tests_reaches_a_program_under_test() {
    let support = root().join("tests/support/mod.rs");
    let starts = ["Command::n", "ew("].concat();
    let find = |path: PathBuf| {
        let found = code(&path).into_iter().filter(|(_, line)| line.contains(&starts));
        let places = found.map(|(number, line)| format!("{}:{number}: {}", path.display(), line.trim()));
        places.collect::<Vec<_>>()
    };
    let wrong: Vec<String> = rust_files(&root().join("tests")).into_iter().flat_map(find).collect();
    let is_own = wrong.len() == 1 && wrong[0].starts_with(&support.display().to_string());
    assert!(is_own, "programs are started by `support::clean`:\n{}", wrong.join("\n"));
}

#[test]
fn a_merge_commits_in_one_place_and_its_spools_have_no_name() {
    let mut commits = Vec::new();
    for path in [rust_files(&root().join("src/merge")), rust_files(&root().join("src/formats"))].concat() {
        for (number, line) in code(&path) {
            let place = || format!("{}:{number}: {}", path.display(), line.trim());
            if line.contains(".commit()") {
                commits.push(path.file_name().expect("a name").to_string_lossy().into_owned());
            }
            let words = ["NamedTempFile", "tempfile_in", "Builder::new", "tempdir"];
            let has_name = !line.contains("thread::Builder") && words.iter().any(|it| line.contains(it));
            assert!(!has_name, "a spool has no name on disk: {}", place());
        }
    }
    commits.sort();
    assert_eq!(commits, ["steps.rs", "undo.rs"], "a merge commits once, an undo once");
}

#[test]
fn failpoints_are_in_debug_builds_alone() {
    let text = fs::read_to_string(root().join("src/failpoint.rs")).expect("a file");
    let parts: Vec<&str> = text.split("\n\n").filter(|part| part.lines().any(|line| !line.starts_with("//"))).collect();
    let is_debug = |part: &str| part.contains("#[cfg(debug_assertions)]\n");
    let release: Vec<&str> = parts.iter().take_while(|part| !part.contains("mod armed {")).copied().collect();
    assert!(parts[release.len()].contains("#[cfg(debug_assertions)]\nmod armed {"), "the module is for debug builds");
    // what is left for a release does nothing
    let left: Vec<&str> = release.into_iter().filter(|part| !is_debug(part)).collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].contains("#[cfg(not(debug_assertions))]") && left[0].ends_with("{\n    Ok(())\n}"), "{}", left[0]);
    let armed: Vec<String> = product()
        .iter()
        .filter(|path| !path.ends_with("src/failpoint.rs"))
        .flat_map(|path| code(path).into_iter().map(|(_, line)| line))
        .filter(|line| line.contains("failpoint::") && !line.contains("failpoint::point(\""))
        .collect();
    assert_eq!(armed, ["        crate::failpoint::arm(environment.get(crate::failpoint::VARIABLE));"]);
}

/// The invariants of ARCHITECTURE.md, each as one line.
fn invariants() -> Vec<String> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let section =
        text.split("\n## Invariants\n").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("a section");
    let items = section.split("\n- ").skip(1);
    items.map(|item| item.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn every_invariant_names_the_tests_that_hold_it() {
    let everything: String = ["src", "tests"]
        .iter()
        .flat_map(|folder| rust_files(&root().join(folder)))
        .map(|path| fs::read_to_string(path).expect("a file"))
        .collect();
    let invariants = invariants();
    assert!(invariants.len() > 15, "{invariants:?}");
    for invariant in invariants {
        let held = invariant.rsplit_once("Held by ").map(|(_, held)| held).unwrap_or_default();
        let tests: Vec<&str> = held.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "no test holds this: {invariant}");
        for test in tests {
            let is_there = everything.match_indices(&format!("fn {test}(")).any(|(at, _)| {
                // the attribute stands right before it; more of them, such as a cfg, may come between
                everything[..at].trim_end().rsplit("\n\n").next().is_some_and(|before| before.contains("#[test]"))
            });
            assert!(is_there, "there is no test `{test}`: {invariant}");
        }
    }
}
