//! What is required is known, and CI requires everything.

use std::path::Path;

use crate::support::needs::NEEDS;

#[test]
fn what_is_required_or_left_out_is_known() {
    for variable in ["DC_TEST_REQUIRE", "DC_TEST_WITHOUT"] {
        for name in std::env::var(variable).unwrap_or_default().split(',').filter(|name| !name.is_empty()) {
            assert!(NEEDS.contains(&name), "{variable} names `{name}`, and there are {NEEDS:?}");
        }
    }
}

#[test]
fn ci_requires_every_need_and_the_readme_tells_of_it() {
    let read = |name: &str| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect(name);
    let (ci, readme) = (read(".ci/run"), read("README.md"));
    for need in NEEDS {
        let is_word = |text: &str| text.split(|c: char| !c.is_alphanumeric() && c != '-').any(|word| word == need);
        let requires = ci.lines().filter(|line| line.trim_start().starts_with("require"));
        assert!(requires.into_iter().any(is_word), "nothing in .ci/run requires {need}");
        assert!(readme.lines().filter(|line| line.contains("DC_TEST_REQUIRE=")).any(is_word), "README.md: {need}");
    }
}
