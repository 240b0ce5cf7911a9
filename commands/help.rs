//! Helps as wide as the window: what stands behind the options is filled like the rest, and examples stay in one piece.

use clap::Command;
use clap::builder::StyledStr;
use data_collector::shell;

/// Wider text is hard to read.
const COLUMNS_MAX: usize = 100;
/// In a narrower window nothing is of any use.
const COLUMNS_MIN: usize = 20;
/// What an example means stands behind so many spaces, and below it where there is no room.
const GAP: &str = "  ";
const BELOW: &str = "      ";

/// A command and its subcommands, as this window shows their helps.
pub(crate) fn fitted(command: Command) -> Command {
    let columns = shell::columns().clamp(COLUMNS_MIN, COLUMNS_MAX);
    fit(command.term_width(columns), columns)
}

fn fit(mut command: Command, columns: usize) -> Command {
    if let Some(text) = command.get_after_help().map(StyledStr::to_string) {
        command = command.after_help(filled(&text, columns));
    }
    if let Some(text) = command.get_after_long_help().map(StyledStr::to_string) {
        command = command.after_long_help(filled(&text, columns));
    }
    command.mut_subcommands(|subcommand| fit(subcommand, columns))
}

/// A text whose lines are as long as they are in the source, as a window of so many columns shows it: clap breaks what is too
/// long, so paragraphs become lines, and what an example means goes below it where both do not fit.
fn filled(text: &str, columns: usize) -> String {
    let paragraphs = text.split("\n\n").map(|paragraph| match paragraph.lines().any(|line| line.starts_with(' ')) {
        false => paragraph.lines().collect::<Vec<_>>().join(" "),
        true if paragraph.lines().all(|line| line.chars().count() <= columns) => paragraph.to_owned(),
        true => paragraph.lines().map(stacked).collect::<Vec<_>>().join("\n"),
    });
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

/// `  dc run x     what it does` in two lines.
fn stacked(line: &str) -> String {
    let inner = line.trim_start();
    let indent = line.len() - inner.len();
    match inner.split_once(GAP) {
        Some((example, meaning)) if indent <= GAP.len() => {
            format!("{}{example}\n{BELOW}{}", &line[..indent], meaning.trim_start())
        }
        // the meaning alone, which stood below its example already
        _ if indent > GAP.len() => format!("{BELOW}{inner}"),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "Examples:\n  dc run a        what it does\n  dc run bbbbbbbbbbbb\n                  for long\n\nOne\ntwo.";

    #[test]
    fn a_wide_window_shows_columns_and_a_narrow_one_lines() {
        assert_eq!(filled(TEXT, 80), TEXT.replace("One\ntwo", "One two"));
        let narrow = "Examples:\n  dc run a\n      what it does\n  dc run bbbbbbbbbbbb\n      for long\n\nOne two.";
        assert_eq!(filled(TEXT, 24), narrow);
    }
}
