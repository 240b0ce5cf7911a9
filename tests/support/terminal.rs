//! A program on a terminal of its own, and a person who types there.

use crate::support::clean;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;

/// Runs a shell's line in a folder, on a terminal, and types each answer once its question stands there. The exit status,
/// and all that the terminal showed.
pub(crate) fn typed(folder: &Path, line: &str, answers: &[(&str, &str)]) -> (Option<i32>, String) {
    // `script` is in every Debian, and gives the child a terminal whatever our own stdin is
    let mut child = clean("script")
        .args(["-qec", line, "/dev/null"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script starts");
    let (mut keys, mut screen) = (child.stdin.take().expect("its keys"), child.stdout.take().expect("its screen"));
    let (mut shown, mut read) = (Vec::new(), [0; 4096]);
    let mut looked_at = 0;
    for (question, answer) in answers {
        loop {
            let text = String::from_utf8_lossy(&shown[looked_at..]).into_owned();
            if let Some(at) = text.find(question) {
                looked_at += at + question.len();
                break;
            }
            let count = screen.read(&mut read).expect("a screen");
            assert!(count > 0, "`{question}` was not asked: {}", String::from_utf8_lossy(&shown));
            shown.extend(&read[..count]);
        }
        keys.write_all(format!("{answer}\r").as_bytes()).expect("keys");
    }
    screen.read_to_end(&mut shown).expect("a screen");
    (child.wait().expect("its end").code(), String::from_utf8_lossy(&shown).into_owned())
}
