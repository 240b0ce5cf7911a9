//! A channel as one URL, in the forms that Apprise knows, and the addresses that the services themselves hand out.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use url::Url;

/// The kind of a channel, and its fields.
pub(super) type Read = (&'static str, BTreeMap<String, String>);

/// A longer scheme is none, and is not shown.
const SCHEME_BYTES_MAX: usize = 12;

/// Reads a URL.
///
/// # Errors
/// What is wrong with it, in words that show nothing of it.
pub(super) fn read(text: &str) -> Result<Read, String> {
    let (scheme, _) = text.split_once("://").ok_or("it has no scheme such as tgram://")?;
    let scheme = scheme.to_ascii_lowercase();
    let mut fields = BTreeMap::new();
    // parameters are fields too; a URL with a token as its host is no valid host name, so it is taken apart by hand
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    if !matches!(scheme.as_str(), "http" | "https") {
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            fields.insert(name.into_owned(), value.into_owned());
        }
    }
    let rest = path.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
    let mut parts: Vec<String> = rest.split('/').filter(|part| !part.is_empty()).map(decode).collect();
    let mut set = |name: &str, value: String| drop(fields.insert(name.to_owned(), value));
    let kind = match scheme.as_str() {
        "tgram" => {
            let token = take_first(&mut parts).ok_or("tgram:// takes tgram://TOKEN/CHAT")?;
            if parts.is_empty() {
                return Err("tgram:// takes tgram://TOKEN/CHAT: the chat is missing".to_owned());
            }
            set("token", token);
            set("chat", parts.join(","));
            "telegram"
        }
        "slack" => {
            slack(parts, &mut set)?;
            "slack"
        }
        "discord" => {
            let [id, token] = parts.as_slice() else {
                return Err("discord:// takes discord://WEBHOOK_ID/WEBHOOK_TOKEN".to_owned());
            };
            // avatar@id
            let id = id.rsplit('@').next().unwrap_or(id);
            set("webhook", format!("https://discord.com/api/webhooks/{id}/{token}"));
            "discord"
        }
        "workflow" | "workflows" => {
            let [host, workflow, signature] = parts.as_slice() else {
                return Err("workflows:// takes workflows://HOST:PORT/WORKFLOW/SIGNATURE".to_owned());
            };
            set(
                "webhook",
                format!(
                    "https://{host}/workflows/{workflow}/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={signature}"
                ),
            );
            "teams"
        }
        "mailto" | "mailtos" => {
            mail(text, &scheme, &mut set)?;
            "email"
        }
        "json" | "jsons" => {
            let secure = if scheme == "jsons" { "https" } else { "http" };
            set("webhook", format!("{secure}://{rest}"));
            "webhook"
        }
        "http" | "https" => {
            let kind = native(text);
            set("webhook", text.to_owned());
            kind
        }
        other => {
            // what is no word may be a token that stands in the wrong place
            let is_word = other.len() <= SCHEME_BYTES_MAX && other.bytes().all(|byte| byte.is_ascii_lowercase());
            let other = if is_word { format!("`{other}://`") } else { "its scheme".to_owned() };
            return Err(format!(
                "{other} is not known; known: tgram, slack, discord, workflows, mailto, mailtos, json, jsons, https"
            ));
        }
    };
    Ok((kind, fields))
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

/// `slack://A/B/C/#channel` for a webhook, `slack://xoxb-../#channel` for a bot, each with or without `name@`.
fn slack(mut parts: Vec<String>, set: &mut impl FnMut(&str, String)) -> Result<(), String> {
    let takes = "slack:// takes slack://A/B/C or slack://xoxb-TOKEN/CHANNEL";
    let first = take_first(&mut parts).ok_or(takes)?;
    let first = match first.split_once('@') {
        Some((name, rest)) => {
            set("username", name.to_owned());
            rest.to_owned()
        }
        None => first,
    };
    if first.starts_with("xox") {
        set("token", first);
        set("channel", take_first(&mut parts).ok_or(takes)?);
        return Ok(());
    }
    let (Some(second), Some(third)) = (take_first(&mut parts), take_first(&mut parts)) else {
        return Err(takes.to_owned());
    };
    set("webhook", format!("https://hooks.slack.com/services/{first}/{second}/{third}"));
    if let Some(channel) = take_first(&mut parts) {
        set("channel", channel);
    }
    Ok(())
}

/// `mailto://user:password@domain:port?to=..&from=..&smtp=host&mode=starttls`.
fn mail(text: &str, scheme: &str, set: &mut impl FnMut(&str, String)) -> Result<(), String> {
    // the scheme is not special to the parser, which then takes the login and the port as they are
    let url = Url::parse(text).map_err(|_| "mailto:// takes mailto://user:password@host".to_owned())?;
    let domain = url.host_str().filter(|host| !host.is_empty()).ok_or("mailto:// needs a host")?.to_owned();
    let pairs: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    let user = decode(url.username());
    let address = if user.contains('@') || user.is_empty() { user.clone() } else { format!("{user}@{domain}") };
    set("host", pairs.get("smtp").cloned().unwrap_or_else(|| domain.clone()));
    if let Some(port) = url.port() {
        set("port", port.to_string());
    }
    if let Some(password) = url.password() {
        set("password", decode(password));
        set("username", pairs.get("user").cloned().unwrap_or_else(|| address.clone()));
    }
    let from = pairs.get("from").cloned().unwrap_or_else(|| address.clone());
    set("from", if from.contains('@') { from } else { format!("{from} <{address}>") });
    let path = decode(url.path().trim_matches('/'));
    let to = pairs.get("to").cloned().unwrap_or(if path.is_empty() { address } else { path.replace('/', ",") });
    set("to", to);
    let security = match (pairs.get("mode").map(String::as_str), scheme) {
        (Some("ssl"), _) => "tls",
        (Some("starttls"), _) => "starttls",
        (Some("insecure"), _) => "none",
        (Some(_), _) => return Err("`mode` takes starttls, ssl or insecure".to_owned()),
        (None, "mailtos") => "starttls",
        (None, _) if url.port() == Some(465) => "tls",
        (None, _) if url.port() == Some(25) && url.password().is_none() => "none",
        (None, _) => "starttls",
    };
    set("security", security.to_owned());
    Ok(())
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
            ("discord://12/ab", "discord", "webhook=https://discord.com/api/webhooks/12/ab"),
            ("https://hooks.slack.com/services/T/B/x", "slack", "webhook=https://hooks.slack.com/services/T/B/x"),
            ("https://ops.example.com/in?a=1", "webhook", "webhook=https://ops.example.com/in?a=1"),
            ("jsons://ops.example.com:8443/in?secret=k", "webhook", "secret=k webhook=https://ops.example.com:8443/in"),
            (
                "mailto://me:p%40ss@example.com?to=you@example.com&smtp=smtp.example.com&mode=ssl",
                "email",
                "from=me@example.com host=smtp.example.com mode=ssl password=p@ss security=tls smtp=smtp.example.com to=you@example.com username=me@example.com",
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
        for text in ["tgram://tokenS3cret", "slack://A/B", "discord://x", "pigeon://x", "nothing", "mailto://"] {
            let why = read(text).expect_err(text);
            assert!(!why.contains("S3cret"), "{why}");
        }
    }
}
