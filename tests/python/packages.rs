//! What is handed out, made as a release makes it out of the `dc` that is built, and put where nothing else is.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::needs::{has_program, python_with};
use crate::support::{clean, run, stderr, stdout};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn done(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{command:?}: {}{}", stdout(&output), stderr(&output));
    stdout(&output)
}

/// The one file in a folder.
fn only(folder: &Path) -> PathBuf {
    let mut all = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let found = all.next().expect("a file");
    assert!(all.next().is_none(), "{} has more than one file", folder.display());
    found
}

fn is_there(folder: &Path, names: &[&str]) {
    for name in names {
        assert!(folder.join(name).is_file(), "{name} is not there");
    }
}

/// By itself, and last: maturin takes `dc` out of the folder where every other test looks for it.
#[test]
#[ignore = "it takes dc away from the other tests"]
fn the_wheel_brings_dc_and_dcollect_into_an_empty_environment() {
    let Some(python) = python_with("wheel", "import maturin") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (wheels, empty) = (folder.path().join("wheels"), folder.path().join("empty"));
    // the profile of the tests, whose parts are built already
    let build = ["-m", "maturin", "build", "--profile", "dev", "--locked", "--out"];
    done(clean(&python).args(build).arg(&wheels).current_dir(ROOT));
    done(clean(&python).args(["-m", "venv"]).arg(&empty));
    let pip = ["install", "--no-index", "--disable-pip-version-check"];
    done(clean(empty.join("bin/pip")).args(pip).arg(only(&wheels)));
    let dc = empty.join("bin/dc");
    assert!(done(clean(&dc).arg("--version")).contains(env!("CARGO_PKG_VERSION")));
    is_there(
        &empty.join("share"),
        &[
            "man/man1/dc.1",
            "man/man1/dc-merge.1",
            "man/man5/dc.toml.5",
            "bash-completion/completions/dc",
            "zsh/site-functions/_dc",
            "fish/vendor_completions.d/dc.fish",
        ],
    );
    // a first app, by nothing but what was installed
    let project = folder.path().join("project");
    std::fs::create_dir(&project).expect("a folder");
    let path = format!("{}:{}", empty.join("bin").display(), std::env::var("PATH").expect("a path"));
    let app =
        "from dcollect import app\n@app(table='t', key='n')\ndef collect(ctx):\n    yield {'n': 1}\n\ncollect()\n";
    let main = project.join("apps/a/b/c");
    std::fs::create_dir_all(&main).expect("a folder");
    std::fs::write(main.join("main.py"), app).expect("a program");
    std::fs::write(main.join("app.toml"), "command = [\"python\", \"main.py\"]\n").expect("a definition");
    done(clean(&dc).args(["run", "c"]).current_dir(&project).env("PATH", path));
    assert_eq!(stdout(&run(&project, &["query", "SELECT n FROM t", "--format", "csv"])), "n\n1\n");
}

#[test]
fn the_package_of_debian_is_taken_by_dpkg() {
    if !has_program("dpkg", clean("dpkg-deb").arg("--version")) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (made, root) = (folder.path().join("made"), folder.path().join("root"));
    let mut make = clean(Path::new(ROOT).join("packaging/deb"));
    // to pack a debug build takes longer than all else
    done(make.arg(env!("CARGO_BIN_EXE_dc")).arg(&made).env("DPKG_DEB_COMPRESSOR_TYPE", "none"));
    let package = only(&made);
    let control = done(clean("dpkg-deb").arg("--field").arg(&package));
    for line in [&format!("Version: {}", env!("CARGO_PKG_VERSION")), "Depends: libc6 (>= 2.", "Conflicts: dc"] {
        assert!(control.contains(line), "{line}: {control}");
    }
    std::fs::create_dir_all(root.join("var/lib/dpkg/updates")).expect("a folder");
    for file in ["status", "available"] {
        std::fs::write(root.join("var/lib/dpkg").join(file), "").expect("a file");
    }
    let mut install = clean("dpkg");
    install.arg(format!("--root={}", root.display())).args(["--force-not-root", "--force-depends"]);
    install.args(["--force-script-chrootless", "--log=/dev/null", "--install"]).arg(&package);
    done(&mut install);
    is_there(
        &root.join("usr"),
        &[
            "share/man/man1/dc.1.gz",
            "share/man/man5/app.toml.5.gz",
            "share/bash-completion/completions/dc",
            "share/zsh/vendor-completions/_dc",
            "share/fish/vendor_completions.d/dc.fish",
            "lib/systemd/system/dc-manager@.service",
            "lib/python3/dist-packages/dcollect/py.typed",
            "share/doc/data-collector/README.md",
        ],
    );
    assert!(done(clean(root.join("usr/bin/dc")).arg("--version")).contains(env!("CARGO_PKG_VERSION")));
}
