//! What pages refer to: a style sheet, a script and an icon, each under an address that has its hash, so that a browser
//! keeps it until it is another one.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

use crate::tables::hex_text;

const STYLE: &str = include_str!("assets/style.css");
const SCRIPT: &str = include_str!("assets/script.js");
const ICON: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 16\"><rect width=\"16\" height=\"16\" \
    rx=\"3\" fill=\"#0b57a4\"/><path d=\"M4 12V8m4 4V4m4 8V6\" stroke=\"#fff\" stroke-width=\"2\"/></svg>\n";

static PATHS: LazyLock<[String; 3]> = LazyLock::new(|| {
    let hash = |text: &str| hex_text(&Sha256::digest(text)[..6]);
    [
        format!("/assets/style-{}.css", hash(STYLE)),
        format!("/assets/script-{}.js", hash(SCRIPT)),
        format!("/assets/icon-{}.svg", hash(ICON)),
    ]
});

/// The address of the style sheet.
pub(super) fn style_path() -> &'static str {
    &PATHS[0]
}

/// The address of the script.
pub(super) fn script_path() -> &'static str {
    &PATHS[1]
}

/// The address of the icon.
pub(super) fn icon_path() -> &'static str {
    &PATHS[2]
}

/// What stands at an address, and its kind.
pub(super) fn at(path: &str) -> Option<(&'static str, &'static str)> {
    let all = [
        (STYLE, "text/css; charset=utf-8"),
        (SCRIPT, "text/javascript; charset=utf-8"),
        (ICON, "image/svg+xml; charset=utf-8"),
    ];
    PATHS.iter().position(|known| known == path).map(|at| all[at])
}
