//! What is handed out: one version everywhere, and every file of the packages is there.

use std::fs;
use std::path::Path;

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect(name)
}

#[test]
fn the_package_of_python_has_the_version_of_dc() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(read("python/pyproject.toml").contains(&format!("\nversion = \"{version}\"\n")));
    assert!(read("python/dcollect/__init__.py").contains(&format!("\n__version__ = \"{version}\"\n")));
    // the wheel with both takes it from Cargo.toml
    assert!(read("pyproject.toml").contains("dynamic = [\"version\"]"));
}

#[test]
fn the_wheel_has_every_manual_page() {
    for section in ["man1", "man5"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let links = root.join("packaging/wheel/data/share/man").join(section);
        for page in fs::read_dir(root.join("man").join(section)).expect("pages") {
            let page = page.expect("a page");
            let (linked, own) = (fs::read(links.join(page.file_name())), fs::read(page.path()).expect("a page"));
            assert!(linked.is_ok_and(|linked| linked == own), "{:?}: run packaging/link-pages", page.file_name());
        }
    }
}

/// What one package asks of another only for the tests would have `cargo run` build everything once more.
#[test]
fn what_is_built_for_the_tests_is_built_for_a_run_as_well() {
    let features = |edges: &str| {
        let mut cargo = crate::support::clean(env!("CARGO"));
        cargo.args(["tree", "--locked", "--offline", "--prefix", "none", "--format", "{p} {f}", "--edges", edges]);
        let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo starts");
        assert!(output.status.success(), "{}", crate::support::stderr(&output));
        let text = crate::support::stdout(&output);
        text.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect::<std::collections::BTreeSet<_>>()
    };
    let (run, tests) = (features("normal,build"), features("normal,build,dev"));
    let others: Vec<&String> = run.difference(&tests).collect();
    assert!(run.len() > 100 && others.is_empty(), "the tests build these otherwise: {others:#?}");
}
