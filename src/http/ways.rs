//! By which proxies a URL is asked for: those of its host, those of the session, or those that the environment names.

use std::net::IpAddr;
use std::sync::Arc;

use url::Url;

use super::commons::Commons;
use super::host::Hosts;
use super::options::Proxying;
use super::proxies::Proxies;
use crate::error::Result;
use crate::settings::{BEYOND_VARIABLES, DOOR_VARIABLE, Secret, Settings};

/// The proxies of a session.
pub(super) struct Ways {
    own: Arc<Proxies>,
    /// For plain HTTP, and for TLS.
    of_environment: [Option<Arc<Proxies>>; 2],
    without: Vec<String>,
}

impl Ways {
    /// # Errors
    /// Settings, for what is no proxy.
    pub(super) fn new(settings: &Settings, options: &Proxying, commons: Option<&Arc<dyn Commons>>) -> Result<Self> {
        let own = Arc::new(Proxies::new(options, commons.cloned())?);
        let named = |names: &[&str]| -> Result<Option<Arc<Proxies>>> {
            let found = names.iter().find_map(|name| Some((name, settings.variable(name)?.trim())));
            let Some((name, text)) = found.filter(|_| own.is_empty()) else { return Ok(None) };
            let url = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
            let options = Proxying { proxies: vec![Secret::new(url)], ..options.clone() };
            let proxies = Proxies::new(&options, commons.cloned());
            proxies.map(|it| Some(Arc::new(it))).map_err(|error| error.within(format!("read the variable {name}")))
        };
        // what a web server runs has the header `Proxy` of its visitors there
        let is_cgi = settings.has_variable("REQUEST_METHOD");
        // a run that is recorded leads all others to a proxy before its cassette, which we keep ourselves
        let is_led = settings.has_variable(DOOR_VARIABLE);
        let [plain, tls, without] =
            BEYOND_VARIABLES.map(|(beyond, names)| if is_led { vec![beyond] } else { names.to_vec() });
        let plain = if is_cgi && !is_led { vec!["http_proxy"] } else { plain };
        let of_environment = [named(&plain)?, named(&tls)?];
        let without = without.iter().find_map(|name| settings.variable(name)).unwrap_or_default();
        let without = without.split(',').map(|word| word.trim().to_ascii_lowercase());
        Ok(Self { own, of_environment, without: without.filter(|word| !word.is_empty()).collect() })
    }

    /// The proxies for a URL.
    ///
    /// # Errors
    /// Settings, for what is no proxy in the section of its host.
    pub(super) fn of(&self, hosts: &Hosts, url: &Url) -> Result<Arc<Proxies>> {
        if let Some(proxies) = &hosts.of(url)?.proxies {
            return Ok(Arc::clone(proxies));
        }
        let named = &self.of_environment[usize::from(url.scheme() == "https")];
        match named.as_ref().filter(|_| !is_without(&self.without, url)) {
            Some(proxies) => Ok(Arc::clone(proxies)),
            None => Ok(Arc::clone(&self.own)),
        }
    }
}

/// Whether a host is asked directly: this machine always, and what `NO_PROXY` names: `*`, a name with all below it, an address, each with or without a port.
fn is_without(words: &[String], url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_here {
        return true;
    }
    let port = url.port_or_known_default().unwrap_or_default().to_string();
    words.iter().any(|word| {
        if word == "*" {
            return true;
        }
        let (name, of_port) = match word.rsplit_once(':') {
            Some((name, number)) if !name.contains(':') || name.ends_with(']') => (name, Some(number)),
            _ => (word.as_str(), None),
        };
        let name = name.trim_matches(['[', ']']).trim_start_matches("*.").trim_start_matches('.');
        let is_below = || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
        of_port.is_none_or(|number| number == port) && !name.is_empty() && (host == name || is_below())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_is_read_as_curl_reads_it() {
        let words: Vec<String> = [".corp.test", "10.0.0.1", "a.test:8080", "[2001:db8::1]"].map(str::to_owned).into();
        for (url, expected) in [
            ("http://localhost:99/", true),
            ("https://wiki.corp.test/", true),
            ("https://corp.test/", true),
            ("https://mycorp.test/", false),
            ("http://10.0.0.1/", true),
            ("http://10.0.0.10/", false),
            ("http://a.test:8080/", true),
            ("http://a.test/", false),
            ("http://[::1]:80/", true),
            ("http://127.0.0.2/", true),
            ("http://[2001:db8::1]/", true),
            ("http://[2001:db8::2]/", false),
            ("http://example.com/", false),
        ] {
            assert_eq!(is_without(&words, &Url::parse(url).expect("a URL")), expected, "{url}");
        }
        assert!(is_without(&["*".to_owned()], &Url::parse("http://example.com/").expect("a URL")));
    }
}
