//! A project with a store of secrets, and dc in it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::support::{dc, stderr, stdout};

/// The password of the stores of tests.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A project.
pub(crate) struct Project {
    pub(crate) folder: TempDir,
}

impl Project {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    /// One whose store holds a dotenv text.
    pub(crate) fn with(text: &str) -> Self {
        let project = Self::new();
        let output = project.fed(&["secrets", "encrypt", "-"], text);
        assert!(output.status.success(), "{}", stderr(&output));
        project
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path().join("secrets.zip")
    }

    /// dc with the password in its environment.
    pub(crate) fn dc(&self, arguments: &[&str]) -> Command {
        let mut command = dc(self.path());
        command.args(arguments).env("DC_SECRET_PASSWORD", PASSWORD).env("HOME", self.path());
        command.env_remove("VISUAL").env_remove("EDITOR").stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.dc(arguments).output().expect("dc starts")
    }

    /// What it prints; it has to succeed.
    pub(crate) fn told(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        stdout(&output)
    }

    /// Its exit status and what it complains of; it prints nothing else.
    pub(crate) fn refused(&self, arguments: &[&str]) -> (i32, String) {
        refused(&mut self.dc(arguments))
    }

    pub(crate) fn fed(&self, arguments: &[&str], input: &str) -> Output {
        fed(&mut self.dc(arguments), input)
    }

    /// Edits with a shell script that finds the file in `$1`.
    pub(crate) fn edit(&self, script: &str) -> Output {
        let file = self.path().join("editor.sh");
        std::fs::write(&file, script).expect("a script");
        self.dc(&["secrets", "edit"]).env("EDITOR", format!("sh {}", file.display())).output().expect("dc starts")
    }
}

pub(crate) fn fed(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("it reads");
    child.wait_with_output().expect("its end")
}

pub(crate) fn refused(command: &mut Command) -> (i32, String) {
    let output = command.output().expect("dc starts");
    assert_eq!(stdout(&output), "", "{}", stderr(&output));
    assert!(!output.status.success());
    (output.status.code().expect("a status"), stderr(&output))
}
