//! What the settings say of a host: `[host."api.example.com"]`, with or without its port.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use url::Url;

use super::commons::Commons;
use super::identity::Identity;
use super::options::{Proxying, RequestOptions};
use super::politeness::Politeness;
use super::proxies::Proxies;
use super::tls::Trust;
use crate::context::Context;
use crate::error::Result;
use crate::settings::Secret;

/// `proxies = "none"`: a host that is asked directly.
const DIRECT: &str = "none";

/// What holds for a host.
#[derive(Clone)]
pub(super) struct HostRules {
    pub(super) politeness: Politeness,
    pub(super) trust: Trust,
    pub(super) identity: Option<Identity>,
    /// Its own proxies, or none at all; those of the session otherwise.
    pub(super) proxies: Option<Arc<Proxies>>,
}

/// The rules of the hosts that were asked so far.
pub(super) struct Hosts {
    context: Context,
    default: HostRules,
    proxying: Proxying,
    commons: Option<Arc<dyn Commons>>,
    known: Mutex<HashMap<String, Arc<HostRules>>>,
}

impl Hosts {
    /// # Errors
    /// When the certificate of the session cannot be read.
    pub(super) fn new(context: &Context, options: &RequestOptions, commons: Option<&Arc<dyn Commons>>) -> Result<Self> {
        let trust = options.certificates.clone().map_or(Trust::System, Trust::File);
        let identity = options.client.as_ref().map(Identity::read).transpose()?;
        let default = HostRules { politeness: options.politeness, trust, identity, proxies: None };
        let (proxying, commons) = (options.proxying.clone(), commons.cloned());
        Ok(Self { context: context.clone(), default, proxying, commons, known: Mutex::default() })
    }

    /// The rules for the host of this URL.
    ///
    /// # Errors
    /// Settings, for a field that is not what it takes.
    pub(super) fn of(&self, url: &Url) -> Result<Arc<HostRules>> {
        let name = key(url);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rules) = known.get(&name) {
            return Ok(Arc::clone(rules));
        }
        let rules = Arc::new(self.read(url, &name)?);
        known.insert(name, Arc::clone(&rules));
        Ok(rules)
    }

    fn read(&self, url: &Url, key: &str) -> Result<HostRules> {
        let settings = self.context.settings();
        let mut rules = self.default.clone();
        for name in [url.host_str().unwrap_or_default(), key] {
            let section = format!("host.{name}");
            let section = settings.section(&section);
            rules.politeness = Politeness::given(&section, rules.politeness)?;
            if let Some(path) = section.text("certificates")? {
                rules.trust = Trust::File(settings.project.root.join(PathBuf::from(path)));
            }
            if let Some(client) = Identity::given(settings, &section)? {
                rules.identity = Some(Identity::read(&client)?);
            }
            if let Some(words) = section.words("proxies")? {
                let words = words.into_iter().filter(|word| word != DIRECT);
                let proxying = Proxying { proxies: words.map(Secret::new).collect(), ..self.proxying.clone() };
                rules.proxies = Some(Arc::new(Proxies::new(&proxying, self.commons.clone())?));
            }
            if section.flag("verify")? == Some(false) {
                log::warn!(
                    "the certificate of {name} is not verified, as [host.\"{name}\"] says: whoever sits between can read and change everything"
                );
                rules.trust = Trust::Anybody;
            }
        }
        Ok(rules)
    }
}

/// The name under which a host is known: with its port.
pub(super) fn key(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
}
