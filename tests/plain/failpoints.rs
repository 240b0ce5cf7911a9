//! Failpoints are in debug builds alone. `cargo test --release --test plain failpoints` looks at the other side.

use crate::support::{dc, stderr};

#[test]
fn a_debug_build_has_failpoints_and_a_release_build_has_none() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_dc")).expect("dc");
    for word in ["DC_FAILPOINT", "merge.before-commit", "secrets.proved"] {
        let is_there = memchr::memmem::find(&program, word.as_bytes()).is_some();
        assert_eq!(is_there, cfg!(debug_assertions), "{word}");
    }
}

#[test]
#[cfg(debug_assertions)]
fn a_failpoint_fails_where_it_is_named_and_a_wrong_one_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.ndjson"), "{\"n\":1}\n").expect("a file");
    for (armed, said) in [
        ("merge.before-commit=err", "the failpoint merge.before-commit"),
        ("merge.before-commit", "NAME=kill"),
        ("elsewhere=err", ""),
    ] {
        let mut command = dc(folder.path());
        let output = command.args(["merge", "t", "a.ndjson", "--create"]).env("DC_FAILPOINT", armed).output();
        let output = output.expect("dc starts");
        assert_eq!(output.status.success(), said.is_empty(), "{armed}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{armed}: {}", stderr(&output));
    }
}
