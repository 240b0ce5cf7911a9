//! A channel as one URL, in the forms that Apprise knows, and the addresses that the services themselves hand out.

mod calls;
mod mail;
mod query;

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use query::{NO, Query, YES};
use url::Url;

/// The kind of a channel, and its fields.
pub(super) type Read = (&'static str, BTreeMap<String, String>);

/// A longer scheme is none, and is not shown.
const SCHEME_BYTES_MAX: usize = 12;

/// The schemes that are known beside those of webhooks.
const KNOWN: [&str; 13] = [
    "tgram",
    "slack",
    "discord",
    "workflows",
    "mailto",
    "mailtos",
    "json",
    "jsons",
    "ntfy",
    "gotify",
    "matrix",
    "pagerduty",
    "opsgenie",
];
/// Fields that every channel over HTTP has, under their own names.
const OF_HTTP: [&str; 2] = ["api", "proxy"];

/// Reads a URL.
///
/// # Errors
/// What is wrong with it, in words that show nothing of it.
pub(super) fn read(text: &str) -> Result<Read, String> {
    let (scheme, _) = text.split_once("://").ok_or("it has no scheme such as tgram://")?;
    let scheme = scheme.to_ascii_lowercase();
    let mut fields = BTreeMap::new();
    if matches!(scheme.as_str(), "http" | "https") {
        fields.insert("webhook".to_owned(), text.to_owned());
        return Ok((native(text), fields));
    }
    // a URL with a token as its host is no valid host name, so it is taken apart by hand
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    let mut query = Query::read(query);
    query.take_common(&mut fields)?;
    let rest = path.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
    let mut parts: Vec<String> = rest.split('/').filter(|part| !part.is_empty()).map(decode).collect();
    query.take_fields(if scheme.starts_with("mailto") { &[] } else { &OF_HTTP }, &mut fields);
    let mut set = |name: &str, value: String| drop(fields.insert(name.to_owned(), value));
    let kind = match scheme.as_str() {
        "tgram" => {
            telegram(parts, &mut query, &mut set)?;
            "telegram"
        }
        "slack" => {
            slack(parts, &mut query, &mut set)?;
            "slack"
        }
        "discord" => {
            discord(&parts, &mut query, &mut set)?;
            "discord"
        }
        "workflow" | "workflows" => {
            workflows(&mut parts, &mut query, &mut set)?;
            "teams"
        }
        "mailto" | "mailtos" => {
            mail::read(text, &scheme, &mut query, &mut set)?;
            query.take_fields(&["certificates"], &mut fields);
            "email"
        }
        "json" | "jsons" => {
            let secure = if scheme == "jsons" { "https" } else { "http" };
            json(&format!("{secure}://{rest}"), &mut query, &mut set)?;
            query.take_fields(&["secret", "method"], &mut fields);
            "webhook"
        }
        "ntfy" | "ntfys" => {
            calls::ntfy(rest, scheme == "ntfys", &mut query, &mut set)?;
            "ntfy"
        }
        "gotify" | "gotifys" => {
            calls::gotify(rest, scheme == "gotifys", &mut query, &mut set)?;
            "gotify"
        }
        "matrix" | "matrixs" => {
            calls::matrix(rest, scheme == "matrixs", &mut query, &mut set)?;
            "matrix"
        }
        "pagerduty" => {
            calls::pagerduty(rest, &mut query, &mut set)?;
            "pagerduty"
        }
        "opsgenie" => {
            calls::opsgenie(rest, &mut query, &mut set)?;
            "opsgenie"
        }
        other => {
            // what is no word may be a token that stands in the wrong place
            let is_word = other.len() <= SCHEME_BYTES_MAX && other.bytes().all(|byte| byte.is_ascii_lowercase());
            let other = if is_word { format!("`{other}://`") } else { "its scheme".to_owned() };
            return Err(format!("{other} is not known; known: {}, https", KNOWN.join(", ")));
        }
    };
    query.end()?;
    Ok((kind, fields))
}

/// `tgram://TOKEN/CHAT/CHAT:TOPIC`.
fn telegram(mut parts: Vec<String>, query: &mut Query, set: &mut impl FnMut(&str, String)) -> Result<(), String> {
    let token = take_first(&mut parts).ok_or("tgram:// takes tgram://TOKEN/CHAT")?;
    if let Some(to) = query.take(&["to"]) {
        parts.extend(to.split(',').map(|chat| chat.trim().to_owned()).filter(|chat| !chat.is_empty()));
    }
    if parts.is_empty() {
        return Err("tgram:// takes tgram://TOKEN/CHAT: the chat is missing".to_owned());
    }
    set("token", token);
    set("chat", parts.join(","));
    for (names, field) in [(&["silent"][..], "silent"), (&["preview"], "preview"), (&["topic", "thread"], "topic")] {
        if let Some(value) = query.take(names) {
            set(field, value);
        }
    }
    query.only("detect", &NO, "the chat has to be named")?;
    query.only("content", &["before", "after"], "there are no attachments")?;
    query.only("mdv", &["v1", "v2", "1", "2"], "messages are plain text")
}

/// `discord://BOT@WEBHOOK_ID/WEBHOOK_TOKEN`.
fn discord(parts: &[String], query: &mut Query, set: &mut impl FnMut(&str, String)) -> Result<(), String> {
    let [id, token] = parts else {
        return Err("discord:// takes discord://WEBHOOK_ID/WEBHOOK_TOKEN".to_owned());
    };
    let id = match id.rsplit_once('@') {
        Some((name, id)) => {
            set("username", name.to_owned());
            id
        }
        None => id,
    };
    set("webhook", format!("https://discord.com/api/webhooks/{id}/{token}"));
    for (names, field) in [
        (&["username"][..], "username"),
        (&["avatar_url"], "avatar"),
        (&["thread"], "thread"),
        (&["tts"], "tts"),
        (&["href", "url"], "click"),
    ] {
        if let Some(value) = query.take(names) {
            set(field, value);
        }
    }
    query.only("batch", &NO, "a message goes by itself")?;
    query.only("avatar", &NO, "name a picture by avatar_url")?;
    query.only("footer", &YES, "it tells which message it is")?;
    query.only("footer_logo", &NO, "no pictures are sent")?;
    query.only("fields", &NO, "messages have none")
}

/// `workflows://HOST:PORT/WORKFLOW/SIGNATURE`.
fn workflows(parts: &mut Vec<String>, query: &mut Query, set: &mut impl FnMut(&str, String)) -> Result<(), String> {
    if let Some(workflow) = query.take(&["id", "workflow"]) {
        parts.insert(1.min(parts.len()), workflow);
    }
    parts.extend(query.take(&["signature", "sig"]));
    let [host, workflow, signature] = parts.as_slice() else {
        return Err("workflows:// takes workflows://HOST:PORT/WORKFLOW/SIGNATURE".to_owned());
    };
    let is_power = match query.take(&["pa", "powerautomate"]) {
        Some(word) if YES.contains(&word.to_ascii_lowercase().as_str()) => true,
        Some(word) if NO.contains(&word.to_ascii_lowercase().as_str()) => false,
        Some(_) => return Err("`powerautomate` takes yes or no".to_owned()),
        None => false,
    };
    let (place, version) = match is_power {
        true => ("/powerautomate/automations/direct", "2022-03-01-preview"),
        false => ("", "2016-06-01"),
    };
    let version = query.take(&["ver", "api-version"]).unwrap_or_else(|| version.to_owned());
    query.only("wrap", &YES, "messages are wrapped")?;
    let query = format!("api-version={version}&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={signature}");
    set("webhook", format!("https://{host}{place}/workflows/{workflow}/triggers/manual/paths/invoke?{query}"));
    Ok(())
}

/// `json://user:password@host:port/path?+Header=value&-parameter=value&:field=value&method=put`.
fn json(address: &str, query: &mut Query, set: &mut impl FnMut(&str, String)) -> Result<(), String> {
    let mut address = Url::parse(address).map_err(|_| "json:// takes json://host:port/path".to_owned())?;
    // without any, the address stays as it was written
    let parameters = query.marked('-');
    if !parameters.is_empty() {
        address.query_pairs_mut().extend_pairs(parameters);
    }
    let joined = |pairs: Vec<(String, String)>, between: &str| -> Result<Option<String>, String> {
        let list: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}{between}{value}")).collect();
        match list.iter().any(|pair| pair.contains(',')) {
            true => {
                Err("a comma in a header or a field has no place in a URL: write them as `headers` and `fields`"
                    .to_owned())
            }
            false => Ok((!list.is_empty()).then(|| list.join(","))),
        }
    };
    if let Some(headers) = joined(query.marked('+'), ":")? {
        set("headers", headers);
    }
    if let Some(fields) = joined(query.marked(':'), "=")? {
        set("fields", fields);
    }
    set("webhook", address.into());
    Ok(())
}

/// The service that has handed out a webhook.
fn native(text: &str) -> &'static str {
    let host = Url::parse(text).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    match host.as_str() {
        "hooks.slack.com" => "slack",
        "discord.com" | "discordapp.com" => "discord",
        host if host.ends_with(".logic.azure.com")
            || host.ends_with(".webhook.office.com")
            || host.ends_with(".api.powerplatform.com") =>
        {
            "teams"
        }
        _ => "webhook",
    }
}

/// `slack://A/B/C/#channel` for a webhook, `slack://xoxb-../#channel` for a bot, each with or without `name@`, and with any
/// number of channels: `#name`, `+ID`, `@person`.
fn slack(mut parts: Vec<String>, query: &mut Query, set: &mut impl FnMut(&str, String)) -> Result<(), String> {
    let takes = "slack:// takes slack://A/B/C or slack://xoxb-TOKEN/CHANNEL";
    let first = take_first(&mut parts).ok_or(takes)?;
    let first = match first.split_once('@') {
        Some((name, rest)) => {
            set("username", name.to_owned());
            rest.to_owned()
        }
        None => first,
    };
    let is_bot = first.starts_with("xox");
    if is_bot {
        set("token", first);
    } else {
        let (Some(second), Some(third)) = (take_first(&mut parts), take_first(&mut parts)) else {
            return Err(takes.to_owned());
        };
        set("webhook", format!("https://hooks.slack.com/services/{first}/{second}/{third}"));
    }
    if let Some(to) = query.take(&["to", "channel"]) {
        parts.extend(to.split(',').map(|channel| channel.trim().to_owned()).filter(|channel| !channel.is_empty()));
    }
    if parts.iter().any(|channel| channel.trim_start_matches('@').contains('@')) {
        return Err("slack:// takes channels, not addresses of e-mail".to_owned());
    }
    let channels: Vec<&str> = parts.iter().map(|it| it.strip_prefix('+').unwrap_or(it)).collect();
    match (channels.is_empty(), is_bot) {
        (true, true) => return Err(takes.to_owned()),
        (true, false) => {}
        (false, _) => set("channel", channels.join(",")),
    }
    if let Some(name) = query.take(&["username"]) {
        set("username", name);
    }
    query.only("footer", &YES, "it tells which message it is")?;
    query.only("blocks", &YES, "messages are made of blocks")
}

fn take_first(parts: &mut Vec<String>) -> Option<String> {
    (!parts.is_empty()).then(|| parts.remove(0))
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> (String, String) {
        let (kind, fields) = read(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        let all = fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ");
        (kind.to_owned(), all)
    }

    #[test]
    fn the_forms_of_apprise_are_read() {
        for (text, kind, expected) in [
            ("tgram://123:AbC/-100/7", "telegram", "chat=-100,7 token=123:AbC"),
            (
                "slack://bot@T1/B2/C3/#ops",
                "slack",
                "channel=#ops username=bot webhook=https://hooks.slack.com/services/T1/B2/C3",
            ),
            ("slack://xoxb-1-a/%23ops", "slack", "channel=#ops token=xoxb-1-a"),
            (
                "tgram://1:a/-100:42/@b?silent=yes&thread=7&format=text&rto=2.5",
                "telegram",
                "chat=-100:42,@b read_timeout=2.5 silent=yes token=1:a topic=7",
            ),
            ("slack://xoxb-1/#a/#b/+C1?footer=yes", "slack", "channel=#a,#b,C1 token=xoxb-1"),
            ("slack://T/B/C/#a/@me", "slack", "channel=#a,@me webhook=https://hooks.slack.com/services/T/B/C"),
            (
                "discord://bot@12/ab?thread=9&tts=yes&avatar=no",
                "discord",
                "thread=9 tts=yes username=bot webhook=https://discord.com/api/webhooks/12/ab",
            ),
            (
                "json://u:p@h:81/in?+X-Token=a%2Bb&-page=1&:subject=text&method=put",
                "webhook",
                "fields=subject=text headers=X-Token:a+b method=put webhook=http://u:p@h:81/in?page=1",
            ),
            (
                "mailto://me:p@gmail.com",
                "email",
                "from=me@gmail.com host=smtp.gmail.com password=p port=587 security=starttls to=me@gmail.com username=me@gmail.com",
            ),
            (
                "mailtos://me:p@yahoo.co.uk/a+b@x.y?name=Ops&cc=c@d.e&reply=r@d.e",
                "email",
                "cc=c@d.e from=Ops <me@yahoo.co.uk> host=smtp.mail.yahoo.com password=p port=465 reply_to=r@d.e security=tls to=a+b@x.y username=me@yahoo.co.uk",
            ),
            (
                "mailto://me:p@yandex.com",
                "email",
                "from=me@yandex.com host=smtp.yandex.ru password=p port=465 security=tls to=me@yandex.com username=me",
            ),
            (
                "mailto://me:p@live.example.com",
                "email",
                "from=me@live.example.com host=live.example.com password=p security=starttls to=me@live.example.com username=me@live.example.com",
            ),
            (
                "mailto://me:p@gmail.com:2525?smtp=relay.example.com",
                "email",
                "from=me@gmail.com host=relay.example.com password=p port=2525 security=starttls to=me@gmail.com username=me@gmail.com",
            ),
            ("ntfy://my-topic?priority=high&tags=a,b", "ntfy", "priority=high tags=a,b topic=my-topic"),
            ("ntfys://u:p%40@h:8/t1/t2", "ntfy", "password=p@ server=https://h:8 topic=t1,t2 username=u"),
            ("ntfys://tk_1@h/t", "ntfy", "server=https://h token=tk_1 topic=t"),
            ("gotifys://h:8/sub/tOken?priority=9", "gotify", "priority=9 server=https://h:8/sub token=tOken"),
            (
                "matrixs://tok@h:8448/#ops/!r:x.y/plain",
                "matrix",
                "room=#ops:h,!r:x.y,#plain:h server=https://h:8448 token=tok",
            ),
            ("matrix://u:p@h/#a:b", "matrix", "password=p room=#a:b server=http://h username=u"),
            ("pagerduty://int@api/src/comp?region=eu", "pagerduty", "component=comp key=int region=eu source=src"),
            ("opsgenie://key/#team/@a@b.c?priority=p1", "opsgenie", "key=key priority=p1 to=#team,@a@b.c"),
            ("discord://12/ab", "discord", "webhook=https://discord.com/api/webhooks/12/ab"),
            ("https://hooks.slack.com/services/T/B/x", "slack", "webhook=https://hooks.slack.com/services/T/B/x"),
            ("https://ops.example.com/in?a=1", "webhook", "webhook=https://ops.example.com/in?a=1"),
            ("jsons://ops.example.com:8443/in?secret=k", "webhook", "secret=k webhook=https://ops.example.com:8443/in"),
            (
                "mailto://me:p%40ss@example.com?to=you@example.com&smtp=smtp.example.com&mode=ssl",
                "email",
                "from=me@example.com host=smtp.example.com password=p@ss security=tls to=you@example.com username=me@example.com",
            ),
            (
                "mailto://example.com:25?from=dc@example.com&to=a@b.c",
                "email",
                "from=dc@example.com host=example.com port=25 security=none to=a@b.c",
            ),
        ] {
            assert_eq!(fields(text), (kind.to_owned(), expected.to_owned()), "{text}");
        }
        let (kind, url) = fields("workflows://prod-1.westeurope.logic.azure.com:443/wid/sIg");
        assert!(
            kind == "teams" && url.contains("/workflows/wid/triggers/manual/paths/invoke") && url.ends_with("sig=sIg")
        );
        for (text, expected) in [
            ("tgram://1:a/2?colour=red", "the parameter `colour`"),
            ("tgram://1:a/2?S3cretS3cret=1", "a parameter that is not known"),
            ("tgram://1:a/2?format=html", "`format` takes only text"),
            ("tgram://1:a/2?+X=1", "begin with `+`"),
            ("slack://xoxb-1/a@b.c", "not addresses"),
            ("mailto://u:p@gmail.com?verify=no", "always verified"),
            ("jsons://h/?+X=a,b", "comma"),
            ("discord://1/2/3", "discord:// takes"),
        ] {
            let why = read(text).expect_err(text);
            assert!(why.contains(expected), "{text}: {why}");
        }
        for text in ["tgram://tokenS3cret", "slack://A/B", "discord://x", "pigeon://x", "nothing", "mailto://"] {
            let why = read(text).expect_err(text);
            assert!(!why.contains("S3cret"), "{why}");
        }
    }
}
