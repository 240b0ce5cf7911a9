//! The registries: names such as `com`, `co.uk` and `github.io`, below which others own the sites. The rules are data of
//! the program; a crate that has them as code took a tenth of the build.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

static RULES: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("rules.txt").lines().filter(|line| !line.starts_with("//")).collect());

/// Whether a domain (lower case, without a dot around it) is a registry. One that no rule speaks of is if it has no dot.
pub(super) fn is_registry(domain: &str) -> bool {
    let domain = shown(domain);
    let Some((_, parent)) = domain.split_once('.') else { return true };
    if RULES.contains(format!("!{domain}").as_str()) {
        return false;
    }
    RULES.contains(domain.as_ref()) || RULES.contains(format!("*.{parent}").as_str())
}

/// The site that a host belongs to: `example.co.uk` of `api.example.co.uk`. An address is one by itself.
pub(super) fn site(host: &str) -> &str {
    if host.starts_with('[') || host.parse::<std::net::IpAddr>().is_ok() {
        return host;
    }
    let mut site = host;
    while let Some((_, parent)) = site.split_once('.') {
        if is_registry(parent) {
            break;
        }
        site = parent;
    }
    site
}

/// The domain as the rules write it: in the letters of its language.
fn shown(domain: &str) -> Cow<'_, str> {
    match domain.contains("xn--") {
        true => Cow::Owned(idna::domain_to_unicode(domain).0),
        false => Cow::Borrowed(domain),
    }
}

#[cfg(test)]
mod tests {
    use super::site;

    #[test]
    fn the_site_of_a_host_is_what_its_owner_has_registered() {
        for (host, expected) in [
            ("api.example.co.uk", "example.co.uk"),
            ("a.b.example.com", "example.com"),
            ("example.com", "example.com"),
            ("me.github.io", "me.github.io"),
            ("intranet", "intranet"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(site(host), expected);
        }
    }
}
