//! Transcripts of what people type and see; they double as documentation.

#[test]
fn transcripts_are_true() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    // where nothing matches, nothing would be tried
    assert!(folder.join("help.md").is_file() && folder.join("merge.md").is_file());
    trycmd::TestCases::new().env("TZ", "UTC").env("NO_COLOR", "1").case("tests/transcripts/*.md");
}
