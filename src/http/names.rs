//! How names of hosts become addresses.

use std::net::{IpAddr, SocketAddr};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Looks names up; an address that is one already needs no thread for it.
#[derive(Debug, Default)]
pub(super) struct Names(DefaultResolver);

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> std::result::Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        match host.parse::<IpAddr>() {
            Ok(address) => {
                let mut found = self.empty();
                found.push(SocketAddr::new(address, uri.port_u16().unwrap_or(default)));
                Ok(found)
            }
            Err(_) => self.0.resolve(uri, config, timeout),
        }
    }
}
