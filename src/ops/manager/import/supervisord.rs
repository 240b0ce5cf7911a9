//! Programs of supervisord: they are kept running.

use std::collections::BTreeMap;

use super::Found;

/// Fields that need nothing here: what they say holds anyway, or is about logs, which dc keeps by itself.
const NEEDLESS: [&str; 4] = ["process_name", "priority", "startretries", "umask"];

/// The programs, and the sections that are none.
pub(super) fn read(text: &str) -> (Vec<Found>, Vec<String>) {
    let (mut found, mut left) = (Vec::new(), Vec::new());
    for (section, fields) in sections(text) {
        match section.split_once(':') {
            Some(("program", name)) => match program(name, &fields) {
                Ok(app) => found.push(app),
                Err(reason) => left.push(format!("[{section}]: {reason}")),
            },
            Some((kind, _)) => left.push(format!("[{section}]: there is no `{kind}` here")),
            None => {}
        }
    }
    (found, left)
}

/// Sections with their fields; a line that is set in goes on with the one before, and `;` begins a comment.
fn sections(text: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let mut sections: Vec<(String, BTreeMap<String, String>)> = Vec::new();
    let mut last: Option<String> = None;
    for line in text.lines() {
        let plain = line.split(" ;").next().unwrap_or_default();
        let trimmed = plain.trim();
        if trimmed.is_empty() || trimmed.starts_with([';', '#']) {
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            sections.push((name.trim().to_owned(), BTreeMap::new()));
            last = None;
            continue;
        }
        let Some((_, fields)) = sections.last_mut() else { continue };
        match (plain.starts_with([' ', '\t']), &last, trimmed.split_once('=')) {
            (true, Some(name), _) => {
                if let Some(value) = fields.get_mut(name) {
                    value.push(' ');
                    value.push_str(trimmed);
                }
            }
            (_, _, Some((name, value))) => {
                let name = name.trim().to_ascii_lowercase();
                fields.insert(name.clone(), value.trim().to_owned());
                last = Some(name);
            }
            _ => {}
        }
    }
    sections
}

fn program(name: &str, fields: &BTreeMap<String, String>) -> Result<Found, String> {
    if let Some((field, _)) = fields.iter().find(|(_, value)| value.contains("%(")) {
        return Err(format!("`{field}` holds what supervisord puts something in place of: write it out"));
    }
    let command = fields.get("command").ok_or("it has no command")?;
    let mut app = Found { name: name.to_owned(), ..Found::default() };
    app.run_in("/bin/sh", fields.get("directory").map(String::as_str), &format!("exec {command}"));
    for (field, value) in fields {
        match (field.as_str(), value.as_str()) {
            ("command" | "directory" | "environment" | "autorestart", _) => {}
            ("startsecs", seconds) => app.set("healthy_after", format!("{seconds}s")),
            ("stopwaitsecs", seconds) => app.set("grace", format!("{seconds}s")),
            ("autostart", "false") => {
                app.notes.push("it was not started by itself: dc manager send disable".to_owned())
            }
            ("numprocs", count) if count != "1" => app.notes.push(format!("{count} of it ran: one runs here")),
            ("user", user) => app.notes.push(format!("it ran as `{user}`; it runs as whoever runs the manager")),
            ("stopsignal", signal) if signal != "TERM" => app.notes.push(format!("it ended by {signal}; it gets TERM")),
            ("autostart" | "numprocs" | "stopsignal" | "redirect_stderr" | "stopasgroup" | "killasgroup", _) => {}
            (field, _) if field.starts_with("stdout_") || field.starts_with("stderr_") || NEEDLESS.contains(&field) => {
            }
            (field, value) => app.notes.push(format!("`{field} = {value}` means nothing here")),
        }
    }
    match fields.get("autorestart").map(String::as_str) {
        Some("false") => {
            app.fields.remove("healthy_after");
            app.notes.push("it was not started again: it runs by hand, or give it a `schedule`".to_owned());
        }
        _ => app.set("keep", true),
    }
    app.set_env(&environment(fields.get("environment").map_or("", String::as_str)));
    Ok(app)
}

/// `A="1",B='x,y',C=3`
fn environment(text: &str) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let mut rest = text.trim();
    while let Some((name, value)) = rest.split_once('=') {
        let value = value.trim_start();
        let (value, after) = match value.chars().next().filter(|quote| matches!(quote, '"' | '\'')) {
            Some(quote) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
            None => value.split_once(',').map_or((value, ""), |(value, after)| (value, after)),
        };
        variables.insert(name.trim().to_owned(), value.trim().to_owned());
        rest = after.trim_start().trim_start_matches(',').trim_start();
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_kept_running() {
        let text = "[supervisord]\nnodaemon=true\n\n[program:listener]\ncommand=/opt/listener --port 80 ; the port\n\
            directory=/srv\nenvironment=A=\"1,2\",B='x',C=3\nstopwaitsecs=20\nuser=www\nnumprocs=4\nstdout_logfile=/x\n\
            [program:once]\ncommand=/opt/once\nautorestart=false\n[program:odd]\ncommand=%(here)s/x\n[eventlistener:y]\ncommand=z\n";
        let (found, left) = read(text);
        assert_eq!(found.len(), 2);
        let listener = &found[0];
        assert_eq!(listener.fields["command"][2].as_str(), Some("cd /srv && exec /opt/listener --port 80"));
        assert_eq!(listener.fields["keep"].as_bool(), Some(true));
        assert_eq!(listener.fields["grace"].as_str(), Some("20s"));
        assert_eq!(listener.fields["env"]["A"].as_str(), Some("1,2"));
        assert_eq!(
            (listener.fields["env"]["B"].as_str(), listener.fields["env"]["C"].as_str()),
            (Some("x"), Some("3"))
        );
        assert_eq!(listener.notes.len(), 2, "{:?}", listener.notes);
        assert!(!found[1].fields.contains_key("keep"));
        assert_eq!(left.len(), 2, "{left:?}");
    }
}
