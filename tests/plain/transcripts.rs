//! Transcripts of what people type and see; they double as documentation.

#[test]
fn transcripts_are_true() {
    trycmd::TestCases::new().env("TZ", "UTC").env("NO_COLOR", "1").case("tests/transcripts/*.md");
}
