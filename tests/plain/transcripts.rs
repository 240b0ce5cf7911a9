//! Transcripts of what people type and see; they double as documentation.

use crate::support::{has_run, ignored_test, stdout};

/// What trycmd starts inherits all that it has itself, so it runs where no setting is.
#[test]
fn transcripts_are_true() {
    let output = ignored_test("transcripts::transcripts_are_compared").output().expect("it starts");
    assert!(has_run(&output), "{}{}", stdout(&output), crate::support::stderr(&output));
}

#[test]
#[ignore = "a process of another test"]
fn transcripts_are_compared() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    // where nothing matches, nothing would be tried
    assert!(folder.join("help.md").is_file() && folder.join("merge.md").is_file());
    trycmd::TestCases::new().env("TZ", "UTC").env("NO_COLOR", "1").case("tests/transcripts/*.md");
}
