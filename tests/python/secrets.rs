//! The format of secrets, by a second implementation.

use std::fs;

use crate::support::needs::python_with;
use crate::support::store::{PASSWORD, Project};
use crate::support::{clean, stdout};

const TEXT: &str = "# the keys\nAPI_KEY=abc-123-def\n\nDB_PASSWORD='two words' # note\n";

#[test]
fn a_second_implementation_reads_what_dc_writes_and_the_reverse() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/secrets/decrypt.py");
    let Some(python) = python_with("python-secrets", "import argon2, cryptography") else { return };
    let project = Project::with(TEXT);
    let mut read = clean(&python);
    read.arg(script).arg(project.store()).env("DC_SECRET_PASSWORD", PASSWORD);
    assert_eq!(stdout(&read.output().expect("Python starts")), TEXT);
    read.env("DC_SECRET_PASSWORD", "wrong");
    assert!(!read.output().expect("Python starts").status.success());
    let mut write = clean(&python);
    write.args([script, "--encrypt"]).env("DC_SECRET_PASSWORD", PASSWORD).stdin(std::process::Stdio::piped());
    let file = project.path().join("bare.enc");
    write.stdout(fs::File::create(&file).expect("a file"));
    let mut child = write.spawn().expect("Python starts");
    std::io::Write::write_all(&mut child.stdin.take().expect("its input"), b"FROM=python\n").expect("it reads");
    assert!(child.wait().expect("its end").success());
    assert_eq!(project.told(&["secrets", "decrypt", file.to_str().expect("a path")]), "FROM=python\n");
}
