//! Collects the table `{{TABLE}}`. `cargo test` tests it.

use std::error::Error;
use std::io::Write;
use std::process::{Command, ExitCode, Stdio};

const SOURCE: &str = {{SOURCE_TEXT}};

/// The text of a URL, or of a file of this folder.
fn fetch(source: &str) -> Result<String, Box<dyn Error>> {
    if !source.starts_with("http") {
        return Ok(std::fs::read_to_string(source)?);
    }
    let answer = Command::new("curl").args(["-fsS", "--retry", "3", source]).stderr(Stdio::inherit()).output()?;
    match answer.status.success() {
        true => Ok(String::from_utf8(answer.stdout)?),
        false => Err(format!("{source}: {}", answer.status).into()),
    }
}

/// What is merged of the text: NDJSON, a JSON array, or CSV with a header.
fn records(text: &str) -> Result<String, Box<dyn Error>> {
    {{RECORDS}}
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    // nothing is merged before all of it is there: an error ends this program before dc is started
    let found = records(&fetch(SOURCE)?)?;
    let dc = std::env::var("DC_BIN").map_err(|_| "start it with `dc run`")?;
    let words = ["merge", "{{TABLE}}", "-", "--create"{{FLAG_WORDS}}];
    let mut merge = Command::new(dc).args(words).stdin(Stdio::piped()).spawn()?;
    let written = merge.stdin.take().ok_or("no pipe")?.write_all(found.as_bytes());
    let status = merge.wait()?;
    match status.code() {
        Some(0) => written.map(|()| ExitCode::SUCCESS).map_err(Into::into),
        code => Ok(ExitCode::from(u8::try_from(code.unwrap_or(1)).unwrap_or(1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_gives_its_records() {
        let text = fetch("{{SAMPLE}}").expect("a sample");
        let found = records(&text).expect("records");
        assert_eq!(found.trim().lines().count(), {{LINES}});
    }
}
