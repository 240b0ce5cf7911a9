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

/// The domain as the rules write it: in the letters of its language.
fn shown(domain: &str) -> Cow<'_, str> {
    match domain.contains("xn--") {
        true => Cow::Owned(idna::domain_to_unicode(domain).0),
        false => Cow::Borrowed(domain),
    }
}
