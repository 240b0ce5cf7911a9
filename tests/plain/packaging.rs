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
fn every_file_of_the_package_of_debian_is_there() {
    let manifest: toml::Table = read("Cargo.toml").parse().expect("TOML");
    let deb = &manifest["package"]["metadata"]["deb"];
    let assets = deb["assets"].as_array().expect("assets");
    assert!(assets.len() > 5, "{assets:?}");
    for asset in assets {
        let source = asset[0].as_str().expect("a path");
        // what a release makes
        if source == "target/release/dc" {
            continue;
        }
        let (folder, name) = source.rsplit_once('/').unwrap_or((".", source));
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let (start, end) = name.split_once('*').unwrap_or((name, ""));
        let mut entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{source}: {error}")).flatten();
        let fits = |entry: fs::DirEntry| {
            let found = entry.file_name().to_string_lossy().into_owned();
            found.starts_with(start) && found.ends_with(end)
        };
        assert!(entries.any(fits), "{source} is not there");
    }
}
