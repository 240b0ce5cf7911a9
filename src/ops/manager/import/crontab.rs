//! Crontabs, as crontab(5) describes them.

use std::collections::BTreeMap;

use super::{Found, name_of_command};
use crate::apps::AT_BOOT;

/// The entries, and the lines that are none of them.
pub(super) fn read(text: &str, has_user: bool) -> (Vec<Found>, Vec<String>) {
    let (mut found, mut left) = (Vec::new(), Vec::new());
    let mut variables: BTreeMap<String, String> = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = variable(line) {
            variables.insert(name, value);
            continue;
        }
        match entry(line, has_user, &variables) {
            Ok(app) => found.push(app),
            Err(reason) => left.push(format!("line {}: {reason}: {line}", number + 1)),
        }
    }
    (found, left)
}

/// `NAME = value`, with or without quotes.
fn variable(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once('=')?;
    let (name, value) = (name.trim().trim_matches(['"', '\'']), value.trim());
    let is_name = !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    let is_quoted = |quote: char| value.len() > 1 && value.starts_with(quote) && value.ends_with(quote);
    let value = if is_quoted('"') || is_quoted('\'') { &value[1..value.len() - 1] } else { value };
    is_name.then(|| (name.to_owned(), value.to_owned()))
}

fn entry(line: &str, has_user: bool, variables: &BTreeMap<String, String>) -> Result<Found, String> {
    let (schedule, mut rest) = match line.starts_with('@') {
        true => fields(line, 1)?,
        false => fields(line, 5)?,
    };
    let mut app = Found::default();
    if has_user {
        let (user, command) = fields(rest, 1)?;
        app.notes.push(format!("it ran as `{user}`; it runs as whoever runs the manager"));
        rest = command;
    }
    let command = command(rest)?;
    app.name = name_of_command(&command);
    let mut env = variables.clone();
    let shell = env.remove("SHELL").unwrap_or_else(|| "/bin/sh".to_owned());
    // cron starts it there
    let home = env.remove("HOME").unwrap_or_else(|| "~".to_owned());
    if let Some(mail) = env.remove("MAILTO").filter(|mail| !mail.is_empty()) {
        app.notes.push(format!("its output went to {mail}: see `notify` and [notify.NAME]"));
    }
    match env.remove("CRON_TZ").or_else(|| env.remove("TZ")) {
        Some(zone) => app.set("timezone", zone),
        None if schedule == AT_BOOT => {}
        None => app.notes.push("it is due in UTC: set `timezone` if cron kept another time".to_owned()),
    }
    app.set("schedule", schedule);
    app.run_in(&shell, Some(&home), &command);
    app.set_env(&env);
    Ok(app)
}

/// So many fields, as one text, and what follows.
fn fields(line: &str, count: usize) -> Result<(String, &str), String> {
    let mut rest = line.trim_start();
    let mut fields = Vec::with_capacity(count);
    for _ in 0..count {
        let end = rest.find(char::is_whitespace).ok_or("it has no command")?;
        fields.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    if rest.is_empty() { Err("it has no command".to_owned()) } else { Ok((fields.join(" "), rest)) }
}

/// A percent sign begins the input of a command, unless a backslash stands before it.
fn command(text: &str) -> Result<String, String> {
    let mut command = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek() == Some(&'%') => command.extend(letters.next()),
            '%' => return Err("its command is given input after `%`, which apps do not get".to_owned()),
            letter => command.push(letter),
        }
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_variables_and_percent_signs_are_read_as_cron_does() {
        let text = "# a comment\nMAILTO=ops@example.org\nPATH = \"/usr/local/bin:/usr/bin\"\nCRON_TZ=Europe/Zagreb\n\
            */15 6-22 * * mon-fri /opt/jobs/companies.sh --day=$(date +\\%F)\n@daily\t/opt/jobs/rates.py\n\
            @reboot /opt/listener\n0 5 * * * mail -s x root%body\n5 4 * * sun\n";
        let (found, left) = read(text, false);
        assert_eq!(found.len(), 3);
        let first = &found[0];
        assert_eq!(first.name, "companies");
        assert_eq!(first.fields["schedule"].as_str(), Some("*/15 6-22 * * mon-fri"));
        assert_eq!(first.fields["timezone"].as_str(), Some("Europe/Zagreb"));
        assert_eq!(first.fields["command"][2].as_str(), Some("cd ~ && /opt/jobs/companies.sh --day=$(date +%F)"));
        assert_eq!(first.fields["env"]["PATH"].as_str(), Some("/usr/local/bin:/usr/bin"));
        assert!(first.notes[0].contains("ops@example.org"), "{:?}", first.notes);
        assert_eq!(found[1].fields["schedule"].as_str(), Some("@daily"));
        assert_eq!(found[2].fields["schedule"].as_str(), Some("@reboot"));
        assert_eq!(left.len(), 2, "{left:?}");
        assert!(
            left[0].starts_with("line 8:") && left[0].contains("input") && left[1].contains("no command"),
            "{left:?}"
        );
        let (found, _) = read("0 1 * * * www-data /opt/x y\n", true);
        assert_eq!(found[0].fields["command"][2].as_str(), Some("cd ~ && /opt/x y"));
        assert!(found[0].notes[0].contains("www-data"));
    }
}
