//! What tests need beside dc: servers, programs, engines, packages of Python. A test whose need is missing is skipped and
//! says so. What `DC_TEST_REQUIRE` names fails instead; what `DC_TEST_WITHOUT` names is taken for missing.

use crate::support::clean;
use std::io::Write;
use std::process::{Command, Stdio};

/// All needs there are, as both variables name them. `.ci/run` requires them.
pub(crate) const NEEDS: [&str; 22] = [
    "postgres",
    "mariadb",
    "mssql",
    "rabbitmq",
    "tesseract",
    "paddle",
    "mail",
    "soap",
    "python-secrets",
    "s3",
    "schedule",
    "dramatiq",
    "openssl",
    "pdftotext",
    "qpdf",
    "strace",
    "namespaces",
    "python3",
    "chromium",
    "axe",
    "wheel",
    "dpkg",
];

/// What was found, or `None`, said aloud, where it is missing; a failure where it is required.
pub(crate) fn need<T>(need: &str, find: impl FnOnce() -> Result<T, String>) -> Option<T> {
    assert!(NEEDS.contains(&need), "`{need}` is not in NEEDS");
    let found = if names("DC_TEST_WITHOUT", need) { Err("DC_TEST_WITHOUT names it".to_owned()) } else { find() };
    let is_required = names("DC_TEST_REQUIRE", need);
    match found {
        Ok(found) => Some(found),
        Err(reason) if is_required => panic!("{need} is required and cannot be used: {reason}"),
        Err(reason) => {
            // past the capture of passing tests, so that it is seen
            let _ = writeln!(std::io::stderr(), "skipped: {need} cannot be used: {reason}");
            None
        }
    }
}

/// Says aloud that a test is skipped for want of what no test requires.
pub(crate) fn skipped(what: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {what} is not here");
}

/// Whether a program can be used.
pub(crate) fn has_program(name: &str, command: &mut Command) -> bool {
    need(name, || succeeds(command).then_some(()).ok_or_else(|| format!("{command:?} fails"))).is_some()
}

/// A Python that can import these modules; `DC_TEST_PYTHON` names another one than `python3`.
pub(crate) fn python_with(name: &str, imports: &str) -> Option<String> {
    need(name, || {
        let python = std::env::var("DC_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        match succeeds(clean(&python).args(["-c", imports])) {
            true => Ok(python),
            false => Err(format!("`{python} -c '{imports}'` fails; DC_TEST_PYTHON names a Python that has it")),
        }
    })
}

fn names(variable: &str, need: &str) -> bool {
    std::env::var(variable).is_ok_and(|names| names.split(',').any(|name| name == need))
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
