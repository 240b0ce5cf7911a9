//! `robots.txt`, as RFC 9309 has it.

use std::time::Duration;

/// Bytes that are read of it; the standard asks for 500 KiB at least.
pub(super) const BYTES_MAX: usize = 512 * 1024;
/// The most seconds between two calls that are taken from it.
const DELAY_S_MAX: f64 = 3600.0;

/// What a site asks of programs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Robots {
    /// Whether a path may be fetched, for paths that begin so.
    rules: Vec<(String, bool)>,
    delay: Option<Duration>,
    sitemaps: Vec<String>,
}

impl Robots {
    /// What `robots.txt` asks of a program of this name.
    pub fn parse(text: &str, agent: &str) -> Self {
        let mut end = text.len().min(BYTES_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let agent = agent.to_lowercase();
        let (mut own, mut common) = (Group::default(), Group::default());
        let (mut is_own, mut is_common, mut in_rules) = (false, false, true);
        let mut has_own = false;
        let mut sitemaps = Vec::new();
        for line in text[..end].trim_start_matches('\u{feff}').lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else { continue };
            let (key, value) = (key.trim().to_lowercase(), value.trim());
            match key.as_str() {
                "user-agent" => {
                    if in_rules {
                        (is_own, is_common, in_rules) = (false, false, false);
                    }
                    let name = value.to_lowercase();
                    is_own |= !name.is_empty() && name != "*" && agent.starts_with(&name);
                    is_common |= name == "*";
                    has_own |= is_own;
                }
                "sitemap" => sitemaps.push(value.to_owned()),
                "allow" | "disallow" | "crawl-delay" => {
                    in_rules = true;
                    for (group, takes) in [(&mut own, is_own), (&mut common, is_common)] {
                        if takes {
                            group.take(&key, value);
                        }
                    }
                }
                _ => {}
            }
        }
        let Group { rules, delay } = if has_own { own } else { common };
        Self { rules, delay, sitemaps }
    }

    /// Whether a path, with its query, may be fetched: the longest rule that fits counts, and of two the one that allows.
    pub fn allows(&self, path: &str) -> bool {
        let path = if path.is_empty() { "/" } else { path };
        let fitting = self.rules.iter().filter(|(pattern, _)| fits(pattern, path));
        fitting.max_by_key(|(pattern, allows)| (pattern.len(), *allows)).is_none_or(|(_, allows)| *allows)
    }

    /// The time that should lie between two calls.
    pub fn delay(&self) -> Option<Duration> {
        self.delay
    }

    /// The sitemaps that it names.
    pub fn sitemaps(&self) -> &[String] {
        &self.sitemaps
    }
}

#[derive(Default)]
struct Group {
    rules: Vec<(String, bool)>,
    delay: Option<Duration>,
}

impl Group {
    fn take(&mut self, key: &str, value: &str) {
        match key {
            "crawl-delay" => {
                let seconds = value.parse::<f64>().ok().filter(|seconds| (0.0..=DELAY_S_MAX).contains(seconds));
                self.delay = seconds.map(Duration::from_secs_f64).or(self.delay);
            }
            // nothing is disallowed by nothing
            _ if value.is_empty() => {}
            _ => self.rules.push((value.to_owned(), key == "allow")),
        }
    }
}

/// Whether a path begins with a pattern, in which `*` stands for anything and `$` for the end.
fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, is_end) = match pattern.strip_suffix('$') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = path.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return !is_end || rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    if is_end { rest.ends_with(last) } else { rest.contains(last) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_rule_counts() {
        let text = "User-agent: *\nDisallow: /private\nAllow: /private/open # here\nDisallow: /*.pdf$\nCrawl-delay: 2\n\n\
                    User-agent: other\nUser-agent: data-collector\nDisallow: /own\n\nSitemap: https://example.com/s.xml";
        let robots = Robots::parse(text, "someone/1.0");
        for (path, expected) in [
            ("/", true),
            ("/private/x", false),
            ("/private/open/y", true),
            ("/a.pdf", false),
            ("/a.pdf?x", true),
            ("/own", true),
            ("", true),
        ] {
            assert_eq!(robots.allows(path), expected, "{path}");
        }
        assert_eq!((robots.delay(), robots.sitemaps().len()), (Some(Duration::from_secs(2)), 1));
        let own = Robots::parse(text, "Data-Collector/0.1");
        assert_eq!((own.allows("/own"), own.allows("/private"), own.delay()), (false, true, None));
        assert!(Robots::parse("", "x").allows("/any"));
        assert!(!Robots::parse("user-agent:*\ndisallow:/", "x").allows("/any"));
        assert!(Robots::parse("user-agent: *\ndisallow:", "x").allows("/any"));
        assert!(!Robots::parse("user-agent: *\ndisallow: /a*b*c", "x").allows("/aXbYcZ"));
    }
}
