//! `mailto://user:password@domain:port/to?from=..&smtp=host&mode=starttls`, and the servers of the large services.

use url::Url;

use super::decode;
use super::query::Query;

/// A service of e-mail.
struct Service {
    /// Its domains; one with a dot at its end stands for all countries.
    domains: &'static [&'static str],
    host: &'static str,
    port: u16,
    security: &'static str,
    /// Its logins are names and not addresses.
    by_name: bool,
}

const fn service(domains: &'static [&'static str], host: &'static str, port: u16) -> Service {
    let security = if port == 465 { "tls" } else { "starttls" };
    Service { domains, host, port, security, by_name: false }
}

const SERVICES: [Service; 15] = [
    service(&["gmail.com", "googlemail.com"], "smtp.gmail.com", 587),
    service(&["hotmail.", "outlook.", "live."], "smtp-mail.outlook.com", 587),
    service(&["office365.com"], "smtp.office365.com", 587),
    service(&["yahoo.", "ymail.com"], "smtp.mail.yahoo.com", 465),
    service(&["icloud.com", "me.com", "mac.com"], "smtp.mail.me.com", 587),
    service(&["fastmail."], "smtp.fastmail.com", 465),
    service(&["zoho.com", "zohomail.com"], "smtp.zoho.com", 587),
    service(&["zoho.eu", "zohomail.eu"], "smtp.zoho.eu", 587),
    Service { by_name: true, ..service(&["yandex.", "ya.ru"], "smtp.yandex.ru", 465) },
    Service { by_name: true, ..service(&["sendgrid.com", "sendgrid.net"], "smtp.sendgrid.net", 465) },
    service(&["aol.com"], "smtp.aol.com", 465),
    service(&["gmx."], "mail.gmx.com", 587),
    service(&["comcast.net"], "smtp.comcast.net", 465),
    service(&["qq.com", "foxmail.com"], "smtp.qq.com", 587),
    service(&["163.com"], "smtp.163.com", 465),
];

/// Reads such a URL.
pub(super) fn read(
    text: &str,
    scheme: &str,
    query: &mut Query,
    set: &mut impl FnMut(&str, String),
) -> Result<(), String> {
    // the scheme is not special to the parser, which then takes the login and the port as they are
    let url = Url::parse(text).map_err(|_| "mailto:// takes mailto://user:password@host".to_owned())?;
    let domain = url.host_str().filter(|host| !host.is_empty()).ok_or("mailto:// needs a host")?.to_owned();
    let user = decode(url.username());
    let address = if user.contains('@') || user.is_empty() { user.clone() } else { format!("{user}@{domain}") };
    let password = query.take(&["pass"]).or_else(|| url.password().map(decode));
    let login = query.take(&["user"]);
    let server = query.take(&["smtp"]);
    let service = service_of(&domain).filter(|_| server.is_none());
    set("host", server.or_else(|| service.map(|it| it.host.to_owned())).unwrap_or_else(|| domain.clone()));
    let has_password = password.is_some();
    if let Some(password) = password {
        set("password", password);
        let by_name = service.is_some_and(|it| it.by_name);
        set("username", login.unwrap_or_else(|| if by_name { user.clone() } else { address.clone() }));
    } else if login.is_some() {
        return Err("`user` takes a password beside it".to_owned());
    }
    let name = query.take(&["name"]);
    let from = match (query.take(&["from"]), name) {
        (Some(from), None) if from.contains('@') => from,
        (Some(from), Some(name)) if from.contains('@') => format!("{name} <{from}>"),
        (Some(name), _) | (None, Some(name)) => format!("{name} <{address}>"),
        (None, None) => address.clone(),
    };
    set("from", from);
    let path = decode(url.path().trim_matches('/'));
    let to = query.take(&["to"]).unwrap_or(if path.is_empty() { address } else { path.replace('/', ",") });
    set("to", to);
    for (name, field) in [("cc", "cc"), ("bcc", "bcc"), ("reply", "reply_to")] {
        if let Some(value) = query.take(&[name]) {
            set(field, value);
        }
    }
    for name in ["pgp", "inline"] {
        query.only(name, &super::NO, "messages are plain text")?;
    }
    let security = match (query.take(&["mode"]).as_deref(), scheme) {
        (Some("ssl"), _) => "tls",
        (Some("starttls"), _) => "starttls",
        (Some("insecure"), _) => "none",
        (Some(_), _) => return Err("`mode` takes starttls, ssl or insecure".to_owned()),
        (None, _) if url.port().is_none() && service.is_some() => service.map_or("", |it| it.security),
        (None, _) if url.port() == Some(465) => "tls",
        (None, "mailtos") => "starttls",
        (None, _) if url.port() == Some(25) && !has_password => "none",
        (None, _) => "starttls",
    };
    set("security", security.to_owned());
    let port = url.port().or_else(|| service.filter(|it| it.security == security).map(|it| it.port));
    if let Some(port) = port {
        set("port", port.to_string());
    }
    Ok(())
}

/// The service of a domain.
fn service_of(domain: &str) -> Option<&'static Service> {
    let domain = domain.to_ascii_lowercase();
    // `yahoo.co.uk`, and not `live.example.com`
    let is_country = |rest: &str| match rest.split_once('.') {
        None => true,
        Some((second, country)) => matches!(second, "co" | "com") && !country.contains('.'),
    };
    let is_of = |known: &&str| {
        domain == *known || (known.ends_with('.') && domain.strip_prefix(*known).is_some_and(is_country))
    };
    SERVICES.iter().find(|service| service.domains.iter().any(is_of))
}
