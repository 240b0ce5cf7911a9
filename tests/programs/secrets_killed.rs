//! `kill -9` at the system calls of `dc secrets rekey` and `edit`, by fault injection of strace: the store always opens,
//! with the old or the new password, and holds the old or the new text.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use crate::support::needs::has_program;
use crate::support::store::{PASSWORD, Project};
use crate::support::{clean, same_by};
use data_collector::secrets::{Password, Sealed};

const NEW_PASSWORD: &str = "another long battery staple";
const TEXT: &str = "# keys\nAPI_KEY=abc\n";
const EDITED: &str = "# keys\nAPI_KEY=abc\nEDITED=1\n";
/// The calls that change anything on disk, or stand between such calls. A kill at any other call finds on disk what a
/// kill at the next one of these finds.
const CHANGING: [&str; 20] = [
    "write",
    "pwrite64",
    "ftruncate",
    "fsync",
    "fdatasync",
    "openat",
    "mkdir",
    "mkdirat",
    "symlink",
    "symlinkat",
    "linkat",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "flock",
    "fchown",
    "fchmod",
    "chmod",
];

/// A command, and what its store may hold when it was killed.
struct Case<'a> {
    arguments: &'a [&'a str],
    editor: Option<String>,
    outcomes: &'a [(&'a str, &'a str)],
}

#[test]
fn a_kill_at_any_change_leaves_the_old_or_the_new_store() {
    if !has_program("strace", clean("strace").args(["-o", "/dev/null", "true"])) {
        return;
    }
    let project = Project::with(TEXT);
    let editor = project.path().join("editor.sh");
    fs::write(&editor, "echo EDITED=1 >>\"$1\"").expect("a script");
    let cases = [
        Case { arguments: &["secrets", "rekey"], editor: None, outcomes: &[(PASSWORD, TEXT), (NEW_PASSWORD, TEXT)] },
        Case {
            arguments: &["secrets", "edit"],
            editor: Some(format!("sh {}", editor.display())),
            outcomes: &[(PASSWORD, TEXT), (PASSWORD, EDITED)],
        },
    ];
    let before = fs::read(project.store()).expect("a store");
    for case in &cases {
        fs::write(project.store(), &before).expect("a store");
        let calls: Vec<_> =
            calls(&project, case).into_iter().filter(|(name, _)| CHANGING.contains(&name.as_str())).collect();
        assert!(calls.iter().any(|(name, _)| name.starts_with("rename")), "{calls:?}");
        assert!(calls.len() >= 6, "{calls:?}");
        for (name, count) in calls {
            fs::write(project.store(), &before).expect("a store");
            let inject = format!("inject={name}:signal=KILL:when={count}");
            let status = traced(&project, case, &["-e", &format!("trace={name}"), "-e", &inject], "/dev/null");
            let place = || format!("{:?} killed at {name} {count} ({status:?})", case.arguments);
            assert_eq!(status.signal(), Some(9), "it was not killed: {}", place());
            assert!(opens(&project, case.outcomes), "{}", place());
        }
        fs::write(project.store(), &before).expect("a store");
        assert!(traced(&project, case, &["-e", "trace=none"], "/dev/null").success(), "it works without a kill");
        let (password, text) = case.outcomes[1];
        assert!(opens(&project, &[(password, text)]), "and leaves the new store");
        let left = fs::read_dir(project.path()).expect("a folder").flatten();
        let left: Vec<_> =
            left.map(|entry| entry.file_name()).filter(|name| name.to_string_lossy().ends_with(".new")).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// The calls of the main thread once it has touched the store, each with its count from the start.
fn calls(project: &Project, case: &Case<'_>) -> Vec<(String, usize)> {
    let trace = project.path().join("trace");
    assert!(traced(project, case, &[], trace.to_str().expect("a path")).success());
    let text = fs::read_to_string(&trace).expect("a trace");
    let main = text.split(' ').next().expect("a process").to_owned();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut calls = Vec::new();
    let mut is_touched = false;
    for line in text.lines() {
        let Some((pid, call)) = line.split_once(' ') else { continue };
        let Some((name, _)) = call.trim_start().split_once('(') else { continue };
        if pid != main || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        let count = counts.entry(name.to_owned()).or_default();
        *count += 1;
        is_touched = is_touched || line.contains("secrets.zip");
        if is_touched && name != "exit_group" {
            calls.push((name.to_owned(), *count));
        }
    }
    calls
}

fn traced(project: &Project, case: &Case<'_>, options: &[&str], output: &str) -> ExitStatus {
    let before = [&["-f", "-qq", "-o", output], options, &[env!("CARGO_BIN_EXE_dc")]].concat();
    let mut command = same_by(Path::new("strace"), &before, &project.dc(case.arguments));
    command.env("DC_SECRET_PASSWORD_NEW", NEW_PASSWORD);
    if let Some(editor) = &case.editor {
        command.env("EDITOR", editor);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().expect("strace starts")
}

fn opens(project: &Project, outcomes: &[(&str, &str)]) -> bool {
    let Ok(Some(sealed)) = Sealed::read(&project.store()) else { return false };
    outcomes.iter().any(|(password, text)| {
        let password = Password::new(password.as_bytes().to_vec().into(), "of a test").expect("a password");
        let Ok(Some((_, key))) = sealed.key(&password) else { return false };
        sealed.open(&key).is_ok_and(|opened| opened.as_slice() == text.as_bytes())
    })
}
