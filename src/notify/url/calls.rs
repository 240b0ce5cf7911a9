//! URLs of services that call people: ntfy, Gotify, Matrix, PagerDuty, Opsgenie.

use super::query::Query;
use super::{decode, take_first};

type Set<'a> = dyn FnMut(&str, String) + 'a;

/// `ntfy://topic`, `ntfys://user:password@host:port/topic`, `ntfys://TOKEN@host/topic`.
pub(super) fn ntfy(rest: &str, is_secure: bool, query: &mut Query, set: &mut Set<'_>) -> Result<(), String> {
    let takes = "ntfy:// takes ntfy://TOPIC or ntfys://HOST/TOPIC";
    let (login, place) = rest.rsplit_once('@').map_or((None, rest), |(login, place)| (Some(login), place));
    let (host, path) = place.split_once('/').unwrap_or((place, ""));
    let mut topics: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decode).collect();
    if let Some(to) = query.take(&["to"]) {
        topics.extend(to.split(',').map(|topic| topic.trim().to_owned()));
    }
    let is_cloud = match query.take(&["mode"]).as_deref() {
        Some("cloud") => true,
        Some("private") => false,
        Some(_) => return Err("`mode` takes cloud or private".to_owned()),
        // without a path the host is the topic
        None => topics.is_empty(),
    };
    if is_cloud {
        topics.insert(0, decode(host));
    } else {
        set("server", format!("{}://{host}", if is_secure { "https" } else { "http" }));
    }
    topics.retain(|topic| !topic.is_empty());
    if topics.is_empty() || (!is_cloud && host.is_empty()) {
        return Err(takes.to_owned());
    }
    set("topic", topics.join(","));
    let is_token = match query.take(&["auth"]).as_deref() {
        Some("token") => true,
        Some("login" | "basic") => false,
        Some(_) => return Err("`auth` takes basic or token".to_owned()),
        None => login.is_some_and(|login| !login.contains(':')),
    };
    match (login, query.take(&["token"])) {
        (_, Some(token)) => set("token", token),
        (Some(login), None) if is_token => set("token", decode(login)),
        (Some(login), None) => {
            let (user, password) = login.split_once(':').ok_or("a login takes USER:PASSWORD")?;
            set("username", decode(user));
            set("password", decode(password));
        }
        (None, None) => {}
    }
    for (names, field) in [
        (&["priority"][..], "priority"),
        (&["tags", "xtags"], "tags"),
        (&["click"], "click"),
        (&["email"], "email"),
        (&["delay"], "delay"),
        (&["avatar_url"], "avatar"),
    ] {
        if let Some(value) = query.take(names) {
            set(field, value);
        }
    }
    Ok(())
}

/// `gotifys://HOST:PORT/PATH/TOKEN`.
pub(super) fn gotify(rest: &str, is_secure: bool, query: &mut Query, set: &mut Set<'_>) -> Result<(), String> {
    let takes = "gotify:// takes gotify://HOST/TOKEN";
    let (place, token) = rest.trim_end_matches('/').rsplit_once('/').ok_or(takes)?;
    if place.is_empty() || token.is_empty() || place.contains('@') {
        return Err(takes.to_owned());
    }
    set("server", format!("{}://{place}", if is_secure { "https" } else { "http" }));
    set("token", decode(token));
    if let Some(priority) = query.take(&["priority"]) {
        set("priority", priority);
    }
    Ok(())
}

/// `matrixs://USER:PASSWORD@HOST/#room/!room:host`, `matrixs://TOKEN@HOST/#room`.
pub(super) fn matrix(rest: &str, is_secure: bool, query: &mut Query, set: &mut Set<'_>) -> Result<(), String> {
    let takes = "matrix:// takes matrixs://TOKEN@HOST/ROOM or matrixs://USER:PASSWORD@HOST/ROOM";
    // rooms may have an @ of their own
    let (place, path) = rest.split_once('/').ok_or(takes)?;
    let (login, host) = place.rsplit_once('@').ok_or(takes)?;
    match (login.split_once(':'), query.take(&["token"])) {
        (_, Some(token)) => set("token", token),
        (Some(("", token)), None) => set("token", decode(token)),
        (Some((user, password)), None) => {
            set("username", decode(user));
            set("password", decode(password));
        }
        (None, None) => set("token", decode(login)),
    }
    let mut rooms: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decode).collect();
    if let Some(to) = query.take(&["to"]) {
        rooms.extend(to.split(',').map(|room| room.trim().to_owned()));
    }
    // a room without a mark is named as one of this server
    let name = host.split(':').next().unwrap_or(host);
    let whole = |room: String| match (room.starts_with(['#', '!']), room.contains(':')) {
        (true, true) => room,
        (true, false) => format!("{room}:{name}"),
        (false, true) => format!("#{room}"),
        (false, false) => format!("#{room}:{name}"),
    };
    if rooms.is_empty() || host.is_empty() {
        return Err(takes.to_owned());
    }
    set("server", format!("{}://{host}", if is_secure { "https" } else { "http" }));
    set("room", rooms.into_iter().map(whole).collect::<Vec<_>>().join(","));
    if let Some(kind) = query.take(&["msgtype"]) {
        set("msgtype", kind);
    }
    query.only("e2ee", &super::NO, "rooms that are encrypted are not supported")?;
    query.only("version", &["3", "v3"], "this version of the API is spoken")?;
    query.only("mode", &["off"], "rooms are written to by the API of clients")?;
    query.only("discovery", &super::NO, "the host is that of the API")
}

/// `pagerduty://INTEGRATION_KEY@API_KEY/SOURCE/COMPONENT`, of which only the first is needed.
pub(super) fn pagerduty(rest: &str, query: &mut Query, set: &mut Set<'_>) -> Result<(), String> {
    let mut parts: Vec<String> = rest.split('/').filter(|part| !part.is_empty()).map(decode).collect();
    let first = take_first(&mut parts).ok_or("pagerduty:// takes pagerduty://INTEGRATION_KEY@API_KEY")?;
    let key = query.take(&["integrationkey"]);
    // the key of the API is not needed for events
    let _ = query.take(&["apikey"]);
    set("key", key.unwrap_or_else(|| first.split('@').next().unwrap_or_default().to_owned()));
    let [source, component] = [take_first(&mut parts), take_first(&mut parts)];
    if !parts.is_empty() {
        return Err("pagerduty:// takes no more than a source and a component".to_owned());
    }
    for (name, from_path) in [("source", source), ("component", component)] {
        if let Some(value) = query.take(&[name]).or(from_path) {
            set(name, value);
        }
    }
    for name in ["region", "group", "class", "click"] {
        if let Some(value) = query.take(&[name]) {
            set(name, value);
        }
    }
    Ok(())
}

/// `opsgenie://API_KEY/@user/#team/*schedule/^escalation`.
pub(super) fn opsgenie(rest: &str, query: &mut Query, set: &mut Set<'_>) -> Result<(), String> {
    let mut parts: Vec<String> = rest.split('/').filter(|part| !part.is_empty()).map(decode).collect();
    let key = take_first(&mut parts).ok_or("opsgenie:// takes opsgenie://API_KEY/#TEAM")?;
    set("key", query.take(&["apikey"]).unwrap_or(key));
    parts
        .extend(query.take(&["to"]).map(|to| to.split(',').map(|it| it.trim().to_owned()).collect()).unwrap_or(vec![]));
    if !parts.is_empty() {
        set("to", parts.join(","));
    }
    query.only("batch", &super::NO, "an alert calls all at once")?;
    for name in ["region", "entity", "tags", "priority"] {
        if let Some(value) = query.take(&[name]) {
            set(name, value);
        }
    }
    Ok(())
}
