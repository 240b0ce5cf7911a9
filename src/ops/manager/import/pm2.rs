//! Apps of PM2: an ecosystem file in JSON, or what `pm2 save` writes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Found;

/// The apps, and what is none.
pub(super) fn read(text: &str) -> Result<(Vec<Found>, Vec<String>), String> {
    let json: Value = serde_json::from_str(text).map_err(|cause| format!("it is no JSON: {cause}"))?;
    let apps = json.get("apps").unwrap_or(&json);
    let apps = match apps {
        Value::Array(apps) => apps.clone(),
        Value::Object(_) => vec![apps.clone()],
        _ => return Err("it holds no apps".to_owned()),
    };
    let (mut found, mut left) = (Vec::new(), Vec::new());
    for (at, app) in apps.iter().enumerate() {
        match of(app) {
            Ok(app) => found.push(app),
            Err(reason) => left.push(format!("app {}: {reason}", at + 1)),
        }
    }
    Ok((found, left))
}

fn of(json: &Value) -> Result<Found, String> {
    let text = |names: &[&str]| names.iter().find_map(|name| json.get(*name)?.as_str()).map(str::to_owned);
    let script = text(&["script", "pm_exec_path"]).ok_or("it has no script")?;
    let mut app =
        Found { name: text(&["name"]).unwrap_or_else(|| super::name_of_command(&script)), ..Found::default() };
    let interpreter = text(&["interpreter", "exec_interpreter"]).filter(|interpreter| interpreter != "none");
    let interpreter = interpreter.or_else(|| script.ends_with(".js").then(|| "node".to_owned()));
    let mut words: Vec<String> = interpreter.into_iter().chain([script]).collect();
    match json.get("args") {
        Some(Value::String(args)) => words.push(args.clone()),
        Some(Value::Array(args)) => words.extend(args.iter().filter_map(Value::as_str).map(quoted)),
        _ => {}
    }
    let folder = text(&["cwd", "pm_cwd"]);
    app.run_in("/bin/sh", folder.as_deref(), &format!("exec {}", words.join(" ")));
    if folder.is_none() {
        app.notes.push("it has no `cwd`: a relative script is looked for in the folder of the app".to_owned());
    }
    match (text(&["cron_restart"]), json.get("autorestart") == Some(&Value::Bool(false))) {
        (Some(schedule), true) => app.set("schedule", schedule),
        (Some(_), false) => {
            app.set("keep", true);
            app.notes.push("`cron_restart` of a program that is kept: dc starts it when it has ended".to_owned());
        }
        (None, true) => app.notes.push("it was not started again: it runs by hand, or give it a `schedule`".to_owned()),
        (None, false) => app.set("keep", true),
    }
    if let Some(ms) = json.get("kill_timeout").and_then(Value::as_u64) {
        app.set("grace", format!("{ms}ms"));
    }
    match json.get("instances") {
        None | Some(Value::Null) => {}
        Some(count) if count.as_u64() == Some(1) => {}
        Some(count) => app.notes.push(format!("{count} of it ran: one runs here")),
    }
    for field in ["max_memory_restart", "watch", "exec_mode", "uid"] {
        if json.get(field).is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false))) {
            app.notes.push(format!("`{field}` means nothing here"));
        }
    }
    let mut env = BTreeMap::new();
    for (name, value) in json.get("env").and_then(Value::as_object).into_iter().flatten() {
        // a dump holds the whole environment of the shell that it came from
        let is_own = json.get("pm_exec_path").is_none();
        if is_own
            && let Some(value) = value.as_str().map(str::to_owned).or_else(|| value.as_i64().map(|it| it.to_string()))
        {
            env.insert(name.clone(), value);
        }
    }
    app.set_env(&env);
    Ok(app)
}

fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=:,@%+".contains(letter);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apps_are_kept_running_unless_they_say_otherwise() {
        let text = r#"{"apps":[
            {"name":"API","script":"server.js","cwd":"/srv/api","args":["--port","80 80"],"env":{"A":"x","N":3},"instances":4},
            {"script":"/opt/night.py","interpreter":"python3","cron_restart":"0 3 * * *","autorestart":false},
            {"name":"nothing"}]}"#;
        let (found, left) = read(text).expect("JSON");
        assert_eq!(found.len(), 2);
        let api = &found[0];
        assert_eq!(api.fields["command"][2].as_str(), Some("cd /srv/api && exec node server.js --port '80 80'"));
        assert_eq!((api.fields["keep"].as_bool(), api.fields["env"]["N"].as_str()), (Some(true), Some("3")));
        assert!(api.notes[0].contains('4'), "{:?}", api.notes);
        assert_eq!((found[1].name.as_str(), found[1].fields["schedule"].as_str()), ("night", Some("0 3 * * *")));
        assert_eq!(left, ["app 3: it has no script"]);
        assert!(read("module.exports = {}").is_err());
    }
}
