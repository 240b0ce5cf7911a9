//! The sections of dc.toml and their fields: what may be written there, and what of it is a secret.

use std::path::Path;

use super::failure::settings_error;
use crate::error::{Error, Result};

/// One section.
pub(super) struct Known {
    /// Its name; `db.*` stands for `db.` and any name.
    pub(super) section: &'static str,
    pub(super) fields: &'static [&'static str],
    /// Those of the fields whose values are never shown.
    pub(super) secret: &'static [&'static str],
}

/// All sections.
pub(super) const KNOWN: &[Known] = &[
    Known { section: "broker", fields: &["url", "certificates"], secret: &["url"] },
    Known { section: "captcha", fields: &["solver", "key", "api", "timeout", "poll"], secret: &["key"] },
    Known {
        section: "db.*",
        fields: &[
            "url",
            "backend",
            "path",
            "host",
            "port",
            "name",
            "username",
            "password",
            "sslmode",
            "sslrootcert",
            "encrypt",
            "trust",
            "instance",
            "integrated",
            "pool_size",
        ],
        secret: &["password", "url"],
    },
    Known {
        section: "log",
        fields: &["level", "format", "sinks", "queue", "folder", "waiting_max", "flush"],
        secret: &[],
    },
    Known { section: "log.file", fields: &["path", "size_max", "files_max"], secret: &[] },
    Known {
        section: "log.splunk",
        fields: &[
            "url",
            "token",
            "index",
            "source",
            "sourcetype",
            "acknowledge",
            "acknowledge_timeout",
            "timeout",
            "certificates",
        ],
        secret: &["token"],
    },
    Known { section: "group.*", fields: &["max_running"], secret: &[] },
    Known {
        section: "host.*",
        fields: &[
            "rate",
            "concurrency",
            "verify",
            "certificates",
            "client_certificate",
            "client_key_pem",
            "client_key",
            "proxies",
        ],
        secret: &["client_key_pem", "proxies"],
    },
    Known {
        section: "http",
        fields: &[
            "timeout",
            "connect_timeout",
            "read_timeout",
            "retries",
            "user_agent",
            "proxies",
            "proxy_cool_down",
            "proxy_rest",
            "rate",
            "concurrency",
            "save",
            "save_retention",
            "certificates",
            "client_certificate",
            "client_key_pem",
            "client_key",
            "cache",
            "body_max",
            "in_flight_max",
        ],
        secret: &["proxies", "client_key_pem"],
    },
    Known {
        section: "manager",
        fields: &["max_running", "labels", "backoff", "backoff_max", "keep", "deploy", "heartbeat", "heartbeat_every"],
        secret: &["heartbeat"],
    },
    Known { section: "merge", fields: &["max_gone_percent", "max_gone_rows"], secret: &[] },
    Known {
        section: "notify.*",
        fields: &[
            "url",
            "type",
            "severity",
            "quiet",
            "timezone",
            "subject",
            "body",
            "every",
            "digest_at",
            "api",
            "token",
            "chat",
            "webhook",
            "channel",
            "username",
            "host",
            "port",
            "security",
            "password",
            "from",
            // before `to`, which is its end in a variable
            "reply_to",
            "to",
            "cc",
            "bcc",
            "certificates",
            "secret",
            "headers",
            "method",
            "fields",
            "proxy",
            "connect_timeout",
            "read_timeout",
            "topic",
            "silent",
            "preview",
            "avatar",
            "thread",
            "tts",
            "server",
            "room",
            "msgtype",
            "priority",
            "tags",
            "click",
            "key",
            "region",
            "source",
            "component",
            "group",
            "class",
            "entity",
            "email",
            "delay",
            "overflow",
        ],
        secret: &["url", "token", "webhook", "password", "secret", "headers", "proxy", "key"],
    },
    Known { section: "secrets", fields: &["path", "password_file"], secret: &[] },
    Known {
        section: "ocr",
        fields: &[
            "engine",
            "languages",
            "way",
            "library",
            "program",
            "tessdata",
            "models",
            "timeout",
            "memory",
            "pixels_max",
        ],
        secret: &[],
    },
    Known {
        section: "storage",
        fields: &["root", "store", "dates", "retention", "min_free", "prune_every"],
        secret: &[],
    },
    Known {
        section: "storage.stores.*",
        fields: &[
            "type",
            "path",
            "endpoint",
            "region",
            "bucket",
            "prefix",
            "addressing",
            "access_key",
            "secret_key",
            "session_token",
            "certificates",
            "min_free",
        ],
        secret: &["secret_key", "session_token"],
    },
    Known { section: "deploy", fields: &["publish", "ignore", "size_max"], secret: &[] },
    Known { section: "dramatiq", fields: &["max_priority"], secret: &[] },
    Known { section: "run", fields: &["map_objects", "timeout", "grace", "lease"], secret: &[] },
    // `viewer_token` before `token`, which is its end in a variable
    Known { section: "web", fields: &["viewer_token", "token", "hosts"], secret: &["viewer_token", "token"] },
];

impl Known {
    /// The `db` of `db.*`.
    pub(super) fn family(&self) -> Option<&'static str> {
        self.section.strip_suffix(".*")
    }

    pub(super) fn takes(&self, section: &str) -> bool {
        match self.family() {
            Some(family) => member(section, family).is_some(),
            None => self.section == section,
        }
    }
}

/// The name of a member of a family: `main` of `db.main`.
fn member<'a>(section: &'a str, family: &str) -> Option<&'a str> {
    section.strip_prefix(family)?.strip_prefix('.').filter(|member| !member.is_empty())
}

/// The tables that lead to a section. A member's name may have points of its own: `host.api.example.com`.
pub(super) fn steps(section: &str) -> Vec<&str> {
    let families = KNOWN.iter().filter_map(Known::family);
    match families.filter_map(|family| Some((family, member(section, family)?))).max_by_key(|(family, _)| family.len())
    {
        Some((family, member)) => family.split('.').chain([member]).collect(),
        None => section.split('.').collect(),
    }
}

/// Refuses what nobody would ever read, and names what is known in its place.
pub(super) fn check_names(path: &Path, table: &toml::Table) -> Result<()> {
    for (name, content) in table {
        match content {
            toml::Value::Table(content) => check_section(path, name, content)?,
            _ if KNOWN.iter().any(|known| known.section.split('.').next() == Some(name)) => {
                let message = format!("read {}: `{name}` must be a section, `[{name}]`", path.display());
                return Err(settings_error(message));
            }
            _ => return Err(unknown(path, name, &first_words())),
        }
    }
    Ok(())
}

fn check_section(path: &Path, section: &str, content: &toml::Table) -> Result<()> {
    let known = KNOWN.iter().find(|known| known.takes(section));
    let below = |known: &&Known| known.section.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'));
    let is_above = KNOWN.iter().any(|known| below(&known));
    if known.is_none() && !is_above {
        return Err(unknown(path, section, &first_words()));
    }
    for (name, value) in content {
        let full = format!("{section}.{name}");
        match value {
            toml::Value::Table(content) if is_above => check_section(path, &full, content)?,
            _ => match known {
                Some(known) if known.fields.contains(&name.as_str()) => {}
                // [host.api.example.com] without quotes
                Some(known) if value.is_table() && known.family().is_some() => {
                    let message = format!("read {}: there is no section `{full}`", path.display());
                    let family = known.family().unwrap_or_default();
                    return Err(settings_error(message)
                        .hint(format!("a name with points goes in quotes: [{family}.\"api.example.com\"]")));
                }
                Some(known) => return Err(unknown(path, &full, known.fields)),
                None => {
                    let error = settings_error(format!("read {}: `{full}` belongs to no section", path.display()));
                    return Err(
                        error.hint(format!("name what it is about: `[{section}.main]`, and its fields under it"))
                    );
                }
            },
        }
    }
    Ok(())
}

fn first_words() -> Vec<&'static str> {
    let mut words: Vec<&str> = KNOWN.iter().filter_map(|known| known.section.split('.').next()).collect();
    words.dedup();
    words
}

fn unknown(path: &Path, name: &str, known: &[&str]) -> Error {
    settings_error(format!("read {}: there is no setting `{name}`", path.display()))
        .hint(format!("known here: {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_may_stand_inside_another() {
        assert_eq!(steps("storage.stores.s3"), ["storage", "stores", "s3"]);
        assert_eq!(steps("host.api.example.com"), ["host", "api.example.com"]);
        assert_eq!(steps("log.splunk"), ["log", "splunk"]);
        let check = |text: &str| check_names(Path::new("dc.toml"), &toml::from_str(text).expect("TOML"));
        assert!(check("[storage]\nstore = \"s3\"\n[storage.stores.s3]\ntype = \"s3\"").is_ok());
        for wrong in
            ["[storage.stores]\nroot = \"x\"", "[storage.shelves.x]\npath = \"x\"", "[storage.stores.x]\nroot = \"x\""]
        {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }
}
