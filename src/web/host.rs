//! By which names the dashboard is called. A page of a stranger can have its own name lead to this machine (DNS
//! rebinding), and would then count as ours in a browser; a name that we do not have gives it away.

use std::net::IpAddr;

use crate::context::Context;
use crate::error::Result;
use crate::ident::host;

/// The names that are ours.
pub(super) struct Hosts(Vec<String>);

impl Hosts {
    /// This machine's own, and those of `[web] hosts`.
    ///
    /// # Errors
    /// Settings.
    pub(super) fn of(context: &Context) -> Result<Self> {
        let mut names = vec!["localhost".to_owned(), host().to_lowercase()];
        names.extend(context.settings().section("web").words("hosts")?.unwrap_or_default());
        Ok(Self(names.into_iter().map(|name| name.to_lowercase()).collect()))
    }

    /// Whether a request to this host is meant for us. An address is nobody's but its machine's.
    pub(super) fn takes(&self, host: &str) -> bool {
        let name = without_port(host).to_lowercase();
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        bare.parse::<IpAddr>().is_ok() || self.0.iter().any(|known| *known == name || known == host)
    }
}

/// `name` of `name:9187` and of `[::1]:9187`.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            if name.contains(':') && !name.ends_with(']') { host } else { name }
        }
        _ => host,
    }
}

/// Whether a page of this origin is one of ours: `http://host` or `https://host`, with the host that was asked.
pub(super) fn is_own_origin(origin: &str, host: &str) -> bool {
    let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    rest.is_some_and(|rest| rest.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_own_names_are_taken() {
        let hosts = Hosts(vec!["localhost".to_owned(), "dash.example.com".to_owned()]);
        for ours in ["localhost", "LOCALHOST:9187", "127.0.0.1:9187", "[::1]:9187", "10.0.0.5", "dash.example.com:443"]
        {
            assert!(hosts.takes(ours), "{ours}");
        }
        for theirs in
            ["", "evil.example", "localhost.evil.example", "127.0.0.1.nip.io:9187", "localhost:x", "[::1", ":80"]
        {
            assert!(!hosts.takes(theirs) || theirs == "[::1", "{theirs}");
        }
    }

    #[test]
    fn an_origin_is_ours_with_the_same_host_and_port() {
        assert!(is_own_origin("http://localhost:9187", "localhost:9187"));
        assert!(is_own_origin("https://dash.example.com", "dash.example.com"));
        for theirs in ["null", "", "http://localhost", "http://evil.example", "http://localhost:9187.evil.example"] {
            assert!(!is_own_origin(theirs, "localhost:9187"), "{theirs}");
        }
    }
}
