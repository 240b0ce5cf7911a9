//! What is known only while building: the migrations, which are embedded, and the commit that `dc --version` names.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    // a new folder under `schema/` must be noticed
    println!("cargo:rerun-if-changed=schema");
    let generated = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo says where")).join("schema.rs");
    fs::write(generated, schemas()).expect("the folder of this build can be written");
    println!("cargo:rerun-if-env-changed=DC_COMMIT");
    // a debug build would be built anew after each commit, for a line that nobody reads there
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    // whoever builds from an archive says it: DC_COMMIT="87821b7 2026-11-29"
    let commit = std::env::var("DC_COMMIT").ok().or_else(|| is_release.then(commit).flatten());
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    println!("cargo:rustc-env=DC_VERSION={version}{}", commit.map(|commit| format!(" ({commit})")).unwrap_or_default());
}

/// Rust source: for each folder of `schema/` the names of its migrations, oldest first, and their SQL.
fn schemas() -> String {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where")).join("schema");
    let mut source = String::from("/// By backend: the name and the SQL of each migration.\n");
    source.push_str("pub(super) const SCHEMAS: &[(&str, &[(&str, &str)])] = &[\n");
    for backend in folders(&root) {
        let _ = writeln!(source, "    ({:?}, &[", name(&backend));
        for step in folders(&backend) {
            let _ = writeln!(source, "        ({:?}, include_str!({:?})),", name(&step), step.join("up.sql"));
        }
        source.push_str("    ]),\n");
    }
    source.push_str("];\n");
    source
}

/// The folders in a folder, by their names.
fn folders(inside: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(inside).expect("the folder is in the source").flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn name(folder: &Path) -> String {
    folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The commit of the checkout and its date; `None` outside of a checkout or without git.
fn commit() -> Option<String> {
    // it changes with every commit and every checkout
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    println!("cargo:rerun-if-changed={log}");
    git(&["log", "-1", "--format=%h %cs"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let done = Command::new("git").args(arguments).output().ok().filter(|done| done.status.success())?;
    String::from_utf8(done.stdout).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}
